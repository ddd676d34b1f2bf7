"""Boxes never lie upon each other, and every arrow runs from its box to its box."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.pictures.layout import GAP, Size, lay_out

NAMES = [f"n{number}" for number in range(9)]
SIZES = st.builds(Size, st.floats(20, 300), st.floats(20, 120))
ARROWS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=16)


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(NAMES, SIZES)), ARROWS)
def test_boxes_have_room_and_arrows_touch_them(
    sizes: dict[str, Size], arrows: list[tuple[str, str]]
) -> None:
    layout = lay_out(sizes, arrows)
    boxes = {
        name: (at.x, at.y, at.x + sizes[name].width, at.y + sizes[name].height)
        for name, at in layout.places.items()
    }
    for one in NAMES:
        for other in NAMES:
            if one < other:
                a, b = boxes[one], boxes[other]
                apart = (a[2] <= b[0] or b[2] <= a[0]) or (a[3] <= b[1] or b[3] <= a[1])
                assert apart, (one, other)
    for (source, target), path in zip(arrows, layout.paths, strict=True):
        assert _touches(path[0], boxes[source])
        assert _touches(path[-1], boxes[target])


def _touches(point: tuple[float, float], box: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = box
    x, y = point
    return left - GAP <= x <= right + GAP and top - 1e-6 <= y <= bottom + 1e-6


def test_what_follows_stands_below_and_a_straight_line_stays_straight() -> None:
    sizes = {name: Size(100, 40) for name in "abc"}
    layout = lay_out(sizes, [("a", "b"), ("b", "c")])
    a, b, c = (layout.places[name] for name in "abc")
    assert a.y < b.y < c.y
    assert a.x == b.x == c.x


def test_a_way_back_up_ends_above_where_it_began() -> None:
    sizes = {name: Size(100, 40) for name in "ab"}
    layout = lay_out(sizes, [("a", "b"), ("b", "a")])
    down, up = layout.paths
    assert down[0][1] < down[-1][1]
    assert up[0][1] > up[-1][1]


def test_nothing_is_a_picture_of_no_size() -> None:
    assert lay_out({}, []).size == Size(0, 0)
