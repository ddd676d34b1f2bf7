"""Making stages quickly: a project is applied once, and every test gets a copy of that database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from crm.database import copy_pages, open_engine
from crm.tables import metadata
from engine.flow import Flow
from engine.loader import Loaded
from engine.node import Node
from engine.shapes import CHANNEL_NAMES
from engine.staff import STAFF_CHANNEL
from engine.transcript import HttpReply
from nodes.split import Arm, Split
from rapport.build import apply_loaded, open_account
from rapport.runtime.cursors import TASKS, begin_anew
from rapport.runtime.intake import Origin
from rapport.runtime.library import Library
from rapport.runtime.surroundings import Watch
from rapport.testing.stage import BadSetting, Stage

DEFAULT_NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
"""The moment of a test that names none: a Thursday in winter, so nothing is special about it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a test begins. customer: values by field, as a file writes them; None: a stranger.

    flow: the flow it is about, '' for none in particular. vars: variables that flow begins with.
    arms: the way that splits take, by their flow or their id. http: what requests are answered
    with, by address.
    """

    channel: str = "telegram"
    now: datetime = DEFAULT_NOW
    customer: Mapping[str, Any] | None = None
    flow: str = ""
    vars: Mapping[str, Any] = field(default_factory=dict)
    arms: Mapping[str, str] = field(default_factory=dict)
    http: Mapping[str, Sequence[HttpReply]] = field(default_factory=dict)


class Stages:
    """The stages of one project that loaded without errors. One is open at a time.

    watch: is told of every step that is taken on them.
    """

    def __init__(self, loaded: Loaded, watch: Watch | None = None) -> None:
        self._watch = watch
        self._applied = open_engine("sqlite://")
        self._copy = open_engine("sqlite://")
        metadata.create_all(self._applied)
        with self._applied.begin() as db:
            ready = apply_loaded(db, loaded, DEFAULT_NOW)
            self._library = ready.library
            self._origins: dict[str, Origin] = {
                channel: open_account(
                    db, ready.library.business_id, channel, "bot", "bot", DEFAULT_NOW
                )
                for channel in CHANNEL_NAMES
            }

    @contextmanager
    def open(self, setting: Setting) -> Iterator[Stage]:
        """A stage as `setting` says, on a database that nobody has talked in.

        Raises BadSetting where it cannot be.
        """
        copy_pages(self._applied, self._copy)
        library = _set(self._library, setting)
        origin = self._origins[setting.channel]
        staff_at = self._origins[STAFF_CHANNEL]
        if library.clocked or TASKS in library.heard:
            with self._copy.begin() as db:
                begin_anew(
                    db, library.business_id, library.clocked, setting.now,
                    tasks=TASKS in library.heard,
                )  # fmt: skip
        stage = Stage(
            self._copy,
            library,
            origin,
            staff_at,
            setting.now,
            setting.flow,
            setting.http,
            self._watch,
        )
        if setting.customer is not None:
            stage.introduce(setting.customer)
        yield stage

    def close(self) -> None:
        self._applied.dispose()
        self._copy.dispose()


def _set(library: Library, setting: Setting) -> Library:
    """The library for one test: turns load versions into it, and the setting changes its flows."""
    flows = dict(library.flows)
    if setting.vars:
        for place, flow in library.flows.items():
            if place[0] == setting.flow:
                flows[place] = replace(flow, vars={**flow.vars, **setting.vars})
    for name, arm in setting.arms.items():
        flows = _with_arm(flows, name, arm)
    return Library(
        business=library.business,
        business_id=library.business_id,
        flows=flows,
        columns=library.columns,
        tags=library.tags,
        segments=library.segments,
        load_version=library.load_version,
        applied_at=library.applied_at,
    )


_Flows = dict[tuple[str, int], Flow]


def _with_arm(flows: _Flows, name: str, arm: str) -> _Flows:
    """The flows with one way left of the splits of that flow, or of that id. Raises BadSetting."""
    left = dict(flows)
    for place, flow in flows.items():
        for node in flow.nodes:
            way = _way(node, arm) if name in (flow.key, node.id) else None
            if way is not None:
                nodes = (way if one.id == way.id else one for one in left[place].nodes)
                left[place] = replace(left[place], nodes=tuple(nodes))
    if all(left[place] is flow for place, flow in flows.items()):
        raise BadSetting(f"arms: no split of '{name}' leads to '{arm}'")
    return left


def _way(node: Node, arm: str) -> Node | None:
    """A split that leaves but this way, whatever its weight; None for what does not have it."""
    if not isinstance(node, Split) or arm not in {one.goto for one in node.arms}:
        return None
    return replace(node, arms=(Arm(arm, 1),))
