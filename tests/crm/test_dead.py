"""Dead letters are listed, shown and tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from crm.errors import NotForAnybody, NotFound
from crm.services.customers import create_customer
from crm.services.dead import list_dead, requeue, show_dead
from crm.tables import conversation, mail, outbox
from tests.crm.businesses import CAUSE, NOW, applied, business, conversation_of

LATER = NOW + timedelta(days=1)


class Talk:
    """A conversation of a business, and short ways to put letters into it."""

    def __init__(self, db: Connection, key: str) -> None:
        self.db, project = db, business(key)
        self.key, self.business_id = key, applied(db, project)
        given = {"first_name": "Sara"}
        self.customer_id = create_customer(db, self.business_id, project, given, CAUSE, NOW)
        self.id = conversation_of(db, self.business_id, self.customer_id)

    def mail(self, name: str, **values: Any) -> str:
        defaults = {
            "business_id": self.business_id,
            "conversation_id": self.id,
            "dedup_key": f"{self.key}:{name}",
            "lane": 0,
            "kind": "text",
            "payload": {"text": name},
            "status": "dead",
            "attempts": 5,
            "last_error": "it broke",
            "received_at": NOW,
            "done_at": NOW,
        }
        row = insert(mail).values(**defaults | values).returning(mail.c.id)
        return f"mail:{self.db.execute(row).scalar_one()}"

    def message(self, name: str, **values: Any) -> str:
        bot = select(conversation.c.account_id).where(conversation.c.id == self.id)
        defaults = {
            "business_id": self.business_id,
            "conversation_id": self.id,
            "account_id": self.db.execute(bot).scalar_one(),
            "dedup_key": f"{self.key}:out:{name}",
            "peer": "7",
            "lane": 0,
            "payload": {"text": name},
            "status": "dead",
            "attempts": 3,
            "last_error": "bad request",
            "created_at": NOW,
            "due_at": NOW,
            "expires_at": NOW,
            "done_at": NOW,
        }
        row = insert(outbox).values(**defaults | values).returning(outbox.c.id)
        return f"outbox:{self.db.execute(row).scalar_one()}"

    def row(self, reference: str) -> Any:
        table = mail if reference.startswith("mail") else outbox
        row_id = int(reference.partition(":")[2])
        return self.db.execute(select(table).where(table.c.id == row_id)).one()


@pytest.fixture
def talk(db: Connection) -> Talk:
    return Talk(db, "lotus")


def test_what_is_dead_is_listed_in_and_out_together_newest_first(talk: Talk) -> None:
    old = talk.mail("old")
    new = talk.message("new", created_at=LATER)
    talk.mail("alive", status="waiting")
    talk.message("sent", status="sent")
    listed = list_dead(talk.db, talk.business_id)
    assert [letter.reference for letter in listed] == [new, old]
    assert (listed[1].customer, listed[1].error, listed[1].attempts) == ("Sara", "it broke", 5)
    assert [letter.reference for letter in list_dead(talk.db, talk.business_id, 1)] == [new]


def test_one_is_shown_with_what_it_carried(talk: Talk) -> None:
    shown = show_dead(talk.db, talk.business_id, talk.mail("hello"))
    assert shown.payload == {"text": "hello"}
    assert shown.at == NOW


def test_mail_tried_again_waits_anew_and_its_conversation_is_ready(talk: Talk) -> None:
    reference = talk.mail("hello")
    held = conversation.update().where(conversation.c.id == talk.id)
    talk.db.execute(held.values(hold_until=LATER))
    requeue(talk.db, talk.business_id, reference, LATER)
    row = talk.row(reference)
    assert (row.status, row.attempts, row.last_error, row.done_at) == ("waiting", 0, None, None)
    woken = talk.db.execute(select(conversation).where(conversation.c.id == talk.id)).one()
    assert (woken.status, woken.ready_at, woken.hold_until) == ("ready", LATER, None)


def test_a_message_tried_again_is_due_now_and_no_longer_expires(talk: Talk) -> None:
    reference = talk.message("hello")
    requeue(talk.db, talk.business_id, reference, LATER)
    row = talk.row(reference)
    assert (row.status, row.attempts, row.due_at, row.expires_at) == ("pending", 0, LATER, None)
    assert list_dead(talk.db, talk.business_id) == []


def test_what_could_not_be_read_can_be_seen_and_not_tried_again(talk: Talk) -> None:
    reference = talk.mail("raw", conversation_id=None)
    assert show_dead(talk.db, talk.business_id, reference).customer is None
    with pytest.raises(NotForAnybody):
        requeue(talk.db, talk.business_id, reference, LATER)
    assert talk.row(reference).status == "dead"


@pytest.mark.parametrize("reference", ["mail:999999", "mail:x", "7", "letter:7", ""])
def test_a_reference_to_no_dead_letter_is_not_found(talk: Talk, reference: str) -> None:
    with pytest.raises(NotFound):
        requeue(talk.db, talk.business_id, reference, LATER)


def test_what_is_not_dead_is_not_tried_again(talk: Talk) -> None:
    with pytest.raises(NotFound):
        requeue(talk.db, talk.business_id, talk.message("sent", status="sent"), LATER)


def test_the_letters_of_another_business_cannot_be_reached(db: Connection, talk: Talk) -> None:
    theirs = Talk(db, "other")
    reference = theirs.mail("hello")
    assert list_dead(db, talk.business_id) == []
    with pytest.raises(NotFound):
        requeue(db, talk.business_id, reference, LATER)
    assert theirs.row(reference).status == "dead"
