"""Customers who may be one person: of one phone number, one address, or nearly one name.

Numbers and addresses are grouped by the database. Names are sorted three times: from their
beginning, from their end, and by their words in order; and each is compared with its next
neighbours alone. A slip of the pen moves a name far in one of these orders, hardly ever in all. So
the time grows with the customers, not with their square.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Literal

from msgspec import Struct
from rapidfuzz.fuzz import ratio
from sqlalchemy import Connection, func, or_, select

from crm.errors import Match
from crm.tables import customer

By = Literal["phone", "email", "name"]

ALL: tuple[By, ...] = ("phone", "email", "name")

LIKENESS = 90
"""Of 100: one slip in a name of ten letters."""

_NEIGHBOURS = 8
"""How many of the following names each is compared with, in each order."""

_SHOWN = 20
"""Customers of one group: thousands are called alike, and it is no use to list them."""

_COLUMNS = {"phone": customer.c.phone_number, "email": customer.c.email}


class Alike(Struct, frozen=True):
    """Customers who may be one. value: what they share; likeness: of 100."""

    by: By
    value: str
    likeness: int
    customers: tuple[Match, ...]


def find_duplicates(
    db: Connection, business_id: int, by: Collection[By] = ALL, likeness: int = LIKENESS,
    limit: int = 1_000,
) -> list[Alike]:  # fmt: skip
    """Groups of customers who are not archived, the surest first: by phone, by email, then by how
    like their names are. A blank never matches, nor who has no name of their own."""
    found: list[Alike] = []
    for kind in ("phone", "email"):
        if kind in by:
            found += _equal(db, business_id, kind, limit - len(found))
    if "name" in by:
        found += _like(db, business_id, likeness, limit - len(found))
    return found


def _equal(db: Connection, business_id: int, kind: By, limit: int) -> list[Alike]:
    column = _COLUMNS[kind]
    mine = (customer.c.business_id == business_id, customer.c.archived_at.is_(None))
    several = (
        select(column)
        .where(*mine, column.is_not(None))
        .group_by(column)
        .having(func.count() > 1)
        .order_by(column)
        .limit(max(limit, 0))
    )
    values = list(db.scalars(several))
    groups: defaultdict[str, list[Match]] = defaultdict(list)
    for start in range(0, len(values), 500):
        rows = db.execute(
            select(customer.c.id, customer.c.display_name, column.label("value"))
            .where(*mine, column.in_(values[start : start + 500]))
            .order_by(customer.c.id)
        )
        for row in rows:
            groups[row.value].append(Match(row.id, row.display_name))
    return [Alike(kind, value, 100, tuple(groups[value][:_SHOWN])) for value in values]


def _like(db: Connection, business_id: int, likeness: int, limit: int) -> list[Alike]:
    called = _by_name(db, business_id)
    found: list[tuple[int, str, tuple[str, ...]]] = [
        (100, name, (name,)) for name, ids in called.items() if len(ids) > 1
    ]
    found += [
        (round(score), min(pair), pair) for pair, score in _similar(list(called), likeness).items()
    ]
    found.sort(key=lambda item: (-item[0], item[1]))
    found = found[: max(limit, 0)]
    wanted = {id_ for _, _, names in found for name in names for id_ in called[name][:_SHOWN]}
    shown = _names_of(db, business_id, sorted(wanted))
    return [
        Alike(
            "name", " / ".join(names), score,
            tuple(shown[id_] for name in names for id_ in called[name][:_SHOWN])[:_SHOWN],
        )
        for score, _, names in found
    ]  # fmt: skip


def _by_name(db: Connection, business_id: int) -> dict[str, list[int]]:
    """The customers of each name, folded."""
    called: defaultdict[str, list[int]] = defaultdict(list)
    has_name = or_(
        customer.c.first_name.is_not(None),
        customer.c.last_name.is_not(None),
        customer.c.company.is_not(None),
    )
    rows = db.execute(
        select(customer.c.id, customer.c.name_folded)
        .where(customer.c.business_id == business_id, customer.c.archived_at.is_(None), has_name)
        .order_by(customer.c.id)
    )
    for id_, name in rows:
        called[" ".join(name.split())].append(id_)
    called.pop("", None)
    return called


def _similar(names: Sequence[str], likeness: int) -> dict[tuple[str, str], float]:
    """Pairs of names that differ and are so like each other, with how much."""
    # A word alone says too little: Ali and Alia are two people.
    whole = [name for name in names if " " in name]
    pairs: dict[tuple[str, str], float] = {}
    for form in _FORMS:
        ordered = sorted((form(name), name) for name in whole)
        for (one, first), (other, second) in _neighbours(ordered):
            score = ratio(one, other, score_cutoff=likeness)
            if score:
                pair = (first, second) if first < second else (second, first)
                pairs[pair] = max(score, pairs.get(pair, 0))
    return pairs


_FORMS: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    lambda name: name[::-1],
    lambda name: " ".join(sorted(name.split())),
)
"""What names are sorted by, and compared in."""


def _neighbours(
    ordered: Sequence[tuple[str, str]],
) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    for place, name in enumerate(ordered):
        for other in ordered[place + 1 : place + 1 + _NEIGHBOURS]:
            yield name, other


def _names_of(db: Connection, business_id: int, ids: Sequence[int]) -> dict[int, Match]:
    shown: dict[int, Match] = {}
    for start in range(0, len(ids), 500):
        rows = db.execute(
            select(customer.c.id, customer.c.display_name).where(
                customer.c.business_id == business_id, customer.c.id.in_(ids[start : start + 500])
            )
        )
        shown |= {row.id: Match(row.id, row.display_name) for row in rows}
    return shown
