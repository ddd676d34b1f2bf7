"""Quick messages as one reply: texts are gathered until none has come for `merge_within`."""

from __future__ import annotations

from msgspec.structs import replace

from engine.asking.question import Question
from engine.messages import Message
from engine.passage import Passage
from engine.run import Alarm, Wait

MERGE = "merge"
"""The kind of the alarm that ends the pause after a text."""

MOST_PIECES = 50
"""After so many texts the pause is not begun again: a reply has to end."""

MOST_HEARD = 10
"""Messages a question remembers for the case that they are edited."""


def gathers(question: Question, message: Message) -> bool:
    """Whether this message is a piece of a reply that is not whole yet."""
    is_text = message.kind in ("text", "edited") and bool(message.text.strip())
    return question.merge_within is not None and is_text and question.takes in ("typed", "any")


def is_gathering(wait: Wait) -> bool:
    return "gathered" in wait.state


def gather(at: Passage, question: Question, wait: Wait, message: Message) -> Wait:
    """Keep a text, in the place of the one that it is an edit of, and wait for the next."""
    assert question.merge_within is not None, "gathers was asked"
    pieces = list(wait.state.get("gathered", ()))
    piece = [message.message_id, message.text, message.mail_id]
    edited = [n for n, one in enumerate(pieces) if message.message_id and one[0] == piece[0]]
    if edited:
        pieces[edited[0]] = piece
    else:
        pieces.append(piece)
    alarms = wait.alarms
    if len(pieces) <= MOST_PIECES:
        end = Alarm(question.merge_within.after(at.now, at.zone), MERGE)
        alarms = (*(one for one in alarms if one.kind != MERGE), end)
    return replace(
        wait,
        alarms=alarms,
        heard=heard_also(wait, message),
        state={**wait.state, "gathered": pieces},
    )


def whole(wait: Wait) -> Message:
    """The texts gathered as one message, a line each; it is known by the last of them."""
    pieces = wait.state["gathered"]
    message_id, _, mail_id = pieces[-1]
    text = "\n".join(text for _, text, _ in pieces)
    return Message(text=text, message_id=message_id, mail_id=mail_id)


def ungathered(wait: Wait) -> Wait:
    """The wait with nothing gathered."""
    if not is_gathering(wait):
        return wait
    state = {key: value for key, value in wait.state.items() if key != "gathered"}
    alarms = tuple(alarm for alarm in wait.alarms if alarm.kind != MERGE)
    return replace(wait, alarms=alarms, state=state)


def heard_also(wait: Wait, message: Message) -> tuple[str, ...]:
    """The ids of the latest messages that did not answer the question, with this one's."""
    if not message.message_id or message.message_id in wait.heard:
        return wait.heard
    return (*wait.heard, message.message_id)[-MOST_HEARD:]
