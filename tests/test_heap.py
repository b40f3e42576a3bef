"""No search for cycles holds up everybody, and none of what must end stays."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import gc, weakref
from exporter.heap import rest, search_young_only
class Node: pass
def cycle():
    node = Node(); node.me = node
    return weakref.ref(node)
searched = []
gc.callbacks.append(lambda phase, info: searched.append(info["generation"]))
search_young_only()
searched.clear()
kept = [[at] for at in range(400_000)]
print(max(searched))
ended = cycle()
rest()
print(gc.get_freeze_count() >= 400_000, ended() is None)
del kept
rest()
print(ended() is None)
"""


def test_full_searches_happen_only_where_little_is_held() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], check=True, capture_output=True, text=True, cwd="."
    )

    assert done.stdout.split() == ["1", "True", "False", "True"]
