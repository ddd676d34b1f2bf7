"""The menu of commands that a channel shows, made of the flows that commands start."""

from __future__ import annotations

from collections.abc import Iterator

from engine.business import Business
from engine.messages import Entry, Menu
from engine.offer import TriggerIndex


def menu_of(index: TriggerIndex, business: Business, channel: str) -> Menu:
    """What a person on this channel is offered: each command once, of the trigger that is asked
    first."""
    menus = {
        language: tuple(_entries(index, business, channel, language))
        for language in business.languages
    }
    return menus if any(menus.values()) else {}


def _entries(
    index: TriggerIndex, business: Business, channel: str, language: str
) -> Iterator[Entry]:
    for command, triggers in index.commands.items():
        for trigger in triggers:
            channels = index.flows[trigger.flow].channels
            text = trigger.options.get("menu")
            if text is not None and (not channels or channel in channels):
                yield Entry(command, text.pick(language, channel, business.languages))
                break
