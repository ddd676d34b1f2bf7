"""What a mail says to the engine."""

from __future__ import annotations

from engine.messages import Message
from engine.run import Wait
from rapport.runtime.cases import Mail


def message_of(letter: Mail) -> Message:
    """The engine's view of an inbound mail."""
    payload = letter.payload
    return Message(
        kind=letter.kind,
        text=payload.get("text", ""),
        token=payload.get("token", ""),
        command=payload.get("command", ""),
        argument=payload.get("argument", ""),
        media=payload.get("media") or payload.get("contact") or payload.get("location") or {},
        callback_id=payload.get("callback_id", ""),
        message_id=payload.get("message_id", ""),
        album=payload.get("album", ""),
        mail_id=letter.id,
    )


def said(message: Message, wait: Wait | None) -> str:
    """What a message reads as on a timeline: its text, the pressed button's, or its kind."""
    if message.kind == "press" and wait is not None:
        wait_id, _, place = message.token.rpartition(".")
        if wait_id == wait.id and place.isdigit() and int(place) < len(wait.choices):
            return wait.choices[int(place)].label
    return message.text or f"({message.kind})"
