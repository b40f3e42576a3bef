"""Logs of the exporter: one JSON object a line on standard error."""

import json
import logging
from datetime import UTC, datetime
from typing import Final

from aiohttp.http_exceptions import BadHttpMessage

_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes of every record; all others are the caller's."""


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, and the caller's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class TextLines(JsonLines):
    """The same as text: time, level, message, and the caller's own fields as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = json.loads(super().format(record))
        head = " ".join((fields.pop("time"), f"{fields.pop('level'):7}", fields.pop("message")))
        trace = fields.pop("trace", "")
        pairs = (f" {name}={json.dumps(each, ensure_ascii=False)}" for name, each in fields.items())
        return f"{head}{''.join(pairs)}{f'{chr(10)}{trace}' if trace else ''}"


FORMATS: Final = {"json": JsonLines, "text": TextLines}


def configure(level: str, form: str = "json") -> None:
    """Send every log record of this level and above to standard error, in one of `FORMATS`."""
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATS[form]())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # One line a job, request and start says nothing that the audits' own lines do not.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(is_our_fault)


def is_our_fault(record: logging.LogRecord) -> bool:
    """Leave out requests that are no HTTP, answered with 400: they would fill the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], BadHttpMessage))
