"""The events there are, with their options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from engine.event_shapes import CronLine, Once, Weekday
from engine.fields.fold import fold_phrase
from engine.fields.patterns import compile_pattern
from engine.shapes import (
    BOOLEAN,
    CHANNEL_NAMES,
    CRITERIA,
    DURATION,
    FIELD_REF,
    INTEGER,
    LABEL,
    LITERAL,
    MOMENT,
    NAME,
    NODE_REF,
    OFFSET,
    SEGMENT_REF,
    TAG_REF,
    TIME,
    WORD,
    ListOf,
    OneOf,
    Option,
    Reader,
    WholeNumber,
)
from engine.shapes.shape import ScalarShape
from engine.source import Source
from engine.suggest import PATTERN_CURE


class Phrase(ScalarShape[str]):
    """Words compared with what people type; folded."""

    wanted = "a word or phrase that people type"

    def parse(self, text: str) -> str:
        phrase = fold_phrase(text)
        if not phrase:
            raise ValueError("nothing is left of this once blanks and signs are taken away")
        return phrase

    def schema(self) -> dict[str, Any]:
        return WORD.schema()


class Command(ScalarShape[str]):
    wanted = "a command such as start"

    def parse(self, text: str) -> str:
        command = text.removeprefix("/").lower()
        # Telegram's own limits: core.telegram.org/bots/features#commands, read 2026-11-20.
        if not (0 < len(command) <= 32 and command.replace("_", "a").isalnum()):
            raise ValueError(
                f"'{text}' cannot be a command: up to 32 letters, digits and _, as in start"
            )
        if not command.isascii():
            raise ValueError(f"'{text}' cannot be a command: only English letters can")
        return command


class Pattern(ScalarShape[str]):
    """An RE2 pattern that a whole message is searched for, folded as words are."""

    wanted = "a pattern such as order [0-9]+"

    def read(self, source: Source, reader: Reader) -> str | None:
        pattern = super().read(source, reader)
        if pattern is None:
            return None
        try:
            compile_pattern(pattern)
        except ValueError as error:
            message = f"the pattern cannot be used: {error}"
            reader.error(source.position, "E405", message, PATTERN_CURE)
            return None
        return pattern

    def parse(self, text: str) -> str:
        return text

    def schema(self) -> dict[str, Any]:
        return WORD.schema()


PHRASES = ListOf(Phrase(), "a list of words")

DIRECTION = OneOf("up", "down", "any")

OF_ALL: Mapping[str, Option] = {
    "only": Option(CRITERIA, "Only where these criteria hold", "{tags: [VIP]}"),
    "channel": Option(OneOf(*CHANNEL_NAMES), "Only on this channel"),
}
"""What an event may say wherever it is written."""

COMMON: Mapping[str, Option] = {
    "id": Option(NAME, "A name that keeps the trigger the same when its options change"),
    **OF_ALL,
    "priority": Option(INTEGER, "Of two that could start, the greater one does, or does first"),
    "once": Option(Once(), "Starts once for ever, or once in this time, for each customer", "30d"),
    "if_busy": Option(
        OneOf("queue", "skip", "interrupt"),
        "What it does where a question is open: wait until that closes (the default of what is "
        "automatic), not start, or end what asks it (what a person does always interrupts)",
    ),
    "ceiling": Option(
        WholeNumber(1),
        "Above so many starts in an hour it is paused and the staff told; 10000 for what happens, "
        "none for what a clock brings",
        "500",
    ),
    "catch_up": Option(
        DURATION, "How long after its moment it may still start; by default 24h", "2h"
    ),
}
"""What a trigger may say besides, whatever its event."""

STOP: Mapping[str, Option] = {
    **OF_ALL,
    "outcome": Option(NAME, "The outcome that the run ends with; by default stopped", "bought"),
    "goto": Option(NODE_REF, "Where the run goes on instead of ending", "thanks"),
}
"""What `stop_on` may say besides the event."""

BACKFILL: Mapping[str, Option] = {
    "backfill": Option(BOOLEAN, "What was before the trigger counts too; by default it does not"),
}
"""What a trigger may say besides whose occasions may lie before it."""

LATER_OPTIONS = ("include_imported",)
"""Options of the language that this version does not have yet."""


class Event(Struct, frozen=True):
    """One kind of event. needs: at least one of these options; empty for none.

    The options are what makes an occurrence, so the identity of a trigger is made of them.
    types: what is stored of such an event: its own name, or what an alias stands for. automatic:
    no person's message, so that it gives way to an open question. scheduled: a clock brings it,
    for flows alone. apart: options that do not make an occurrence.
    """

    help: str
    options: Mapping[str, Option]
    needs: tuple[str, ...] = ()
    automatic: bool = False
    types: tuple[str, ...] = ()
    scheduled: bool = False
    apart: frozenset[str] = frozenset()


_FIELD = Event(
    "A field has a new value",
    {
        "field": Option(FIELD_REF, "The field", "favorite_category", required=True),
        "from": Option(LITERAL, "Only where it had this value; null: none"),
        "to": Option(LITERAL, "Only where it has this value now; null: none", "shoes"),
    },
    automatic=True,
    types=("field_updated",),
)

_SCORE = Event(
    "The score has changed",
    {
        "crosses": Option(WholeNumber(0, 100), "It was below this and no longer is, or was", "80"),
        "by": Option(WholeNumber(1, 100), "It has changed by so much at least", "10"),
        "direction": Option(DIRECTION, "Only where it went this way; by default any"),
    },
    ("crosses", "by"),
    automatic=True,
    types=("score_changed",),
)

_SEGMENT = {"segment": Option(SEGMENT_REF, "Only this segment", "regulars")}
_TAG = {"tag": Option(TAG_REF, "Only this tag", "VIP")}

_AT = Option(TIME, "The time of day where the customer is; by default 10:00", "09:30")
_YEARLY: Mapping[str, Option] = {
    "calendar": Option(
        OneOf("gregorian", "jalali"), "The calendar it comes in; by default the business's"
    ),
    "leap_day": Option(
        OneOf("feb_28", "mar_1"), "When the 29th of February is kept in other years; feb_28"
    ),
}
_OFFSETS = Option(
    ListOf(OFFSET), "How long before (-7d) or after (2d) it; each is an occasion", "[-7d, 0d]"
)
_FOR = Option(SEGMENT_REF, "Who it is for; by default everybody", "regulars")
_LOOKS_ON = frozenset(("at", "backfill"))

_BIRTHDAY = Event(
    "A birthday comes: `date` with `yearly`",
    {
        "field": Option(FIELD_REF, "The field of the date; by default birth_date"),
        "offset": _OFFSETS,
        "days_before": Option(ListOf(WholeNumber(0)), "The same as offset, in days before", "[7]"),
        "at": _AT,
        **_YEARLY,
        **BACKFILL,
    },
    automatic=True,
    scheduled=True,
    apart=_LOOKS_ON,
)

_INACTIVE = Event(
    "The customer has written nothing for so long",
    {
        "days": Option(WholeNumber(1, 3650), "So many days", "30", required=True),
        "at": _AT,
        "include_never": Option(BOOLEAN, "Those who have never written too, from when they came"),
        **BACKFILL,
    },
    automatic=True,
    scheduled=True,
    apart=frozenset(("at", "include_never", "backfill")),
)

EVENTS: Mapping[str, Event] = {
    "message": Event(
        "The person writes something",
        {
            "keywords": Option(PHRASES, "The whole message is one of these", "[hi, hello]"),
            "contains": Option(PHRASES, "One of these is among its words", "[price]"),
            "pattern": Option(Pattern(), "An RE2 pattern is found in it", "order [0-9]+"),
            "any": Option(BOOLEAN, "Any message that nothing else claims"),
        },
        ("keywords", "contains", "pattern", "any"),
    ),
    "command": Event(
        "The person sends a command, or opens a deep link of it",
        {
            "command": Option(Command(), "The command, without /", "start", required=True),
            "menu": Option(
                LABEL, "What the channel's menu of commands says of it; without it it is not there"
            ),
        },
        apart=frozenset(("menu",)),
    ),
    "referral": Event(
        "The person comes by a link with a reference",
        {"ref": Option(WORD, "Only with this reference", "spring_24")},
    ),
    "customer_created": Event("A customer is new", {}),
    "field_updated": _FIELD,
    "tag_added": Event("A tag was put on the customer", _TAG, automatic=True),
    "tag_removed": Event("A tag was taken off the customer", _TAG, automatic=True),
    "score_changed": _SCORE,
    "segment_entered": Event("The customer is now in a segment", _SEGMENT, automatic=True),
    "segment_left": Event("The customer is no longer in a segment", _SEGMENT, automatic=True),
    "purchase": Event("The customer has bought something", {}, automatic=True),
    "task_completed": Event("A task about the customer is done", {}, automatic=True),
    "task_overdue": Event(
        "A task about the customer is past its time and not done", {}, automatic=True
    ),
    "date": Event(
        "The day of a date comes, or the time of a datetime",
        {
            "field": Option(FIELD_REF, "The field", "contract_end", required=True),
            "offset": _OFFSETS,
            "at": _AT,
            "yearly": Option(BOOLEAN, "Each year on its day, and not only once"),
            **_YEARLY,
            **BACKFILL,
        },
        automatic=True,
        scheduled=True,
        apart=_LOOKS_ON,
    ),
    "birthday": _BIRTHDAY,
    "inactive": _INACTIVE,
    "schedule": Event(
        "A time of the week, or of a cron line, where the customer is",
        {
            "weekday": Option(ListOf(Weekday()), "On these days; by default on all", "[mon, thu]"),
            "at": Option(TIME, "At this time of day", "09:00"),
            "cron": Option(CronLine(), "Minute, hour, day, month, weekday", '"0 9 1 * *"'),
            "segment": _FOR,
        },
        ("at", "cron"),
        automatic=True,
        scheduled=True,
    ),
    "at": Event(
        "One moment; of the customer's zone where it names none",
        {
            "time": Option(MOMENT, "When", "2027-03-21T10:00", required=True),
            "segment": _FOR,
            **BACKFILL,
        },
        automatic=True,
        scheduled=True,
        apart=frozenset(("backfill",)),
    ),
    "stage_changed": Event(
        "The customer has come to another stage",
        {
            "stage": Option(OneOf("lifecycle", "journey"), "Only of these stages"),
            "to": Option(WORD, "Only to this stage", "vip"),
        },
        automatic=True,
    ),
    "birthday_approaching": _BIRTHDAY,
    "inactive_for_days": _INACTIVE,
    "custom_field_updated": _FIELD,
    "customer_score_changed": _SCORE,
    "customer_segment_changed": Event(
        "The customer has come into a segment or left it; `event.direction` says which",
        _SEGMENT,
        automatic=True,
        types=("segment_entered", "segment_left"),
    ),
}

LATER = (*("button", "comment", "story_mention", "story_reply", "webhook", "window_closing"),)
"""Events of the language that this version does not have yet."""

ALIASES = {
    "birthday_approaching": "birthday",
    "inactive_for_days": "inactive",
    "custom_field_updated": "field_updated",
    "customer_score_changed": "score_changed",
}
"""Other names of events; a trigger's identity is the same under both."""


def own_name(on: str) -> str:
    """The name of an event that may be written by another."""
    return ALIASES.get(on, on)


def types_of(on: str) -> tuple[str, ...]:
    """The types of stored events that `on` means."""
    return EVENTS[on].types or (on,)


def is_automatic(on: str) -> bool:
    """Whether it is no person's own act; of an event that is unknown here, it is."""
    event = EVENTS.get(on)
    return event is None or event.automatic
