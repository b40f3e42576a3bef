"""What do all sections of the configuration have in common, and how do they blame a key?"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """Keys that belong together; unknown ones are errors, and values are never guessed at."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


def amiss(*path_and_text: str | int) -> PydanticCustomError:
    """Blame one key, by its path within the section, for what does not go together."""
    *path, text = path_and_text
    return PydanticCustomError("amiss", "{text}", {"path": tuple(path), "text": str(text)})
