"""What a server answers in place of a watch."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Final, cast

import pytest
from kubernetes.client import ApiClient, Configuration

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.cluster.api import Api, EventStream
from exporter.sources.cluster.resources import PODS
from tests.parts.http import Answer, serving
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_EVENTS: Final = 60
_EVERY: Final = 0.01
"""Seconds from one event to the next."""


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, Reason.UNSUPPORTED),
        (403, Reason.DENIED),
        (405, Reason.UNSUPPORTED),
        (410, Reason.INCOMPLETE_LIST),
        (422, Reason.UNSUPPORTED),
        (500, Reason.SERVER_ERROR),
    ],
)
def test_only_an_expired_version_is_a_reason_to_list_a_kind_again(
    status: int, reason: Reason
) -> None:
    with serving(lambda _: Answer(status, b"{}")) as url:
        client = ApiClient(Configuration(host=url, retries=False))
        api = Api("prod", client, PATIENCE, time.monotonic() + PATIENCE)
        with pytest.raises(Unseen) as unseen:
            api.watched(PODS, "", "7", PATIENCE)

    assert unseen.value.reason is reason


@dataclass
class Churn:
    """The answer to a watch over which something happens all the time."""

    began: float = field(default_factory=time.monotonic)
    sent: int = 0
    waits: int = 0
    """Reads for which nothing had come yet."""

    def read1(self, _: int) -> bytes:
        if self.sent == _EVENTS:
            return b""
        self.sent += 1
        early = self.began + self.sent * _EVERY - time.monotonic()
        if early > 0:
            self.waits += 1
            Event().wait(early)
        version = f'"metadata":{{"resourceVersion":"{self.sent}"}}'
        return f'{{"type":"BOOKMARK","object":{{{version}}}}}\n'.encode()

    def close(self) -> None:
        """Nothing was opened."""


def test_events_that_come_all_the_time_are_read_many_at_a_time() -> None:
    churn = Churn()
    stream = EventStream("prod", PODS, cast("BaseHTTPResponse", churn))

    versions = [event.version for event in stream]

    assert versions == [str(number) for number in range(1, _EVENTS + 1)]
    assert churn.waits <= _EVENTS / 10
