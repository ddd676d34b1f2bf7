"""Writing customers to a file, some at a time: each piece is a read of its own, and the file has
its name when it is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from crm.exports.forms import writer_for
from crm.exports.rows import Export, Person, accounts_of, people, table_fields
from crm.services.auditing import EXPORT_MADE, write_audit
from crm.services.listing import View
from engine.fields.types import Field
from rapport.files import written_whole
from rapport.importing import Progress, Transact

COMPLETE = ".json"
"""The form that has everything of a customer."""


def export_of(
    view: View, suffix: str, keys: Sequence[str] = (), *, sensitive: bool = False
) -> Export:
    """suffix: of the file. keys: the fields wanted; none: all of them in JSON, in a table those
    that an import takes. Raises UnknownField."""
    fields = table_fields(view.business, keys)
    if suffix.lower() == COMPLETE and not keys:
        fields = (*dict.fromkeys((*fields, *view.business.fields.values())),)
    return Export(view, fields, sensitive)


def write_export(
    transact: Transact, export: Export, target: Path, by: str, *, language: str = "",
    progress: Progress = lambda *_: None, total: int = 0,
) -> int:  # fmt: skip
    """Write the file; how many customers are in it. language: of the headers; '' is their keys.

    That it was made is in the audit log before anything is read. Raises FileRefused, OSError.
    """
    view, suffix = export.view, target.suffix
    data = {
        "fields": [item.key for item in export.fields if item.sensitive and export.sensitive],
        "form": suffix.lower(), "filtered": view.where is not None,
    }  # fmt: skip
    written = 0
    with written_whole(target) as part:
        writer = writer_for(suffix, part, export, headers_of(export.fields, language))
        transact(lambda db: write_audit(db, view.business_id, by, EXPORT_MADE, view.now, data=data))
        try:
            after = 0
            while found := transact(lambda db, after=after: _piece(db, export, after, suffix)):  # type: ignore[misc]  # of this piece
                piece, besides = found
                writer.write(piece, besides)
                written, after = written + len(piece), piece[-1].customer_id
                progress(written, total)
        finally:
            writer.close()
    return written


def headers_of(fields: Sequence[Field], language: str) -> list[str]:
    """A header for each field, no two alike: the label where it is the only one, else the key."""
    if not language:
        return [item.key for item in fields]
    labels = [str(item.label.pick(language)) for item in fields]
    return [
        label if labels.count(label) == 1 else item.key
        for item, label in zip(fields, labels, strict=True)
    ]


Besides = Mapping[int, Mapping[str, Any]]


def _piece(
    db: Connection, export: Export, after: int, suffix: str
) -> tuple[list[Person], Besides] | None:
    found = people(db, export, after)
    if not found:
        return None
    if suffix.lower() != COMPLETE:
        return found, {}
    accounts = accounts_of(db, export.view.business_id, [one.customer_id for one in found])
    unmapped = export.view.business.fields.keys()
    besides = {
        one.customer_id: {
            "accounts": accounts.get(one.customer_id, []),
            "marketing_preferences": one.row.marketing_preferences or {},
            "extra": {
                key: value
                for key, value in (one.row.custom_fields_extra or {}).items()
                if key not in unmapped
            },
        }
        for one in found
    }
    return found, besides
