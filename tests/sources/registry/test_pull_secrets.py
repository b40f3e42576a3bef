from __future__ import annotations

import base64
import json
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.registry.credential_check import PullSecretLogins
from exporter.sources.registry.credentials import Login


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def entry(name: str) -> dict[str, str]:
    return {"auth": encoded(f"{name}:secret of {name}")}


def secret(**names: str) -> bytes:
    return json.dumps({"auths": {key: entry(name) for name, key in names.items()}}).encode()


def found(keyring: PullSecretLogins, image: str) -> list[str]:
    host, _, repository = image.partition("/")
    return [login.username for login in keyring.find(host, repository)]


# The vectors are those of Kubernetes, `pkg/credentialprovider/keyring_test.go`.
@pytest.mark.parametrize(
    ("key", "image", "matches"),
    [
        ("*.kubernetes.io", "prefix.kubernetes.io/app", True),
        ("prefix.*.io", "prefix.kubernetes.io/app", True),
        ("prefix.kubernetes.*", "prefix.kubernetes.io/app", True),
        ("*-good.kubernetes.io", "prefix-good.kubernetes.io/app", True),
        ("*.kubernetes.io/blah", "prefix.kubernetes.io/blah", True),
        ("prefix.*.io/foo", "prefix.kubernetes.io/foo/bar", True),
        ("prefix.*.io/foo", "prefix.kubernetes.io/foobar", True),
        ("*.kubernetes.io:1111/blah", "prefix.kubernetes.io:1111/blah", True),
        ("*.kubernetes.io", "kubernetes.io/app", False),
        ("*.*.kubernetes.io", "prefix.kubernetes.io/app", False),
        ("*kubernetes.io", "a.kubernetes.io/app", False),
        ("*kubernetes.io", "kubernetes.io/app", True),
        ("*.*.*.kubernetes.io", "a.b.c.kubernetes.io/app", True),
        ("kubernetes.io", "kubernetes.com/app", False),
        ("k*.io", "quay.io/app", False),
        ("*.kubernetes.io:1234/blah", "prefix.kubernetes.io:1111/blah", False),
        ("prefix.*.io/foo", "prefix.kubernetes.io:1111/foo/bar", False),
        ("https://hello.kubernetes.io", "hello.kubernetes.io/app", True),
        ("http://hello.kubernetes.io/", "hello.kubernetes.io/app", True),
        ("https://registry.example/v1/", "registry.example/app", True),
        ("https://registry.example/v2/", "registry.example/app", True),
        ("https://registry.example/v2", "registry.example/app", False),
        ("https://registry.example/v2/team", "registry.example/team/app", True),
        ("https://registry.example/v2/team", "registry.example/other/app", False),
        ("https://index.docker.io/v1/", "docker.io/library/nginx", True),
        ("https://index.docker.io/v1/", "registry.example/nginx", False),
        ("docker.io", "docker.io/library/nginx", True),
        ("[::1]:5000", "[::1]:5000/app", True),
        ("[::1]:5000", "[::1]:5001/app", False),
        ("somebody@quay.io", "quay.io/app", True),
    ],
)
def test_an_entry_is_for_the_images_for_which_a_kubelet_takes_it(
    key: str,
    image: str,
    matches: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert found(PullSecretLogins.of([secret(somebody=key)]), image) == ["somebody"] * matches


@given(st.text("ab*", max_size=8), st.text("abc", min_size=1, max_size=8))
def test_a_part_of_a_host_is_matched_as_a_shell_matches(pattern: str, text: str) -> None:
    keyring = PullSecretLogins.of([secret(somebody=f"x.{pattern}")])

    assert bool(found(keyring, f"x.{text}/app")) is fnmatchcase(text, pattern)


def test_the_most_specific_entry_is_tried_first() -> None:
    keyring = PullSecretLogins.of([secret(wide="quay.io", narrow="quay.io/coreos", other="gcr.io")])

    assert found(keyring, "quay.io/coreos/etcd") == ["narrow", "wide"]


def test_under_the_same_key_secrets_are_tried_in_the_order_of_the_pod() -> None:
    keyring = PullSecretLogins.of([secret(old="quay.io"), secret(new="https://quay.io/v2/")])

    assert found(keyring, "quay.io/app") == ["old", "new"]


def test_the_older_type_has_no_auths_around_it() -> None:
    keyring = PullSecretLogins.of([json.dumps({"quay.io": entry("somebody")}).encode()])

    assert found(keyring, "quay.io/app") == ["somebody"]


@pytest.mark.parametrize(
    ("said", "login"),
    [
        ({"username": "u", "password": "p"}, Login("u", "p")),
        ({"username": "u", "password": "p", "auth": encoded("a:b:c")}, Login("a", "b:c")),
        ({"auth": encoded("ab:cd").rstrip("=")}, Login("ab", "cd")),
        ({"identitytoken": "x"}, Login("", "")),
    ],
)
def test_an_auth_overrules_name_and_password_and_tokens_are_not_looked_at(
    said: dict[str, str], login: Login
) -> None:
    keyring = PullSecretLogins.of([json.dumps({"auths": {"quay.io": said}}).encode()])

    assert keyring.find("quay.io", "app") == (login,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"auths":{"a":{"auth":"!"}}}',
        b'{"auths":{"a":{"auth":"YQ=="}}}',
        b'{"auths":{"a":{"auth":"YTpi!"}}}',
        b'{"auths":{"a":{"auth":"YTpi=="}}}',
        b'{"auths":{"a":{"auth":" YTpi"}}}',
        b'{"auths":[]}',
        b'{"auths":{"a":7}}',
        b'{"auths":{"a":{"username":7}}}',
        b'{"auths":{"a":{"password":["secret"]}}}',
        b'{"auths":{"a":{"email":{}}}}',
        b'{"auths":{"a":{"auth":true}}}',
        b'{"auths":{},"x":NaN}',
        b'\xef\xbb\xbf{"auths":{}}',
    ],
)
def test_a_secret_that_a_kubelet_cannot_read_is_malformed_and_its_content_is_not_told(
    content: bytes,
) -> None:
    with pytest.raises(Malformed) as raised:
        PullSecretLogins.of([content])

    assert "a pull secret" in str(raised.value)


@pytest.mark.parametrize(
    ("said", "login"),
    [
        ({"username": "u\ud800", "password": "p\udfff"}, Login("u\ufffd", "p\ufffd")),
        ({"username": "u", "password": "p\n"}, Login("u", "p\n")),
        ({"username": None, "password": None, "auth": None}, Login("", "")),
        ({"auth": "YTpi\r\n"}, Login("a", "b")),
        ({"userName": "a", "Password": "b"}, Login("a", "b")),
        (None, Login("", "")),
    ],
)
def test_what_go_reads_otherwise_is_read_as_a_kubelet_reads_it(said: object, login: Login) -> None:
    keyring = PullSecretLogins.of([json.dumps({"auths": {"quay.io": said}, "x": 1}).encode()])

    assert keyring.find("quay.io", "app") == (login,)


def test_numbers_of_any_length_and_bytes_of_no_text_are_passed_over_where_nobody_reads_them() -> (
    None
):
    secret = b'{"x":' + b"9" * 5000 + b',"\xff":"\xff","auths":{"quay.io":{"auth":"YTpi"}}}'

    assert PullSecretLogins.of([secret]).find("quay.io", "app") == (Login("a", "b"),)


@pytest.mark.parametrize(
    "said",
    [
        {"auth": base64.b64encode(b"a:secret\xff").decode()},
        {"username": "a", "password": "secret" * 20_000},
    ],
)
def test_a_login_that_no_header_can_carry_leaves_only_its_own_registry_unknown(
    said: dict[str, str],
) -> None:
    auths = {"quay.io": said, "gcr.io": entry("fine")}
    keyring = PullSecretLogins.of([json.dumps({"auths": auths}).encode()])

    assert found(keyring, "gcr.io/app") == ["fine"]
    with pytest.raises(Unseen) as raised:
        keyring.find("quay.io", "app")
    assert raised.value.reason is Reason.CREDENTIALS
    assert "secretsecret" not in str(raised.value)


def test_a_secret_that_is_nested_too_deeply_or_has_too_many_entries_is_not_judged() -> None:
    many = json.dumps({"auths": {f"{n}.example": {} for n in range(1001)}}).encode()
    for content in (many, b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"):
        with pytest.raises(Unseen) as raised:
            PullSecretLogins.of([content])
        assert raised.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("port", ["99999", "0", "9" * 5000, "x"])
def test_a_port_that_nobody_has_is_compared_as_text(port: str) -> None:
    keyring = PullSecretLogins.of([secret(fine="quay.io")])

    assert found(keyring, f"quay.io:{port}/app") == []
    assert found(keyring, "quay.io/app") == ["fine"]


@pytest.mark.parametrize(
    "key",
    [
        *(
            "https://[::1",
            "quay.io:port",
            "quay.io:99999",
            "https://[",
            "https://x[]/",
            "quay.io\n",
        ),
        *(
            "quay\t.io",
            " quay.io",
            "[::1][[",
            "https://\u2100",
            "quay.io/" + "a" * 2000,
            "",
            "\ud800",
        ),
    ],
)
def test_what_is_no_address_is_passed_over(key: str) -> None:
    keyring = PullSecretLogins.of([secret(broken=key, fine="quay.io")])

    assert found(keyring, "quay.io/app") == ["fine"]


def test_no_secret_leaves_nobody_to_try() -> None:
    assert PullSecretLogins.of([]).find("quay.io", "app") == ()


def test_a_keyring_shows_no_password() -> None:
    assert "secret of" not in repr(PullSecretLogins.of([secret(somebody="quay.io")]))
