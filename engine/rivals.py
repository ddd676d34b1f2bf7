"""Triggers that want the same: the same message, or the same occasion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.business import Business
from engine.flow import Flow, Trigger
from engine.offer import is_opt_out
from engine.own_data import COMMANDS
from engine.problems import Problems
from engine.shapes import CHANNEL_NAMES


def check_occurrences(flow: Flow, problems: Problems) -> None:
    """Two triggers of one flow that fire at the same moments are a problem."""
    seen: dict[str, Trigger] = {}
    for trigger in flow.triggers:
        same = seen.setdefault(trigger.id, trigger)
        if same is not trigger:
            message = f"this trigger is for the same occasion as that of line {same.position.line}"
            problems.error(
                trigger.position, "E603", message, "Delete one of them, or give one an 'id'."
            )


def check_claims(business: Business, flows: Sequence[Flow], problems: Problems) -> None:
    """Of two triggers alike in every way nobody could say which gets the message."""
    claimed: dict[tuple[object, ...], Trigger] = {}
    always = {word: one.flow for one in business.always for word in one.keywords}
    for flow in flows:
        for trigger in flow.triggers:
            for claim in _claims(trigger):
                _claim(claimed, claim, trigger, flow, problems)
            for word in trigger.options.get("keywords", ()):
                _check_keyword(word, trigger, always, business, problems)
            _check_command(trigger, problems)


def _claims(trigger: Trigger) -> Iterator[tuple[str, str]]:
    """What it wants of a person's message: (the way, the word)."""
    options = trigger.options
    for name in ("keywords", "contains"):
        yield from ((name, word) for word in options.get(name, ()))
    if trigger.on == "message" and options.get("any"):
        yield "any message", ""
    if trigger.on == "command":
        yield "command", options["command"]
    if trigger.on == "referral":
        yield "referral", options.get("ref", "")
    if trigger.on == "message" and "pattern" in options:
        yield "pattern", options["pattern"]
    if trigger.on == "customer_created":
        yield "customer_created", ""


def _claim(
    claimed: dict[tuple[object, ...], Trigger],
    claim: tuple[str, str],
    trigger: Trigger,
    flow: Flow,
    problems: Problems,
) -> None:
    if trigger.only is not None:
        return
    own = trigger.options.get("channel")
    priority = trigger.options.get("priority", 0)
    for channel in (own,) if own else flow.channels or CHANNEL_NAMES:
        first = claimed.setdefault((*claim, channel, priority), trigger)
        if first.flow != trigger.flow:
            what = f"'{claim[1] or claim[0]}'"
            place = f"{first.position.file}, line {first.position.line}"
            message = f"{what} is claimed by '{first.flow}' too ({place})"
            problems.error(
                trigger.position,
                "E602",
                message,
                "Take another word, or tell them apart by 'only', 'channel' or 'priority'.",
            )
            return


def _check_command(trigger: Trigger, problems: Problems) -> None:
    written = str(trigger.options.get("command", "")) if trigger.on == "command" else ""
    if written.removeprefix("/").lower() in COMMANDS:
        message = f"'{written}' is a command of every bot: people see their own data by it"
        problems.error(trigger.position, "E730", message, "Take another word.")


def _check_keyword(
    word: str,
    trigger: Trigger,
    always: Mapping[str, str],
    business: Business,
    problems: Problems,
) -> None:
    if always.get(word, trigger.flow) != trigger.flow:
        message = f"'{word}' is claimed by 'always' in crm.yaml, which comes first"
        problems.error(
            trigger.position, "E602", message, "Take another word, or take it out of 'always'."
        )
    if is_opt_out(word, business):
        message = f"'{word}' never gets here: with it people opt out"
        problems.warning(trigger.position, "W601", message, "Take another word.")
