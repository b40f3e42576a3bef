"""What a server answers in place of a watch."""

from __future__ import annotations

import time

import pytest
from kubernetes.client import ApiClient, Configuration

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.cluster.api import Api
from exporter.sources.cluster.resources import PODS
from tests.parts.http import Answer, serving
from tests.parts.process import PATIENCE


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
