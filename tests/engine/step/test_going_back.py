"""`back`: to the question before, which is asked again whatever is known."""

from __future__ import annotations

from decimal import Decimal

from tests.engine.step.talk import Talk

FLOW = """
flow: f
nodes:
  - {id: name, ask: Your name?, save_to: first_name, back: true}
  - {id: city, ask: Your city?, save_to: city, back: true, skip: true}
  - {say: Nearly done.}
  - {id: size, ask: Your size?, save_to: shoe_size, back: [previous], overwrite: if_empty}
  - {id: end_, ask: All right?, choices: ["Yes"], back: true}
"""


def test_the_first_question_has_no_way_back() -> None:
    talk = Talk(FLOW).start("f")
    assert talk.buttons() == []
    assert talk.user("back").said()[-1] == "This is the first question.\nYour name?"
    assert "first_name" not in talk.values


def test_the_button_leads_to_the_question_before_and_its_answer_forward_again() -> None:
    talk = Talk(FLOW).start("f").user("Sara")
    assert talk.buttons() == [["Back"], ["Skip"]]
    talk.press("Back")
    assert (talk.node, talk.said()[-1]) == ("name", "Your name?")
    assert talk.values["first_name"] == "Sara"
    talk.user("Zahra")
    assert (talk.node, talk.values["first_name"]) == ("city", "Zahra")


def test_words_lead_back_in_both_languages_and_count_no_attempt() -> None:
    for word in ("back", "بازگشت"):
        talk = Talk(FLOW).start("f").user("Sara").user(word)
        assert talk.node == "name"


def test_ones_own_words_have_no_button() -> None:
    talk = Talk(FLOW).start("f").user("Sara").press("Skip")
    assert (talk.node, talk.buttons()) == ("size", [])
    assert talk.user("previous").node == "city"


def test_going_back_twice_leads_two_questions_back() -> None:
    talk = Talk(FLOW).start("f").user("Sara").user("Yazd").user("42")
    assert talk.press("Back").node == "size"
    assert talk.said()[-1] == "Your size?"
    assert talk.user("previous").press("Back").node == "name"
    assert talk.buttons() == []


def test_a_known_answer_is_asked_for_again_on_the_way_back_only() -> None:
    talk = Talk(FLOW, shoe_size=Decimal(42)).start("f").user("Sara").user("Yazd")
    assert talk.node == "end_"
    assert talk.press("Back").node == "city"


def test_a_flow_without_a_way_back_remembers_no_questions() -> None:
    flow = "flow: f\nnodes:\n  - {ask: A?, save_to: first_name}\n  - {ask: B?, save_to: city}\n"
    talk = Talk(flow).start("f").user("Sara")
    assert talk.run is not None
    assert talk.run.frames[-1].trail == ()


FORM = """
flow: f
nodes:
  - {id: size, ask: Your size?, save_to: shoe_size}
  - id: you
    form:
      - {save_to: first_name, back: true}
      - {save_to: gender, back: true}
      - {save_to: pregnant, when: {gender: female}, back: true}
      - {save_to: city, back: true}
  - {id: last, ask: Sure?, choices: ["Yes"], back: true}
"""


class TestForms:
    def test_lead_back_from_question_to_question_and_out_of_the_form(self) -> None:
        talk = Talk(FORM).start("f").user("42").user("Sara").user("male")
        assert talk.said()[-1] == "City"
        assert talk.press("Back").said() == ["Gender"]
        assert talk.press("Back").said() == ["First name"]
        assert talk.press("Back").said() == ["Your size?"]
        assert talk.user("43").said() == ["First name"]

    def test_are_entered_again_at_their_last_question(self) -> None:
        talk = Talk(FORM).start("f").user("42").user("Sara").user("female").user("no").user("Yazd")
        assert talk.node == "last"
        talk.said()
        assert talk.press("Back").said() == ["City"]
        assert talk.press("Back").said() == ["Pregnant"]

    def test_with_a_list_of_answers_open_at_the_list(self) -> None:
        flow = FORM.replace("  - {id: last", "    confirm: Right?\n  - {id: last")
        talk = Talk(flow).start("f").user("42").user("Sara").user("male").user("Yazd")
        talk.press("All correct").said()
        assert talk.press("Back").said() == [
            "Right?\nFirst name: Sara\nGender: male\nCity: Yazd",
        ]
        talk.press("City")
        assert talk.buttons() == [["Back"]]
        assert talk.press("Back").said()[-1].startswith("Right?")
