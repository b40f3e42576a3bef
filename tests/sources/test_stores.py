"""Does an object store say why it could not be used, whoever asks it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from obstore import exceptions
from obstore.store import S3Store

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.export_folder import ExportFolder
from exporter.sources.storage.object_store import Objects
from exporter.sources.stores import missed

if TYPE_CHECKING:
    from collections.abc import Callable

NAME: Final = "s3://bucket"
ASKING: Final = {
    "facts": lambda store: ExportFolder(store, NAME).put("a", b""),
    "a registry's bucket": lambda store: Objects(store, NAME).head("a"),
}


def store(*, plain_http: bool) -> S3Store:
    """Nothing listens there."""
    return S3Store(
        "bucket",
        endpoint="http://127.0.0.1:1",
        region="nowhere",
        access_key_id="me",
        secret_access_key="kept",
        client_options={"allow_http": plain_http},
        retry_config={"max_retries": 0},
    )


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_a_store_where_nothing_listens_is_no_server_that_fails(
    ask: Callable[[S3Store], object],
) -> None:
    with pytest.raises(Unseen) as raised:
        ask(store(plain_http=True))

    assert (raised.value.reason, raised.value.detail) == (Reason.CONNECT, "no connection")
    assert "kept" not in str(raised.value)


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_a_store_that_may_not_be_asked_without_tls_is_told_so(
    ask: Callable[[S3Store], object],
) -> None:
    with pytest.raises(Unseen) as raised:
        ask(store(plain_http=False))

    told = (raised.value.reason, raised.value.detail)
    assert told == (Reason.CONNECT, "plain http was not asked for")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (exceptions.UnauthenticatedError("who?"), Reason.UNAUTHORIZED),
        (exceptions.PermissionDeniedError("no"), Reason.DENIED),
        (exceptions.NotFoundError("nothing"), Reason.UNREADABLE),
        (PermissionError("a folder's"), Reason.UNREADABLE),
        (exceptions.GenericError('kind: Connect, … "dns error"'), Reason.DNS),
        (exceptions.GenericError("kind: Timeout, …"), Reason.TIMEOUT),
        (exceptions.GenericError("PUT http://169.254.169.254/latest/api"), Reason.CREDENTIALS),
        (exceptions.GenericError("403: <Code>AccessDenied</Code>"), Reason.DENIED),
        (exceptions.GenericError("403: <Code>SignatureDoesNotMatch</Code>"), Reason.UNAUTHORIZED),
        (exceptions.GenericError("500"), Reason.SERVER_ERROR),
    ],
)
def test_each_error_has_its_reason(error: Exception, reason: Reason) -> None:
    assert missed(NAME, error).reason is reason


def test_what_the_store_itself_calls_its_error_is_told() -> None:
    answer = "404 Not Found: <Error><Code>NoSuchBucket</Code><Message>kept</Message></Error>"

    assert missed(NAME, exceptions.GenericError(answer)).detail == "NoSuchBucket"
