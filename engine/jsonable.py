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

from engine.run import Alarm, Choice, Frame, Run, Wait

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


def run_to_json(run: Run) -> dict[str, Any]:
    """A run as `{frames, wait, event}`; `wait` is None once it has ended.

    Its id, outcome and status are not in it: they have columns of their own.
    """
    return {
        "frames": [_frame_to_json(frame) for frame in run.frames],
        "wait": None if run.wait is None else _wait_to_json(run.wait),
        "event": to_json(run.event),
    }


def run_from_json(run_id: int, stored: Mapping[str, Any], outcome: str | None = None) -> Run:
    """The run that `run_to_json` was given."""
    wait = None if stored["wait"] is None else _wait_from_json(stored["wait"])
    return Run(
        id=run_id,
        frames=tuple(_frame_from_json(frame) for frame in stored["frames"]),
        wait=wait,
        outcome=outcome,
        event=from_json(stored["event"]),
    )


def _frame_to_json(frame: Frame) -> dict[str, Any]:
    stored: dict[str, Any] = {"flow": frame.flow, "version": frame.version, "node": frame.node}
    if frame.entered_at:
        stored["entered_at"] = frame.entered_at.isoformat()
    if frame.vars:
        stored["vars"] = to_json(frame.vars)
    if frame.answer:
        stored["answer"] = to_json(frame.answer)
    if frame.filled:
        stored["filled"] = list(frame.filled)
    return stored


def _frame_from_json(stored: Mapping[str, Any]) -> Frame:
    entered_at = stored.get("entered_at")
    return Frame(
        flow=stored["flow"],
        version=stored["version"],
        node=stored["node"],
        entered_at=datetime.fromisoformat(entered_at) if entered_at else None,
        vars=from_json(stored.get("vars", {})),
        answer=from_json(stored.get("answer", {})),
        filled=tuple(stored.get("filled", ())),
    )


def _wait_to_json(wait: Wait) -> dict[str, Any]:
    return {
        "id": wait.id,
        "asked_at": wait.asked_at.isoformat(),
        "asks": wait.asks,
        "attempts": wait.attempts,
        "choices": [_choice_to_json(choice) for choice in wait.choices],
        "claims": list(wait.claims),
        "alarms": [[alarm.at.isoformat(), alarm.kind, alarm.number] for alarm in wait.alarms],
        "heard": list(wait.heard),
        "state": to_json(wait.state),
    }


def _choice_to_json(choice: Choice) -> list[Any]:
    return [choice.label, to_json(choice.value), choice.goto, choice.act, choice.row]


def _wait_from_json(stored: Mapping[str, Any]) -> Wait:
    return Wait(
        id=stored["id"],
        asked_at=datetime.fromisoformat(stored["asked_at"]),
        asks=stored["asks"],
        attempts=stored["attempts"],
        choices=tuple(
            Choice(label, from_json(value), goto, act, row)
            for label, value, goto, act, row in stored["choices"]
        ),
        claims=tuple(stored["claims"]),
        alarms=tuple(
            Alarm(datetime.fromisoformat(at), kind, number) for at, kind, number in stored["alarms"]
        ),
        heard=tuple(stored["heard"]),
        state=from_json(stored["state"]),
    )
