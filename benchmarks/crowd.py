"""The customers of the lead capture: what each of them writes, and what must be stored of it.

They stand on the far side of the wire. They see a message only as the Bot API request that
carries it, and their replies are Bot API updates as JSON text.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

QUESTIONS = ("first_name", "birth_date", "favorite_category", "shoe_size", "email")
CATEGORIES = ("clothes", "shoes", "accessories")
TAG = "Lead"
BOT_ID = 42
BOT_TOKEN = "42:benchmark"

_FIRST_CHAT = 1_000_000
_BY_BUTTON = QUESTIONS.index("favorite_category")
_PRESSED = "@pressed@"


@dataclass(frozen=True)
class Person:
    """One customer, whose answers follow from their number."""

    number: int

    @property
    def chat_id(self) -> int:
        return _FIRST_CHAT + self.number

    @property
    def first_name(self) -> str:
        return f"Sara {self.number}"

    @property
    def birth_date(self) -> date:
        return date(1960, 1, 1) + timedelta(days=self.number * 7 % 15_000)

    @property
    def favorite_category(self) -> str:
        return CATEGORIES[self.number % len(CATEGORIES)]

    @property
    def shoe_size(self) -> int:
        return 36 + self.number % 10

    @property
    def email(self) -> str:
        return f"sara.{self.number}@example.com"

    def answers(self) -> dict[str, str]:
        """Every field that was asked → the value to be stored, as text (dates ISO)."""
        return {question: str(getattr(self, question)) for question in QUESTIONS}


class Crowd:
    """`size` people from number `first` on, each with a script: /start, then an answer to each of
    `QUESTIONS`.

    All updates are written before the clock runs; only the data of a pressed button, which the
    bot chooses, is put in when the button is known.
    """

    def __init__(self, size: int, first: int = 0) -> None:
        self.people = [Person(number) for number in range(first, first + size)]
        self._first = first
        self._date = int(time.time())
        self._scripts = {person.number: self._script(person) for person in self.people}
        self._buttons: dict[int, list[str]] = {}

    def opening(self, number: int) -> str:
        """The update with which that person opens the conversation."""
        return self._scripts[number][0]

    def reply(self, number: int, question: int) -> str:
        """That person's answer to `QUESTIONS[question]`, which the bot must have asked."""
        update = self._scripts[number][question + 1]
        if question != _BY_BUTTON:
            return update
        buttons = self._buttons[Person(number).chat_id]
        return update.replace(_PRESSED, buttons[number % len(CATEGORIES)])

    def sees(self, chat_id: int, keyboard: Mapping[str, Any] | None) -> None:
        """Take note of the inline keyboard (Bot API form) of a message that was sent."""
        if keyboard is not None:
            self._buttons[chat_id] = [
                button["callback_data"] for row in keyboard["inline_keyboard"] for button in row
            ]

    def _script(self, person: Person) -> list[str]:
        texts = ["/start", *self._typed(person)]
        return [self._update(person, place, text) for place, text in enumerate(texts)]

    def _typed(self, person: Person) -> list[str]:
        answers = person.answers()
        answers["favorite_category"] = _PRESSED
        return [answers[question] for question in QUESTIONS]

    def _update(self, person: Person, place: int, text: str) -> str:
        # A real bot sees ids rise over all chats; what is later in a script is later in the world.
        earlier = self._first * (len(QUESTIONS) + 1)
        update_id = 1 + earlier + place * len(self.people) + person.number - self._first
        kind = "callback_query" if text == _PRESSED else "message"
        body = self._press(person, text) if text == _PRESSED else self._message(person, text)
        return json.dumps({"update_id": update_id, kind: body})

    def _message(self, person: Person, text: str) -> dict[str, Any]:
        message = {
            "message_id": 1,
            "date": self._date,
            "chat": {"id": person.chat_id, "type": "private", "first_name": "Sara"},
            "from": _sender(person),
            "text": text,
        }
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text)}]
        return message

    def _press(self, person: Person, data: str) -> dict[str, Any]:
        asked = self._message(person, "Which category do you like best?")
        return {
            "id": str(person.chat_id),
            "from": _sender(person),
            "chat_instance": str(person.chat_id),
            "message": asked | {"from": {"id": BOT_ID, "is_bot": True, "first_name": "Lotus"}},
            "data": data,
        }


def _sender(person: Person) -> dict[str, Any]:
    return {
        "id": person.chat_id,
        "is_bot": False,
        "first_name": "Sara",
        "username": f"sara_{person.number}",
        "language_code": "en",
    }
