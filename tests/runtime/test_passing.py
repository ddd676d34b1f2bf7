"""How people pass through a flow is counted, and shown in its picture, as it happened."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm.services.passing import Passed, passed_through
from rapport.pictures.figures import span, with_figures
from rapport.pictures.mermaid import mermaid
from rapport.pictures.outline import outline_of
from rapport.pictures.svg import RED, svg
from tests.support.desk import NOON, Office

pytestmark = pytest.mark.usefixtures("on_both_stores")

FLOW = """
flow: order
triggers: {on: command, command: start}
nodes:
  - say: Hello
  - {id: size, ask: Which size?, save_to: size, timeout: {after: 2h}}
  - {id: sure, ask: Sure?, choices: [{text: "Yes", goto: fine}, "No"], save_to: var.sure}
  - {id: details, call: more}
  - {id: fine, say: Fine, end: ordered}
---
flow: more
nodes:
  - {id: birth, ask: When were you born?, save_to: birth_date}
"""


@pytest.fixture
def office() -> Office:
    """ann orders, bob is wrong twice and then silent, eve is asked more, sue never answers."""
    office = Office(FLOW)
    for peer in ("ann", "bob", "eve", "sue"):
        office.says("/start", peer=peer)
    office.advance("10s")
    office.says("42", peer="ann").advance("20s")
    office.says("Yes", peer="ann")
    office.says("banana", "kiwi", peer="bob")
    office.says("41", "No", peer="eve").advance("3h")
    return office.says("/start", peer="ann")


def passed(office: Office, flow: str = "order", **since: object) -> dict[str, Passed]:
    with office.engine.connect() as db:
        return dict(passed_through(db, office.library.business_id, flow, **since))  # type: ignore[arg-type]  # a moment


def test_each_node_tells_who_came_answered_and_was_lost(office: Office) -> None:
    size = passed(office)["size"]
    assert (size.people, size.waiting, size.invalid) == (4, 1, 2)
    assert (size.answered, size.timed_out) == (2, 2)
    assert size.left == {("sure", ""): 2, ("no_reply", "timeout"): 2}
    assert size.seconds == 20  # ann took 10 s and eve 30


def test_who_stands_in_a_called_flow_waits_at_the_call(office: Office) -> None:
    details, birth = passed(office)["details"], passed(office, "more")["birth"]
    assert (details.people, details.waiting, details.left) == (1, 1, {})
    assert (birth.people, birth.waiting) == (1, 1)


def test_a_choice_that_leads_on_is_an_answer(office: Office) -> None:
    sure = passed(office)["sure"]
    assert sure.left == {("fine", "choice"): 1, ("details", ""): 1}
    assert sure.answered == 2


def test_runs_that_began_before_are_left_out(office: Office) -> None:
    size = passed(office, since=NOON + timedelta(hours=1))["size"]
    assert (size.people, size.waiting, size.left) == (1, 1, {})
    assert passed(office, since=NOON + timedelta(days=1)) == {}


def test_nobody_of_another_business_is_counted(office: Office) -> None:
    with office.engine.connect() as db:
        assert passed_through(db, office.library.business_id + 1, "order") == {}


def test_a_picture_shows_how_many_came_and_where_they_were_lost(office: Office) -> None:
    flow = office.library.flows["order", 0]
    outline = with_figures(outline_of(flow, "en"), passed(office))
    boxes = {box.id: box for box in outline.boxes}
    size, fine = boxes["size"].figures, boxes["fine"].figures
    assert size is not None
    assert fine is not None
    assert size.lines == ("4 people · 1 waiting", "2 answered · 2 invalid · 2 timed out",
                          "median 20 s")  # fmt: skip
    assert size.lost == "2 lost here, 40 %"
    assert fine.lines == ("1 person",)
    assert (size.share, fine.share) == (1, 0.25)
    taken = {(arrow.source, arrow.target): arrow.count for arrow in outline.arrows}
    assert taken["size", "sure"] == 2
    assert taken["sure", "fine"] == 1
    assert taken["fine", "end"] == 1
    assert "2 lost here, 40 %" in mermaid(outline)
    picture = svg(outline)
    assert "4 people · 1 waiting" in picture
    assert RED in picture


def test_a_picture_of_what_nobody_went_through_has_no_bars() -> None:
    office = Office(FLOW)
    flow = office.library.flows["order", 0]
    assert RED not in svg(with_figures(outline_of(flow, "en"), passed(office)))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "0 s"), (37.4, "37 s"), (240, "4 min"), (9_000, "2.5 h"), (259_200, "3 d")],
)
def test_a_time_is_told_in_its_largest_unit(seconds: float, shown: str) -> None:
    assert span(seconds) == shown
