"""What a picture of a flow says."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from engine.flow import Flow
from engine.loader import load_project
from nodes import KINDS
from rapport.pictures.mermaid import SHAPES, mermaid
from rapport.pictures.outline import outline_of
from rapport.pictures.svg import FILL, svg

CRM = """
business: {key: shop, name: Shop, languages: [en, fa]}
fields: {size: {label: Size, type: number}}
"""
FLOW = """
flow: sizes
title: Sizes <&> more
triggers:
  - {on: command, command: size}
  - {on: message, keywords: [size, سایز]}
nodes:
  - id: asked
    ask: {en: "Hi {{ customer.first_name }}, which size?", fa: "سلام {{ customer.first_name }}، چه سایزی؟"}
    save_to: size
    timeout: {after: 1h, goto: late}
  - branch:
      - {when: {size__gte: 45}, goto: big}
    else: thanks
  - id: big
    say: "We \\"do\\" have that."
    goto: thanks
  - id: orphan
    say: Nobody hears this.
  - id: thanks
    say: Thank you.
    end: done
  - id: late
    say: Another time.
"""  # noqa: E501 - a text of one line


def flow() -> Flow:
    loaded = load_project({"crm.yaml": CRM, "flow.yaml": FLOW}, KINDS, lambda _: None)
    return loaded.flows["sizes"]


def test_an_outline_has_what_starts_the_flow_what_it_asks_and_where_it_leads() -> None:
    outline = outline_of(flow(), "en")
    boxes = {box.id: box for box in outline.boxes}
    assert boxes["begin"].lines == ("/size", "size, سایز")
    assert boxes["asked"].waits
    assert boxes["asked"].stores == "size"
    assert boxes["asked"].lines == ("Hi \u2066‹customer.first_name›\u2069, which size?",)
    arrows = {(arrow.source, arrow.target): arrow.label for arrow in outline.arrows}
    assert arrows["asked", "late"] == "timeout"
    assert arrows["thanks", "end"] == "done"
    assert "size__gte 45" in arrows.values()


def test_only_what_no_way_leads_to_is_lost() -> None:
    assert [box.id for box in outline_of(flow(), "en").boxes if box.lost] == ["orphan"]


def test_an_svg_is_well_formed_and_shows_persian_from_the_right() -> None:
    picture = ET.fromstring(svg(outline_of(flow(), "fa")))
    texts = {
        "".join(text.itertext()).strip("\u200f"): text
        for text in picture.iter("{http://www.w3.org/2000/svg}text")
    }
    asked = next(text for words, text in texts.items() if words.startswith("سلام"))
    assert asked.get("direction") == "rtl"
    assert texts["say  thanks"].get("direction") is None
    assert "Sizes <&> more" in texts


def test_what_is_lost_is_red_and_nothing_else_is() -> None:
    picture = ET.fromstring(svg(outline_of(flow(), "en")))
    groups = picture.iter("{http://www.w3.org/2000/svg}g")
    red = ["".join(group.itertext()) for group in groups if "#c62828" in _attributes(group)]
    assert len(red) == 1
    assert "Nobody hears this." in red[0]


def _attributes(element: ET.Element) -> str:
    return " ".join(value for part in element.iter() for value in part.attrib.values())


def test_mermaid_shows_marks_as_they_are_and_not_as_its_own_words() -> None:
    chart = mermaid(outline_of(flow(), "en"))
    assert "We #quot;do#quot; have that." in chart
    assert "title: Sizes #lt;&#gt; more" in chart
    assert ":::lost" in chart
    assert '-->|"timeout"|' in chart


def test_what_is_left_to_be_drawn_of_a_flow_in_its_persian_has_its_signs_in_order() -> None:
    (asked,) = (
        text
        for text in ET.fromstring(svg(outline_of(flow(), "fa"))).iter(
            "{http://www.w3.org/2000/svg}text"
        )
        if "سایزی" in "".join(text.itertext())
    )
    assert "".join(asked.itertext()).endswith("؟\u200f")


@pytest.mark.parametrize("kind", sorted(kind.KIND for kind in KINDS))
def test_every_kind_has_a_form_and_a_colour(kind: str) -> None:
    assert kind in SHAPES
    assert kind in FILL


BUTTONS = """
flow: sizes
nodes:
  - say: Hello
    buttons: [{text: {en: Our sizes, fa: سایزها}, flow: sizes}, {text: Shop, url: "https://example.com"}]
  - {id: news, notify: "Somebody came", to: owner}
  - {id: kept, note: Came by}
  - {id: asked, http: "https://example.com/x"}
"""


def test_buttons_are_shown_with_the_flows_they_start() -> None:
    crm = f"{CRM}staff: [{{name: Ali, role: owner, telegram: 1}}]\nhttp: {{hosts: [example.com]}}\n"
    loaded = load_project({"crm.yaml": crm, "flow.yaml": BUTTONS}, KINDS, lambda _: None)
    outline = outline_of(loaded.flows["sizes"], "fa")
    assert outline.boxes[1].lines == ("Hello", "[سایزها] (\u2066sizes\u2069)", "[Shop]")
    picture = svg(outline)
    assert picture.count("<polygon") == 3
    ET.fromstring(picture)
