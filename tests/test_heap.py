"""No search for cycles holds up everybody, and none of what must end stays."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import gc, weakref
from exporter.heap import Heap
class Node: pass
def cycle():
    node = Node(); node.me = node
    return weakref.ref(node)
searched = []
gc.callbacks.append(lambda phase, info: searched.append(info["generation"]))
heap = Heap()
with heap.in_parts():
    searched.clear()
    kept = [[at] for at in range(400_000)]
    print(max(searched))
    ended = cycle()
    heap.step()
    print(gc.get_freeze_count() >= 400_000, ended() is None)
    gc.collect(1)
    late = cycle()
    heap.rest()
    print(late() is None)
    del kept
    heap.rest()
    print(late() is None)
print(gc.get_freeze_count(), gc.get_threshold()[2] < 100)
"""


def test_cycles_are_searched_in_parts_and_everything_only_where_little_is_held() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], check=True, capture_output=True, text=True, cwd="."
    )

    assert done.stdout.split() == ["1", "True", "True", "False", "True", "0", "True"]


FREED = """
from exporter.heap import return_freed
def resident():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1])
kept = [bytes(600) for _ in range(200_000)]
full = resident()
kept = kept[::50]
few = resident()
return_freed()
print(few > 0.8 * full, resident() < 0.6 * full)
"""


def test_freed_memory_returns_to_the_system_although_some_between_is_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FREED], check=True, capture_output=True, text=True, cwd="."
    )

    assert done.stdout.split() == ["True", "True"]
