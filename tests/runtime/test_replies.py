"""Replies of more than one message, press or word, as the store keeps them."""

from __future__ import annotations

from datetime import date

import pytest

from crm.tables import activity, field_history, outbox, run, timer
from tests.support.desk import Office, load

pytestmark = pytest.mark.usefixtures("on_both_stores")

FLOW = """
flow: f
triggers: [{on: command, command: go}]
nodes:
  - {id: name, ask: Your name?, save_to: first_name, merge_within: 2s, back: true}
  - id: likes
    ask: What do you like?
    choose: many
    choices: [Tea, Coffee, Milk]
    save_to: var.likes
    back: true
  - {say: "{{ customer.first_name }}: {{ var.likes | join('+') }}"}
"""


@pytest.fixture
def office() -> Office:
    office = Office(FLOW)
    office.says("/go").said()
    return office


class TestQuickMessages:
    def test_are_one_reply_of_which_the_history_names_the_last(self, office: Office) -> None:
        assert office.says("Sara", "Ahmadi").said() == []
        assert office.advance("1s").said() == []
        assert office.advance("1s").said() == ["What do you like?"]
        assert office.rows(field_history, "new", "node", "mail_id") == [
            ("Sara\nAhmadi", "name", 3),
        ]

    def test_stand_each_on_the_timeline(self, office: Office) -> None:
        office.says("Sara", "Ahmadi").advance("2s")
        heard = office.rows(activity, "description", type="message_received")
        assert heard == ["/go", "Sara", "Ahmadi"]

    def test_are_answered_in_the_lane_of_a_persons_messages(self, office: Office) -> None:
        office.says("Sara").advance("2s")
        assert set(office.rows(outbox, "lane")) == {0}

    def test_leave_no_timer_but_the_questions_own(self, office: Office) -> None:
        office.says("Sara").advance("2s")
        assert len(office.rows(timer, "due_at")) == 1
        assert office.advance("7d").rows(run, "outcome") == ["no_reply"]


class TestManyChoices:
    def test_are_known_by_their_values_when_the_flow_changes(self, office: Office) -> None:
        office.says("Sara").advance("2s").presses("Coffee").said()
        office.apply(load(FLOW.replace("[Tea, Coffee, Milk]", "[Water, Coffee]")))
        office.says("water")
        assert office.said() == ["Chosen: Water, Coffee\nWhat do you like?"]
        assert office.says("done").said() == ["Sara: Water+Coffee"]

    def test_pressed_together_are_all_taken_up(self, office: Office) -> None:
        office.says("Sara").advance("2s")
        tokens = [button.token for row in office.shown[-1].outgoing().buttons for button in row]
        presses = [
            office.inbound(kind="press", payload={"token": token, "callback_id": "press"})
            for token in (tokens[0], tokens[2], tokens[3])
        ]
        office.receives(*presses)
        assert office.said()[-1] == "Sara: Tea+Milk"


def test_going_back_is_a_visit_of_its_own_and_keeps_what_was_stored(office: Office) -> None:
    office.says("Sara").advance("2s").presses("Back")
    assert office.said()[-1] == "Your name?"
    assert office.customer("first_name") == "Sara"
    office.says("Zahra").advance("2s")
    assert office.rows(field_history, "old", "new") == [(None, "Sara"), ("Sara", "Zahra")]


def test_a_year_alone_is_completed_in_the_next_message() -> None:
    office = Office(FLOW.replace("save_to: first_name, merge_within: 2s", "save_to: birth_date"))
    office.says("/go", "1990").said()
    office.says("15 May")
    assert office.customer("birth_date") == date(1990, 5, 15)
    assert office.rows(field_history, "old", "new") == [(None, "1990-05-15")]


def test_a_gathered_value_that_somebody_else_has_is_asked_again() -> None:
    office = Office(FLOW.replace("save_to: first_name", "save_to: code"))
    for peer in ("ann", "bob"):
        office.says("/go", peer=peer)
        office.says("A1", peer=peer).advance("2s")
    assert office.said("bob")[-1] == (
        "That is already in use. Please give another one.\nYour name?"
    )
    office.says("A2", peer="bob").advance("2s")
    assert [office.customer("code", peer) for peer in ("ann", "bob")] == ["A1", "A2"]


def test_places_and_files_are_stored_as_they_come_from_the_channel() -> None:
    office = Office(
        "flow: f\ntriggers: [{on: command, command: go}]\nnodes:\n"
        "  - {ask: Where?, expect: location, save_to: address}\n"
        "  - {ask: A picture?, expect: photo, save_to: nickname, skip: true}\n"
        "  - {say: Thanks.}\n"
    )
    place = {"location": {"latitude": 35.6892, "longitude": 51.389}}
    picture = {"media": {"kind": "photo", "file_id": "AgAC7"}, "album": "a1"}
    office.says("/go").says("", kind="location", payload=place)
    office.says("", kind="photo", payload=picture).says("", kind="photo", payload=picture)
    assert office.said() == ["Where?", "A picture?", "Thanks."]
    assert office.customer("address") == "35.6892,51.389"
    assert office.rows(field_history, "field", "new") == [
        ("address", "35.6892,51.389"), ("nickname", "AgAC7"),
    ]  # fmt: skip


def test_what_lies_under_every_question_may_lead_back_and_gather() -> None:
    flow = "flow: f\ntriggers: [{on: command, command: go}]\nnodes:\n"
    flow += "  - {ask: Name?, save_to: first_name}\n  - {ask: City?, save_to: city}\n"
    office = Office(flow + "defaults: {ask: {back: true, merge_within: 3s}}\n")
    office.says("/go", "Sara").advance("3s").says("back")
    assert office.said() == ["Name?", "City?", "Name?"]
