"""What questions do with the replies people give."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.effects import SetField
from engine.messages import Message
from engine.resume import Refused, Released, Reply
from tests.engine.step.questions import asking
from tests.engine.step.talk import Talk


class TestInvalidReplies:
    def test_the_rule_that_failed_and_the_question_come_in_one_message(self) -> None:
        talk = asking("ask: Your size?, save_to: shoe_size")
        talk.said()
        assert talk.user("60").said() == [
            "That is too much: it may be at most 50.\nYour size?",
        ]

    def test_an_invalid_reply_is_not_stored_and_the_question_stays_open(self) -> None:
        talk = asking("ask: Your size?, save_to: shoe_size").user("60").user("big")
        assert talk.node == "ask_shoe_size"
        assert not [effect for effect in talk.effects if isinstance(effect, SetField)]
        assert talk.user("42").values["shoe_size"] == Decimal(42)

    def test_it_is_asked_again_by_its_last_line(self) -> None:
        talk = asking(r'ask: "We want to know you.\nYour size?", save_to: shoe_size')
        assert talk.said() == ["We want to know you.\nYour size?"]
        assert talk.user("big").said()[0].endswith("\nYour size?")
        assert "We want" not in talk.user("big").said()[0]

    def test_or_by_the_short_form_its_author_wrote(self) -> None:
        talk = asking("ask: What is the size of your shoes?, short: Size?, save_to: shoe_size")
        assert talk.user("60").said()[-1].endswith("\nSize?")

    def test_the_buttons_come_again_with_it(self) -> None:
        talk = asking("ask: Which?, save_to: favorite_category").user("hats")
        assert talk.said()[-1] == "Please choose one of the options.\nWhich?"
        assert talk.buttons() == [["Clothes"], ["Shoes"], ["Accessories"]]

    def test_without_attempts_a_question_stays_open_for_ever(self) -> None:
        talk = asking("ask: Your size?, save_to: shoe_size")
        for _ in range(50):
            talk.user("big")
        assert talk.node == "ask_shoe_size"

    @pytest.mark.parametrize(
        "reply",
        [
            "x" * 5000,
            "a\x00b",
            "9" * 400,
            "31/02/1990",
            "2990-01-01",
            "",
            "\u200b\u200b",
            "👍" * 4096,
        ],
    )
    def test_replies_that_no_date_can_be_read_from_are_asked_again(self, reply: str) -> None:
        talk = asking("ask: When were you born?, save_to: birth_date")
        talk.said()
        (said,) = talk.user(reply).said()
        assert said.endswith("\nWhen were you born?")
        assert talk.values.get("birth_date") is None

    def test_a_value_that_somebody_else_has_is_asked_again(self) -> None:
        talk = asking("ask: Your email?, save_to: email")
        talk.said()
        assert talk.resume(Refused("email", "unique")).said() == [
            "That is already in use. Please give another one.\nYour email?"
        ]


class TestWhatIsNoReply:
    @pytest.mark.parametrize("kind", ["sticker", "voice", "photo", "location", "contact", "other"])
    def test_a_message_without_text_is_answered_and_does_not_count(self, kind: str) -> None:
        retry = "retry: {attempts: 2, goto: end}"
        talk = asking(f"ask: Your name?, save_to: first_name, {retry}")
        talk.said()
        for _ in range(3):
            said = talk.send(Message(kind=kind)).said()
            assert said == ["Please answer with text.\nYour name?"]
        assert talk.node == "ask_first_name"

    def test_an_album_is_answered_once(self) -> None:
        talk = asking("ask: Your name?, save_to: first_name")
        talk.said()
        for _ in range(10):
            talk.send(Message(kind="photo", album="a1"))
        assert len(talk.said()) == 1
        assert len(talk.send(Message(kind="photo", album="a2")).said()) == 1

    def test_the_caption_of_a_picture_is_a_reply(self) -> None:
        talk = asking("ask: Your name?, save_to: first_name")
        talk.send(Message(kind="photo", text="Sara"))
        assert talk.values["first_name"] == "Sara"

    def test_a_command_is_no_answer(self) -> None:
        talk = asking("ask: Your name?, save_to: first_name")
        talk.said()
        assert talk.user("/weather").said() == ["I do not know that command.\nYour name?"]
        assert talk.values.get("first_name") is None

    def test_editing_a_reply_that_was_not_understood_is_another_try(self) -> None:
        talk = asking("ask: Your size?, save_to: shoe_size").user("4O", message_id="m1")
        talk.send(Message(kind="edited", text="40", message_id="m1"))
        assert talk.values["shoe_size"] == Decimal(40)

    def test_editing_an_answer_that_was_stored_changes_nothing(self) -> None:
        flow = "flow: f\nnodes:\n  - {ask: A?, save_to: first_name}\n  - {ask: B?, save_to: city}\n"
        talk = Talk(flow).start("f").user("Sara", message_id="m1")
        talk.send(Message(kind="edited", text="Zahra", message_id="m1"))
        assert talk.values["first_name"] == "Sara"
        assert "city" not in talk.values


class TestContacts:
    def test_the_own_contact_card_is_a_phone_number(self) -> None:
        talk = asking("ask: Your phone?, save_to: phone_number")
        card = {"phone_number": "989123456789", "own": True}
        talk.send(Message(kind="contact", media=card))
        assert talk.values["phone_number"] == "+989123456789"

    def test_somebody_elses_card_is_not(self) -> None:
        talk = asking("ask: Your phone?, save_to: phone_number")
        talk.said()
        card = {"phone_number": "989123456789", "own": False}
        (said,) = talk.send(Message(kind="contact", media=card)).said()
        assert said.startswith("That is somebody else's contact.")
        assert talk.values.get("phone_number") is None

    def test_where_a_card_is_expected_a_text_is_not_enough(self) -> None:
        talk = asking("ask: Whom should we greet?, expect: contact, save_to: var.friend")
        talk.said()
        assert talk.user("Ali").said() == ["Please share a contact card.\nWhom should we greet?"]
        card = {"phone_number": "+989123456789", "own": False}
        talk.send(Message(kind="contact", media=card))
        assert talk.vars["friend"] == "+989123456789"


class TestChoices:
    ROWS = 'choices: [["Yes", "No"], {text: Maybe, value: 5}], save_to: var.said'

    def test_an_inner_list_is_a_row(self) -> None:
        talk = asking(f"ask: So?, {self.ROWS}")
        assert talk.buttons() == [["Yes", "No"], ["Maybe"]]

    @pytest.mark.parametrize("reply", ["Maybe", " maybe! ", "3", "۳", "3."])
    def test_a_choice_is_meant_by_its_text_or_its_number(self, reply: str) -> None:
        talk = asking(f"ask: So?, {self.ROWS}").user(reply)
        assert talk.vars["said"] == Decimal(5)

    def test_what_is_no_choice_is_refused(self) -> None:
        talk = asking(f"ask: So?, {self.ROWS}").user("4")
        assert talk.said()[-1] == "Please choose one of the options.\nSo?"

    def test_a_typed_text_beats_a_number(self) -> None:
        talk = asking('ask: How many?, choices: ["2", "1"], save_to: var.count').user("1")
        assert talk.vars["count"] == "1"

    def test_at_a_number_question_a_number_is_itself(self) -> None:
        talk = asking('ask: Size?, choices: ["40", "42"], save_to: shoe_size').user("2")
        assert talk.said()[-1].startswith("That is too small")
        assert talk.press("42").values["shoe_size"] == Decimal(42)

    def test_beside_choices_of_a_text_field_any_text_is_an_answer(self) -> None:
        talk = asking('ask: City?, choices: ["Tehran", "Tabriz"], save_to: city').user("Yazd")
        assert talk.values["city"] == "Yazd"

    def test_a_choice_may_be_offered_to_some_only(self) -> None:
        choices = "choices: [A, {text: B, when: {is_vip: true}}]"
        assert asking(f"ask: So?, {choices}, save_to: var.x").buttons() == [["A"]]
        assert asking(f"ask: So?, {choices}, save_to: var.x", is_vip=True).buttons() == [
            ["A"],
            ["B"],
        ]

    def test_a_template_may_give_the_list(self) -> None:
        flow = (
            "flow: f\nvars: {sizes: [S, M]}\n"
            'nodes:\n  - {id: q, ask: Size?, choices: "{{ var.sizes }}", save_to: var.size}\n'
        )
        talk = Talk(flow).start("f")
        assert talk.buttons() == [["S"], ["M"]]
        assert talk.press("M").vars["size"] == "M"

    def test_a_template_that_gives_no_list_is_recorded_and_asks_without_buttons(self) -> None:
        flow = (
            "flow: f\nvars: {sizes: 5}\n"
            'nodes:\n  - {ask: Size?, choices: "{{ var.sizes }}", save_to: city}\n'
        )
        talk = Talk(flow).start("f")
        assert talk.buttons() == []
        assert talk.problems == ["f, node ask_city: `choices` gives no list"]

    def test_what_is_stored_does_not_depend_on_the_language_of_the_person(self) -> None:
        choices = "choices: [{en: Fine, fa: خوبم}], save_to: var.mood"
        talk = asking(f"ask: How are you?, {choices}", language="fa").press("خوبم")
        assert talk.vars["mood"] == "Fine"

    def test_a_yes_or_no_question_has_both_as_buttons(self) -> None:
        talk = asking("ask: VIP?, save_to: is_vip", language="fa")
        assert talk.buttons() == [["بله", "خیر"]]
        assert talk.press("خیر").values["is_vip"] is False

    def test_tokens_fit_the_smallest_limit_of_a_channel(self) -> None:
        token = asking("ask: VIP?, save_to: is_vip").button("Yes").token
        assert token == "1-1.0"


class TestOverwriting:
    KNOWN = date(1990, 5, 15)

    def test_if_empty_asks_nothing_where_a_valid_value_is_there(self) -> None:
        talk = asking("ask: Born?, save_to: birth_date, overwrite: if_empty", birth_date=self.KNOWN)
        assert talk.outcome == "done"

    def test_if_empty_asks_where_the_value_is_not_valid(self) -> None:
        future = date(2990, 5, 15)
        talk = asking("ask: Born?, save_to: birth_date, overwrite: if_empty", birth_date=future)
        assert talk.said() == ["Born?"]

    @pytest.mark.parametrize(
        ("stored", "said"),
        [
            (80, ["Weight: 80\nIs that still right?"]),
            ("80.5", ["Weight: 80.5\nIs that still right?"]),
            ("heavy", ["Your weight?"]),
            (None, ["Your weight?"]),
        ],
    )
    def test_what_lies_under_an_undeclared_key_is_read_as_what_the_question_expects(
        self, stored: Any, said: list[str]
    ) -> None:
        options = "customer_field_key: Weight, expect: number, overwrite: confirm"
        talk = Talk(f"flow: f\nnodes: [{{ask: Your weight?, {options}}}]\n")
        talk.extra = {"Weight": stored}
        assert talk.start("f").said() == said

    def test_confirm_shows_the_value_and_keeps_it(self) -> None:
        talk = asking("ask: Born?, save_to: birth_date, overwrite: confirm", birth_date=self.KNOWN)
        assert talk.said() == ["Birth date: 1990-05-15\nIs that still right?"]
        assert talk.press("Yes, keep it").outcome == "done"
        assert not [effect for effect in talk.effects if isinstance(effect, SetField)]

    def test_confirm_asks_the_question_where_it_is_to_be_changed(self) -> None:
        talk = asking("ask: Born?, save_to: birth_date, overwrite: confirm", birth_date=self.KNOWN)
        assert talk.user("no").said()[-1] == "Born?"
        assert talk.user("1991-01-01").values["birth_date"] == date(1991, 1, 1)

    def test_confirm_takes_a_new_value_at_once(self) -> None:
        talk = asking("ask: Born?, save_to: birth_date, overwrite: confirm", birth_date=self.KNOWN)
        talk.user("1991-01-01")
        assert (talk.values["birth_date"], talk.outcome) == (date(1991, 1, 1), "done")

    def test_confirm_of_a_choice_takes_only_what_is_offered(self) -> None:
        question = "ask: Which?, choices: [clothes, shoes], save_to: favorite_category"
        talk = asking(f"{question}, overwrite: confirm", favorite_category="shoes")
        assert talk.user("accessories").node == "ask_favorite_category"
        assert talk.user("clothes").values["favorite_category"] == "clothes"

    def test_an_unchanged_answer_writes_nothing(self) -> None:
        talk = asking("ask: Born?, save_to: birth_date", birth_date=self.KNOWN).user("1990-05-15")
        assert talk.outcome == "done"
        assert not [effect for effect in talk.effects if isinstance(effect, SetField)]


class TestWhereAnswersGo:
    def test_a_key_without_a_mapping_keeps_text(self) -> None:
        talk = asking("ask: Size?, expect: number, customer_field_key: hat_size").user("۵۷ cm")
        assert talk.extra == {"hat_size": "57"}

    def test_a_question_may_store_nothing(self) -> None:
        flow = 'flow: f\nnodes:\n  - ask: Ready?\n  - say: "You said {{ reply.text }}."\n'
        assert Talk(flow).start("f").user("sure").said() == ["Ready?", "You said sure."]

    def test_any_takes_whatever_comes(self) -> None:
        talk = asking("ask: Send something., expect: any").send(Message(kind="sticker"))
        assert talk.outcome == "done"

    def test_rules_of_the_question_hold_beside_those_of_the_field(self) -> None:
        talk = asking("ask: Size?, save_to: shoe_size, rules: {min: 10, max: 30}")
        assert talk.user("15").said()[-1].startswith("That is too small: it must be at least 20.")
        assert talk.user("40").said()[-1].startswith("That is too much: it may be at most 30.")
        assert talk.user("25").values["shoe_size"] == Decimal(25)

    def test_a_phone_is_kept_as_text_in_a_text_field(self) -> None:
        talk = asking("ask: Phone of a friend?, expect: phone, save_to: description")
        talk.user("0912 345 6789")
        assert talk.values["description"] == "+989123456789"


class TestWaiting:
    def test_until_counts_from_a_moment_of_the_customer(self) -> None:
        timeout = 'timeout: {until: "{{ customer.wedding }}", offset: -1d, goto: end}'
        talk = asking(f"ask: Dress?, save_to: city, {timeout}", wedding=date(2026, 3, 5))
        talk.advance(timedelta(days=2, hours=11))
        assert talk.node == "ask_city"
        talk.advance(timedelta(hours=1))
        assert talk.outcome == "done"

    def test_a_timeout_whose_moment_is_missing_is_the_usual_week(self) -> None:
        timeout = 'timeout: {until: "{{ customer.wedding }}", goto: end}'
        talk = asking(f"ask: Dress?, save_to: city, {timeout}")
        assert talk.problems == ["f, node ask_city: `until` gives no date or moment"]
        assert talk.advance(timedelta(days=6)).node == "ask_city"
        assert talk.advance(timedelta(days=1)).outcome == "done"

    def test_after_a_detour_it_is_asked_again_in_short_with_its_buttons(self) -> None:
        talk = asking("ask: Which is it?, short: Which?, save_to: favorite_category")
        talk.said()
        before = talk.run
        assert talk.resume(Released()).said() == ["Which?"]
        assert len(talk.buttons()) == 3
        assert talk.run == before

    def test_a_reminder_carries_the_buttons(self) -> None:
        timeout = "timeout: {remind: {after: 1h, text: Well?}}"
        talk = asking(f"ask: Which?, save_to: favorite_category, {timeout}")
        assert talk.advance(timedelta(hours=1)).said() == ["Which?", "Well?"]
        assert len(talk.buttons()) == 3

    def test_reminders_of_a_question_that_has_closed_are_not_set(self) -> None:
        remind = "remind: {after: 2h, text: Well?}"
        timeout = f'timeout: {{until: "{{{{ customer.wedding }}}}", {remind}, goto: end}}'
        talk = asking(f"ask: Dress?, save_to: city, {timeout}", wedding=date(2026, 3, 1))
        assert talk.run is not None
        assert talk.run.wait is not None
        assert [alarm.kind for alarm in talk.run.wait.alarms] == ["timeout"]

    def test_a_late_timer_and_a_reply_to_no_question_change_nothing(self) -> None:
        flow = "flow: f\nnodes:\n  - delay: 1h\n"
        talk = Talk(flow).start("f")
        before = talk.run
        assert talk.resume(Reply(Message(text="hello"))).run == before


class TestSkipping:
    def test_skip_true_has_a_button_and_the_usual_words(self) -> None:
        talk = asking("ask: Email?, save_to: email, skip: true")
        assert talk.buttons() == [["Skip"]]
        assert talk.press("Skip").outcome == "done"
        assert asking("ask: Email?, save_to: email, skip: true").user("رد").outcome == "done"

    def test_ones_own_words_have_no_button(self) -> None:
        talk = asking("ask: Email?, save_to: email, skip: [later]")
        assert talk.buttons() == []
        assert talk.user("Later").outcome == "done"


def test_a_question_whose_template_fails_is_asked_by_the_error_text() -> None:
    talk = asking('ask: "Hello {{ 1 / customer.points }}", save_to: city')
    assert talk.said() == ["Something went wrong on our side. We have made a note of it."]
    assert len(talk.problems) == 1
    assert talk.user("Yazd").values["city"] == "Yazd"
