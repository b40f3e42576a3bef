"""Can nobody be kept out by those who guess, and is no guess worth more than one comparison?"""

from __future__ import annotations

import asyncio
import base64
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.publish.web.access_control import AccessControl
from exporter.publish.web.password_queue import Asker, PasswordQueue, QueueFull
from tests.parts.process import PATIENCE, until
from tests.publish.web.serving import Board, Served, serving

if TYPE_CHECKING:
    from pathlib import Path

RIGHT = "correct horse"
CHEAP, DEAR = (b"$2b$%02d$" % cost + b"." * 53 for cost in (4, 12))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users: {{prom: {CHEAP.decode()}, other: {DEAR.decode()}}}\n")
    return file


@dataclass
class Comparing:
    """Says which passwords are right, in no time, and notes what was compared."""

    passwords: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    """Comparisons wait for it."""

    def __post_init__(self) -> None:
        self.open.set()

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.open.wait(PATIENCE)
        self.passwords.append(password)
        self.hashes.append(hashed)
        return password == RIGHT.encode()


def client(served: Served) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE)


async def scrape(http: httpx.AsyncClient, name: str, password: str) -> int:
    return (await http.get("/-/nothing", auth=(name, password))).status_code


async def test_no_number_of_guesses_displaces_what_was_right(config: Path) -> None:
    comparing = Comparing()
    async with (
        serving(config, Board(access=AccessControl({}, comparing))) as served,
        client(served) as http,
    ):
        assert await scrape(http, "prom", RIGHT) == 404
        for number in range(1_100):
            assert await scrape(http, ("prom", "nobody")[number % 2], f"guess {number}") == 401
        assert await scrape(http, "prom", RIGHT) == 404

    assert comparing.passwords.count(RIGHT.encode()) == 1


async def test_a_wrong_password_that_comes_again_is_compared_once(config: Path) -> None:
    comparing = Comparing()
    async with (
        serving(config, Board(access=AccessControl({}, comparing))) as served,
        client(served) as http,
    ):
        tries = [scrape(http, "prom", "wrong") for _ in range(20)]
        assert await asyncio.gather(*tries) == [401] * 20
        assert await scrape(http, "prom", "wrong") == 401

    assert comparing.passwords == [b"wrong"]


async def test_two_hundred_connections_that_guess_keep_nobody_out(config: Path) -> None:
    """Under the right name, from the right address, without a pause, before it was ever right."""
    comparing, ended = Comparing(), asyncio.Event()

    async def guess(http: httpx.AsyncClient, which: int) -> None:
        number = 0
        while not ended.is_set():
            await scrape(http, "prom", f"{which} {number}")
            number += 1

    many = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with (
        serving(config, Board(access=AccessControl({}, comparing))) as served,
        httpx.AsyncClient(
            base_url=served.url, trust_env=False, timeout=PATIENCE, limits=many
        ) as guessing,
        client(served) as http,
    ):
        guesses = [asyncio.create_task(guess(guessing, which)) for which in range(200)]
        await asyncio.to_thread(until, lambda: len(comparing.passwords) >= 400, "it is busy")
        before = len(comparing.passwords)

        assert await scrape(http, "prom", RIGHT) == 404

        assert comparing.passwords.index(RIGHT.encode()) - before <= 600
        ended.set()
        await asyncio.gather(*guesses)


async def first(turns: PasswordQueue, comparing: Comparing, *askers: Asker) -> list[str]:
    """The order in which passwords are compared that all wait at once: each is its place."""
    comparing.open.clear()
    blocker = asyncio.create_task(turns.right(b"-", b"-", CHEAP, Asker("-", "")))
    await asyncio.sleep(0)
    tries = [
        asyncio.create_task(turns.right(b"%d" % place, b"%d" % place, CHEAP, asker))
        for place, asker in enumerate(askers)
    ]
    await asyncio.sleep(0)
    comparing.open.set()
    await asyncio.gather(blocker, *tries, return_exceptions=True)
    return [each.decode() for each in comparing.passwords[1:]]


@pytest.mark.parametrize(
    "other",
    [
        Asker("other", "192.0.2.1"),
        Asker("", "192.0.2.1"),
        Asker("prom", "192.0.2.2"),
        Asker("prom", "2001:db8::1"),
        Asker("prom", "192.0.2.1", refused=1),
    ],
    ids=["under another name", "under no name", "from elsewhere", "by IPv6", "refused before"],
)
async def test_a_hundred_who_guess_elsewhere_delay_by_one(other: Asker) -> None:
    comparing = Comparing()

    order = await first(
        PasswordQueue(comparing), comparing, *([other] * 100), Asker("prom", "192.0.2.1")
    )

    assert order.index("100") <= 1
    assert len(order) == 101


async def test_the_hosts_of_one_network_have_one_turn() -> None:
    comparing = Comparing()
    guessing = [Asker("prom", f"2001:db8::{host:x}") for host in range(100)]

    order = await first(PasswordQueue(comparing), comparing, *guessing, Asker("prom", "192.0.2.1"))

    assert order.index("100") == 1


@given(
    st.lists(
        st.builds(
            Asker,
            st.sampled_from(["prom", "other", ""]),
            st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "", "no address"]),
            st.integers(0, 3),
        ),
        max_size=60,
    )
)
def test_everybody_has_a_turn_and_nobody_waits_for_more_than_there_are(
    askers: list[Asker],
) -> None:
    comparing = Comparing()
    right = Asker("prom", "203.0.113.9")

    order = asyncio.run(first(PasswordQueue(comparing), comparing, *askers, right))

    names = {each.name for each in askers} | {"prom"}
    networks = {each.address for each in askers if each.name == "prom"} | {right.address}
    assert sorted(map(int, order)) == list(range(len(askers) + 1))
    assert order.index(str(len(askers))) < len(names) * len(networks)


async def test_beyond_the_room_the_answer_comes_at_once() -> None:
    comparing = Comparing()
    turns = PasswordQueue(comparing, room=3)
    here, there = Asker("prom", "192.0.2.1"), Asker("prom", "192.0.2.2")
    comparing.open.clear()
    tries = [asyncio.create_task(turns.right(b"0", b"0", CHEAP, Asker("other", "")))]
    await asyncio.sleep(0)
    for place in range(1, 7):
        tries.append(asyncio.create_task(turns.right(b"%d" % place, b"", CHEAP, here)))
        await asyncio.sleep(0)
    tries.append(asyncio.create_task(turns.right(b"7", RIGHT.encode(), CHEAP, there)))

    await asyncio.wait(tries[3:7], timeout=PATIENCE)

    # Four and on were too many; three had to go for the first from elsewhere.
    assert [each.done() for each in tries] == [False] * 3 + [True] * 4 + [False]
    comparing.open.set()
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert answers[7] is True
    assert [isinstance(each, QueueFull) for each in answers] == [False] * 3 + [True] * 4 + [False]


async def test_too_many_who_wait_are_told_to_come_again(config: Path) -> None:
    comparing = Comparing()
    access = AccessControl({}, comparing, room=1)
    comparing.open.clear()
    async with serving(config, Board(access=access)) as served, client(served) as http:
        tries = [asyncio.create_task(scrape(http, "prom", f"{number}")) for number in range(12)]
        done, _ = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
        assert {each.result() for each in done} == {429}
        comparing.open.set()
        assert set(await asyncio.gather(*tries)) == {401, 429}
        assert await scrape(http, "prom", RIGHT) == 404


async def test_whoever_has_left_is_not_compared() -> None:
    comparing = Comparing()

    order = await first(
        PasswordQueue(comparing), comparing, Asker("prom", "", gone=lambda: True), Asker("prom", "")
    )

    assert order == ["1"]


async def test_an_unknown_name_costs_as_much_as_the_dearest_user(config: Path) -> None:
    comparing = Comparing()
    async with (
        serving(config, Board(access=AccessControl({}, comparing))) as served,
        client(served) as http,
    ):
        assert await scrape(http, "nobody", "x") == 401

    (compared,) = comparing.hashes
    assert compared[:7] == DEAR[:7]
    assert len(compared) == 60


async def test_a_comparison_that_fails_lets_nobody_in_and_holds_nobody_up(config: Path) -> None:
    def failing(password: bytes, _: bytes) -> bool:
        if password == b"bad":
            raise ValueError("Invalid salt")
        return True

    access = AccessControl({}, failing)
    async with serving(config, Board(access=access)) as served, client(served) as http:
        assert await scrape(http, "prom", "bad") == 401
        assert await scrape(http, "prom", "good") == 404


@pytest.mark.parametrize(
    "header",
    [
        b"Basic \xe9",
        b"Basic \xed\xa0\x80",
        b"Basic " + base64.b64encode(b"\xed\xa0\x80:x"),
        b"Basic " + base64.b64encode(b"a\0b:\0"),
        b"Basic " + base64.b64encode(b"x" * 5_000 + b":"),
        b"Basic " + "ⅷ".encode(),
    ],
)
async def test_no_header_is_a_fault_of_ours(config: Path, header: bytes) -> None:
    async with (
        serving(config, Board(access=AccessControl({}, Comparing()))) as served,
        client(served) as http,
    ):
        answer = await http.get("/metrics", headers=[(b"Authorization", header)])

    assert answer.status_code == 401
