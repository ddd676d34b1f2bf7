"""What a flow may ask of a customer, from the names found in it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.fields.slots import SLOTS
from engine.flow import Reads
from engine.shapes import Reader, Ref
from engine.staff import ASSIGNED

_FIELDS = (Ref.WRITE, Ref.SAVE, Ref.KEEP)
_TAGS = ("tags",)
_WHO = (Ref.WHO, Ref.TOLD)
_SEGMENTS = ("segment", "segments")


def reads_of(reader: Reader) -> Reads:
    """A field that is written is read too: its old value is kept with the new one."""
    names = set(_names(reader))
    if any(one.kind in _WHO and one.name == ASSIGNED for one in reader.references):
        names.add("assigned_to")
    business = reader.business
    fields = {name for name in names if name in business.fields}
    slots = names.intersection(SLOTS)
    unknown = names.difference(fields, slots)
    return Reads(
        fields=frozenset(fields | slots),
        history=frozenset(use.path[0] for use in reader.histories),
        tags=bool(names.intersection(_TAGS)) or _names_a_tag(reader),
        segments=bool(names.intersection(_SEGMENTS)),
        extra=any(business.fields[name].extra for name in fields)
        or bool(unknown.difference(_TAGS, _SEGMENTS)),
    )


def _names_a_tag(reader: Reader) -> bool:
    return any(reference.kind is Ref.TAG for reference in reader.references)


def _names(reader: Reader) -> Iterator[str]:
    """Names of customer fields, `tags`, `segment`; `extra` for one among the extras."""
    for reference in reader.references:
        if reference.kind in _FIELDS and not reference.name.startswith("var."):
            yield reference.name
    for use in reader.uses:
        if use.of_customer:
            yield use.of_customer
