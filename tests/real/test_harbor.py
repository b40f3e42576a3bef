"""What a real Harbor records of an audit: run where PULLPROOF_HARBOR names one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from exporter import cli
from tests.parts.front import front
from tests.parts.harbor import KIND, SCANNER, Harbor
from tests.parts.process import until
from tests.parts.product import ALWAYS
from tests.parts.registry import registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    # Its build takes minutes and servers of its own; the recording is replayed everywhere.
    pytest.mark.skipif(not KIND.program, reason="PULLPROOF_HARBOR is not set"),
]

WHOLE, LOSSY = two_platforms("whole"), two_platforms("lossy")
_RECORDS: Final = (
    "select repository_name, digest, pull_time from artifact order by 1, 2",
    "select name, pull_count from repository order by 1",
    "select repository_id, name, pull_time from tag order by 1, 2",
)


@pytest.fixture
def server(tmp_path: Path, stands: ExitStack) -> Iterator[Harbor]:
    with KIND.stand(tmp_path / "harbor", (), stands) as running:
        assert isinstance(running, Harbor)
        running.call("PUT", "configurations", {"scanner_skip_update_pulltime": True})
        running.push("trace/app", WHOLE, "v1")
        running.push("trace/lossy", LOSSY, "v1", "v2")
        yield running


def records(server: Harbor) -> list[list[str]]:
    """What its retention rules decide by: pull times of artifacts and tags, and pull counts."""
    return [server.sql(each) for each in _RECORDS]


def configured(folder: Path, server: Harbor, **own: object) -> tuple[str, str]:
    """Write a configuration with a ledger; return the words that name it."""
    (folder / "ledger").touch()
    entry = {"url": server.url, "plain_http": True, "tags": {"select": ["*"]}, "verify": ALWAYS}
    document = {
        "ledger": str(folder / "ledger"),
        "confirm_after": "1ms",
        "registries": [entry | own],
    }
    (folder / "pullproof.json").write_text(json.dumps(document))
    return "--config", str(folder / "pullproof.json")


def account(folder: Path, server: Harbor, project: str, robot: str) -> dict[str, object]:
    """Make a robot of a project, and return what names it in a configuration."""
    name, secret = server.robot(project, robot)
    (folder / "robot.secret").write_text(secret)
    return {
        "username": name,
        "password_file": str(folder / "robot.secret"),
        "repositories": {"from": "harbor", "namespaces": [project]},
    }


def audited(server: Harbor, words: tuple[str, str]) -> list[int]:
    """Audit ten times, break what was whole, audit ten times and scrub; return the codes."""
    codes = [cli.main(["check", *words]) for _ in range(10)]
    server.data("trace/lossy", LOSSY.children[0].digest).unlink()
    server.data("trace/lossy", LOSSY.children[1].layers[0].digest).unlink()
    codes += [cli.main(["check", *words]) for _ in range(10)]
    image = f"{server.host}/trace/lossy:v1"
    codes += [cli.main([each, image, *words]) for each in ("check", "inspect", "explain")]
    codes.append(cli.main(["scrub", server.host, *words]))
    return codes


def pulled(server: Harbor) -> None:
    """Pull a manifest with an account that counts, and wait until that is recorded."""
    before = records(server)
    with server.client("trace/app") as client:
        client.get("manifests", "v1").raise_for_status()
    until(lambda: records(server) != before, "Harbor records a pull")


def test_an_account_that_is_not_counted_changes_nothing_that_harbor_decides_by(
    server: Harbor, tmp_path: Path
) -> None:
    own = account(tmp_path, server, "trace", f"{SCANNER}-pullproof")
    words = configured(tmp_path, server, pulls="uncounted", **own)
    before = records(server)

    codes = audited(server, words)
    after = records(server)
    pulled(server)

    assert codes == [0] * 10 + [1] * 14
    assert after == before
    (app, lossy), (app_before, lossy_before) = records(server)[1], before[1]
    assert lossy == lossy_before
    assert app != app_before, "one pull was counted, and it was not pullproof's"


def test_after_the_first_read_that_was_accepted_nothing_changes_any_more(
    server: Harbor, tmp_path: Path
) -> None:
    own = account(tmp_path, server, "trace", "pullproof")
    words = configured(tmp_path, server, pulls="accept", **own)
    before = records(server)
    assert cli.main(["check", *words]) == 0
    counted = [f"trace/{name}|{len(list(WHOLE.walk()))}" for name in ("app", "lossy")]
    until(lambda: records(server)[1] == counted, "each manifest is counted once")
    first = records(server)
    assert first != before

    codes = audited(server, words)
    after = records(server)
    pulled(server)

    assert codes == [0] * 10 + [1] * 14
    assert after == first
    assert records(server)[1] == [f"trace/app|{len(list(WHOLE.walk())) + 1}", counted[1]]


def test_without_consent_nothing_is_read_that_counts(server: Harbor, tmp_path: Path) -> None:
    own = account(tmp_path, server, "trace", "pullproof")
    words = configured(tmp_path, server, **own)
    before = records(server)

    codes = audited(server, words)
    after = records(server)
    pulled(server)

    assert set(codes) == {3}
    assert after == before


@pytest.mark.parametrize("named", [True, False], ids=["a part names it", "no part names it"])
def test_ten_audits_of_a_proxy_project_fetch_nothing_from_upstream(
    server: Harbor, tmp_path: Path, *, named: bool
) -> None:
    with registry(tmp_path / "upstream") as behind, front(behind) as upstream:
        for tag in ("v1", "v2"):
            behind.push("lib/app", two_platforms(tag), tag)
        made = server.call(
            "POST",
            "registries",
            {"name": f"upstream-{named}", "type": "docker-registry", "url": upstream.url},
        )
        server.own("prox", registry_id=int(made.headers["Location"].rpartition("/")[2]))
        with server.client("prox/lib/app") as client:
            client.get("manifests", "v1").raise_for_status()
        own = account(tmp_path, server, "trace", f"{SCANNER}-pullproof")
        parts = [{"repositories": ["prox/*"], "role": "proxy"}] if named else []
        words = configured(tmp_path, server, pulls="uncounted", parts=parts, **own)
        image = f"{server.host}/prox/lib/app:v2"
        fetched = len(upstream.asked)
        assert fetched, "the first pull of v1 went there"

        codes = [cli.main(["check", *words]) for _ in range(10)]
        codes.append(cli.main(["scrub", server.host, *words]))
        others = [cli.main([each, image, *words]) for each in ("check", "inspect", "scrub")]
        asked = [f"{each.method} {each.target}" for each in upstream.asked[fetched:]]

    assert (codes, others) == ([0] * 11, [3] * 3)
    assert [each for each in asked if "/lib/app/" in each] == []
