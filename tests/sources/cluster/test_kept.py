"""Is what a watch keeps up to date what a list from nothing would show?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.sources.cluster.api import ListEvent
from exporter.sources.cluster.controllers import of_replicated
from exporter.sources.cluster.images import of_pods
from exporter.sources.cluster.kept import KeptList
from exporter.sources.cluster.names import Owners
from exporter.sources.cluster.nodes import ClusterNodes
from exporter.sources.cluster.objects import Controller, Pod
from exporter.sources.cluster.uses import merged
from tests.sources.cluster.made import node, pod, replicated, spec, status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.facts.use import Use

NODES = ClusterNodes([node("a", "amd64"), node("b", "arm64")], whole=True)


@dataclass
class Server:
    """What an API server has of one kind, and what it still knows of how that came about."""

    objects: dict[str, Pod | Controller] = field(default_factory=dict)
    events: list[ListEvent] = field(default_factory=list)
    version: int = 1
    states: dict[str, list[Pod | Controller]] = field(default_factory=lambda: {"1": []})
    """What it had at each version."""

    def put(self, name: str, made: Pod | Controller | None) -> None:
        self.version += 1
        before = self.objects.pop(name, None)
        if made is not None:
            self.objects[name] = made
            self.events.append(ListEvent(str(self.version), made))
        elif before is not None:
            self.events.append(ListEvent(str(self.version), before, gone=True))
        self.states[str(self.version)] = list(self.objects.values())

    def since(self, version: str) -> list[ListEvent]:
        found = [each for each in self.events if int(each.version) > int(version)]
        return [*found, ListEvent(str(self.version))]


@dataclass
class Client:
    """What lists and follows it; its watch may lag, be cut, repeat itself, or expire."""

    server: Server
    kept: KeptList = field(default_factory=KeptList)
    stream: list[ListEvent] = field(default_factory=list)
    listing: int = 0
    reached: str = ""

    def relist(self) -> None:
        self.kept.replace(self.server.objects.values(), str(self.server.version))

    def reopen(self) -> None:
        self.listing, self.reached = self.kept.position
        self.stream = []

    def deliver(self, most: int) -> None:
        """Take some more events over the watch that is open."""
        if not self.reached:
            return
        for event in self.server.since(self.reached)[:most]:
            if self.kept.apply(event, self.listing) is None:
                self.reopen()
                return
            self.reached = event.version

    def repeat(self, most: int) -> None:
        """Be told again what was told before, as after a watch that was cut."""
        told = [each for each in self.server.events if int(each.version) <= int(self.reached or 0)]
        for event in told[-most:]:
            self.kept.apply(event, self.listing)

    def restored(self) -> None:
        """The server's store is restored from a backup: its versions begin again."""
        self.server.version = 1
        self.server.events = []
        self.server.states = {"1": list(self.server.objects.values())}
        self.relist()
        self.reopen()


IMAGES = st.sampled_from(["r.example/a:1", "r.example/a:2", "r.example/b:1"])
NAMES = st.sampled_from(["one", "two", "three"])
PODS = st.builds(
    lambda name, image, where, phase: pod(
        name, spec(image, nodeName=where), status(phase=phase), owner=("ReplicaSet", "web")
    ),
    *(NAMES, IMAGES, st.sampled_from(["", "a", "b"]), st.sampled_from(["Running", "Succeeded"])),
)
CONTROLLERS = st.builds(replicated, NAMES, IMAGES, st.integers(0, 2))
CHANGES = st.one_of(
    st.tuples(st.just("put"), PODS | CONTROLLERS), st.tuples(st.just("delete"), NAMES)
)
STEPS = st.lists(
    CHANGES
    | st.tuples(st.just("deliver"), st.integers(1, 3))
    | st.tuples(st.just("relist"), st.none())
    | st.tuples(st.just("repeat"), st.integers(1, 3))
    | st.tuples(st.sampled_from(["reopen", "reopen", "restored"]), st.none()),
    min_size=6,
    max_size=24,
)


def uses(objects: Iterable[Pod | Controller]) -> tuple[Use, ...]:
    owners, made = Owners("prod"), list(objects)
    pods = [each for each in made if hasattr(each.status, "phase")]
    others = [each for each in made if not hasattr(each.status, "phase")]
    images = (*of_replicated("Deployment", others, owners), *of_pods(pods, owners))
    return merged(images, NODES).entries


def listed(objects: Iterable[Pod | Controller]) -> list[Pod | Controller]:
    """What a list from nothing would show."""
    new = KeptList()
    new.replace(objects, "1")
    return new.objects


@given(STEPS)
@settings(max_examples=300)
def test_what_a_watch_keeps_gives_the_uses_of_a_list_from_nothing(
    steps: list[tuple[str, object]],
) -> None:
    server = Server()
    client = Client(server)
    client.relist()
    client.reopen()

    for step, what in steps:
        if step == "put":
            server.put(what.metadata.name, what)  # type: ignore[attr-defined] # an object
        elif step == "delete":
            server.put(str(what), None)
        else:
            act = getattr(client, step)
            act() if what is None else act(what)
        _, version = client.kept.position
        assert client.kept.objects == listed(server.states[version]), "as it was at its version"
    client.deliver(1_000)
    client.deliver(1_000)  # where it was begun anew

    new = listed(server.objects.values())
    assert client.kept.objects == new
    assert uses(client.kept.objects) == uses(new)


@given(st.lists(st.tuples(NAMES, IMAGES | st.none()), max_size=10))
def test_an_event_changes_something_where_the_objects_differ_after_it(
    events: list[tuple[str, str | None]],
) -> None:
    kept = KeptList()
    kept.replace([], "1")
    listing, _ = kept.position

    for version, (name, image) in enumerate(events, 2):
        before = kept.objects
        made = replicated(name, image or "r.example/a:1")
        changed = kept.apply(ListEvent(str(version), made, gone=image is None), listing)

        assert changed == (before != kept.objects)


def test_where_a_server_tells_no_names_nothing_is_lost_and_nothing_is_followed() -> None:
    kept = KeptList()

    kept.replace([{"spec": {"image": "a"}}, {"spec": {"image": "b"}}], "7")

    assert len(kept.objects) == 2
    assert kept.position == (1, "")


def test_an_event_of_a_watch_that_follows_another_list_is_passed_over() -> None:
    kept = KeptList()
    kept.replace([replicated("one", "r.example/a:1")], "9")
    listing, _ = kept.position

    kept.replace([], "3")

    assert kept.apply(ListEvent("10", replicated("one", "r.example/a:1")), listing) is None
    assert kept.objects == []
