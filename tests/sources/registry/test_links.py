from __future__ import annotations

import string
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Malformed
from exporter.sources.registry.links import next_query

ASKED = "https://registry.example/v2/_catalog"
NAMES = st.text(string.ascii_lowercase + string.digits + "/-._&=+% é", min_size=1, max_size=20)


@given(NAMES, st.integers(1, 1000), st.sampled_from([ASKED, "/v2/_catalog"]))
def test_the_query_of_the_next_page_is_found(last: str, size: int, where: str) -> None:
    query = urlencode({"last": last, "n": size})

    assert next_query(f'<{where}?{query}>; rel="next"', ASKED) == query
    assert next_query(f"<{where}?{query}>; rel=next", ASKED) == query


@given(st.text(max_size=100))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = next_query(text, ASKED)
    except Malformed:
        return
    assert isinstance(found, str)


@pytest.mark.parametrize(
    ("header", "query"),
    [
        ("", ""),
        ("</v2/_catalog?last=a&n=1>", ""),
        ('</v2/_catalog?last=a>; rel="prev"', ""),
        ('</v2/_catalog?last=a>; title="rel=next"; rel="last"', ""),
        ('</x?page=1>; rel="prev", </x?page=3>; rel="next"', "page=3"),
        ('</x?a=1,2>; rel="next"', "a=1,2"),
        ('<?last=b>;rel="prefetch next"', "last=b"),
        ('<http://registry.example/v2/_catalog?last=a>; REL="NEXT"', "last=a"),
        ('<https://registry.example:443/elsewhere?last=a>; rel="next"', "last=a"),
        (f'</v2/_catalog?last={quote("a/b", safe="")}>; rel="next"', "last=a%2Fb"),
    ],
)
def test_links_as_registries_and_their_proxies_write_them(header: str, query: str) -> None:
    assert next_query(header, ASKED) == query


@pytest.mark.parametrize(
    "link", ["https://other.example/v2/_catalog?last=a", "//other/?last=a", "/v2/_catalog", "//["]
)
def test_a_link_that_leads_nowhere_known_is_refused(link: str) -> None:
    with pytest.raises(Malformed):
        next_query(f'<{link}>; rel="next"', ASKED)
