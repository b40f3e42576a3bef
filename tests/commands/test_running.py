from __future__ import annotations

from exporter.commands.running import finished


class Large:
    def __repr__(self) -> str:
        raise AssertionError("of a large report no text is made")


def test_no_text_is_made_of_what_a_command_finds() -> None:
    large = Large()

    async def work() -> Large:
        return large

    assert finished(work()) is large
