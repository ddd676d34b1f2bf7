"""`choose: many`: choices are taken up one by one, and Done stores the list."""

from __future__ import annotations

import pytest

from engine.effects import SetField
from engine.loader import load_project
from nodes import KINDS
from tests.engine.step.questions import asking
from tests.engine.step.talk import BUSINESS, Talk

COLOURS = "ask: Which colours?, choose: many, choices: [[Red, Green], Blue], save_to: var.colours"

HOBBIES = BUSINESS.replace(
    "  site:",
    """  hobbies:
    type: list
    label: Hobbies
    options: [{value: chess, label: {en: Chess, fa: شطرنج}}, {value: golf, label: Golf}, tennis]
    rules: {max_length: 2}
  site:""",
)


def test_each_press_takes_a_choice_up_and_done_stores_them() -> None:
    talk = asking(COLOURS)
    assert talk.buttons() == [["Red", "Green"], ["Blue"], ["Done"]]
    talk.said()
    assert talk.press("Blue").said() == ["Chosen: Blue\nWhich colours?"]
    assert talk.buttons() == [["Red", "Green"], ["✓ Blue"], ["Done"]]
    assert talk.press("Red").said() == ["Chosen: Red, Blue\nWhich colours?"]
    assert talk.press("Done").said() == ["Thanks."]
    assert talk.vars["colours"] == ("Red", "Blue")


def test_a_second_press_puts_it_down_again() -> None:
    talk = asking(COLOURS).press("Blue").press("Red").press("✓ Blue").press("Done")
    assert talk.vars["colours"] == ("Red",)
    talk = asking(COLOURS).press("Blue").press("✓ Blue")
    assert talk.said()[-1] == "Nothing is chosen.\nWhich colours?"


def test_a_button_of_an_earlier_message_of_the_question_still_counts() -> None:
    talk = asking(COLOURS)
    old = talk.button("Green").token
    talk.press("Red")
    assert talk.button("Green").token == old


@pytest.mark.parametrize(
    ("replies", "stored"),
    [
        (["red", "BLUE", "done"], ("Red", "Blue")),
        (["3, 1", "done"], ("Red", "Blue")),
        (["۱، ۲", "Done"], ("Red", "Green")),
        (["red; green, done"], ("Red", "Green")),
        (["red", "red", "blue", "done"], ("Blue",)),
    ],
)
def test_choices_are_also_typed_by_text_or_number(replies: list[str], stored: object) -> None:
    talk = asking(COLOURS)
    for reply in replies:
        talk.user(reply)
    assert (talk.vars["colours"], talk.outcome) == (stored, "done")


def test_done_without_a_choice_is_refused_and_something_else_too() -> None:
    talk = asking(COLOURS)
    talk.said()
    assert talk.press("Done").said() == ["Please choose at least 1.\nWhich colours?"]
    assert talk.user("pink").said() == ["Please choose one of the options.\nWhich colours?"]
    assert talk.user("red, pink").said() == ["Please choose one of the options.\nWhich colours?"]
    assert talk.node == "ask_colours"


def test_what_was_chosen_is_still_chosen_after_an_invalid_reply() -> None:
    talk = asking(COLOURS).press("Red").user("pink")
    assert talk.buttons() == [["✓ Red", "Green"], ["Blue"], ["Done"]]
    assert talk.press("Done").vars["colours"] == ("Red",)


class TestAField:
    FLOW = "flow: f\nnodes: [{ask: What do you like?, save_to: hobbies}]\n"

    def test_of_a_list_with_options_offers_them_and_takes_many(self) -> None:
        talk = Talk(self.FLOW, business=HOBBIES, language="fa").start("f")
        assert talk.buttons() == [["شطرنج"], ["Golf"], ["tennis"], ["تمام"]]
        talk.press("شطرنج").user("chess, tennis").press("تمام")
        assert talk.values["hobbies"] == ("chess", "tennis")

    def test_is_done_with_by_the_word_of_any_language(self) -> None:
        for word in ("done", "تمام شد", "golf, done"):
            talk = Talk(self.FLOW, business=HOBBIES, language="fa").start("f")
            assert talk.press("Golf").user(word).values["hobbies"] == ("golf",)

    def test_keeps_its_rules(self) -> None:
        talk = Talk(self.FLOW, business=HOBBIES).start("f")
        talk.user("1, 2, 3").press("Done")
        assert talk.said()[-1] == "Please choose at most 2.\nWhat do you like?"
        assert not [effect for effect in talk.effects if isinstance(effect, SetField)]
        talk.press("✓ Golf").press("Done")
        assert talk.values["hobbies"] == ("chess", "tennis")

    def test_that_is_known_may_be_confirmed_or_written_anew_at_once(self) -> None:
        flow = self.FLOW.replace("hobbies}", "hobbies, overwrite: confirm}")
        talk = Talk(flow, business=HOBBIES, hobbies=("chess",)).start("f")
        assert talk.said() == ["Hobbies: Chess\nIs that still right?"]
        assert talk.user("golf, tennis").values["hobbies"] == ("golf", "tennis")

    def test_with_choose_one_takes_a_list_of_one(self) -> None:
        flow = self.FLOW.replace("hobbies}", "hobbies, choose: one}")
        talk = Talk(flow, business=HOBBIES).start("f").press("Golf")
        assert (talk.values["hobbies"], talk.outcome) == (("golf",), "done")

    def test_has_only_choices_that_are_its_options(self) -> None:
        flow = self.FLOW.replace("hobbies}", "hobbies, choices: [Chess, {text: X, value: ski}]}")
        loaded = load_project({"crm.yaml": HOBBIES, "f.yaml": flow}, KINDS, lambda _: None)
        assert [problem.code for problem in loaded.problems] == ["E402"]


def test_under_a_key_that_is_not_declared_the_list_is_a_text() -> None:
    question = COLOURS.replace("save_to: var.colours", "customer_field_key: colours")
    talk = asking(question).press("Red").press("Blue").press("Done")
    assert talk.extra["colours"] == "Red, Blue"


def test_a_template_may_give_what_is_chosen_from_in_rows() -> None:
    flow = (
        "flow: f\nvars: {sizes: [[38, 39], [40]]}\nnodes:\n"
        '  - {ask: Sizes?, choose: many, choices: "{{ var.sizes }}", save_to: var.kept}\n'
    )
    talk = Talk(flow).start("f")
    assert talk.buttons() == [["38", "39"], ["40"], ["Done"]]
    assert talk.press("40").press("Done").vars["kept"] == ("40",)
