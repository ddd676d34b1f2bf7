"""A segment added by a command: declared in crm.yaml, so that flows may ask for it at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from crm.services.changes import Change
from crm.services.projects import apply_segments
from engine.editing import add_entry
from engine.loader import CRM_FILE, Loaded
from rapport.editing import EditRefused, Planned, edited, in_both


def plan(folder: Path, before: Loaded, key: str, declaration: Mapping[str, Any]) -> Planned:
    """What a sound project becomes with one segment more. Raises EditRefused."""
    if key in before.business.segments:
        raise EditRefused(f"the segment '{key}' is there already")
    planned = edited(
        folder, before, lambda text: add_entry(text, "segments", key, declaration)
    )  # fmt: skip
    wrong = [one for one in planned.fresh if one.severity == "error"]
    if wrong:
        raise EditRefused(wrong[0].told)
    after = dict(planned.after.business.segments)
    if after.pop(key, None) is None or after.keys() != before.business.segments.keys():
        raise EditRefused(f"{CRM_FILE} is written in an unusual way: change it by hand")
    return planned


def make(engine: Engine, planned: Planned, now: datetime) -> tuple[Change, ...]:
    """Change the database and the file. Raises EditRefused."""

    def apply(db: Connection) -> tuple[Change, ...]:
        business = planned.after.business
        return apply_segments(db, business, planned.after.crm_source, now).changes

    changes = in_both(engine, planned, apply)
    return tuple(change for change in changes if change.kind == "segment")
