"""One suite over every API that lists repositories, each as it is documented to answer."""

from __future__ import annotations

import base64
import importlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from exporter.facts.gap import Reason
from exporter.facts.registry_kind import Pulls
from exporter.facts.snapshot import RegistryPart, Role
from exporter.ports import Unseen
from tests.parts.http import RESET, Answer, Asked, serving
from tests.sources.registry.lists import conversations as spoken_by
from tests.sources.registry.lists.conversations import NAMES, ROBOT, TOKEN, said
from tests.sources.registry.lists.listing import listed, opened
from tests.sources.registry.speaking import QUICK

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.oci.reference import Repository
    from exporter.ports import Listing, RepositoryList
    from tests.sources.registry.lists.conversations import Conversation

every: Final = pytest.mark.parametrize("api", spoken_by.EVERY, ids=lambda api: api.from_)


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example credentials of AWS' documentation, where botocore looks for some."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session-token-of-the-tests")


def reasons(listing: Listing[Repository]) -> set[Reason]:
    return {gap.reason for gap in listing.gaps}


async def outcome(lists: RepositoryList) -> tuple[tuple[Repository, ...], set[Reason]]:
    """What is listed, and why it is not all, whether it is shown in part or not at all."""
    try:
        listing = await lists.repositories()
    except Unseen as unseen:
        return (), {unseen.reason}
    return listing.entries, reasons(listing)


@every
async def test_a_list_of_several_pages_is_followed_to_its_end(api: type[Conversation]) -> None:
    spoken = api()

    listing = await listed(spoken)

    assert listing.entries == NAMES
    assert listing.complete
    assert set(spoken.pages()) >= {1, 2, 3}


@every
async def test_an_empty_list_of_an_account_that_sees_all_is_empty(api: type[Conversation]) -> None:
    listing = await listed(api(names=[]))

    assert listing.entries == ()
    # That the account sees private repositories, only a private one shows on Docker Hub.
    assert listing.complete is (api is not spoken_by.DockerHub)


@pytest.mark.parametrize("api", spoken_by.IN_PART, ids=lambda api: api.from_)
@pytest.mark.parametrize("names", [[], [*NAMES]], ids=["empty", "some"])
async def test_what_an_account_may_see_is_a_part_and_a_gap(
    api: type[Conversation], names: list[object]
) -> None:
    listing = await listed(api(names=names, whole=False))

    assert listing.entries == tuple(names)
    assert reasons(listing) == {Reason.INCOMPLETE_LIST}


REFUSALS: Final = (
    (said({"message": "no"}, 401), Reason.UNAUTHORIZED),
    (said({"message": "no"}, 403), Reason.DENIED),
    (said({"message": "no"}, 404), Reason.DENIED),
    (said({"message": "no"}, 403, X_RateLimit_Remaining="0"), Reason.RATE_LIMITED),
    (said({"message": "no"}, 429), Reason.RATE_LIMITED),
    (said({"message": "no"}, 500), Reason.SERVER_ERROR),
    (RESET, Reason.RESET),
    (Answer(200, b'{"', spoken_by.JSON, announced=9999), Reason.TRUNCATED),
    (Answer(200, b"<html>", {"Content-Type": "text/html"}), Reason.NOT_A_REGISTRY),
    (Answer(200, b'[{"name": "', spoken_by.JSON), Reason.MALFORMED),
    (said([{"name": 7, "path": 7}]), Reason.MALFORMED),
    (said({"repositories": [{"repositoryName": None}], "results": []}), Reason.MALFORMED),
    (said({"repositories": {}, "results": {}, "count": "5"}), Reason.MALFORMED),
    (Answer(200, b"[" * 100_000, spoken_by.JSON), Reason.MALFORMED),
    (Answer(200, b'["\xff"]', spoken_by.JSON), Reason.MALFORMED),
    (Answer(200, b" " * (4 * 2**20 + 1), spoken_by.JSON), Reason.TOO_LARGE),
    (said([], 302, Location=spoken_by.ELSEWHERE.replace("https", "ftp")), Reason.REDIRECT),
)


@every
async def test_a_page_that_fails_is_a_gap_with_its_reason_and_no_end(
    api: type[Conversation],
) -> None:
    spoken = api()

    with serving(spoken) as url:
        async with opened(spoken, url) as lists:
            for page in (1, 2):
                for answer, reason in REFUSALS:
                    spoken.spoiled = {page: answer}
                    shown = NAMES[: 2 * (page - 1)]
                    assert await outcome(lists) == (shown, {reason}), (page, answer)


@pytest.mark.parametrize("api", spoken_by.COUNTED, ids=lambda api: api.from_)
async def test_a_list_that_ends_before_all_that_it_counts_is_a_gap(api: type[Conversation]) -> None:
    listing = await listed(api(short=1))

    assert listing.entries == NAMES[:-1]
    assert reasons(listing) == {Reason.INCOMPLETE_LIST}
    assert "4 of 5" in listing.gaps[0].detail


@pytest.mark.parametrize("api", spoken_by.NUMBERED, ids=lambda api: api.from_)
async def test_a_repository_that_a_deletion_moves_to_a_page_already_read_is_not_left_out(
    api: type[Conversation],
) -> None:
    """`app0` goes, and `new` comes at the end, after page 1: the count is the same as before."""
    spoken = api()

    def moving(asked: Asked) -> Answer:
        answer = spoken(asked)
        if spoken.pages() == [1] and spoken.page_of(asked) == 1 and "/app0" in str(spoken.names):
            spoken.names[:] = [*spoken.names[1:], "team/new"]
        return answer

    with serving(moving) as url:
        async with opened(spoken, url) as lists:
            listing = await lists.repositories()

    assert set(listing.entries) >= {*NAMES[1:], "team/new"}
    assert listing.complete


@pytest.mark.parametrize("api", spoken_by.NUMBERED, ids=lambda api: api.from_)
async def test_a_list_that_changes_under_every_look_is_a_gap(api: type[Conversation]) -> None:
    spoken = api()

    def moving(asked: Asked) -> Answer:
        answer = spoken(asked)
        if asked.target.startswith(spoken.path) and spoken.page_of(asked) == 1:
            spoken.names[:] = [*spoken.names[1:], f"team/new{len(spoken.asked)}"]
        return answer

    with serving(moving) as url:
        async with opened(spoken, url) as lists:
            listing = await lists.repositories()

    assert reasons(listing) == {Reason.INCOMPLETE_LIST}


@every
async def test_no_next_page_is_asked_for_on_another_host(api: type[Conversation]) -> None:
    """The conversations' own links lead elsewhere; a redirect does as well."""
    beyond: list[Asked] = []

    def elsewhere(asked: Asked) -> Answer:
        beyond.append(asked)
        return said([])

    with serving(elsewhere) as other:
        spoken = api(spoiled={2: Answer(302, headers={"Location": f"{other}/all"})})
        assert reasons(await listed(spoken)) == {Reason.REDIRECT}

    for asked in beyond:
        assert "Authorization" not in asked.headers
        assert not any("amz" in name.lower() for name in asked.headers)
        assert not asked.body


@every
async def test_a_name_that_comes_twice_is_listed_once(api: type[Conversation]) -> None:
    listing = await listed(api(names=[NAMES[0], NAMES[0], NAMES[1]], per_page=10))

    assert listing.entries == NAMES[:2]
    # Where the API counts repositories, one is missing; on Gitea these are versions.
    counts = api in (spoken_by.Harbor, spoken_by.GitLab, spoken_by.DockerHub)
    assert listing.complete is not counts


@every
async def test_entries_that_are_no_repositories_are_gaps_of_their_own(
    api: type[Conversation],
) -> None:
    odd = ["team/UP\x1b[0m", "team/../etc", "team/a b", "team/", f"team/{'x' * 300}"]

    listing = await listed(api(names=[NAMES[0], *odd, NAMES[1]], per_page=10))

    assert listing.entries == NAMES[:2]
    assert [gap.reason for gap in listing.gaps] == [Reason.MALFORMED] * len(odd)
    assert max(len(gap.subject) for gap in listing.gaps) == 80


@every
async def test_a_list_is_cut_at_its_limit_with_a_gap(api: type[Conversation]) -> None:
    listing = await listed(api(), replace(QUICK, repositories=3))

    assert listing.entries == NAMES[:3]
    assert reasons(listing) == {Reason.TOO_LARGE}


@every
async def test_pages_that_never_end_are_a_gap(api: type[Conversation]) -> None:
    """The same page again and again, with an end that is never reached."""
    spoken = api(names=[*NAMES, *NAMES, *NAMES], per_page=2)
    first = spoken.listed(1)
    spoken.spoiled = dict.fromkeys(range(1, 100), first)

    listing = await listed(spoken)

    assert listing.entries == NAMES[:2]
    assert reasons(listing) == {Reason.INCOMPLETE_LIST}


@every
async def test_the_login_is_shown_to_the_api_as_it_asks_for_it(api: type[Conversation]) -> None:
    spoken = api()

    await listed(spoken)

    pair = base64.b64encode(":".join(ROBOT).encode()).decode()
    shown = {each.headers.get("Authorization", "") for each in spoken.asked if each.target}
    if api in (spoken_by.Harbor, spoken_by.Gitea):
        assert shown == {f"Basic {pair}"}
    elif api is spoken_by.DockerHub:
        assert shown == {"", "Bearer eyJhbGciOi.J9.abc"}
    elif api is spoken_by.Ecr:
        assert all(each.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") for each in shown)
    else:
        assert shown == {f"Bearer {TOKEN}"}


async def test_harbor_lists_to_a_robot_without_a_project_what_it_may_see_and_a_gap() -> None:
    class Robot(spoken_by.Harbor):
        settings = "namespaces: []"

    part, whole = Robot(whole=False), Robot()

    listing = await listed(part)
    assert listing.entries == NAMES
    assert reasons(listing) == {Reason.INCOMPLETE_LIST}
    assert "repositories.namespaces" in listing.gaps[0].detail
    assert (await listed(whole)).complete


@pytest.mark.parametrize(
    ("more", "entries", "expected"),
    [
        ({}, (), {Reason.CONSENT}),
        ({"pulls": Pulls.ACCEPT}, NAMES, set()),
        ({"parts": (RegistryPart(("team/*",), Role.PROXY),)}, NAMES, set()),
    ],
    ids=["nothing said", "accepted", "named as a proxy"],
)
async def test_quay_lists_no_proxy_cache_that_is_not_named(
    more: dict[str, Any], entries: tuple[str, ...], expected: set[Reason]
) -> None:
    limits = replace(QUICK, **({"pulls": Pulls.ASK} | more))
    spoken = spoken_by.Quay(upstream="docker.io")
    with serving(spoken) as url:
        async with opened(spoken, url, limits) as lists:
            assert await outcome(lists) == (entries, expected)


async def test_a_namespace_that_fails_leaves_the_others_in() -> None:
    class Two(spoken_by.Harbor):
        settings = "namespaces: [other, team]"

    listing = await listed(Two())

    assert listing.entries == NAMES
    (gap,) = listing.gaps
    assert (gap.subject, gap.reason) == ("_catalog of other", Reason.DENIED)


@pytest.mark.parametrize("kind", [spoken_by.Harbor, spoken_by.Gitea])
async def test_each_namespace_is_listed_with_the_login_that_is_for_it(
    kind: type[Conversation], tmp_path: Path
) -> None:
    """Robots of Harbor belong to one project each."""
    file = tmp_path / "config.json"

    class Several(kind):  # type: ignore[misc,valid-type] # a parameter
        login = f"docker_config: '{file}'"
        settings = "namespaces: [team, other]"

    spoken = Several()
    pairs = {of: base64.b64encode(f"robot-{of}:s".encode()).decode() for of in ("team", "other")}
    with serving(spoken) as url:
        host = url.partition("//")[2]
        auths = {f"{host}/{of}": {"auth": pair} for of, pair in pairs.items()}
        file.write_text(json.dumps({"auths": auths}))
        async with opened(spoken, url) as lists:
            listing = await lists.repositories()

    assert listing.entries == NAMES
    for each in spoken.asked:
        named = "team" if "/team" in each.target else "other"
        assert each.headers.get("Authorization") == f"Basic {pairs[named]}", each.target


async def test_gitlab_lists_a_project_where_there_is_no_such_group() -> None:
    class Project(spoken_by.GitLab):
        path = "/api/v4/projects/team%2Fapp0/registry/repositories"
        settings = "namespaces: [team/app0], api_url: URL, api_token_env: API_TOKEN"

    listing = await listed(Project())

    assert (listing.entries, listing.complete) == (NAMES, True)


async def test_a_github_token_that_is_fine_grained_proves_nothing_for_an_owner() -> None:
    class FineGrained(spoken_by.GitHub):
        def beside(self, asked: Asked) -> Answer:
            answer = super().beside(asked)
            kept = {k: v for k, v in answer.headers.items() if k != "X-OAuth-Scopes"}
            return replace(answer, headers=kept)

    assert reasons(await listed(FineGrained())) == {Reason.INCOMPLETE_LIST}


async def test_a_github_user_sees_all_packages_of_their_own() -> None:
    class Owner(spoken_by.GitHub):
        path = "/users/team/packages"

        def beside(self, asked: Asked) -> Answer:
            scopes = {"X_OAuth_Scopes": "read:packages"} if asked.target == "/user" else {}
            return said({"login": "Team", "id": 1, "type": "User"}, **scopes)

    assert (await listed(Owner())).complete


async def test_docker_hub_without_a_token_lists_what_everybody_sees() -> None:
    class Anonymous(spoken_by.DockerHub):
        settings = "namespaces: [team], api_url: URL"
        login = ""

    spoken = Anonymous()

    listing = await listed(spoken)

    assert listing.entries == NAMES
    assert reasons(listing) == {Reason.INCOMPLETE_LIST}
    assert not any("Authorization" in each.headers for each in spoken.asked)


async def test_an_error_of_ecr_is_told_by_its_name() -> None:
    spoken = spoken_by.Ecr()

    with serving(spoken) as url:
        async with opened(spoken, url) as lists:
            for name, reason in (
                ("AccessDeniedException", Reason.DENIED),
                ("com.amazon.coral.service#UnrecognizedClientException", Reason.UNAUTHORIZED),
                ("ThrottlingException", Reason.RATE_LIMITED),
                ("NoSuchThing\x1b[0m", Reason.UNSUPPORTED),
            ):
                spoken.spoiled = {1: said({"__type": name, "message": "User: arn:…"}, 400)}
                assert await outcome(lists) == ((), {reason})


async def test_the_signature_for_ecr_is_of_the_very_request_that_is_sent() -> None:
    spoken = spoken_by.Ecr(names=[NAMES[0]])

    await listed(spoken)

    credentials = importlib.import_module("botocore.credentials")
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    known = credentials.Credentials("AKIDEXAMPLE", secret, "session-token-of-the-tests")
    auth = importlib.import_module("botocore.auth").SigV4Auth(known, "ecr", "eu-west-1")
    request = importlib.import_module("botocore.awsrequest").AWSRequest
    (asked,) = spoken.asked
    head, _, signature = asked.headers["Authorization"].rpartition("Signature=")
    signed = head.partition("SignedHeaders=")[2].rstrip(", ").split(";")
    came = {name.lower(): value for name, value in asked.headers.items()}
    again = request(
        asked.method,
        f"http://{asked.headers['Host']}{asked.target}",
        headers={name: came[name] for name in signed},
        data=asked.body,
    )
    again.context["timestamp"] = came["x-amz-date"]

    assert {"host", "x-amz-date", "x-amz-security-token", "x-amz-target"} <= {*signed}
    assert signature == auth.signature(
        auth.string_to_sign(again, auth.canonical_request(again)), again
    )
    assert json.loads(asked.body) == {"registryId": "012345678910", "maxResults": 1000}


async def test_a_token_that_cannot_be_had_is_told_by_its_key_and_never_repeated(
    tmp_path: Path,
) -> None:
    file = tmp_path / "token"
    file.write_text("first-token")

    class Filed(spoken_by.Quay):
        settings = f"namespaces: [team], api_token_file: '{file}'"

    spoken = Filed()
    with serving(spoken) as url:
        async with opened(spoken, url) as lists:
            assert (await lists.repositories()).complete
            file.write_text("second-token")  # rotated: read anew for every list
            assert (await lists.repositories()).complete
            for text, words in (
                ("", "empty"),
                ("two\nlines", "one line"),
                ("t\u00f6ken", "header"),
            ):
                file.write_text(text)
                with pytest.raises(Unseen) as unseen:
                    await lists.repositories()
                assert unseen.value.reason is Reason.CREDENTIALS
                assert words in unseen.value.detail
                assert unseen.value.detail.startswith("api_token")

    shown = [each.headers["Authorization"] for each in spoken.asked]
    assert sorted(set(shown)) == ["Bearer first-token", "Bearer second-token"]
