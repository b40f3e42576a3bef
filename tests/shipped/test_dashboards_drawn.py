"""Is what is drawn of a dashboard what its answers say?"""

from __future__ import annotations

import re
from typing import Any

import pytest

from dashboards.drawing import chart, plain
from dashboards.drawing.look import COLOURS, Look, written
from dashboards.drawing.series import Series, read

NOW = 1_000_000.0
SHORT = Look("short", {}, (), NOW)
FRAME = chart.Frame(400, 100, 0.0, 4.0)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "bytes", "0 B"),
        (1536, "bytes", "1.5 KiB"),
        (1000 * 1024, "bytes", "1000 KiB"),
        (3 * 1024**4, "bytes", "3 TiB"),
        (0.004, "s", "4 ms"),
        (0, "s", "0 s"),
        (900, "s", "15 min"),
        (2.5 * 86400, "s", "2.5 d"),
        (0.0417, "percentunit", "4.17 %"),
        (12_000, "short", "12 K"),
        (7, "short", "7"),
        (255, "hex", "ff"),
        (0.5, "reqps", "0.5 req/s"),
        (1000 * (NOW - 2 * 86400), "dateTimeFromNow", "2 days ago"),
        (1000 * (NOW - 3600), "dateTimeFromNow", "1 hour ago"),
        (1000 * (NOW + 7200), "dateTimeFromNow", "in 2 hours"),
    ],
)
def test_a_number_is_written_in_its_unit(value: float, unit: str, text: str) -> None:
    assert written(value, unit, NOW) == text


def test_a_mapped_value_has_its_words_and_colour_and_no_threshold_counts() -> None:
    field = {
        "unit": "short",
        "mappings": [{"options": {"1": {"text": "gone", "color": "red"}}}],
        "thresholds": {"steps": [{"value": None, "color": "green"}, {"value": 5, "color": "blue"}]},
    }
    look = Look.of(field, NOW)

    assert (look.text(1.0), look.colour(1.0)) == ("gone", COLOURS["red"])
    assert (look.text(4.0), look.colour(4.0)) == ("4", COLOURS["green"])
    assert look.colour(5.0) == COLOURS["blue"]


def test_series_are_named_by_the_legend_and_else_by_their_labels() -> None:
    answer = [{"metric": {"a": "1", "b": "2"}, "value": [0, "3"]}]

    assert read(answer, "{{b}}, x")[0].name == "2, x"
    assert read(answer)[0].name == "1, 2"
    assert read(answer)[0].last == 3


def over(name: str, *values: float) -> Series:
    return Series({}, tuple((float(at), value) for at, value in enumerate(values)), name)


def heights(svg: str, shape: str) -> list[list[float]]:
    found = re.findall(rf'<{shape} points="([^"]*)"', svg)
    return [[float(pair.split(",")[1]) for pair in each.split()] for each in found]


def test_stacked_series_lie_on_each_other() -> None:
    svg = chart.lines(FRAME, [over("a", 1, 1), over("b", 1, 3)], SHORT, {}, stacked=True)

    low, high = heights(svg, "polyline")
    assert low[0] == low[1] == FRAME.y(1 / 4)
    assert high == [FRAME.y(2 / 4), FRAME.y(4 / 4)]


def test_lines_that_are_not_stacked_begin_at_zero_each() -> None:
    svg = chart.lines(FRAME, [over("a", 1, 1), over("b", 2, 4)], SHORT, {}, stacked=False)

    assert heights(svg, "polyline") == [[FRAME.y(1 / 4)] * 2, [FRAME.y(2 / 4), FRAME.y(1)]]


def test_a_state_is_one_band_for_as_long_as_it_held() -> None:
    look = Look("short", {"0": ("well", "#00ff00"), "1": ("gone", "#ff0000")}, (), NOW)

    svg = chart.states(FRAME, [over("app", 0, 0, 0, 1, 1)], look)

    assert re.findall(r'fill="(#\w+)" opacity', svg) == ["#00ff00", "#ff0000"]
    assert ">well<" in svg
    assert ">app<" in svg


def test_a_bucket_is_drawn_without_those_below_it() -> None:
    fast, all_of_them = over("0.1", 2, 2), over("+Inf", 2, 3)

    svg = chart.heat(FRAME, [all_of_them, fast], "s")

    assert svg.count("<rect") == 1, "nothing is slower in the first interval"


def table(**options: Any) -> str:
    panel = {
        "fieldConfig": {"defaults": {"unit": "short"}, "overrides": []},
        "options": {"sortBy": [{"displayName": "size", "desc": True}]},
        "transformations": [
            {
                "options": {
                    "excludeByName": {"Time": True} | options,
                    "indexByName": {"tag": 0, "Value #A": 1, "Value #B": 2},
                    "renameByName": {"Value #A": "size", "Value #B": "age"},
                }
            }
        ],
    }
    answers = {
        "A": [Series({"tag": "v1"}, ((0, 1.0),)), Series({"tag": "v2"}, ((0, 9.0),))],
        "B": [Series({"tag": "v1"}, ((0, 5.0),))],
    }
    return plain.table(panel, answers, NOW)


def test_answers_with_the_same_labels_are_one_row_and_the_largest_is_first() -> None:
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", table())

    assert cells == ["v2", "9", "", "v1", "1", "5"]


def test_a_column_that_is_left_out_is_not_shown() -> None:
    assert re.findall(r"<th>(\w+)</th>", table()) == ["tag", "size", "age"]
    assert re.findall(r"<th>(\w+)</th>", table(**{"Value #B": True})) == ["tag", "size"]


def test_what_comes_from_a_registry_is_no_markup() -> None:
    evil = Series({"alertname": "x"}, ((0, 1.0),), "<script>")

    for drawn in (
        plain.bars([evil], SHORT),
        plain.values([evil], SHORT, named=True),
        chart.states(FRAME, [evil], SHORT),
        plain.note("<script>"),
    ):
        assert "<script>" not in drawn
