from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Gap, Reason, Scope, bounded

GAPS = st.lists(
    st.builds(
        Gap,
        st.sampled_from([Scope.REPOSITORY, Scope.OBJECT]),
        st.text("ab", min_size=1, max_size=2),
        st.sampled_from([Reason.TIMEOUT, Reason.MALFORMED]),
    ),
    max_size=30,
)


@given(GAPS, st.integers(1, 6))
def test_no_gap_is_lost_by_bounding_them(gaps: list[Gap], most: int) -> None:
    kept = bounded(gaps, most)

    for kind in {(gap.scope, gap.reason) for gap in gaps}:
        all_of_it = [gap for gap in gaps if (gap.scope, gap.reason) == kind]
        left = [gap for gap in kept if (gap.scope, gap.reason) == kind]
        more = len(all_of_it) - most
        assert left[:most] == all_of_it[:most]
        assert [gap.subject for gap in left[most:]] == ([f"{more} more"] if more > 0 else [])
