"""What a line of the log holds."""

from __future__ import annotations

import json
import logging
import sys

from aiohttp.http_exceptions import LineTooLong

from exporter.serve.logs import JsonLines, is_our_fault


def line(record: logging.LogRecord) -> dict[str, object]:
    found = json.loads(JsonLines().format(record))
    assert isinstance(found, dict)
    return found


def test_a_record_is_one_json_line_with_the_callers_fields() -> None:
    fields = {"name": "pullproof.audit", "msg": "audited %s", "args": ("all",), "registry": "r"}
    record = logging.makeLogRecord({**fields, "levelname": "INFO", "created": 0.5})

    found = line(record)

    assert found == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "info",
        "logger": "pullproof.audit",
        "message": "audited all",
        "registry": "r",
    }


def test_a_trace_stays_within_its_line() -> None:
    try:
        int("first\nsecond")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})

    text = JsonLines().format(record)

    assert "\n" not in text
    assert "ValueError" in str(json.loads(text)["trace"])


def test_what_is_no_request_leaves_no_trace_and_what_we_did_wrong_does() -> None:
    for error, told in ((LineTooLong(b"GET /aaaa", 9), False), (RuntimeError("ours"), True)):
        record = logging.makeLogRecord({"exc_info": (type(error), error, None)})
        assert is_our_fault(record) is told
