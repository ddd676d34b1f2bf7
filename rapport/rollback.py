"""An earlier version of a flow becomes the newest: in its file, and in the database.

The folder is the truth that every apply enforces, so the old text is written into the flow's file,
looked at as a whole project, and applied as a new version. Nothing else of the project may wait to
be applied: it would be applied along.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from crm.services.projects import FlowFile, flow_source
from crm.services.versions import newest_number
from engine.loader import Loaded
from rapport.files import replaced
from rapport.project import read_project
from rapport.updating import Update


class RollbackRefused(Exception):
    """Neither the file nor the database was changed; the text is one line with the way out."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """What is to be written: `text` into `file`, which has `was` now (None where it is gone).

    after: the project as it would be, with all its problems.
    """

    flow: str
    number: int
    file: Path
    was: str | None
    text: str
    after: Loaded

    @contextmanager
    def written(self) -> Iterator[None]:
        """The file has the old version's text; it gets its own back where what is inside raises."""
        if _text_of(self.file) != self.was:
            raise RollbackRefused(f"{self.file.name} was changed meanwhile: try again")
        with replaced(self.file, self.was, self.text):
            yield


def plan_rollback(
    db: Connection, business_id: int, folder: Path, flow: str, number: int
) -> Rollback:
    """What taking a flow back to a version would be. Raises NotFound and RollbackRefused."""
    newest = newest_number(db, business_id, flow)
    wanted = flow_source(db, business_id, flow, number)
    applied = flow_source(db, business_id, flow, newest)
    if wanted.source == applied.source and number != newest:
        raise RollbackRefused(f"version {number} of '{flow}' is what version {newest} says too")
    file = folder / applied.path
    was = _text_of(file)
    there = read_project(folder).flows.get(flow)
    if was is not None and (there is None or there.source != applied.source):
        raise RollbackRefused(
            f"{applied.path} does not have the '{flow}' that was applied last: "
            "first run `rapport apply`, or take the changes back"
        )
    text = _with_version(was, applied, wanted)
    return Rollback(flow, number, file, was, text, read_project(folder, {applied.path: text}))


def refuse_more(rollback: Rollback, update: Update) -> None:
    """Raises RollbackRefused where more would be applied than the one flow, or nothing."""
    others = [str(one) for one in update.changes if (one.kind, one.key) != ("flow", rollback.flow)]
    if others:
        raise RollbackRefused(
            f"the project has changes that are not applied ({others[0]}): "
            "run `rapport apply` first, or take them back"
        )
    if not update.changes:
        raise RollbackRefused(
            f"version {rollback.number} of '{rollback.flow}' is the one that is applied"
        )


def _with_version(was: str | None, applied: FlowFile, wanted: FlowFile) -> str:
    """The file's text with one version of the flow in the place of another; others of the same file
    stay as they are."""
    if was is None:
        return wanted.source
    before, _, after = was.partition(applied.source)
    text = wanted.source
    if before and not text.startswith("---"):
        text = f"---\n{text}"  # it was alone in its file then
    if after and not text.endswith("\n"):
        text += "\n"  # another flow begins on the next line
    return f"{before}{text}{after}"


def _text_of(file: Path) -> str | None:
    return file.read_bytes().decode("utf-8") if file.exists() else None
