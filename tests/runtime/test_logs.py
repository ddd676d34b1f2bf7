"""What the log of a process at work says: ids on every line, and no message unless asked for."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from bots.channel import ChannelError, Rejected, Throttled
from bots.fake import FakeChannel
from rapport import logs
from tests.support.aio import run
from tests.support.service import Place, serving, until
from tests.support.small_project import write_project

SECRET_TEXT = "my heart is broken"

FAILURES = (Throttled(0.05), Rejected("not in this world"))

TURN_IDS = {"business", "account", "customer", "conversation", "run", "mail", "turn"}
SEND_IDS = {"business", "account", "channel", "conversation", "delivery"}


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(write_project(tmp_path / "kiosk"), tmp_path)


def talk(place: Place, *failures: ChannelError) -> None:
    """Two people write to two bots of the business; the first bot's sends fail as told."""
    one, two = (FakeChannel(account=number, poll_seconds=0.005) for number in ("1", "2"))

    async def main() -> None:
        async with serving(place, one, others=[two]):
            one.fail(*failures)
            one.says("ann", "/start")
            two.says("bob", "/start")
            await until(lambda: len(two.sent) == 2, 10)
            two.says("bob", SECRET_TEXT)
            arriving = 2 - sum(isinstance(failure, Rejected) for failure in failures)
            await until(lambda: len(two.sent) == 3 and len(one.sent) == arriving, 20)

    run(main())


def lines_of(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def test_every_line_of_a_turn_a_send_and_a_fetch_names_what_it_is_about(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up("json", least=logging.DEBUG)
    talk(place, *FAILURES)
    lines = lines_of(capsys)
    by_event: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_event.setdefault(line["event"], []).append(line)
    assert {line["business"] for line in lines} == {"kiosk"}
    assert all(line.keys() >= TURN_IDS for line in by_event["turn"])
    for event in ("sent", "send_later", "message_refused"):
        assert all(line.keys() >= SEND_IDS for line in by_event[event]), event
    assert all(line.keys() >= {"channel", "account"} for line in by_event["fetched"])
    # The writer's thread and two bots at work: no line says another's ids.
    turns = {(line["account"], line["customer"], line["run"]) for line in by_event["turn"]}
    assert len(turns) == len({account for account, _, _ in turns}) == 2
    at = {line["conversation"]: line["account"] for line in by_event["turn"]}
    sends = by_event["sent"] + by_event["send_later"] + by_event["message_refused"]
    assert {line["conversation"]: line["account"] for line in sends} == at


def test_at_the_usual_level_the_log_tells_changes_and_no_turn(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up("json")
    talk(place, *FAILURES)
    lines = lines_of(capsys)
    assert {line["level"] for line in lines} == {"info", "error"}
    assert {line["event"] for line in lines} == {"applied", "send_later", "message_refused"}


@pytest.mark.parametrize("asked", [False, True])
def test_what_people_write_is_in_the_log_only_where_it_was_asked_for(
    place: Place, capsys: pytest.CaptureFixture[str], asked: bool
) -> None:
    logs.set_up("json", least=logging.DEBUG, texts=asked)
    talk(place)
    written = capsys.readouterr().err
    assert (SECRET_TEXT in written) is asked
    assert ("Which size?" in written) is asked


def test_a_text_is_not_shown_by_a_logger_that_knows_nothing_of_ours() -> None:
    assert SECRET_TEXT not in f"{logs.Words(SECRET_TEXT)} {logs.Words(SECRET_TEXT)!r}"
