"""Replies without words: places, files, cards, and anything at all."""

from __future__ import annotations

from typing import Any

import pytest

from engine.messages import Message
from tests.engine.step.questions import asking
from tests.engine.step.talk import Talk

PLACE = Message(kind="location", media={"latitude": 35.6892, "longitude": 51.389})


def a_file(kind: str, **more: Any) -> Message:
    return Message(kind=kind, media={"kind": kind, "file_id": f"{kind}-7", **more})


@pytest.mark.parametrize(
    ("expect", "sent", "stored"),
    [
        ("location", PLACE, "35.6892,51.389"),
        (
            "location",
            Message(kind="location", media={"latitude": -0.0000004, "longitude": 0.0}),
            "0,0",
        ),
        ("photo", a_file("photo"), "photo-7"),
        ("photo", a_file("document", mime_type="image/png"), "document-7"),
        ("document", a_file("document"), "document-7"),
        ("voice", a_file("voice"), "voice-7"),
        ("voice", a_file("audio"), "audio-7"),
        ("any", PLACE, "35.6892,51.389"),
        ("any", a_file("video"), "video-7"),
        ("any", Message(kind="contact", media={"phone_number": "98912"}), "98912"),
        ("any", Message(text=" hello "), "hello"),
        ("any", Message(kind="photo", text="my shoe", media={"file_id": "x"}), "my shoe"),
        ("any", Message(kind="other"), None),
    ],
)
def test_what_was_sent_is_kept_as_a_text(expect: str, sent: Message, stored: str | None) -> None:
    talk = asking(f"ask: Well?, expect: {expect}, save_to: var.it").send(sent)
    assert (talk.vars["it"], talk.outcome) == (stored, "done")


@pytest.mark.parametrize(
    ("expect", "wanted"),
    [
        ("location", "Please share a location."),
        ("photo", "Please send a photo."),
        ("document", "Please send a file."),
        ("voice", "Please send a voice message."),
        ("contact", "Please share a contact card."),
    ],
)
def test_something_else_is_told_what_is_wanted(expect: str, wanted: str) -> None:
    talk = asking(f"ask: Well?, expect: {expect}, save_to: var.it")
    talk.said()
    assert talk.user("no idea").said() == [f"{wanted}\nWell?"]
    assert talk.send(a_file("sticker")).said() == [f"{wanted}\nWell?"]
    assert talk.user("/weather").said() == ["I do not know that command.\nWell?"]


def test_a_text_where_a_photo_is_wanted_counts_as_an_attempt_and_a_sticker_does_not() -> None:
    retry = "retry: {text: A photo please., attempts: 2, goto: end}"
    talk = asking(f"ask: Well?, expect: photo, save_to: var.it, {retry}")
    talk.said()
    talk.send(a_file("sticker")).send(a_file("sticker")).said()
    assert talk.user("hm").said() == ["A photo please.\nWell?"]
    assert talk.user("hm").node == "ended"


def test_its_skip_words_and_choices_are_heard_all_the_same() -> None:
    question = "ask: Well?, expect: photo, save_to: var.it, skip: [later], choices: [No camera]"
    assert asking(question).user("later").outcome == "done"
    assert asking(question).user("no camera").vars["it"] == "No camera"


def test_the_rest_of_an_album_is_no_reply_to_the_next_question() -> None:
    flow = "flow: f\nnodes:\n  - {ask: A?, expect: photo}\n  - {ask: B?, save_to: city}\n"
    talk = Talk(flow).start("f")
    for _ in range(3):
        talk.send(Message(kind="photo", media={"file_id": "x"}, album="a1"))
    assert talk.said() == ["A?", "B?"]


def test_two_questions_for_photos_take_two_of_one_album() -> None:
    flow = (
        "flow: f\nnodes:\n"
        "  - {ask: Front?, expect: photo, save_to: var.front}\n"
        "  - {ask: Back?, expect: photo, save_to: var.back}\n"
    )
    talk = Talk(flow).start("f")
    for name in "12":
        talk.send(Message(kind="photo", media={"file_id": name}, album="a1"))
    assert (talk.vars["front"], talk.vars["back"]) == ("1", "2")


def test_what_is_longer_than_the_field_takes_is_refused() -> None:
    talk = asking("ask: Well?, expect: any, save_to: city").user("x" * 101)
    assert "city" not in talk.values
    assert "at most 100" in talk.said()[-1]
