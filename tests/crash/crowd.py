"""The customers of the kill programme: what each says, is asked, and must have stored of it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from tests.support.botapi import BotApi
from tests.support.botapi.people import User

CATEGORIES = {"Clothes": "clothes", "Shoes": "shoes", "Accessories": "accessories"}
"""The buttons' labels, and what is stored."""

PATIENCE = 300.0
"""Seconds after which a question that did not come is lost: many times the slowest start."""

COPIED = 0.1
"""The share of updates that are delivered twice where there is mischief."""

_FIRST_CHAT = 1_000_000


class Answer(NamedTuple):
    """says: the text, or the label of the button that is pressed."""

    question: str
    field: str
    says: str
    stored: str | int


@dataclass(frozen=True)
class Customer:
    """One of the crowd, whose answers follow from their number."""

    number: int

    @property
    def chat_id(self) -> int:
        return _FIRST_CHAT + self.number

    @property
    def name(self) -> str:
        return f"Sara {self.number}"

    def answers(self) -> tuple[Answer, ...]:
        born = (date(1960, 1, 1) + timedelta(days=self.number * 7 % 15_000)).isoformat()
        label = list(CATEGORIES)[self.number % len(CATEGORIES)]
        size = 36 + self.number % 10
        email = f"sara.{self.number}@example.com"
        hello = f"Nice to meet you, {self.name}. When is your birthday?"
        return (
            Answer("Welcome! What is your first name?", "first_name", self.name, self.name),
            Answer(hello, "birth_date", born, born),
            Answer(
                "Which category do you like best?", "favorite_category", label, CATEGORIES[label]
            ),
            Answer("What is your shoe size?", "shoe_size", str(size), size),
            Answer("And your email?", "email", email, email),
        )

    def hears(self) -> list[str]:
        """Every message of the bot, in order."""
        return [*(answer.question for answer in self.answers()), f"Thank you, {self.name}!"]


@dataclass
class Crowd:
    """Everybody talks at once; nobody says a word without one being allowed."""

    api: BotApi
    customers: list[Customer]
    mischief: random.Random | None = None
    """Shuffles what the platform has not delivered, and delivers some of it twice."""
    heard: int = 0
    _words: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(
        cls, api: BotApi, size: int, mischief: random.Random | None = None, first: int = 0
    ) -> Crowd:
        return cls(api, [Customer(number) for number in range(first, first + size)], mischief)

    @property
    def words(self) -> int:
        """How much they have to say in all: /start, and an answer to each question."""
        return sum(1 + len(customer.answers()) for customer in self.customers)

    def allow(self, words: int) -> None:
        """Let so many more be said, by whoever is next."""
        for _ in range(words):
            self._words.release()

    async def talk(self) -> None:
        """Until everybody has been thanked. Raises TimeoutError for a question that is lost."""
        async with asyncio.TaskGroup() as talks:
            for customer in self.customers:
                talks.create_task(self._talk(customer))

    async def has_heard(self, messages: int) -> None:
        """Wait until so many messages have been read in all."""
        while self.heard < messages:
            self._news.clear()
            await self._news.wait()

    async def _talk(self, customer: Customer) -> None:
        user = self.api.user(customer.chat_id, "Guest")
        await self._words.acquire()
        self._mix(user.says("/start"))
        for answer in customer.answers():
            await self._hears(user, answer.question)
            await self._words.acquire()
            if answer.says in CATEGORIES:
                self._mix(user.presses(answer.says))
            else:
                self._mix(user.says(answer.says))
        await self._hears(user, customer.hears()[-1])

    def _mix(self, update: dict[str, Any]) -> None:
        if self.mischief is not None:
            if self.mischief.random() < COPIED:
                self.api.repeats(update)
            else:
                self.api.state.updates.shuffle(self.mischief)

    async def _hears(self, user: User, text: str) -> None:
        """Wait for a message; one that comes twice is read once."""
        while all(message["text"] != text for message in user.messages):
            await user.waits_for(len(user.messages) + 1, PATIENCE)
        self.heard += 1
        self._news.set()
