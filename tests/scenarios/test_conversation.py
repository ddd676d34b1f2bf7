"""The example of the flow language, held by a real bot over HTTP from first word to last."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bots.telegram_aiogram import TelegramAiogram
from crm.tables import activity, field_history, mail, run, visit
from tests.support.aio import run as hold
from tests.support.botapi import BotApi
from tests.support.service import Place, ShiftedClock, rapport, serving

LEAD = Path(__file__).parent / "projects" / "lead"
SARA = 7


async def _talk(place: Place, api: BotApi, clock: ShiftedClock) -> None:
    """Sara answers the whole flow; the process is stopped and started in the middle of it."""
    sara = api.user(SARA, "Sara")

    async def reads(text: str, *buttons: str) -> None:
        message = await sara.reads(seconds=60)
        assert message["text"] == text
        assert _buttons(message) == [*buttons]

    async with serving(place, TelegramAiogram.connect(api.token, api.url), clock):
        sara.says("/start")
        await reads("Hi Sara 👋")
        await reads("When is your birthday?")
        sara.says("banana")
        await reads("I could not read that as a date. Try 1990-05-15.\nWhen is your birthday?")
    async with serving(place, TelegramAiogram.connect(api.token, api.url), clock):
        clock.advance(timedelta(minutes=30))
        await reads("Still there?")
        sara.says("۱۳۶۹/۰۲/۲۵")
        await reads("What are you looking for?", "Clothes", "Shoes", "Accessories")
        sara.presses("Shoes")
        await reads("So, Shoes. Right?", "Yes", "Change it")
        sara.presses("Yes")
        await reads("What is your shoe size?")
        sara.says("۴۲")
        await reads("Thank you! Your code is W-0001.")


def _buttons(message: dict[str, Any]) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


def test_the_whole_example_is_talked_through_telegram_and_found_in_the_database(
    tmp_path: Path,
) -> None:
    """Text, invalid reply, restart, silence until the reminder, Persian date, buttons, digits."""
    place = Place(LEAD, tmp_path)

    async def main() -> dict[str, Any]:
        async with BotApi() as api:
            await _talk(place, api, ShiftedClock())
            assert len(api.state.answered) == 2, "both presses were answered"
        code, shown, _ = await rapport(
            place, "customers", "show", f"telegram:{SARA}", "--format", "json"
        )
        assert code == 0
        found: dict[str, Any] = json.loads(shown)
        return found

    customer = hold(main(), seconds=120)
    assert customer["display_name"] == "Sara"
    assert (customer["source"], customer["status"]) == ("telegram", "lead")
    assert {key: value for key, value in customer["fields"].items() if value is not None} == {
        "birth_date": "1990-05-15", "favorite_category": "shoes", "shoe_size": 42,
    }  # fmt: skip
    assert [account["external_id"] for account in customer["accounts"]] == [str(SARA)]
    assert (customer["run"], customer["runs"]) == (None, [])
    _holds_history(place)
    _holds_timeline(place)
    _holds_run(place)
    assert place.violations() == []


def _holds_history(place: Place) -> None:
    """Old and new value, and the flow, version, node and mail that set it."""
    columns = field_history.c["field", "old", "new", "flow", "flow_version", "node"]
    by_mail = mail.c.id == field_history.c.mail_id
    changes = place.rows(select(*columns, mail.c.payload).join_from(field_history, mail, by_mail))
    assert [(*change, payload.get("text")) for *change, payload in changes] == [
        ("birth_date", None, "1990-05-15", "lead_capture", 1, "birthday", "۱۳۶۹/۰۲/۲۵"),
        ("favorite_category", None, "shoes", "lead_capture", 1, "category", None),
        ("shoe_size", None, 42, "shoe_size", 1, "form", "۴۲"),
    ]


def _holds_timeline(place: Place) -> None:
    """Every message of both sides, the invalid one too, and what became of them, in order."""
    statement = select(*activity.c["type", "description"]).order_by(activity.c.id)
    assert place.rows(statement) == [
        ("customer_created", "First message on telegram"),
        ("message_received", "/start"),
        ("score_changed", "0 → 32"),
        ("workflow_triggered", "lead_capture by lead_capture/command command=start"),
        ("message_sent", "Hi Sara 👋"),
        ("message_sent", "When is your birthday?"),
        ("message_received", "banana"),
        (
            "message_sent",
            "I could not read that as a date. Try 1990-05-15.\nWhen is your birthday?",
        ),
        ("message_sent", "Still there?"),
        ("message_received", "۱۳۶۹/۰۲/۲۵"),
        ("field_updated", "birth_date: 1990-05-15"),
        ("message_sent", "What are you looking for?"),
        ("score_changed", "32 → 33"),
        ("message_received", "Shoes"),
        ("field_updated", "favorite_category: shoes"),
        ("message_sent", "So, Shoes. Right?"),
        ("score_changed", "33 → 35"),
        ("message_received", "Yes"),
        ("message_sent", "What is your shoe size?"),
        ("message_received", "۴۲"),
        ("field_updated", "shoe_size: 42"),
        ("message_sent", "Thank you! Your code is W-0001."),
        ("score_changed", "35 → 37"),
    ]


def _holds_run(place: Place) -> None:
    runs = place.rows(select(*run.c["flow", "flow_version", "status", "outcome"]))
    assert runs == [("lead_capture", 1, "ended", "captured")]
    assert place.rows(select(*visit.c["flow", "node", "left_by"]).order_by(visit.c.id)) == [
        ("lead_capture", "say_1", "birthday"),
        ("lead_capture", "birthday", "category"),
        ("lead_capture", "category", "ask_confirmed"),
        ("lead_capture", "ask_confirmed", "branch_5"),
        ("lead_capture", "branch_5", "shoes"),
        ("shoe_size", "form", "measured"),
        ("lead_capture", "shoes", "thanks"),
        ("lead_capture", "thanks", "captured"),
    ]
