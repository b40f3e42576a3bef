"""How often something is done: at each audit, or once in a period."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final, Self

from pydantic import PlainValidator

from exporter.config.values import at_least, duration, spell

ALWAYS: Final = "always"
_LEAST: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """At each audit, or once in a period of at least a minute."""

    period: timedelta = timedelta()
    """Zero is at each audit."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read `always` or a duration; raise `ValueError` for anything else."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError("must be text: always, or a duration such as 6h")  # noqa: TRY004 - pydantic reports ValueError
        return cls() if value == ALWAYS else cls(at_least(_LEAST, duration(value)))

    def __str__(self) -> str:
        """Return it as the configuration spells it."""
        return spell(self.period) if self.period else ALWAYS


Often = Annotated[Recurrence, PlainValidator(Recurrence.parse)]
