"""The terminal: one line a message, buttons by number, keys that outlive the process."""

import pytest

from bots.channel import Inbound, Outgoing
from bots.chat import TerminalChat, lines
from engine.messages import Button, Media
from tests.support.aio import run

QUESTION = Outgoing(
    "sara", "Which?\nPick one", ((Button("Shoes", token="s"), Button("Hats", token="h")),)
)


def heard(chat: TerminalChat) -> list[Inbound]:
    return [chat.decode(raw) for raw in run(chat.fetch(None)).updates]


def test_a_message_is_one_line_and_each_button_another() -> None:
    assert lines(QUESTION) == ["bot: Which? ⏎ Pick one", "[1] Shoes", "[2] Hats"]


def test_a_link_shows_its_address_and_media_their_source() -> None:
    link = Button("Site", url="https://example.com")
    message = Outgoing("sara", "Look", ((link,),), Media("photo", "https://example.com/a.png"))
    assert lines(message) == [
        "bot: [photo https://example.com/a.png] Look",
        "[1] Site <https://example.com>",
    ]


def test_what_is_typed_arrives_as_text_or_command() -> None:
    chat = TerminalChat(lambda _: None)
    chat.says("sara", "/start spring")
    chat.says("sara", "banana")
    command, text = heard(chat)
    assert (command.kind, command.payload["argument"]) == ("command", "spring")
    assert (text.kind, text.peer, text.payload["text"]) == ("text", "sara", "banana")


def test_a_button_is_pressed_by_its_number_in_the_last_message_that_had_any() -> None:
    printed: list[str] = []
    chat = TerminalChat(printed.append)
    sent = run(chat.send(QUESTION))
    run(chat.send(Outgoing("sara", "By the way")))
    chat.presses("sara", 2)
    (press,) = heard(chat)
    assert (press.kind, press.payload["token"]) == ("press", "h")
    assert press.payload["message_id"] == sent.message_id
    assert printed == [*lines(QUESTION), "bot: By the way"]


@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_number_without_a_button_is_refused_with_a_sentence(number: int) -> None:
    chat = TerminalChat(lambda _: None)
    run(chat.send(QUESTION))
    with pytest.raises(LookupError, match=f"no button {number} to press"):
        chat.presses("sara", number)


def test_two_terminals_never_give_two_updates_the_same_key() -> None:
    keys = set()
    for _ in range(2):
        chat = TerminalChat(lambda _: None)
        chat.says("sara", "hi")
        keys.add(heard(chat)[0].dedup_key)
    assert len(keys) == 2


def test_the_text_of_an_acknowledgement_is_printed() -> None:
    printed: list[str] = []
    chat = TerminalChat(printed.append)
    run(chat.acknowledge("1"))
    run(chat.acknowledge("2", "That question is over."))
    assert printed == ["bot: That question is over."]
