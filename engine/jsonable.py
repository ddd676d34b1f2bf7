"""Values and runs as JSON and back, every type kept.

JSON has no dates, decimals or tuples, so they are written as an object with one key that begins
with `$`: `{"$number": "12.50"}`. A mapping of somebody's own that has such a key is wrapped in
`{"$map": ...}`, so no data from outside can be mistaken for a tagged value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from msgspec import Raw, convert
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

from engine.run import Frame, Run, Wait

_PLAIN = frozenset({str, int, float, bool, type(None)})


def to_json(value: Any) -> Any:
    """A value of a field, a variable or an event as JSON.

    Raises TypeError for what none of them can hold.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return _mapping_to_json(value)
    write = _WRITERS.get(kind)
    if write is None:
        raise TypeError(f"{kind.__name__} cannot be kept in a run")
    return write(value)


def from_json(stored: Any) -> Any:
    """What `to_json` was given. Raises ValueError for a tag it does not write."""
    kind = type(stored)
    if kind is list:
        return [from_json(item) for item in stored]
    if kind is not dict:
        return stored
    if len(stored) == 1:
        [(tag, body)] = stored.items()
        if tag[:1] == "$":
            return _tagged(tag, body)
    return {key: from_json(item) for key, item in stored.items()}


def _mapping_to_json(value: Mapping[str, Any]) -> dict[str, Any]:
    written = {key: to_json(item) for key, item in value.items()}
    return {"$map": written} if any(key[:1] == "$" for key in written) else written


def _tagged(tag: str, body: Any) -> Any:
    read = _READERS.get(tag)
    if read is None:
        raise ValueError(f"{tag} is not a kind of value")
    return read(body)


_WRITERS: Mapping[type, Callable[[Any], Any]] = {
    Decimal: lambda value: {"$number": str(value)},
    datetime: lambda value: {"$at": value.isoformat()},
    date: lambda value: {"$date": value.isoformat()},
    time: lambda value: {"$time": value.isoformat()},
    tuple: lambda value: {"$tuple": [to_json(item) for item in value]},
}

_READERS: Mapping[str, Callable[[Any], Any]] = {
    "$number": Decimal,
    "$at": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$tuple": lambda body: tuple(from_json(item) for item in body),
    "$map": lambda body: {key: from_json(item) for key, item in body.items()},
}


def run_to_json(run: Run) -> tuple[Raw, Raw | None]:
    """What a step changes of a run: its frames and its wait, None once it has ended.

    They are JSON texts, each for a column; its id, outcome and status have their own.
    """
    wait = run.wait
    return (
        Raw(_encode([_tagged_frame(frame) for frame in run.frames])),
        None if wait is None else Raw(_encode(_tagged_wait(wait))),
    )


def event_to_json(event: Mapping[str, Any]) -> Raw:
    """What started a run, which never changes."""
    return Raw(_encode(to_json(event)))


def run_from_json(
    run_id: int, frames: Any, wait: Any, event: Any, outcome: str | None = None
) -> Run:
    """The run that `run_to_json` and `event_to_json` were given; its parts as JSON texts, or parsed
    already."""
    return Run(
        id=run_id,
        frames=tuple(_untagged_frame(frame) for frame in _read(frames, _FRAMES, list[Frame])),
        wait=None if wait is None else _untagged_wait(_read(wait, _WAIT, Wait)),
        outcome=outcome,
        event=from_json(_read(event, _ANY, dict[str, Any])) if event else {},
    )


_encode = Encoder().encode
_FRAMES = Decoder(list[Frame])
_WAIT = Decoder(Wait)
_ANY = Decoder(dict[str, Any])


def _read(stored: Any, decoder: Decoder[Any], kind: Any) -> Any:
    return decoder.decode(stored) if isinstance(stored, str) else convert(stored, kind)


# msgspec writes and reads everything of a run but the values that are of any type: those are
# tagged, where there are any.


def _tagged_frame(frame: Frame) -> Frame:
    if not frame.vars and not frame.answer:
        return frame
    return replace(frame, vars=to_json(frame.vars), answer=to_json(frame.answer))


def _untagged_frame(frame: Frame) -> Frame:
    if not frame.vars and not frame.answer:
        return frame
    return replace(frame, vars=from_json(frame.vars), answer=from_json(frame.answer))


def _tagged_wait(wait: Wait) -> Wait:
    return _with_values(wait, to_json) if _holds_values(wait) else wait


def _untagged_wait(wait: Wait) -> Wait:
    return _with_values(wait, from_json) if _holds_values(wait) else wait


def _holds_values(wait: Wait) -> bool:
    if wait.state:
        return True
    return bool(wait.choices) and any(type(choice.value) is not str for choice in wait.choices)


def _with_values(wait: Wait, change: Callable[[Any], Any]) -> Wait:
    choices = tuple(replace(choice, value=change(choice.value)) for choice in wait.choices)
    return replace(wait, choices=choices, state=change(wait.state))
