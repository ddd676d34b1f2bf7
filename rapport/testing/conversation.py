"""Conversations for pytest: the steps of a transcript test as methods."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from engine.durations import Duration
from engine.happenings import Happened
from engine.problems import NOWHERE
from engine.transcript import Bot
from rapport.project import find_project, read_project
from rapport.testing.differences import difference_of, difference_told, spoken
from rapport.testing.stage import Sent, Stage
from rapport.testing.stages import Setting, Stages


class Conversation:
    """One customer talking with the bot; the methods raise AssertionError where it differs."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def send(self, text: str) -> None:
        """The customer writes a text, or a command. What the bot said before must be expected."""
        self._nothing_unread()
        self._stage.say(text)

    def press(self, button: str) -> None:
        """The customer presses a button of the last message that had any, by text or value."""
        self._nothing_unread()
        if not self._stage.press(button):
            offered = [shown.text for shown in self._stage.buttons]
            self._fail(f"there is no button '{button}' among {offered}")

    def expects(
        self,
        text: str | None = None,
        *,
        contains: str | tuple[str, ...] = (),
        not_contains: str | tuple[str, ...] = (),
        matches: str | None = None,
        buttons: tuple[str, ...] | list[str] | None = None,
        media: str | None = None,
    ) -> Sent:
        """The bot's next message, which must be as described; `text` is the whole of it."""
        expected = Bot(
            NOWHERE, text, _several(contains), _several(not_contains), matches,
            None if buttons is None else tuple(buttons), media,
        )  # fmt: skip
        unread = self._stage.unread
        difference = difference_of(unread[0] if unread else None, expected)
        if difference is not None:
            lines = (difference.why, f"- {difference.expected}", f"+ {difference.actual}")
            self._fail("\n".join(lines))
        return unread.pop(0)

    def tells_staff(self, text: str | None = None, *, contains: str | tuple[str, ...] = ()) -> Sent:
        """What the staff is told next, once however many people are; `text` is the whole of it."""
        told = self._stage.told
        difference = difference_told(
            told[0] if told else None, Bot(NOWHERE, text, _several(contains))
        )
        if difference is not None:
            lines = (difference.why, f"- {difference.expected}", f"+ {difference.actual}")
            self._fail("\n".join(lines))
        return told.pop(0)

    def staff_replies(self, text: str) -> None:
        """Somebody of the staff writes to the customer. What the bot said before must be expected;
        the message is then read as the bot's are."""
        self._nothing_unread()
        self._stage.by_staff(text)

    def staff_releases(self) -> None:
        """The staff gives the customer back to the bot. Raises CrmError where nobody has them."""
        self._nothing_unread()
        self._stage.by_staff("")

    def advance(self, duration: str) -> None:
        """Let time pass (`30m`, `2d`); what falls due happens, at its end included."""
        self._stage.advance(Duration.parse(duration))

    def stays_silent(self, duration: str) -> None:
        """Let time pass; nothing may be said before or meanwhile."""
        self._nothing_unread()
        self.advance(duration)
        self._nothing_unread()

    def happens(self, on: str, **data: Any) -> None:
        """Something happens beside the conversation: `happens("purchase", amount=99)`."""
        self._nothing_unread()
        self._stage.happens(Happened(on, data))

    def starts(self, flow: str) -> None:
        """A flow starts by itself, as by a trigger."""
        self._nothing_unread()
        self._stage.begin(flow)

    def value(self, name: str) -> Any:
        """What `expect` of a transcript compares: `customer.birth_date`, `tags`, `outcome` ...

        Raises LookupError for a name there is not.
        """
        return self._stage.value(name)

    def ends(self) -> None:
        """The bot has said nothing that was not expected."""
        self._nothing_unread()

    def _nothing_unread(self) -> None:
        if self._stage.unread:
            said = [spoken(sent) for sent in self._stage.unread]
            self._fail(f"the bot said what was not expected: {said}")

    def _fail(self, why: str) -> NoReturn:
        # What is left is no second failure at the end of the test.
        self._stage.unread.clear()
        raise AssertionError(why)


class Conversations:
    """Begins conversations on the projects of a test run; each project is applied once."""

    def __init__(self) -> None:
        self._stages: dict[Path, Stages] = {}

    @contextmanager
    def begin(self, path: str | Path, setting: Setting) -> Iterator[Conversation]:
        """A conversation with the bot of the project at `path`; at its end nothing is unread.

        Raises AssertionError for a project with errors, NoProject, BadSetting.
        """
        folder = find_project(Path(path)).resolve()
        if folder not in self._stages:
            loaded = read_project(folder)
            problems = [str(problem) for problem in loaded.problems if problem.severity == "error"]
            assert not problems, "\n".join(problems)
            self._stages[folder] = Stages(loaded)
        with self._stages[folder].open(setting) as stage:
            conversation = Conversation(stage)
            yield conversation
            conversation.ends()

    def close(self) -> None:
        for stages in self._stages.values():
            stages.close()


def _several(pieces: str | tuple[str, ...]) -> tuple[str, ...]:
    return (pieces,) if isinstance(pieces, str) else tuple(pieces)
