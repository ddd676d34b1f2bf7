"""What the staff can do from Telegram, and what is told them of it.

    (a reply)            written to the customer
    /take [REF]          the customer to oneself
    /release [REF]       back to the bot
    /find TEXT           who is called so
    /note [REF] TEXT     a note
    /tag [REF] TAG -TAG  tags given and taken away
    /task [REF] [DUE] TITLE
    /today               who waits, what is to be done, birthdays, hot leads

REF is left out in a reply to news of a customer. Agents reach their own customers and those who
are handed over to them; viewers look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, or_, select

from bots.channel import Inbound
from crm.errors import Ambiguous, CrmError, NotAllowed, NotFound, NotTalking
from crm.services.bulk_actions import check_action, do_piece
from crm.services.find import find, resolve
from crm.services.following import Following
from crm.services.ledger import Cause
from crm.services.notes import add_note
from crm.services.rights import require_hand, visible_to
from crm.services.tags import tags_of
from crm.services.tasks import add_task
from crm.tables import customer
from engine.business import Business, Staff
from engine.durations import Duration
from engine.staff import called, sees_sensitive
from engine.wording import wording
from rapport.runtime import inbox
from rapport.runtime.staff_news import Told
from rapport.runtime.staff_today import today

MOST_FOUND = 10

_DUE = re.compile(r"(?:\d+[wdhms])+|\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?")
_DURATION = re.compile(r"(?:\d+[wdhms])+")


class Acting(NamedTuple):
    """Who acts. seat: whose rights count. by: in whose name. told: the news replied to."""

    db: Connection
    business_id: int
    business: Business
    seat: Staff
    by: str
    told: Told | None
    now: datetime

    def say(self, key: str, **params: str) -> str:
        return wording(key, self.business.language, **params)

    @property
    def cause(self) -> Cause:
        return Cause(f"staff:{self.by}")


class Said(NamedTuple):
    """What the person is told; '' for nothing. customer_id: whom it is about. talk: a reply to it
    goes to the customer."""

    text: str
    customer_id: int | None = None
    talk: bool = False


class _Unknown(NotFound):
    """The text is for the person."""


def carry_out(at: Acting, item: Inbound) -> Said:
    """Do a command or reply; what the CRM refuses is told, and nothing of it is done."""
    try:
        if item.kind == "command" and item.payload["command"] in COMMANDS:
            return COMMANDS[item.payload["command"]](at, item.payload["argument"])
        return _reply(at, item)
    except _Unknown as error:
        return Said(str(error))
    except NotAllowed:
        return Said(at.say("desk_not_allowed"))
    except CrmError as error:
        return Said(at.say("desk_refused", reason=str(error)))


# -- the talk


def _reply(at: Acting, item: Inbound) -> Said:
    assert at.told is not None, "what replies to nothing is no act"
    customer_id, name = at.told.customer_id, _name(at, at.told.customer_id)
    require_hand(at.business, at.seat.name)
    if not at.told.talk:
        command = f"/take {customer_id}"
        return Said(at.say("desk_not_a_talk", name=name, command=command), customer_id)
    if item.kind == "command":
        there = " ".join(f"/{one}" for one in COMMANDS)
        return Said(at.say("desk_no_command", commands=there), customer_id)
    if item.kind != "text":
        return Said(at.say("desk_text_only", name=name), customer_id)
    text = item.payload["text"]
    try:
        inbox.answer(at.db, at.business_id, customer_id, at.by, text, at.now)
    except NotTalking as error:
        if len(text) > inbox.LONGEST:
            return Said(at.say("desk_refused", reason=str(error)), customer_id)
        return Said(at.say("desk_unreachable", name=name), customer_id)
    return Said("")


def _take(at: Acting, argument: str) -> Said:
    found = _whom(at, argument, "/take 7")
    if isinstance(found, Said):
        return found
    name = _name(at, found.customer_id)
    try:
        # To the seat: a group that takes somebody goes on reading what they write.
        inbox.take(at.db, at.business_id, found.customer_id, at.seat.name, at.now)
    except NotTalking:
        return Said(at.say("desk_unreachable", name=name), found.customer_id)
    return Said(at.say("desk_taken", name=name), found.customer_id, talk=True)


def _release(at: Acting, argument: str) -> Said:
    require_hand(at.business, at.seat.name)
    if not argument and at.told is None:
        mine = _handed(at)
        if len(mine) != 1:
            lines = [f"{name} (id:{id_})" for id_, name in mine.items()]
            key = "desk_which_talk" if mine else "desk_no_talk"
            return Said("\n".join([at.say(key), *lines]))
        argument = str(next(iter(mine)))
    found = _whom(at, argument, "/release 7")
    if isinstance(found, Said):
        return found
    name = _name(at, found.customer_id)
    try:
        inbox.release(at.db, at.business_id, found.customer_id, at.by, at.now)
    except NotTalking:
        return Said(at.say("desk_bot_talks", name=name), found.customer_id)
    return Said(at.say("desk_released", name=name), found.customer_id)


# -- records


def _find(at: Acting, argument: str) -> Said:
    if not argument and at.told is None:
        return Said(at.say("desk_usage", usage="/find Ann"))
    if not argument and at.told is not None:
        return Said(_card(at, _seen(at, at.told.customer_id)), at.told.customer_id)
    found = find(at.db, at.business_id, argument, at.business.country, MOST_FOUND + 1, _visible(at))
    if not found:
        return Said(at.say("desk_found_none"))
    if len(found) == 1:
        return Said(_card(at, found[0].customer_id), found[0].customer_id)
    lines = [f"{one.display_name} (id:{one.customer_id})" for one in found[:MOST_FOUND]]
    if len(found) > MOST_FOUND:
        lines.append(at.say("desk_more"))
    return Said("\n".join(lines))


def _note(at: Acting, argument: str) -> Said:
    found = _whom(at, argument, "/note 7 Likes tea", more=True)
    if isinstance(found, Said):
        return found
    add_note(
        at.db, at.business_id, at.business, found.customer_id, {"text": found.rest}, at.cause,
        at.now,
    )  # fmt: skip
    return Said(at.say("desk_noted", name=_name(at, found.customer_id)), found.customer_id)


def _tag(at: Acting, argument: str) -> Said:
    found = _whom(at, argument, "/tag 7 VIP -New", more=True)
    if isinstance(found, Said):
        return found
    wanted: dict[str, list[str]] = {"add": [], "remove": []}
    for word in _tag_names(at, found.rest):
        wanted["remove" if word.startswith("-") else "add"].append(word.lstrip("-+#"))
    action = {"tag": {way: names for way, names in wanted.items() if names}}
    checked = check_action(at.db, at.business_id, at.business, action, at.now)
    who = [found.customer_id]
    following = Following(at.db, at.business_id, at.business)
    do_piece(at.db, at.business_id, at.business, checked, who, at.cause, at.now)
    following.settle(at.db, who, at.now)
    has = tags_of(at.db, at.business_id, who).get(found.customer_id, frozenset())
    tags = ", ".join(sorted(has)) or "—"
    name = _name(at, found.customer_id)
    return Said(at.say("desk_tagged", name=name, tags=tags), found.customer_id)


def _tag_names(at: Acting, text: str) -> list[str]:
    """A tag of several words stands by itself; else each word is one."""
    whole = text.lstrip("-+#").casefold()
    known = any(name.casefold() == whole for name in at.business.tags)
    return [text] if known else text.replace(",", " ").split()


def _task(at: Acting, argument: str) -> Said:
    found = _whom(at, argument, "/task 7 2d Call back", more=True)
    if isinstance(found, Said):
        return found
    first, _, title = found.rest.partition(" ")
    due: object = None
    if title.strip() and _DUE.fullmatch(first):
        due = _moment(first, at)
    given = {"title": title.strip() if due else found.rest, "assigned_to": at.seat.name}
    if due:
        given["due_at"] = due  # type: ignore[assignment]  # a moment, or a day for the service
    made = add_task(at.db, at.business_id, at.business, found.customer_id, given, at.cause, at.now)
    name = _name(at, found.customer_id)
    told = at.say("desk_task", number=str(made), name=name, title=str(given["title"]))
    return Said(told, found.customer_id)


def _moment(written: str, at: Acting) -> object:
    if not _DURATION.fullmatch(written):
        return written
    try:
        return Duration.parse(written).after(at.now, ZoneInfo(at.business.timezone))
    except ValueError:
        return None  # then it is a word of the title


def _today(at: Acting, _: str) -> Said:
    at_hand = (at.db, at.business_id, at.business, at.now)
    return Said(today(*at_hand, at.seat, _visible(at), _handed(at)))


COMMANDS: Mapping[str, Callable[[Acting, str], Said]] = {
    "take": _take,
    "release": _release,
    "find": _find,
    "note": _note,
    "tag": _tag,
    "task": _task,
    "today": _today,
}
"""By the name of the command: what it does with its argument."""


# -- whom it is about


class _Found(NamedTuple):
    customer_id: int
    rest: str


def _whom(at: Acting, argument: str, usage: str, *, more: bool = False) -> _Found | Said:
    """The customer who is to be changed, and what is written behind; else what to tell. more:
    there has to be something behind. Raises NotFound, NotAllowed."""
    require_hand(at.business, at.seat.name)
    ref, rest = ("", argument) if at.told is not None else _split(argument)
    if (at.told is None and not ref) or (more and not rest):
        return Said(at.say("desk_usage", usage=usage))
    if at.told is not None:
        return _Found(_seen(at, at.told.customer_id), rest)
    try:
        customer_id = resolve(at.db, at.business_id, ref, at.business.country)
    except Ambiguous as error:
        seen = [one for one in error.matches if _sees(at, one.customer_id)]
        lines = [f"{one.display_name} (id:{one.customer_id})" for one in seen]
        return Said("\n".join([at.say("desk_many", ref=ref), *lines]))
    except NotFound:
        raise _Unknown(at.say("desk_unknown", ref=ref)) from None
    return _Found(_seen(at, customer_id, ref=ref), rest)


def _split(argument: str) -> tuple[str, str]:
    ref, _, rest = argument.partition(" ")
    return ref, rest.strip()


def _seen(at: Acting, customer_id: int, ref: str = "") -> int:
    """Raises NotFound for who is hidden from this person, as for who is not there."""
    if not _sees(at, customer_id):
        raise _Unknown(at.say("desk_unknown", ref=ref or str(customer_id)))
    return customer_id


def _sees(at: Acting, customer_id: int) -> bool:
    mine = (customer.c.business_id == at.business_id, customer.c.id == customer_id)
    return at.db.scalar(select(customer.c.id).where(*mine, _visible(at))) is not None


def _visible(at: Acting) -> ColumnElement[bool]:
    """What holds of the customers whom this person may see: an agent also those who are handed
    over to them, whoever they are assigned to."""
    return or_(visible_to(at.business, at.seat.name), customer.c.id.in_(list(_handed(at))))


def _handed(at: Acting) -> dict[int, str]:
    """The names of those who are handed over to this person, their teams or role, by id; who
    waits longest comes first."""
    names = {one.casefold() for one in called(at.business, at.seat.name)}
    talks = inbox.talks(at.db, at.business_id)
    return {one.customer_id: one.name for one in talks if one.to.casefold() in names}


def _name(at: Acting, customer_id: int) -> str:
    mine = (customer.c.business_id == at.business_id, customer.c.id == customer_id)
    name = at.db.scalar(select(customer.c.display_name).where(*mine))
    return f"{name} (id:{customer_id})"


_CARD = ("phone_number", "email", "company", "assigned_to")


def _card(at: Acting, customer_id: int) -> str:
    """What is known of a customer, at a glance; what is sensitive only for who may see it."""
    columns = [customer.c[name] for name in _CARD]
    mine = (customer.c.business_id == at.business_id, customer.c.id == customer_id)
    row = at.db.execute(select(*columns).where(*mine)).one()
    sees_all = sees_sensitive(at.seat, row.assigned_to)
    language, fields = at.business.language, at.business.fields
    lines = [_name(at, customer_id)]
    for name, value in zip(_CARD, row, strict=True):
        if value is not None and (sees_all or not fields[name].sensitive):
            label = fields[name].label.pick(language, None, at.business.languages)
            lines.append(f"{label}: {value}")
    if has := tags_of(at.db, at.business_id, [customer_id]).get(customer_id):
        lines.append(at.say("desk_tags", tags=", ".join(sorted(has))))
    talks = inbox.talks(at.db, at.business_id, customer_id)
    lines += [at.say("desk_talks_with", who=talk.to) for talk in talks]
    return "\n".join(lines)
