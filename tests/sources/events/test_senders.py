"""What does every reader of events promise, whoever sends them?"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from exporter.facts.focus import ImageEvent
from exporter.oci.digest import Malformed
from exporter.oci.reference import Repository, Tag
from exporter.sources.events import SENDERS, Message, image_event, read
from tests.sources.events import senders

FILES = sorted(senders.SENDERS)
APP = Repository("shop/app")


@pytest.mark.parametrize("name", FILES)
def test_what_a_message_names_is_read(name: str) -> None:
    found = [read(each.headers, each.body) for each in senders.recorded(name)]

    assert found == [(each,) for each in senders.SAID[name]]


@pytest.mark.parametrize("name", FILES)
def test_a_message_is_read_as_its_senders_and_no_other(name: str) -> None:
    for each in senders.recorded(name):
        message = Message(each.headers, each.body)
        takers = []
        for sender in SENDERS:
            try:
                takers += [sender.name] if sender.read(message) is not None else []
            except Malformed:
                continue

        assert takers == [each.sender]


def _names(document: Any, found: list[tuple[dict[str, Any], str]]) -> None:
    if isinstance(document, dict):
        found += [(document, key) for key, value in document.items() if isinstance(value, str)]
    for each in document.values() if isinstance(document, dict) else document:
        if isinstance(each, dict | list):
            _names(each, found)


@given(st.data())
def test_what_is_no_name_is_passed_over_and_costs_no_other_event(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(FILES))
    each = data.draw(st.sampled_from(senders.recorded(name)))
    document, texts = json.loads(each.body), list[tuple[dict[str, Any], str]]()
    _names(document, texts)
    owner, key = data.draw(st.sampled_from(texts))
    owner[key] = data.draw(st.text() | st.sampled_from(["../up", "UPPER", "a b", "x" * 5000]))

    try:
        events = read(each.headers, json.dumps(document).encode())
    except Malformed:
        return
    for event in filter(None, events):
        assert event.repository == event.repository.lower()
        assert len(event.repository) <= 255


@given(st.data())
def test_a_body_that_was_cut_or_replaced_is_malformed_and_nothing_else(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(FILES))
    each = data.draw(st.sampled_from(senders.recorded(name)))
    cut = data.draw(st.integers(0, len(each.body)))
    body = each.body[:cut] + data.draw(st.binary(max_size=20) | st.just(b"[" * 10_000))

    with suppress(Malformed):
        read(each.headers, body)


@pytest.mark.parametrize(
    ("media_type", "words"),
    [
        ("text/plain", "not an event of a known sender (distribution, Gitea, GitHub, Harbor, zot)"),
        ("application/x-www-form-urlencoded", "choose application/json"),
        ("application/json", "not the JSON that its sender documents"),
    ],
)
def test_what_nobody_sends_is_refused_with_the_way_out(media_type: str, words: str) -> None:
    with pytest.raises(Malformed) as refused:
        read(CIMultiDict({"Content-Type": media_type}), b"{}")

    assert words in str(refused.value)


@pytest.mark.parametrize("name", ["gitea-1.26.0", "github"])
def test_a_webhook_that_sends_forms_is_told_to_send_json(name: str) -> None:
    (each, *_) = senders.recorded(name)
    headers = CIMultiDict(each.headers)
    headers["Content-Type"] = "application/x-www-form-urlencoded"

    with pytest.raises(Malformed, match="choose application/json"):
        read(headers, b"payload=%7B%7D")


@pytest.mark.parametrize(
    ("references", "said"),
    [
        (("v1", "sha256:cut"), ImageEvent(APP, Tag("v1"))),
        (("", ""), ImageEvent(APP)),
        (("no tag", "sha256:cut"), None),
        (("v2", "v1"), ImageEvent(APP, Tag("v1"))),
    ],
)
def test_what_is_no_name_is_left_out_of_its_event(
    references: tuple[str, ...], said: ImageEvent | None
) -> None:
    assert image_event(APP, *references) == said


def test_one_bad_name_in_an_envelope_takes_nothing_from_the_others() -> None:
    (push,) = [
        each
        for each, said in zip(
            senders.recorded("distribution-2.8"), senders.SAID["distribution-2.8"], strict=True
        )
        if said and said.tag
    ]
    (good,) = json.loads(push.body)["events"]
    bad = good | {"target": good["target"] | {"repository": "NOT/a/name"}}

    found = read(push.headers, json.dumps({"events": [bad, good]}).encode())

    assert found == (None, *read(push.headers, push.body))
