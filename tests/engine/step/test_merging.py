"""`merge_within`: texts that follow each other quickly are one reply."""

from __future__ import annotations

from datetime import timedelta

from engine.effects import SetField
from engine.messages import Message
from tests.engine.step.questions import asking
from tests.engine.step.talk import Talk

ADDRESS = "ask: Your address?, save_to: address, merge_within: 2s, skip: [later]"
A_SECOND, TWO = timedelta(seconds=1), timedelta(seconds=2)


def test_texts_within_the_pause_are_one_reply_a_line_each() -> None:
    talk = asking(ADDRESS)
    talk.said()
    assert talk.user("12 Rose Street").advance(A_SECOND).user("Yazd").said() == []
    assert talk.advance(A_SECOND).said() == []
    assert talk.advance(A_SECOND).said() == ["Thanks."]
    assert talk.values["address"] == "12 Rose Street\nYazd"


def test_the_history_names_the_last_of_the_messages() -> None:
    talk = asking(ADDRESS).user("12 Rose Street", mail_id=7).user("Yazd", mail_id=8).advance(TWO)
    (written,) = [effect for effect in talk.effects if isinstance(effect, SetField)]
    assert written.mail_id == 8


def test_an_invalid_reply_is_answered_once() -> None:
    talk = asking("ask: Your size?, save_to: shoe_size, merge_within: 2s")
    talk.said()
    talk.user("I think").user("it is big").advance(TWO)
    (said,) = talk.said()
    assert said.endswith("\nYour size?")
    assert talk.user("42").advance(TWO).values["shoe_size"] == 42


def test_an_edit_within_the_pause_replaces_its_text() -> None:
    talk = asking(ADDRESS).user("12 Rose", message_id="m1").user("Yazd", message_id="m2")
    talk.send(Message(kind="edited", text="12 Lily Street", message_id="m1")).advance(TWO)
    assert talk.values["address"] == "12 Lily Street\nYazd"


def test_the_questions_own_words_act_at_once_but_not_inside_a_reply() -> None:
    assert asking(ADDRESS).user("later").outcome == "done"
    talk = asking(ADDRESS).user("12 Rose Street").user("later").advance(TWO)
    assert talk.values["address"] == "12 Rose Street\nlater"


def test_a_press_answers_at_once() -> None:
    talk = asking("ask: City?, save_to: city, choices: [Yazd, Qom], merge_within: 2s")
    assert talk.user("Te").press("Qom").values["city"] == "Qom"
    assert talk.advance(TWO).outcome == "done"


def test_each_message_is_a_reply_where_nothing_says_otherwise() -> None:
    assert asking("ask: Your address?, save_to: address").user("12 Rose Street").outcome == "done"


def test_a_reply_ends_even_if_the_messages_do_not() -> None:
    talk = asking(ADDRESS)
    for _ in range(60):
        talk.user("x").advance(A_SECOND)
    assert talk.outcome == "done"


def test_the_question_still_closes_in_time() -> None:
    flow = (
        "flow: f\nnodes:\n  - ask: A?\n    save_to: address\n    merge_within: 2s\n"
        "    timeout: {after: 1h, goto: late}\n  - {id: late, say: Late.}\n"
    )
    talk = Talk(flow).start("f").advance(timedelta(hours=1))
    assert talk.said() == ["A?", "Late."]
