"""What can be done to many customers at once, and doing it to the next of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection, select

from crm.database import savepoint
from crm.errors import CrmError, InvalidValues, NotFound
from crm.services.customers import change_fields
from crm.services.erasing import erase_customer
from crm.services.fields import stored_columns
from crm.services.ledger import Cause, Ledger
from crm.services.recording import typed_record
from crm.services.segment_book import change_members, show_segment
from crm.services.tags import tag_ids
from crm.services.tasks import add_task
from crm.services.validation import typed_values
from crm.statuses import ARCHIVED
from crm.tables import customer_tag
from engine.business import Business
from engine.fields.fold import fold
from engine.locales import locale_of
from engine.records import TASK
from engine.staff import person_called
from engine.suggest import did_you_mean

Action = Mapping[str, Any]
"""One key of ACTIONS with what it takes, as plain JSON."""


class Done(Struct):
    """changed: how many customers something was done to. refused: (id, the reason) of others."""

    changed: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def check_action(
    db: Connection, business_id: int, business: Business, action: Action, now: datetime
) -> dict[str, Any]:
    """The action as it is stored. Raises InvalidValues, NotFound for what nobody could be given."""
    if len(action) != 1 or (name := next(iter(action))) not in ACTIONS:
        known = ", ".join(ACTIONS)
        raise InvalidValues({"action": f"One of {known} is done at a time."})
    given = action[name]
    _CHECKS[name](db, business_id, business, given, now)
    return {name: given}


def do_piece(
    db: Connection, business_id: int, business: Business, action: Action,
    ids: Collection[int], cause: Cause, now: datetime,
) -> Done:  # fmt: skip
    """Do a checked action to these customers; what follows by itself is left to the caller."""
    ((name, given),) = action.items()
    return ACTIONS[name](_Piece(db, business_id, business, ids, cause, now), given)


class _Piece(Struct):
    db: Connection
    business_id: int
    business: Business
    ids: Collection[int]
    cause: Cause
    now: datetime

    def each(self, change: Callable[[int], bool]) -> Done:
        """Change one after the other, each by itself."""
        done = Done()
        for id_ in self.ids:
            try:
                with savepoint(self.db):
                    done.changed += change(id_)
            except CrmError as error:
                done.refused.append((id_, str(error)))
        return done


# -- what is done


def _tag(piece: _Piece, given: Any) -> Done:
    known = {fold(name): (id_, name) for name, id_ in tag_ids(piece.db, piece.business_id).items()}
    columns = stored_columns(piece.db, piece.business_id, piece.business)
    ledger = Ledger(piece.business_id, piece.business.fields, columns)
    changed: set[int] = set()
    for word, change in (("add", ledger.add_tag), ("remove", ledger.remove_tag)):
        for name in given.get(word, ()):
            tag_id, called = known[fold(name)]
            has = set(
                piece.db.scalars(
                    select(customer_tag.c.customer_id).where(
                        customer_tag.c.business_id == piece.business_id,
                        customer_tag.c.tag_id == tag_id,
                        customer_tag.c.customer_id.in_(piece.ids),
                    )
                )
            )
            for id_ in (one for one in piece.ids if (one in has) is (word == "remove")):
                change(id_, tag_id, called, piece.now, piece.cause)
                changed.add(id_)
    ledger.write(piece.db)
    return Done(len(changed))


def _fields(piece: _Piece, given: Any) -> Done:
    columns = stored_columns(piece.db, piece.business_id, piece.business)

    def change(customer_id: int) -> bool:
        return bool(
            change_fields(
                piece.db, piece.business_id, piece.business, columns, customer_id, given,
                piece.cause, piece.now, whole=False,
            )
        )  # fmt: skip

    return piece.each(change)


def _task(piece: _Piece, given: Any) -> Done:
    def change(customer_id: int) -> bool:
        add_task(
            piece.db, piece.business_id, piece.business, customer_id, given, piece.cause, piece.now
        )
        return True

    return piece.each(change)


def _segment(piece: _Piece, given: Any) -> Done:
    changed = sum(
        change_members(
            piece.db, piece.business_id, piece.business, given[word], piece.ids, piece.cause,
            piece.now, is_in=word == "add",
        )
        for word in ("add", "remove") if word in given
    )  # fmt: skip
    return Done(changed)


def _erase(piece: _Piece, _: Any) -> Done:
    files: list[str] = []

    def change(customer_id: int) -> bool:
        files.extend(
            erase_customer(piece.db, piece.business_id, customer_id, piece.cause, piece.now)
        )
        return True

    done = piece.each(change)
    done.files = files
    return done


ACTIONS: Mapping[str, Callable[[_Piece, Any], Done]] = {
    "tag": _tag,
    "field": _fields,
    "status": lambda piece, given: _fields(piece, {"status": given}),
    "assign": lambda piece, given: _fields(piece, {"assigned_to": given}),
    "task": _task,
    "segment": _segment,
    "archive": lambda piece, _: _fields(piece, {"status": ARCHIVED}),
    "erase": _erase,
}
"""By name. tag and segment take {add, remove}: names, and one key; field values by key; status a
status; assign one of the staff, None for nobody; task what a task takes; archive and erase None."""


# -- whether it can be done


def _check_tags(db: Connection, business_id: int, _: Business, given: Any, __: datetime) -> None:
    _require_words(given, "tag")
    known = {fold(name): name for name in tag_ids(db, business_id)}
    for name in (*given.get("add", ()), *given.get("remove", ())):
        if fold(name) not in known:
            hint = did_you_mean(name, known.values())
            raise NotFound(f"There is no tag '{name}'. {hint}".rstrip())


def _check_fields(_: Connection, __: int, business: Business, given: Any, now: datetime) -> None:
    if not isinstance(given, Mapping) or not given:
        raise InvalidValues({"field": "Values by field are wanted."})
    typed_values(given, business, locale_of({}, business), now)
    alone = [key for key in given if business.fields[key].rules.unique or key in _OF_ONE]
    if alone:
        raise InvalidValues(dict.fromkeys(alone, "Only one customer can have this value."))


_OF_ONE = ("email", "external_id")


def _check_status(
    db: Connection, business_id: int, business: Business, given: Any, now: datetime
) -> None:
    if given is None:
        raise InvalidValues({"status": "A status is wanted."})
    _check_fields(db, business_id, business, {"status": given}, now)


def _check_assignee(_: Connection, __: int, business: Business, given: Any, ___: datetime) -> None:
    if given is not None and person_called(business, str(given)) is None:
        raise InvalidValues({"assigned_to": f"Nobody of the staff is called '{given}'."})


def _check_task(_: Connection, __: int, business: Business, given: Any, now: datetime) -> None:
    if not isinstance(given, Mapping):
        raise InvalidValues({"task": "A task with its title is wanted."})
    typed_record(given, TASK, business, now)


def _check_segment(db: Connection, business_id: int, _: Business, given: Any, __: datetime) -> None:
    _require_words(given, "segment")
    for key in given.values():
        if show_segment(db, business_id, key)["kind"] != "static":
            raise InvalidValues({"segment": f"The members of '{key}' follow its criteria."})


def _require_words(given: Any, what: str) -> None:
    if not isinstance(given, Mapping) or not given or given.keys() - {"add", "remove"}:
        raise InvalidValues({what: "Say what to add or to remove."})


_CHECKS: Mapping[str, Callable[[Connection, int, Business, Any, datetime], None]] = {
    "tag": _check_tags,
    "field": _check_fields,
    "status": _check_status,
    "assign": _check_assignee,
    "task": _check_task,
    "segment": _check_segment,
    "archive": lambda *_: None,
    "erase": lambda *_: None,
}
