"""How many buttons a message may have on the channels it is used on."""

from __future__ import annotations

from collections.abc import Sequence

from engine.limits import CHANNELS
from engine.problems import Position
from engine.shapes.reader import Reader


def check_buttons(rows: Sequence[int], position: Position, reader: Reader) -> None:
    """Report rows of so many buttons each where a channel takes fewer under one message."""
    for channel in reader.channels:
        limits = CHANNELS.get(channel)
        if limits is None:
            continue
        if sum(rows) > limits.buttons.value:
            message = f"{sum(rows)} buttons, {channel} takes {limits.buttons.value}"
            reader.error(position, "E606", message, "Ask in two steps, or let people type.")
        elif limits.buttons_in_row and max(rows, default=0) > limits.buttons_in_row.value:
            most = limits.buttons_in_row.value
            message = f"{max(rows)} buttons in a row, {channel} takes {most}"
            reader.error(position, "E606", message, "Put some of them into another row.")
