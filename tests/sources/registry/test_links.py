from __future__ import annotations

import string
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Malformed
from exporter.sources.registry.paging import next_query

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
        ('</x?a=1>; title="x<y"; rel="next"', "a=1"),
        (r'</x?a=1>; title="a \" <b>, ;rel=prev"; rel="next"', "a=1"),
        ('</x?a=1>; title="</x?a=2>; rel=next", </x?a=3>; rel="next"', "a=3"),
        ("</x?a=1>;;rel = \"next\" ; flag ; title*=UTF-8''x,", "a=1"),
        (',</x?a=1>; rel="prev"; rel="next",, </x?a=2>; rel=NEXT', "a=2"),
        (r'</x?a=1>; rel="ne\xt"', "a=1"),
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


@pytest.mark.parametrize(
    "header",
    [
        '</x?a=1>; rel="prev", junk',
        '</x?a=1>; title="x; rel="next"',
        '</x?a=1> rel="next"',
        '</x?a=1>; title="open',
        "</x?a=1",
        '</x?a=1>; rel="prev" </x?a=2>; rel="next"',
        '</x?a=<b>; rel="next"',
        'x, </x?a=1>; rel="next"',
    ],
)
def test_a_header_of_which_a_rest_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(Malformed, match="cannot be read"):
        next_query(header, ASKED)


@given(st.text(' <>",;=\\xé', max_size=20))
def test_no_title_hides_the_next_page(title: str) -> None:
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')

    assert next_query(f'<?a=1>; title="{quoted}"; rel="next"', ASKED) == "a=1"
