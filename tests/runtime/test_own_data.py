"""/me, /mydata and /forgetme: what a person is told of themselves, and may do about it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from crm.services.ledger import Cause
from crm.services.notes import add_note
from crm.services.purchases import record_purchase
from crm.tables import activity, audit, conversation, customer, mail, metadata, outbox
from tests.support.desk import NOON, Office

CRM = """
business: {key: kiosk, name: Kiosk, languages: [en, fa], timezone: UTC, country: IR}
fields:
  birth_date: {label: {en: Birth date, fa: تاریخ تولد}, type: date, self_service: true}
  rating: {label: Rating, type: number}
  illness: {label: Illness, type: text}
staff: [{name: Ali, role: owner}]
fallback: help
"""
FLOWS = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {id: name, ask: "Your name?", save_to: first_name}
  - {id: size, ask: "Which size?", save_to: rating}
  - say: Thanks
---
flow: help
nodes: [{say: Help}]
"""


@pytest.fixture
def office() -> Office:
    return Office(FLOWS, crm=CRM).says("/start", "Ann")


def last(office: Office) -> Any:
    """The last message that went out."""
    with office.engine.connect() as db:
        return db.execute(select(outbox).order_by(outbox.c.id.desc()).limit(1)).one()


def buttons(office: Office) -> dict[str, str]:
    """The buttons of the last message: tokens by label."""
    return {label: token for ((label, token, _),) in last(office).payload["buttons"]}


def press(office: Office, label: str, peer: str = "ann") -> Office:
    token = next(token for text, token in buttons(office).items() if label in text)
    return office.says("", peer=peer, kind="press", payload={"token": token})


def of(office: Office, name: str) -> Any:
    with office.engine.connect() as db:
        return db.scalars(select(customer.c[name]).order_by(customer.c.id)).all()


def test_me_tells_what_is_known_and_what_can_be_done(office: Office) -> None:
    told = last(office.says("/me")).payload["text"]
    assert "First name: Ann" in told
    assert "Purchases: 0" in told
    assert list(buttons(office)) == [
        "Correct something", "Which messages I get", "Give me my data", "Forget me",
    ]  # fmt: skip


def test_a_field_is_corrected_and_the_open_question_comes_back(office: Office) -> None:
    press(office.says("/me"), "Correct")
    assert "Birth date" in buttons(office)
    assert "Illness" not in buttons(office)
    press(office, "Birth date")
    assert last(office).payload["text"].startswith("Birth date: what is it?")
    office.says("1990-05-15")
    assert of(office, "custom_date_1")[0].isoformat() == "1990-05-15"
    assert last(office).payload["text"] == "Which size?"
    office.says("5")
    assert last(office).payload["text"] == "Thanks"


def test_a_correction_survives_a_new_start_of_the_program(office: Office) -> None:
    press(press(office.says("/me"), "Correct"), "Birth date")
    office.apply(FLOWS)
    office.says("1990-05-15")
    assert of(office, "custom_date_1")[0].isoformat() == "1990-05-15"


def test_a_kind_of_message_is_turned_off_and_on(office: Office) -> None:
    press(press(office.says("/me"), "Which messages"), "Offers")
    assert of(office, "marketing_preferences") == [{"promotion": False}]
    assert "✗ Offers" in buttons(office)
    press(office, "Offers")
    assert of(office, "marketing_preferences") == [{"promotion": True}]


def test_preferences_that_another_system_wrote_are_read(office: Office) -> None:
    with office.engine.begin() as db:
        theirs = {"sms_promotions": False, "newsletters": True}
        db.execute(update(customer).values(marketing_preferences=theirs))
    press(office.says("/me"), "Which messages")
    assert {"✗ Offers", "✓ Newsletter"} <= buttons(office).keys()


def test_mydata_hands_out_everything_but_what_the_staff_keeps_to_itself(office: Office) -> None:
    at = (office.library.business_id, office.library.business)
    with office.engine.begin() as db:
        cause = Cause("staff:Ali")
        record_purchase(db, *at, 1, {"amount": 5, "number": "A-1"}, cause, NOON)
        for text, private in (("Likes boots", False), ("Careful", True)):
            add_note(db, *at, 1, {"text": text, "private": private}, cause, NOON)
    office.says("/mydata")
    with office.engine.connect() as db:
        told = "\n".join(row["text"] for row in db.scalars(select(outbox.c.payload)))
    for known in ("First name: Ann", "A-1: 5", "Likes boots", "Which size?"):
        assert known in told
    assert "Careful" not in told
    assert "None" not in told


def test_forgetme_asks_and_forgets_and_begins_anew(office: Office) -> None:
    office.says("7").says("/forgetme")
    assert of(office, "first_name") == ["Ann"]
    press(office, "No, keep")
    assert of(office, "first_name") == ["Ann"]
    press(office.says("/forgetme"), "Yes, erase")
    assert of(office, "first_name") == [None]
    goodbye = last(office)
    assert "is erased" in goodbye.payload["text"]
    assert goodbye.peer == "ann"
    assert "Ann" not in everything(office)
    office.says("/start")
    assert of(office, "merged_into") == [None, None]
    assert last(office).payload["text"] == "Your name?"
    with office.engine.connect() as db:
        assert db.scalars(select(conversation.c.peer).order_by(conversation.c.id)).all() == [
            "erased:1", "ann",
        ]  # fmt: skip
        assert "erased" in db.scalars(select(audit.c.what)).all()


def everything(office: Office) -> str:
    """Every row but the goodbye's, the platform's keys and what is applied."""
    with office.engine.connect() as db:
        rows = [
            row
            for table in metadata.sorted_tables
            if table.name not in ("account", "business", "flow_version", "outbox")
            for row in db.execute(select(*(c for c in table.c if c is not mail.c.dedup_key)))
        ]
        out = db.execute(select(outbox.c.payload, outbox.c.last_error))
        return repr([*rows, *out.all()])


def test_a_button_of_long_ago_erases_nothing(office: Office) -> None:
    token = dict(buttons(office.says("/forgetme")))["Yes, erase everything"]
    office.advance("2h").says("", kind="press", payload={"token": token})
    assert of(office, "first_name") == ["Ann"]
    assert "earlier question" in last(office).payload["text"]


@pytest.mark.parametrize(
    "token", ["own:", "own:fix:abc", "own:mail:shoes:on", "own:mail:birthday:maybe",
              "own:forget:", "own:forget:99999999999999", "own:forget:x", "own:dance"],
)  # fmt: skip
def test_a_made_up_button_does_nothing(office: Office, token: str) -> None:
    before = of(office, "marketing_preferences"), of(office, "first_name")
    office.says("", kind="press", payload={"token": token})
    assert "earlier question" in last(office).payload["text"]
    assert (of(office, "marketing_preferences"), of(office, "first_name")) == before


def test_what_comes_in_the_same_breath_as_the_yes_is_forgotten_too(office: Office) -> None:
    token = dict(buttons(office.says("/forgetme")))["Yes, erase everything"]
    office.keep(
        office.inbound("", kind="press", payload={"token": token}),
        office.inbound("PLANTED"),
    )
    office.advance("1m")
    assert "PLANTED" not in everything(office)
    assert of(office, "first_name")[0] is None


def test_the_same_in_persian(office: Office) -> None:
    with office.engine.begin() as db:
        db.execute(update(customer).values(language="fa"))
    office.apply(FLOWS)
    told = last(office.says("/me")).payload["text"]
    assert "نام" in told
    assert "تاریخ تولد" in buttons(press(office, "اصلاح"))
    with office.engine.connect() as db:
        assert db.scalars(select(activity.c.type)).all()
