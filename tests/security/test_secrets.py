"""Secrets in every setting, and nothing that the program prints, logs or keeps shows one."""

from __future__ import annotations

import io
import json
import sqlite3
import traceback
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO, cast

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from crm.database import open_engine
from crm.tables import customer
from rapport import logs
from rapport.cli.doctor import _exposed
from rapport.cli.main import call
from rapport.http.app import make_app
from rapport.redaction import RedactedStream, keep_secret, redacted, redacted_value, secrets_in
from rapport.runtime.alarm_store import alarms_of, store_alarms
from rapport.runtime.alarms import Alarm
from rapport.runtime.deliveries import Outcome, settle
from rapport.runtime.staff import text_of
from rapport.runtime.watched import Problem
from rapport.settings import read_settings
from tests.cli.conftest import Command
from tests.conftest import pytest_runtest_makereport
from tests.support.aio import run
from tests.support.botapi import BotApi
from tests.support.desk import NOON, Office
from tests.support.planted import PASSWORD, QUOTED_PASSWORD, SETTINGS, TOKEN, found_in
from tests.support.service import Place, Program, until
from tests.support.small_project import write_project

NOBODY = "127.0.0.1:1"
"""Where nothing listens."""

FLOW = "flow: any\ntriggers: [{on: command, command: start}]\nnodes: [{say: Hello}]\n"


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TELEGRAM_API_BASE", f"http://me:planted-telegram@{NOBODY}")
    monkeypatch.setenv("RAPPORT_DEBUG", "1")


def test_a_secret_is_blanked_out_in_every_form_that_it_takes() -> None:
    keep_secret([PASSWORD, 'qu"o\te'])

    assert redacted(f"to {PASSWORD} and {QUOTED_PASSWORD}") == "to *** and ***"
    for written in (json.dumps, repr, lambda text: json.dumps(text, ensure_ascii=False)):
        assert "qu" not in redacted(written('a qu"o\te b'))
    assert redacted_value({"a": [PASSWORD, 1, None, Path(f"/{QUOTED_PASSWORD}")]}) == {
        "a": ["***", 1, None, "/***"]
    }


def test_of_two_secrets_one_inside_the_other_neither_leaves_a_rest() -> None:
    keep_secret(["abcd", "abcdefgh"])

    assert redacted("abcdefgh abcd") == "*** ***"


def test_what_is_too_short_to_be_a_secret_blanks_out_nothing() -> None:
    keep_secret(["abc", ""])

    assert redacted("abc") == "abc"


@pytest.mark.parametrize(
    ("address", "password"),
    [
        ("postgresql://me:hunter2@db/rapport", "hunter2"),
        ("postgresql://me:hun@ter@db/rapport", "hun@ter"),
        ("postgresql://me:hun/ter?2@db/rapport", "hun/ter?2"),
        ("postgresql://db/rapport?user=me&password=hunter2", "hunter2"),
        ("redis://:hunter2@db:6379/0", "hunter2"),
    ],
)
def test_the_password_of_an_address_is_found_however_it_is_written(
    address: str, password: str
) -> None:
    assert password in secrets_in(address)


@pytest.mark.parametrize("text", ["", "sqlite:///a.db", "me:hunter2@db", "https://db:8080/a"])
def test_an_address_without_a_password_has_none(text: str) -> None:
    assert list(secrets_in(text)) == []


def test_what_goes_through_the_last_stream_has_no_secret_in_it() -> None:
    """As Python itself prints an error of a thread or a task, by no logger."""
    keep_secret([TOKEN])
    written = io.StringIO()
    stream = cast("TextIO", RedactedStream(written))

    print("in a line:", TOKEN, file=stream)
    stream.writelines([f"{TOKEN}\n"])
    traceback.print_exception(OSError(f"https://api/bot{TOKEN}/getMe"), file=stream)

    assert written.getvalue().count("***") == 3
    assert found_in(written.getvalue()) == []
    assert not stream.isatty()


COMMANDS = [
    ["config"],
    ["config", "--format", "json"],
    ["doctor", "kiosk"],
    ["doctor", "kiosk", "--format", "json"],
    ["check", "kiosk"],
    ["customers", "list"],
    ["customers", "show", "7", "--format", "json"],
    ["fields", "list"],
    ["dead", "list"],
    ["db", "check"],
    ["db", "upgrade"],
    ["db", "upgrade", "--dry-run"],
    ["apply", "kiosk"],
    ["run", "kiosk"],
]

PLACES = {
    "a file": "sqlite:///rapport.db",
    "a server that is down": f"postgresql+psycopg://me:{QUOTED_PASSWORD}@{NOBODY}/rapport",
    "a password in the query": f"postgresql+psycopg://{NOBODY}/x?password={QUOTED_PASSWORD}",
    "a password that is not quoted": f"postgresql+psycopg://me:{PASSWORD}@{NOBODY}/rapport",
    "no such driver": f"mysql+nothing://me:{QUOTED_PASSWORD}@{NOBODY}/rapport",
    "no address": f"postgresql:me:{QUOTED_PASSWORD}",
}


@pytest.mark.parametrize("url", PLACES.values(), ids=PLACES.keys())
def test_no_command_shows_a_setting(
    planted: None, rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """The command's fixture looks for what is planted in all that they print."""
    monkeypatch.setenv("RAPPORT_DATABASE_URL", url)
    commands = COMMANDS if not url.startswith("sqlite") else COMMANDS[:-1]
    ended = [rapport(*arguments) for arguments in commands]

    assert {end.code for end in ended} <= {0, 1, 2, 70}
    for end in ended:
        if end.code == 70:
            log = Path(end.err.split()[-1])
            assert found_in(log.read_text(encoding="utf-8")) == []
            log.unlink()


@pytest.mark.parametrize("password", [QUOTED_PASSWORD, PASSWORD])
@pytest.mark.parametrize("before", [["db", "copy", "sqlite:///rapport.db"], ["chat", "--db"]])
def test_no_command_shows_the_password_of_an_address_that_it_was_given(
    rapport: Command, project: Path, before: list[str], password: str
) -> None:
    assert rapport("apply", project).code == 0

    ended = rapport(*before, f"postgresql+psycopg://me:{password}@{NOBODY}/x", typed="/start\n")

    assert ended.code in (1, 2, 70)


def test_what_the_staff_is_told_has_no_secret_in_it() -> None:
    keep_secret([TOKEN])
    office = Office(FLOW)
    business, alarm = office.library.business, Alarm("conflict", "bot", f"bot{TOKEN}", NOON)
    with office.engine.begin() as db:
        store_alarms(db, office.library.business_id, [alarm])
        (kept,) = alarms_of(db, office.library.business_id)

    assert kept.reason == "bot***"
    assert found_in(text_of(alarm, "raised", business)) == []


def test_the_page_that_says_what_is_wrong_tells_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_secret([PASSWORD])
    wrong = [Problem("database", f"postgresql://me:{PASSWORD}@db does not answer")]
    monkeypatch.setattr("rapport.http.app.problems", lambda _: wrong)

    async def main() -> str:
        transport = httpx.ASGITransport(make_app(lambda: cast("Any", "at work")))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.get("/ready")).text

    said = run(main())
    assert "me:***@db does not answer" in said


@pytest.mark.parametrize(
    ("mode", "base", "warned"),
    [
        (0o600, "", []),
        (0o600, "http://127.0.0.1:1", []),
        (0o644, "http://localhost:1", [".env can be read by others on this machine"]),
        (0o600, "http://10.0.0.1:1", ["TELEGRAM_API_BASE takes the token unencrypted"]),
    ],
)
def test_the_doctor_warns_of_secrets_that_others_can_read(
    project: Path, monkeypatch: pytest.MonkeyPatch, mode: int, base: str, warned: list[str]
) -> None:
    Path(".env").write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\n", encoding="utf-8")
    Path(".env").chmod(mode)
    monkeypatch.setenv("TELEGRAM_API_BASE", base)

    found = [item.found for item in _exposed(read_settings(), Path(".env"))]

    assert found == warned


def test_the_file_of_a_fault_has_no_secret_in_it(
    planted: None, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def broken(_folder: Path) -> None:
        raise RuntimeError(f"cannot read https://api.telegram.org/bot{TOKEN}/getMe")

    monkeypatch.setattr("rapport.project.find_project", broken)
    assert call(["run", "kiosk"]) == 70
    said = capsys.readouterr().err
    log = Path(said.split()[-1])
    assert "bot***/getMe" in log.read_text(encoding="utf-8")
    assert "bot***/getMe" in said
    log.unlink()


def test_settings_that_are_printed_show_no_secret(planted: None) -> None:
    assert found_in(f"{read_settings()!r} {read_settings()}") == []


def test_a_turn_that_breaks_logs_and_keeps_its_reason_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def broken(*_: object) -> None:
        raise ValueError(f"PUT https://me:{PASSWORD}@host/bot{TOKEN}/x failed")

    keep_secret([PASSWORD, TOKEN])
    office = Office(FLOW)
    logs.set_up("json")
    monkeypatch.setattr("rapport.runtime.moves.step", broken)
    office.says("/start").advance("10m")

    logged = capsys.readouterr().err
    assert '"exception"' in logged
    assert found_in(logged) == []
    with office.engine.connect() as db:
        kept = "\n".join(db.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert kept.count("bot***/x failed") >= 2
    assert found_in(kept) == []


def test_what_a_platform_said_of_a_message_is_kept_without_the_secret() -> None:
    keep_secret([TOKEN])
    office = Office(FLOW)
    office.keep(office.inbound("/start"))
    office.work()
    with office.engine.begin() as db:
        refused = Outcome(1, "dead", 1, office.clock.now(), error=f"bot{TOKEN} is refused")
        settle(db, office.origin.account_id, [refused])
        kept = db.exec_driver_sql("SELECT last_error FROM outbox").scalar_one()

    assert kept == "bot*** is refused"


def test_an_error_of_the_database_tells_no_values_of_rows() -> None:
    engine = open_engine("sqlite://")
    with engine.begin() as db:
        customer.metadata.create_all(db)
        with pytest.raises(IntegrityError) as raised:
            db.execute(customer.insert().values(business_id=1, email="ann@example.org"))

    assert "ann@example.org" not in str(raised.value)
    engine.dispose()


def test_a_service_in_every_kind_of_trouble_shows_and_keeps_no_secret(tmp_path: Path) -> None:
    # Without Instagram, for which nobody answers here.
    telegram = {name: one for name, one in SETTINGS.items() if name != "INSTAGRAM_ACCESS_TOKEN"}
    place = Place(write_project(tmp_path / "kiosk"), tmp_path, telegram)

    async def main() -> tuple[int, str]:
        async with BotApi() as api:
            api.fault("garbage", "getMe")
            sara = api.user(7)
            program = await Program.start(place, api.url)
            assert await program.is_ready()
            api.fault("garbage_bytes", "getUpdates")
            api.fault("reset_after", "sendMessage")
            sara.says("/start")
            await sara.waits_for(1)
            api.fault("unauthorized", "*", times=None)
            sara.says("42")
            code = await program.ends()
            await until(lambda: "refused" in program.errors)
            return code, program.errors

    code, errors = run(main(), seconds=20)

    assert code == 2
    assert "fetch_failed" in errors or "send_later" in errors
    with closing(sqlite3.connect(place.database)) as db:
        assert found_in("\n".join(db.iterdump())) == []


class TestTheGuardOfTheWholeSuite:
    """tests/conftest.py looks through what every test prints and logs."""

    def report(self, text: str) -> pytest.TestReport:
        told: Any = pytest.TestReport(
            "a.py::test_b", ("a.py", 1, "test_b"), {}, "passed", None, "call",
            sections=[("Captured stderr call", text)],
        )  # fmt: skip
        hook = pytest_runtest_makereport(cast("Any", told), cast("Any", told))
        next(hook)
        with pytest.raises(StopIteration) as ended:
            hook.send(told)
        made: pytest.TestReport = ended.value.value
        return made

    def test_a_test_that_shows_a_secret_fails(self) -> None:
        report = self.report(f"fetch_failed reason={TOKEN}")

        assert report.failed
        assert "shows a secret" in str(report.longrepr)
        assert TOKEN not in str(report.longrepr)

    def test_a_test_that_shows_none_passes(self) -> None:
        assert self.report("fetch_failed").passed
