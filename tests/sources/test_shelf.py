"""Does a place of facts say why it could not be used?"""

from __future__ import annotations

import pytest
from obstore.store import S3Store

from exporter.facts.gap import Reason
from exporter.sources import Unseen
from exporter.sources.shelf import Shelf


def test_a_store_where_nothing_listens_is_no_server_that_fails() -> None:
    store = S3Store(
        "bucket",
        endpoint="http://127.0.0.1:1",
        region="nowhere",
        access_key_id="me",
        secret_access_key="kept",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )

    with pytest.raises(Unseen) as raised:
        Shelf(store, "s3://bucket").put("a", b"")

    assert raised.value.reason is Reason.CONNECT
    assert "kept" not in str(raised.value)
