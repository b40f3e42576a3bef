from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.ports import Absent, Unseen
from exporter.sources.registry.messages import Response
from exporter.sources.registry.responses import absence, error_entries, refusal, wait_wanted

DATE = "Tue, 24 Nov 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "Tue, 24 Nov 2026 08:01:30 GMT", "date": DATE}, 90),
        ({"retry-after": "Tue, 24 Nov 2026 07:00:00 GMT", "date": DATE}, 0),
        ({"x-retry-after": "12"}, 12),
        ({"x-retry-after": "1795507230", "date": DATE}, 30),
        ({"retry-after": "Tue, 24 Nov 2026 08:01:30 GMT"}, None),
        ({"retry-after": "soon", "date": DATE}, None),
        ({"retry-after": "-5", "date": DATE}, None),
        ({}, None),
    ],
)
def test_the_wanted_wait_is_read_against_the_servers_own_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert wait_wanted(Response(429, headers)) == seconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_wait_is_read_without_an_error(wanted: str, date: str) -> None:
    wait = wait_wanted(Response(429, {"retry-after": wanted, "date": date}))

    assert wait is None or wait >= 0


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_body_is_read_without_an_error(body: bytes) -> None:
    assert isinstance(error_entries(Response(404, {}, body)), tuple)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(JSON, st.sampled_from(["MANIFEST_UNKNOWN", "DENIED", "", None]))
def test_absence_is_never_read_out_of_anything_but_its_three_words(
    value: object, code: object
) -> None:
    body = json.dumps({"errors": [{"code": code, "message": value, "detail": value}]}).encode()

    try:
        found = absence(Response(404, {}, body), "app")
    except Unseen:
        assert code != "MANIFEST_UNKNOWN"
    else:
        assert (found.code, code) == ("MANIFEST_UNKNOWN", "MANIFEST_UNKNOWN")


@given(st.text(st.characters(), max_size=50) | st.just("\ud800"))
def test_a_refusal_is_told_in_words_that_can_be_printed(code: str) -> None:
    body = json.dumps({"errors": [{"code": code}]}).encode()

    detail = refusal(Response(400, {}, body), "app").detail

    assert detail.startswith("400")
    assert detail.isascii()
    assert detail.isprintable()


def test_absence_needs_every_entry_to_say_it() -> None:
    body = b'{"errors":[{"code":"BLOB_UNKNOWN"},{"code":"UNAUTHORIZED"}]}'

    with pytest.raises(Unseen):
        absence(Response(404, {}, body), "app")
    assert absence(
        Response(404, {}, body.replace(b"UNAUTHORIZED", b"NAME_UNKNOWN")), "app"
    ) == Absent("BLOB_UNKNOWN")


HARBORS = "artifact library/app@sha256:12 not found"


@pytest.mark.parametrize(
    ("message", "subject", "absent"),
    [
        (HARBORS, "library/app@sha256:12", True),
        ("artifact library/app:v1 not found", "library/app:v1", True),
        ("repository library/app not found", "library/app:v1", True),
        ("repository library/app not found", "library/app", True),
        (HARBORS, "library/app@sha256:13", False),
        (HARBORS, "library/app", False),
        ("project library not found", "library/app:v1", False),
        ("", "library/app:v1", False),
    ],
)
def test_harbor_denies_what_it_names(message: str, subject: str, *, absent: bool) -> None:
    body = json.dumps({"errors": [{"code": "NOT_FOUND", "message": message}]}).encode()

    if absent:
        assert absence(Response(404, {}, body), subject) == Absent("NOT_FOUND")
    else:
        with pytest.raises(Unseen):
            absence(Response(404, {}, body), subject)


@pytest.mark.parametrize(
    ("subject", "absent"),
    [("org/app:v1", True), ("org/app", False), ("org/app@sha256:12", False)],
)
def test_a_tag_that_quay_let_expire_cannot_be_pulled(subject: str, *, absent: bool) -> None:
    body = b'{"errors":[{"code":"TAG_EXPIRED","message":"Tag v1 was deleted or has expired."}]}'

    if absent:
        assert absence(Response(404, {}, body), subject) == Absent("TAG_EXPIRED")
    else:
        with pytest.raises(Unseen):
            absence(Response(404, {}, body), subject)


@given(st.text(max_size=300))
def test_a_policy_that_forbids_a_pull_is_told_in_its_own_words(message: str) -> None:
    body = json.dumps({"errors": [{"code": "PROJECTPOLICYVIOLATION", "message": message}]}).encode()

    told = refusal(Response(412, {}, body), "app")

    assert told.reason is Reason.DENIED
    assert told.detail.startswith("412 PROJECTPOLICYVIOLATION")
    if message.isascii() and message.isprintable():
        assert message[:200] in told.detail
    assert told.detail.isprintable()
    assert len(told.detail) < 260
