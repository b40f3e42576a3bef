"""Who gets in, over what, and what happens when certificates and users change."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import shutil
import ssl
from typing import TYPE_CHECKING

import bcrypt
import httpx
import pytest

from exporter.oci.digest import Malformed
from exporter.publish.web.config import holds
from tests.parts.process import PATIENCE, until
from tests.publish.web.serving import HASHED, SECRET, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.certificates import Authority

_MOMENTS = itertools.count(1, 10**9)
"""When certificates are written: never two at a time, however fast the machine is."""
OPEN = ("/-/healthy", "/-/ready")
CLOSED = ("/", "/metrics", "/report.json", "/tag/registry.example/shop/app:v1", "/nowhere")


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> Path:
    """A web configuration with a certificate for the loopback."""
    certify(authority, tmp_path, "first")
    return write_tls(tmp_path / "web.yml")


def certify(authority: Authority, folder: Path, name: str) -> None:
    pair = authority.sign(name)
    for written, where in ((pair.certificate, "server.crt"), (pair.key, "server.key")):
        shutil.copy(written, folder / where)
        moment = next(_MOMENTS)
        os.utime(folder / where, ns=(moment, moment))


def write_tls(config: Path, **more: str) -> Path:
    """Write a web configuration with the certificate in its folder."""
    keys = {"cert_file": "server.crt", "key_file": "server.key"} | more
    lines = [f"  {key}: {value}\n" for key, value in keys.items()]
    config.write_text("tls_server_config:\n" + "".join(lines))
    return config


def client(authority: Authority, pair: tuple[str, str] | None = None) -> httpx.AsyncClient:
    context = ssl.create_default_context(cafile=authority.certificate)
    if pair:
        context.load_cert_chain(*pair)
    return httpx.AsyncClient(verify=context, trust_env=False, timeout=PATIENCE)


async def certificate(authority: Authority, port: int) -> str:
    """The common name of the certificate that a new connection is shown."""
    context = ssl.create_default_context(cafile=authority.certificate)
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    shown = writer.get_extra_info("peercert")
    writer.close()
    return str(dict(field[0] for field in shown["subject"])["commonName"])


async def test_a_scrape_over_tls_is_served_and_one_without_is_not(
    tls: Path, authority: Authority
) -> None:
    async with serving(tls) as served, client(authority) as http:
        assert (await http.get(f"{served.tls_url}/metrics")).status_code == 200
        with pytest.raises(httpx.HTTPError):
            await http.get(f"{served.url}/metrics")


async def test_fifty_clients_that_never_shake_hands_delay_no_scrape(
    tls: Path, authority: Authority
) -> None:
    async with serving(tls) as served, client(authority) as http:
        idle = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(50)]

        assert (await http.get(f"{served.tls_url}/metrics")).status_code == 200

        for _, writer in idle:
            writer.close()


async def test_a_new_certificate_is_shown_without_a_restart(
    tls: Path, authority: Authority
) -> None:
    async with serving(tls) as served:
        assert await certificate(authority, served.port) == "first"

        certify(authority, tls.parent, "second")
        await served.web_server.refresh()

        assert await certificate(authority, served.port) == "second"


async def test_a_new_certificate_is_noticed_without_being_told_and_a_broken_one_is_logged(
    tls: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tls, look_every=0.01) as served:
        place = ("127.0.0.1", served.port)
        first = await asyncio.to_thread(ssl.get_server_certificate, place)
        (tls.parent / "server.crt").write_text("half a certifi")
        await asyncio.to_thread(until, lambda: caplog.records, "the broken one is logged")
        certify(authority, tls.parent, "second")

        def renewed() -> bool:
            return ssl.get_server_certificate(place) != first

        await asyncio.to_thread(until, renewed, "the new one is shown")

    assert {record.getMessage() for record in caplog.records} == {"web configuration rejected"}


async def test_a_broken_certificate_leaves_the_one_before_and_a_later_good_one_is_taken(
    tls: Path, authority: Authority
) -> None:
    async with serving(tls) as served:
        (tls.parent / "server.crt").write_text("half a certifi")
        with pytest.raises(Malformed, match=r"server\.crt, .*server\.key: "):
            await served.web_server.refresh()
        assert await certificate(authority, served.port) == "first"

        await served.web_server.refresh()  # said once, not again until something changes
        certify(authority, tls.parent, "third")
        await served.web_server.refresh()
        assert await certificate(authority, served.port) == "third"


def mount(authority: Authority, folder: Path, name: str) -> None:
    """Do as Kubernetes does with a secret: the folder behind a link is replaced at once."""
    (folder / name).mkdir()
    certify(authority, folder / name, name)
    (folder / "next").symlink_to(name)
    (folder / "next").replace(folder / "data")


async def test_a_certificate_behind_a_link_is_renewed_with_the_link(
    authority: Authority, tmp_path: Path
) -> None:
    mount(authority, tmp_path, "old")
    files = {"cert_file": "data/server.crt", "key_file": "data/server.key"}
    config = write_tls(tmp_path / "web.yml", **files)
    async with serving(config) as served:
        mount(authority, tmp_path, "new")
        await served.web_server.refresh()

        assert await certificate(authority, served.port) == "new"


async def test_a_request_under_way_survives_a_change_of_certificate(
    tls: Path, authority: Authority
) -> None:
    async with serving(tls) as served, client(authority) as http:
        await http.get(f"{served.tls_url}/metrics")
        certify(authority, tls.parent, "second")
        await served.web_server.refresh()

        assert (await http.get(f"{served.tls_url}/metrics")).status_code == 200


async def test_only_clients_with_a_certificate_get_in_where_one_is_required(
    tls: Path, authority: Authority
) -> None:
    shutil.copy(authority.certificate, tls.parent / "clients.crt")
    verified = "RequireAndVerifyClientCert"
    write_tls(tls, client_ca_file="clients.crt", client_auth_type=verified)
    pair = authority.sign("scraper")
    names = (str(pair.certificate), str(pair.key))
    async with serving(tls) as served:
        async with client(authority, names) as http:
            assert (await http.get(f"{served.tls_url}/metrics")).status_code == 200
        async with client(authority) as http:
            with pytest.raises(httpx.HTTPError):
                await http.get(f"{served.tls_url}/metrics")


async def test_an_old_protocol_is_refused_where_the_file_says_so(
    tls: Path, authority: Authority
) -> None:
    context = ssl.create_default_context(cafile=authority.certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving(tls) as served:
        _, writer = await asyncio.open_connection("localhost", served.port, ssl=context)
        writer.close()

        write_tls(tls, min_version="TLS13")
        await served.web_server.refresh()

        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection("localhost", served.port, ssl=context)


async def test_only_clients_with_a_name_that_is_listed_get_in(
    tls: Path, authority: Authority
) -> None:
    shutil.copy(authority.certificate, tls.parent / "clients.crt")
    asked = {"client_ca_file": "clients.crt", "client_auth_type": "RequireAndVerifyClientCert"}
    pair = authority.sign("scraper")
    names = (str(pair.certificate), str(pair.key))
    for listed, code in (
        ("[other.example, localhost]", 200),
        ("['127.0.0.1']", 200),
        ("[other.example]", 403),
    ):
        write_tls(tls, **asked, client_allowed_sans=listed)
        async with serving(tls) as served, client(authority, names) as http:
            assert (await http.get(f"{served.tls_url}/metrics")).status_code == code, listed
            assert (await http.get(f"{served.tls_url}/-/healthy")).status_code == code, listed


def test_an_address_in_a_certificate_is_the_same_however_it_is_written() -> None:
    shown = {"subjectAltName": (("IP Address", "0:0:0:0:0:0:0:1"), ("DNS", "scraper.example"))}

    assert holds(shown, frozenset({"::1"}))
    assert holds(shown, frozenset({"scraper.example"}))
    assert not holds(shown, frozenset({"::2"}))
    assert not holds(None, frozenset({"::1"}))


async def test_a_newer_protocol_is_refused_where_the_file_says_so(
    tls: Path, authority: Authority
) -> None:
    context = ssl.create_default_context(cafile=authority.certificate)
    write_tls(tls, max_version="TLS12")
    async with serving(tls) as served:
        _, writer = await asyncio.open_connection("localhost", served.port, ssl=context)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
        writer.close()


async def test_headers_of_the_file_stand_on_every_answer(tmp_path: Path) -> None:
    config = tmp_path / "web.yml"
    headers = "{Strict-Transport-Security: max-age=31536000, X-Frame-Options: deny}"
    config.write_text(f"http_server_config: {{http2: false, headers: {headers}}}")
    async with (
        serving(config) as served,
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http,
    ):
        for path in ("/", "/-/healthy", "/nowhere"):
            answer = await http.get(f"{served.url}{path}")
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert answer.headers["X-Frame-Options"] == "deny"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def users(folder: Path, **hashes: str) -> Path:
    config = folder / "users.yml"
    lines = [f"  {name}: {hashed}\n" for name, hashed in hashes.items()]
    config.write_text("basic_auth_users:\n" + "".join(lines))
    return config


async def status(url: str, auth: tuple[str, str] | None = None, **headers: str) -> int:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
        return (await http.get(url, auth=auth, headers=headers)).status_code


@pytest.mark.parametrize("path", CLOSED)
async def test_with_users_every_page_asks_for_a_password(tmp_path: Path, path: str) -> None:
    async with serving(users(tmp_path, prom=HASHED)) as served:
        url = f"{served.url}{path}"
        assert await status(url) == 401
        assert await status(url, ("prom", "wrong")) == 401
        assert await status(url, ("nobody", SECRET)) == 401
        assert await status(url, ("prom", SECRET)) in (200, 404)


async def test_reload_asks_for_a_password_too(tmp_path: Path) -> None:
    config = users(tmp_path, prom=HASHED)
    async with (
        serving(config) as served,
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http,
    ):
        assert (await http.post(f"{served.url}/-/reload")).status_code == 401
        assert served.reloads == [None]


@pytest.mark.parametrize("path", OPEN)
async def test_a_kubelet_needs_no_password_to_see_that_it_lives(tmp_path: Path, path: str) -> None:
    async with serving(users(tmp_path, prom=HASHED)) as served:
        assert await status(f"{served.url}{path}") == 200


async def test_only_the_basic_scheme_carries_a_password(tmp_path: Path) -> None:
    right = base64.b64encode(f"prom:{SECRET}".encode()).decode()
    async with serving(users(tmp_path, prom=HASHED)) as served:
        url = f"{served.url}/metrics"
        assert await status(url, Authorization=f"Bearer {right}") == 401
        assert await status(url, Authorization=f"Basic {right[:4]} {right[4:]}") == 401
        assert await status(url, Authorization=f"basic {right}") == 200


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !!!", "Basic cHJvbQ==", "Bearer x", "Basic /zpw", "basic cHJvbTpub3BlCg=="],
)
async def test_credentials_that_are_none_are_refused(tmp_path: Path, header: str) -> None:
    async with serving(users(tmp_path, prom=HASHED)) as served:
        assert await status(f"{served.url}/metrics", Authorization=header) == 401


async def test_the_answer_names_the_scheme(tmp_path: Path) -> None:
    config = users(tmp_path, prom=HASHED)
    async with (
        serving(config) as served,
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http,
    ):
        answer = await http.get(f"{served.url}/metrics")

    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="pullproof"')


async def test_a_password_longer_than_bcrypt_looks_at_is_still_one(tmp_path: Path) -> None:
    secret = "x" * 100
    hashed = bcrypt.hashpw(secret[:72].encode(), bcrypt.gensalt(4)).decode()
    async with serving(users(tmp_path, prom=hashed)) as served:
        assert await status(f"{served.url}/metrics", ("prom", secret)) == 200


async def test_a_change_of_users_holds_at_once(tmp_path: Path) -> None:
    config = users(tmp_path, prom=HASHED)
    async with serving(config) as served:
        url, auth = f"{served.url}/metrics", ("prom", SECRET)
        assert await status(url, auth) == 200

        users(tmp_path, other=HASHED)
        os.utime(config, ns=(1, 1))
        await served.web_server.refresh()

        assert await status(url, auth) == 401
        assert await status(url, ("other", SECRET)) == 200


async def test_without_a_file_everybody_gets_in() -> None:
    async with serving() as served:
        assert await status(f"{served.url}/metrics") == 200


async def test_when_it_ends_nothing_listens_any_more() -> None:
    async with serving() as served:
        port = served.port
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_wrong_file_at_the_start_is_an_error_and_no_open_door(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: a, key_file: b}")

    with pytest.raises(Malformed, match="No such file"):
        async with serving(tmp_path / "web.yml"):
            pytest.fail("it listens without TLS")


async def test_an_address_in_use_is_an_error() -> None:
    async with serving() as served:
        with pytest.raises(OSError, match="in use"):
            async with serving(address=("127.0.0.1", served.port)):
                pytest.fail("two servers on one address")


async def test_a_host_without_an_address_is_named() -> None:
    with pytest.raises(OSError, match=r"cannot listen on nohost\.invalid:0: "):
        async with serving(address=("nohost.invalid", 0)):
            pytest.fail("a server on no address")


async def test_an_empty_host_means_every_interface() -> None:
    async with serving(address=("", 0)) as served:
        assert await status(f"{served.url}/-/healthy") == 200


async def test_a_host_name_means_every_address_that_it_has() -> None:
    async with serving(address=("localhost", 0)) as served:
        hosts = {host for host, _ in served.web_server.addresses}
        assert "127.0.0.1" in hosts
        assert hosts <= {"127.0.0.1", "::1"}
