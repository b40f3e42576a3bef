from __future__ import annotations

import base64
import json

import pytest

from exporter.oci.digest import Malformed
from exporter.sources.registry.credentials import Login
from exporter.sources.registry.keyring import Keyring


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def entry(name: str) -> dict[str, str]:
    return {"auth": encoded(f"{name}:secret of {name}")}


def secret(**names: str) -> bytes:
    return json.dumps({"auths": {key: entry(name) for name, key in names.items()}}).encode()


def found(keyring: Keyring, image: str) -> list[str]:
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
    ],
)
def test_an_entry_is_for_the_images_for_which_a_kubelet_takes_it(
    key: str,
    image: str,
    matches: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert found(Keyring.of([secret(somebody=key)]), image) == ["somebody"] * matches


def test_the_most_specific_entry_is_tried_first() -> None:
    keyring = Keyring.of([secret(wide="quay.io", narrow="quay.io/coreos", other="gcr.io")])

    assert found(keyring, "quay.io/coreos/etcd") == ["narrow", "wide"]


def test_under_the_same_key_secrets_are_tried_in_the_order_of_the_pod() -> None:
    keyring = Keyring.of([secret(old="quay.io"), secret(new="https://quay.io/v2/")])

    assert found(keyring, "quay.io/app") == ["old", "new"]


def test_the_older_type_has_no_auths_around_it() -> None:
    keyring = Keyring.of([json.dumps({"quay.io": entry("somebody")}).encode()])

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
    keyring = Keyring.of([json.dumps({"auths": {"quay.io": said}}).encode()])

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
    ],
)
def test_a_secret_that_a_kubelet_cannot_read_is_malformed_and_its_content_is_not_told(
    content: bytes,
) -> None:
    with pytest.raises(Malformed) as raised:
        Keyring.of([content])

    assert str(raised.value).startswith("a pull secret")


@pytest.mark.parametrize("key", ["https://[::1", "quay.io:port", "quay.io:99999"])
def test_what_is_no_address_is_passed_over(key: str) -> None:
    keyring = Keyring.of([secret(broken=key, fine="quay.io")])

    assert found(keyring, "quay.io/app") == ["fine"]


def test_no_secret_leaves_nobody_to_try() -> None:
    assert Keyring.of([]).find("quay.io", "app") == ()


def test_a_keyring_shows_no_password() -> None:
    assert "secret of" not in repr(Keyring.of([secret(somebody="quay.io")]))
