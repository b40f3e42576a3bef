"""`make fuzz ARGS='--seconds 600'`: looks for inputs on which a reader of foreign bytes breaks."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.fuzz.hunt import MEMORY, Finding, apart, judged
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from tests.fuzz.target import Target

FINDINGS: Final = Path("fuzz-findings")


def main() -> int:
    """Return 0 where nothing was found, 1 where something was."""
    words = _words()
    chosen = [each for each in TARGETS if not words.target or each.name in words.target]
    if not chosen:
        names = ", ".join(each.name for each in TARGETS)
        sys.exit(f"no such target; known: {names}")
    if words.repeat:
        return _repeat(chosen, words.repeat)
    found_any = False
    share = words.seconds / len(chosen)
    for target in chosen:
        until = time.monotonic() + share

        def goes_on(count: int, until: float = until) -> bool:
            return count < words.inputs if words.inputs else time.monotonic() < until

        count, found = apart(target, words.seed, goes_on, words.memory << 20)
        print(f"{target.name:24} {count:>9,} inputs  {'FOUND' if found else 'ok'}", flush=True)  # noqa: T201
        if found:
            _tell(found)
            found_any = True
        if found and not words.keep_going:
            break
    return int(found_any)


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=180.0, help="time for all targets together"
    )
    parser.add_argument("--inputs", type=int, default=0, help="inputs for each target, not seconds")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other inputs")
    parser.add_argument("--memory", type=int, default=MEMORY >> 20, help="MiB for one target")
    parser.add_argument("--target", action="append", help="this one alone; may be repeated")
    parser.add_argument("--keep-going", action="store_true", help="look on after a finding")
    parser.add_argument("--repeat", type=Path, help="run one file through the target")
    return parser.parse_args()


def _tell(found: Finding) -> None:
    """Write the input to a file, and say how it is run again."""
    folder = FINDINGS / found.target
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / hashlib.sha256(found.data).hexdigest()[:12]
    file.write_bytes(found.data)
    again = f"{sys.executable} -m tests.fuzz --target {found.target} --repeat {file}"
    print(f"\n{found.told}\n{len(found.data)} bytes in {file}. Repeat with:\n  {again}")  # noqa: T201


def _repeat(targets: list[Target], file: Path) -> int:
    told = [judged(target, file.read_bytes()) for target in targets]
    print("\n".join(filter(None, told)) or "ok")  # noqa: T201
    return int(any(told))


if __name__ == "__main__":
    sys.exit(main())
