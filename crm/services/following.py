"""Letting follow what follows by itself, for some customers or for all, piece by piece.

SQL tells who is not as the rules would have them (`scores_sql`, `criteria_sql`); what becomes of
them the pure rules say, and the one write path stores it. So a nightly pass over a million
customers costs what changes, and says the same as a turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    exists,
    literal,
    or_,
    select,
    true,
)

from crm.criteria_sql import compile_sql
from crm.scores_sql import filled, score_of
from crm.services.derived import rule_of, write_derived
from crm.services.fields import stored_columns
from crm.services.ledger import Ledger
from crm.services.response_rates import response_rates
from crm.services.segments import segment_ids, with_stored_segments
from crm.services.tags import tag_ids
from crm.stored_extras import typed_extra
from crm.tables import (
    customer,
    customer_tag,
    segment_member,
    tag,
)
from crm.tables.types import Hundredths
from engine.business import Business
from engine.criteria import Criterion, Moment
from engine.derive.rules import HAS_REFERRED, RULE, Rule, Rules
from engine.derive.stages import JOURNEY, WROTE_OFTEN
from engine.fields.decimals import LARGEST
from engine.fields.types import Value


@dataclass(slots=True)
class Person:
    """A customer as rules see them (engine.derive.rules.Person)."""

    customer_id: int
    values: dict[str, Value] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    ruled: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    filled: int = 0
    asked: int = 0
    answered: int = 0


class Following:
    """The rules of one business on its database, as it is when this is made."""

    def __init__(self, db: Connection, business_id: int, business: Business) -> None:
        self.business_id = business_id
        self.business = with_stored_segments(db, business_id, business)
        self.rules: Rules = self.business.rules
        self.columns = stored_columns(db, business_id, business)
        self._tags = tag_ids(db, business_id)
        self._segments = segment_ids(db, business_id)
        self._statement: tuple[datetime, Select[Any]] | None = None
        self._slots = [
            customer.c[self.columns[key]] for key in self.rules.slots if key in self.columns
        ]

    def moment(self, now: datetime) -> Moment:
        return Moment(now, ZoneInfo(self.business.timezone))

    def settle(
        self, db: Connection, customers: Collection[int], now: datetime,
        listens: frozenset[str] | None = None,
    ) -> Counter[str]:  # fmt: skip
        """Let everything follow for these customers; how many things did, by kind. listens: of
        what happens, as in a ledger."""
        ledger = Ledger(self.business_id, self.business.fields, self.columns, listens)
        followed: Counter[str] = Counter()
        moment = self.moment(now)
        for person in self.people(db, customers, now):
            derived = self.rules.settle_all(person, moment)
            followed.update(item.kind for item in derived)
            write_derived(ledger, person.customer_id, derived, now, self._tags, self._segments)
        ledger.write(db)
        return followed

    def astray(
        self, db: Connection, now: datetime, after: int, last: int, limit: int
    ) -> tuple[list[int], int]:
        """The first customers who are not as the rules have them, of those after an id and up to
        another; and up to which that is all."""
        places = {"first": after + 1, "last": last, "most": limit}
        found = db.scalars(self._astray(now, db.dialect.name), places).all()
        return list(found), found[-1] if len(found) == limit else last

    def _astray(self, now: datetime, dialect: str) -> Select[Any]:
        """Of all pieces of a pass, which has one moment: it is long to make."""
        if self._statement is None or self._statement[0] != now:
            statement = (
                select(customer.c.id)
                .where(
                    by_id(self.business_id),
                    customer.c.id.between(bindparam("first"), bindparam("last")),
                    customer.c.archived_at.is_(None),
                    self._differs(now, dialect),
                )
                .order_by(customer.c.id)
                .limit(bindparam("most"))
            )
            self._statement = (now, statement)
        return self._statement[1]

    def fitting(self, rule: Rule, now: datetime, dialect: str) -> ColumnElement[bool]:
        """Who the criteria of a rule hold for; never NULL."""
        return or_(*(self._holds(one, now, dialect) for one in rule.criteria))

    # -- who is not as the rules have them

    def _holds(self, criterion: Criterion, now: datetime, dialect: str) -> ColumnElement[bool]:
        condition = compile_sql(
            criterion, self.columns, self.moment(now), self.business_id, dialect
        )
        return case((condition, 1), else_=0) == 1

    def _differs(self, now: datetime, dialect: str) -> ColumnElement[bool]:
        rules = self.rules
        differences: list[ColumnElement[bool]] = [self._value_differs()]
        if rules.needs_rates:
            # Its exact fractions do not fit into a statement: everybody is reckoned.
            return true()
        score = score_of(rules.scoring, self._slots if rules.counts_fields else [], now, dialect)
        differences += [score != customer.c.crm_score, self._health() != customer.c.health]
        for rule in rules.rules:
            if rule.kind == "segment":
                differences.append(self._segment_differs(rule, now, dialect))
            elif rule.kind == "tag":
                differences.append(self._tag_differs(rule, now, dialect))
        differences.append(self._lifecycle(now, dialect) != customer.c.lifecycle_stage)
        differences.append(self._journey_differs())
        return or_(*differences)

    def _health(self) -> ColumnElement[str]:
        scoring, score = self.rules.scoring, customer.c.crm_score
        levels = ((score >= scoring.green, "green"), (score >= scoring.yellow, "yellow"))
        return case(*levels, else_="red")

    def _value_differs(self) -> ColumnElement[bool]:
        years, spent = self.rules.scoring.years, customer.c.total_spent
        # Not of the amount's type, which would be bound as so many hundredths.
        value = spent * literal(years, Integer())
        most = (LARGEST / years).quantize(Decimal("0.01"), ROUND_FLOOR)
        worth = case((spent > most, literal(LARGEST, Hundredths())), else_=value)
        return worth != customer.c.lifetime_value

    def _lifecycle(self, now: datetime, dialect: str) -> ColumnElement[str]:
        stages = [
            (self._holds(criterion, now, dialect), name)
            for name, criterion in self.rules.lifecycle.items()
        ]
        return case(*stages, else_="lead")

    def _journey_differs(self) -> ColumnElement[bool]:
        """Whether a later stage is reached: none is ever left for an earlier one."""
        bought, place = customer.c.total_purchases, _place_of_journey()
        reached = [
            (or_(customer.c.lifecycle_stage == "vip", _has_referred(self.business_id)), 4),
            (bought > 1, 3),
            (bought == 1, 2),
            (customer.c.total_interactions >= WROTE_OFTEN, 1),
        ]
        return case(*reached, else_=0) > place

    def _segment_differs(self, rule: Rule, now: datetime, dialect: str) -> ColumnElement[bool]:
        is_in = exists().where(
            segment_member.c.segment_id == self._segments.get(rule.name, 0),
            segment_member.c.customer_id == customer.c.id,
            segment_member.c.business_id == self.business_id,
        )
        belongs = self.fitting(rule, now, dialect)
        return or_(and_(belongs, ~is_in), and_(~belongs, is_in))

    def _tag_differs(self, rule: Rule, now: datetime, dialect: str) -> ColumnElement[bool]:
        has = exists().where(
            customer_tag.c.tag_id == self._tags.get(rule.name, 0),
            customer_tag.c.customer_id == customer.c.id,
            customer_tag.c.business_id == self.business_id,
        )
        wanted = self.fitting(rule, now, dialect)
        missing = and_(wanted, ~has)
        if not rule.removes:
            return missing
        return or_(missing, and_(~wanted, has.where(customer_tag.c.by == rule_of(rule.name))))

    # -- customers, as rules see them

    def people(
        self, db: Connection, customers: Collection[int], now: datetime, *, locked: bool = True
    ) -> Iterable[Person]:
        """These customers of the business, locked unless they are only looked at, in the order of
        their ids."""
        found = {one.customer_id: one for one in self._rows(db, customers, locked)}
        ids = list(found)
        if not ids:
            return ()
        for row in db.execute(self._tags_of(ids)):
            person = found[row.customer_id]
            person.tags |= {row.name}
            if row.by.startswith(RULE):
                person.ruled |= {row.name}
        keys = {id_: key for key, id_ in self._segments.items()}
        for row in db.execute(self._segments_of(ids)):
            found[row.customer_id].segments |= {keys[row.segment_id]}
        if self.rules.needs_rates:
            for id_, rate in response_rates(db, self.business_id, ids, now).items():
                found[id_].asked, found[id_].answered = rate
        return found.values()

    def _rows(self, db: Connection, customers: Collection[int], locked: bool) -> Iterator[Person]:
        read = self.rules.reads.fields | {"health"}  # it moves too where its levels do
        names = {key: self.columns[key] for key in read if key in self.columns}
        extras = {key: one for key, one in self.business.fields.items() if one.extra}
        statement = (
            select(
                customer.c.id.label("customer"), customer.c.custom_fields_extra,
                filled(self._slots, db.dialect.name),
                _has_referred(self.business_id).label(HAS_REFERRED),
                *(customer.c[column].label(f"of_{key}") for key, column in names.items()),
            )
            .where(by_id(self.business_id), customer.c.id.in_(sorted(customers)))
            .order_by(customer.c.id)
        )  # fmt: skip
        if locked:
            statement = statement.with_for_update(key_share=True, of=customer)
        for row in db.execute(statement).mappings():
            extra = row["custom_fields_extra"] or {}
            values = {key: row[f"of_{key}"] for key in names}
            values[HAS_REFERRED] = row[HAS_REFERRED]
            values |= {
                key: typed_extra(extra[key], one.type)
                for key, one in extras.items()
                if key in extra
            }
            yield Person(row["customer"], values, extra, filled=row["filled"])

    def _tags_of(self, ids: list[int]) -> Select[Any]:
        return (
            select(customer_tag.c.customer_id, tag.c.name, customer_tag.c.by)
            .join(tag, tag.c.id == customer_tag.c.tag_id)
            .where(
                customer_tag.c.business_id + 0 == self.business_id,  # as in `by_id`
                customer_tag.c.customer_id.in_(ids),
            )
        )

    def _segments_of(self, ids: list[int]) -> Select[Any]:
        return select(segment_member.c.customer_id, segment_member.c.segment_id).where(
            segment_member.c.business_id == self.business_id, segment_member.c.customer_id.in_(ids)
        )


def store(
    db: Connection, business_id: int, business: Business, ledger: Ledger, now: datetime,
    besides: Iterable[int] = (),
) -> None:  # fmt: skip
    """Write what a service did, and let follow at once what follows from it. besides: customers of
    whom nothing is changed, and something follows all the same."""
    customers = ledger.customers.union(besides)
    ledger.write(db)
    if customers:
        Following(db, business_id, business).settle(db, customers, now)


def by_id(business_id: int) -> ColumnElement[bool]:
    """The customers of a business where they are found by id: an index that begins with the
    business would be walked whole for each piece, which planners take for cheaper."""
    return customer.c.business_id + 0 == business_id


def _place_of_journey() -> ColumnElement[int]:
    stage = customer.c.journey_stage
    return case(*((stage == name, place) for place, name in enumerate(JOURNEY)), else_=0)


def _has_referred(business_id: int) -> ColumnElement[bool]:
    return exists().where(
        _BROUGHT.c.business_id == business_id, _BROUGHT.c.referred_by == customer.c.id
    )


_BROUGHT = customer.alias("brought")
