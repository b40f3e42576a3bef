"""The kinds of registries that run where they are built, and are replayed elsewhere."""

from typing import Final

from tests.parts import harbor, quay, zot

RECORDED_KINDS: Final = {each.name: each for each in (zot.KIND, harbor.KIND, quay.KIND)}
