"""Whatever a file, a helper or a Secret says: a login that can be shown, or why there is none."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config.registry import RegistrySettings
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.authenticator import Authenticator
from exporter.sources.registry.credential_check import PullSecretLogins
from exporter.sources.registry.credentials import FixedLogin, Login, login_of, presentable
from exporter.sources.registry.docker_config import DockerConfig
from exporter.sources.registry.messages import Request, Response
from exporter.wiring.registries import ConfiguredLogin

if TYPE_CHECKING:
    from pathlib import Path

HOST: Final = "registry.example"
ANY_TEXT: Final = st.text(st.characters(exclude_categories=()), max_size=8)
"""Lone surrogates and control characters too."""


def nearly(value: object) -> str:
    """Base64 of what encodes, and the text itself of what does not."""
    text = str(value)
    with suppress(UnicodeEncodeError):
        return base64.b64encode(text.encode()).decode()
    return text


ODD_KEYS: Final = ["https://[", "https://x[]/", "a:99999", "\ud800", "*", "[[[", "registry.*"]
KEYS: Final = st.sampled_from([HOST, f"https://{HOST}/v1/", f"{HOST}/app", *ODD_KEYS]) | ANY_TEXT
PAIRS: Final = st.builds(lambda name, word: f"{name}:{word}", ANY_TEXT, ANY_TEXT).map(nearly)
SCALARS: Final = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
JSON: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
)
FIELDS: Final = ("username", "password", "auth", "identitytoken", "registrytoken", "email")
ENTRIES: Final = st.dictionaries(st.sampled_from(FIELDS), PAIRS | ANY_TEXT | JSON, max_size=6)
FILES: Final = st.fixed_dictionaries(
    {},
    optional={
        "auths": st.dictionaries(KEYS, ENTRIES | JSON, max_size=3) | JSON,
        "credHelpers": st.dictionaries(ANY_TEXT, JSON, max_size=2) | JSON,
        "other": JSON,
    },
) | st.dictionaries(KEYS, ENTRIES | JSON, max_size=3) | JSON  # fmt: skip
LAW: Final = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(document: object) -> bytes:
    return json.dumps(document).encode()


def shown(login: Login | None) -> None:
    """Put a login to every use that there is; a failure is `Unseen`."""
    sent: list[tuple[Request, str]] = []

    async def ask(question: Request, authorization: str) -> Response:
        sent.append((question, authorization))
        return Response(404, {})

    async def meet(challenge: str) -> None:
        keys = Authenticator(Address.parse(f"https://{HOST}"), FixedLogin(login), ask)
        question = Request("manifest", "app", scope="repository:app:pull", repository="app")
        with suppress(Unseen):
            answer = Response(401, {"www-authenticate": challenge})
            key = await keys.renew(question, answer, None)
            sent.append((question, key.header))

    for way in ('Bearer realm="https://auth/token"', 'Basic realm="r"'):
        asyncio.run(meet(way))
    for question, authorization in sent:
        authorization.encode("ascii")
        assert "\n" not in authorization
        parse_qsl(question.form, errors="strict", strict_parsing=bool(question.form))
        if question.url:
            Address.parse(question.url)


@given(document=FILES)
@LAW
def test_any_docker_config_gives_a_login_that_every_use_encodes_or_none(
    tmp_path_factory: Any, document: object
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "config.json"
    path.write_bytes(written(document))
    found: list[Login | None] = []
    with suppress(Unseen):
        found.append(asyncio.run(DockerConfig((path,)).find(HOST, "app")))
    for login in found:
        shown(login)
        if login is not None:
            presentable(login)


@given(secrets=st.lists(FILES.map(written) | st.binary(max_size=20), max_size=3))
@LAW
def test_any_pull_secret_gives_logins_that_every_use_encodes_or_none(secrets: list[bytes]) -> None:
    logins: list[Login] = []
    with suppress(Malformed, Unseen):
        logins += PullSecretLogins.of(secrets).find(HOST, "app")
    for login in logins:
        shown(login)


@given(SCALARS | JSON, SCALARS | JSON)
@LAW
def test_any_pair_of_a_helper_is_a_login_that_every_use_encodes_or_none(
    username: Any, secret: Any
) -> None:
    with suppress(Malformed):
        shown(presentable(login_of(username, secret)))


@given(st.builds(Login, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT))
@LAW
def test_a_login_from_anywhere_is_checked_before_it_is_shown(login: Login) -> None:
    shown(login)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=8))
@LAW
def test_any_variable_of_the_environment_gives_a_login_that_every_use_encodes_or_none(
    text: str,
) -> None:
    registry = RegistrySettings(url=f"https://{HOST}", username_env="NAME", password_env="NAME")
    with suppress(Unseen):
        shown(asyncio.run(ConfiguredLogin(registry, {"NAME": text}).find(HOST, "app")))
