"""Notes about customers: written, edited, pinned, taken away, with files beside them.

A private note is its author's and the admins'. `reader` is a name of the staff; None is a program
that may see everything, such as the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, Row, and_, delete, insert, or_, select

from crm.errors import NotAllowed, NotFound
from crm.services.books import PRIVATE, shortened
from crm.services.ledger import Cause
from crm.services.recording import change_row, changes, load_row, typed_record, writing
from crm.tables import attachment, note
from engine.business import Business
from engine.records import NOTE, NewNote, may_see_note, mentions
from engine.staff import person_called

LARGEST_FILE = 20 * 1024 * 1024
"""Bytes of one attachment: what a bot may download from Telegram,
https://core.telegram.org/bots/api#getfile, read in November 2026."""


class File(Struct, frozen=True):
    """A file that is kept beside the database. key: its place there. size: bytes."""

    name: str
    media_type: str
    size: int
    key: str


class Note(Struct, frozen=True):
    id: int
    text: str
    author: str
    pinned: bool
    private: bool
    mentions: tuple[str, ...]
    created_at: datetime
    edited_at: datetime | None
    files: tuple[File, ...] = ()


class NotesAfter(NamedTuple):
    """Where a page of notes ended."""

    pinned: bool
    id: int


def add_note(
    db: Connection, business_id: int, business: Business, customer_id: int,
    given: Mapping[str, object], cause: Cause, now: datetime,
) -> int:  # fmt: skip
    """The id of a new note. given: `text`, `pinned`, `private`. Raises NotFound, InvalidValues."""
    values = typed_record(given, NOTE, business, now)
    new = NewNote(**{key: value for key, value in values.items() if value is not None})
    with writing(db, business_id, business, customer_id, now) as page:
        told = page.books.note(customer_id, new, cause, now)
    return int(told["note"])


def edit_note(
    db: Connection, business_id: int, business: Business, note_id: int,
    given: Mapping[str, object], cause: Cause, now: datetime, reader: str | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """The columns that changed. Only its author and admins change the text or hide a note;
    whoever sees it may pin it. Raises NotFound, NotAllowed, InvalidValues."""
    row = _visible(db, business_id, business, note_id, reader)
    values = typed_record(given, NOTE, business, now, whole=False)
    changed = changes(row, {key: value or False for key, value in values.items()})
    if not changed:
        return ()
    if changed.keys() - {"pinned"}:
        _require_owner(row, business, reader)
        changed["edited_at"] = now
    if "text" in changed:
        named = mentions(changed["text"], business)
        changed["mentions"] = list(named) or None
    change_row(db, business_id, note, row, changed)
    with writing(db, business_id, business, row.customer_id, now) as page:
        private = changed.get("private", row.private)
        data: dict[str, Any] = {"note": note_id, "private": private}
        told = PRIVATE if private else shortened(changed.get("text", row.text))
        page.ledger.record(row.customer_id, "note_changed", told, data, cause.by, now)
        if "text" in changed:
            fresh = [name for name in named if name not in (row.mentions or ())]
            data = data | {"mentions": fresh}
            page.ledger.emit(row.customer_id, "note_changed", data, now, cause.depth)
    return tuple(key for key in values if key in changed)


def delete_note(
    db: Connection, business_id: int, business: Business, note_id: int, cause: Cause,
    now: datetime, reader: str | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """Take a note away with its attachments; the keys of files that nobody has any more, which
    the caller removes after the commit. Raises NotFound, NotAllowed."""
    row = _visible(db, business_id, business, note_id, reader)
    _require_owner(row, business, reader)
    mine = (attachment.c.business_id == business_id, attachment.c.note_id == note_id)
    keys = set(db.scalars(select(attachment.c.key).where(*mine)))
    db.execute(delete(attachment).where(*mine))
    db.execute(delete(note).where(note.c.business_id == business_id, note.c.id == note_id))
    with writing(db, business_id, business, row.customer_id, now) as page:
        data = {"note": note_id}
        page.ledger.record(row.customer_id, "note_deleted", "Note deleted", data, cause.by, now)
    kept = select(attachment.c.key).where(
        attachment.c.business_id == business_id, attachment.c.key.in_(keys)
    )
    return tuple(sorted(keys - set(db.scalars(kept))))


def list_notes(
    db: Connection, business_id: int, business: Business, customer_id: int,
    reader: str | None = None, limit: int = 50, after: NotesAfter | None = None,
) -> list[Note]:  # fmt: skip
    """Pinned ones first, then the newest; what `reader` may not see is left out."""
    wanted = [note.c.business_id == business_id, note.c.customer_id == customer_id]
    if reader is not None:
        person = person_called(business, reader)
        if not may_see_note(True, "", reader, business):
            author = person.name if person else reader
            wanted.append(or_(note.c.private.is_(False), note.c.author == author))
    if after is not None:
        older = and_(note.c.pinned == after.pinned, note.c.id < after.id)
        wanted.append(or_(older, note.c.pinned.is_(False)) if after.pinned else older)
    rows = db.execute(
        select(note).where(*wanted).order_by(note.c.pinned.desc(), note.c.id.desc()).limit(limit)
    ).all()
    files = _files(db, business_id, [row.id for row in rows])
    return [_note_of(row, files.get(row.id, ())) for row in rows]


def attach(
    db: Connection, business_id: int, business: Business, note_id: int, file: File, cause: Cause,
    now: datetime, reader: str | None = None,
) -> int:  # fmt: skip
    """The id of a file's tie to a note. Raises NotFound, NotAllowed."""
    row = _visible(db, business_id, business, note_id, reader)
    _require_owner(row, business, reader)
    if file.size > LARGEST_FILE:
        raise NotAllowed(f"{file.name} is larger than {LARGEST_FILE // 2**20} MB.")
    made: int = db.execute(
        insert(attachment)
        .values(
            business_id=business_id, customer_id=row.customer_id, note_id=note_id,
            name=file.name[-255:], media_type=file.media_type[:100], size=file.size,
            key=file.key, by=cause.by, created_at=now,
        )
        .returning(attachment.c.id)
    ).scalar_one()  # fmt: skip
    return made


def _visible(
    db: Connection, business_id: int, business: Business, note_id: int, reader: str | None
) -> Row[Any]:
    row = load_row(db, business_id, note, note_id)
    if not may_see_note(row.private, row.author, reader, business):
        raise NotFound(f"There is no note {note_id}.")
    return row


def _require_owner(row: Row[Any], business: Business, reader: str | None) -> None:
    """A note is changed by whoever could see it if it were private."""
    if not may_see_note(True, row.author, reader, business):
        raise NotAllowed(f"Note {row.id} is {row.author}'s: only they and admins change it.")


def _files(db: Connection, business_id: int, notes: list[int]) -> dict[int, tuple[File, ...]]:
    files: dict[int, tuple[File, ...]] = {}
    rows = db.execute(
        select(attachment)
        .where(attachment.c.business_id == business_id, attachment.c.note_id.in_(notes))
        .order_by(attachment.c.id)
    )
    for row in rows:
        file = File(row.name, row.media_type, row.size, row.key)
        files[row.note_id] = (*files.get(row.note_id, ()), file)
    return files


def _note_of(row: Row[Any], files: tuple[File, ...]) -> Note:
    return Note(
        row.id, row.text, row.author, row.pinned, row.private, tuple(row.mentions or ()),
        row.created_at, row.edited_at, files,
    )  # fmt: skip
