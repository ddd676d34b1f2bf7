"""`rapport db`, `doctor`, `config` and `init`: setting up and looking after."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from crm import migrations
from crm.database import open_engine
from rapport.cli.doctor import ask_telegram
from tests.cli.conftest import Command
from tests.support.database import empty_schema
from tests.support.releases import NEXT, newer_release, write_newer_release

DATABASE = Path("rapport.db")


def execute(statement: str) -> None:
    with closing(sqlite3.connect(DATABASE)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.fixture
def applied(rapport: Command, project: Path) -> None:
    """The project is applied to rapport.db."""
    assert rapport("apply", project).code == 0


def test_an_upgrade_makes_the_database_and_then_has_nothing_to_do(rapport: Command) -> None:
    assert rapport("db", "upgrade").out == "the database was created\n"
    assert rapport("db", "upgrade").out == "the database is up to date\n"
    assert list(Path().glob("*.bak")) == []


def test_the_sql_of_an_upgrade_can_be_read_beforehand(rapport: Command) -> None:
    assert "CREATE TABLE customer" in rapport("db", "upgrade", "--dry-run").out
    assert not DATABASE.exists()
    rapport("db", "upgrade")
    assert rapport("db", "upgrade", "--dry-run").out == "-- the database is up to date\n"


def test_a_database_that_an_upgrade_changes_is_backed_up_beside_itself(
    rapport: Command, applied: None
) -> None:
    rapport("db", "downgrade", "0002", "--yes")
    for backup in Path().glob("*.bak"):
        backup.unlink()
    ended = rapport("db", "upgrade")
    (backup,) = Path().glob("rapport.db.0002-*.bak")
    assert backup.name in ended.out
    with closing(sqlite3.connect(backup)) as connection:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert rows == [("0002",)]


def test_going_back_drops_data_and_so_wants_a_yes(rapport: Command, applied: None) -> None:
    assert rapport("db", "downgrade", "0002").code == 2
    assert rapport("db", "check").code == 0
    assert rapport("db", "downgrade", "nowhere", "--yes").code == 2


def test_a_newer_schema_is_not_touched(rapport: Command, project: Path, applied: None) -> None:
    execute("UPDATE alembic_version SET version_num = '9999'")
    for command in (["apply", project], ["customers", "list"], ["db", "upgrade"]):
        ended = rapport(*command)
        assert ended.code == 2
        assert "newer version of Rapport (9999)" in ended.err


def test_a_newer_schema_that_only_adds_is_worked_on_and_left_as_it_is(
    rapport: Command, project: Path, applied: None, tmp_path: Path
) -> None:
    ours = migrations.head()
    write_newer_release(tmp_path, compatible_from=ours)
    with newer_release(tmp_path):
        assert f"from {ours} to {NEXT}" in rapport("db", "upgrade").out
    assert rapport("apply", project).out == "no changes\n"
    assert rapport("customers", "list").code == 0
    assert rapport("db", "upgrade").out == "the database is up to date\n"
    assert rapport("db", "check").out == "nothing is wrong\n"
    ended = rapport("db", "downgrade", ours, "--yes")
    assert ended.err == f"rapport: only the newer version that made {NEXT} can take it back\n"
    findings = json.loads(rapport("doctor", project, "--format", "json").out)
    (found,) = [one["found"] for one in findings if one["about"] == "database"]
    assert f"is at {NEXT}, which a newer version made" in found


def test_an_older_schema_is_upgraded_by_the_person_where_only_looked_at(
    rapport: Command, applied: None
) -> None:
    rapport("db", "downgrade", "0002", "--yes")
    ended = rapport("customers", "list")
    assert (ended.code, "run `rapport db upgrade`" in ended.err) == (2, True)


@pytest.mark.parametrize("url", ["mysql://me@db/x", "postgresql+asyncpg://me@db/x", "rapport.db"])
def test_a_store_that_is_none_of_ours_is_refused_in_one_line(
    rapport: Command, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("RAPPORT_DATABASE_URL", url)
    ended = rapport("db", "check")
    assert (ended.code, ended.err.startswith("rapport: RAPPORT_DATABASE_URL is ")) == (2, True)


def test_the_database_of_another_program_is_left_alone(rapport: Command) -> None:
    execute("CREATE TABLE recipes (name)")
    ended = rapport("db", "upgrade")
    assert ended.code == 2
    assert ended.err == "rapport: the database holds the tables of another program\n"


def test_checking_finds_rows_that_point_nowhere_and_wrong_mappings(
    rapport: Command, applied: None
) -> None:
    assert rapport("db", "check").out == "nothing is wrong\n"
    execute("UPDATE tag SET business_id = 99")
    execute("UPDATE field SET slot = 'custom_text_1' WHERE key = 'size'")
    ended = rapport("db", "check")
    assert ended.code == 1
    assert "row 1 of tag points at a row of business that is not there" in ended.out
    assert "field 'size' is a number, but custom_text_1 holds texts" in ended.out
    assert ended.out.endswith("2 found\n")


def test_a_backup_is_a_whole_database_and_overwrites_nothing(
    rapport: Command, applied: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rapport("db", "backup", "copy.db").code == 0
    assert rapport("db", "backup", "copy.db").err == "rapport: copy.db exists already\n"
    monkeypatch.setenv("RAPPORT_DATABASE_URL", "sqlite:///copy.db")
    assert rapport("fields", "list").code == 0
    assert rapport("db", "check").code == 0


def test_what_is_past_its_time_is_counted_and_then_deleted(rapport: Command, applied: None) -> None:
    row = (
        "INSERT INTO mail (business_id, dedup_key, lane, kind, payload, status, attempts, "
        "received_at, done_at) VALUES (1, '{}', 0, 'text', '{{}}', 'ignored', 0, 1, 1)"
    )
    for key in "abc":
        execute(row.format(key))
    assert rapport("db", "retain", "--dry-run").out.split()[-3:] == ["done", "mail", "2"]
    assert rapport("db", "retain").out.split()[-3:] == ["done", "mail", "2"]
    assert rapport("db", "retain").out == "nothing is past its time\n"


def test_an_apply_builds_the_indexes_it_wants(rapport: Command, applied: None) -> None:
    assert rapport("db", "index").out == "every wanted index is there\n"
    execute("UPDATE slot_index SET built_at = NULL")
    assert rapport("db", "index").out == "custom_number_1\ncustom_select_1\n"


def test_the_doctor_says_what_is_missing_and_its_cure(
    rapport: Command, project: Path, applied: None
) -> None:
    findings = json.loads(rapport("doctor", project, "--format", "json").out)
    by_name = {finding["about"]: finding for finding in findings}
    assert {name: finding["state"] for name, finding in by_name.items()} == {
        "python": "ok", "project": "ok", "database": "ok", "disk": "ok", "telegram": "warn",
    }  # fmt: skip
    assert "TELEGRAM_BOT_TOKEN" in by_name["telegram"]["cure"]


def test_the_doctor_names_the_secrets_that_flows_need_and_nobody_has_set(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = 'http: https://shop.test\n    headers: {Authorization: "Bearer {{ secret.SHOP_KEY }}"}'
    flow = f"flow: shop\ntriggers: {{on: command, command: shop}}\nnodes:\n  - {asks}\n"
    (project / "shop.yaml").write_text(flow)
    finding = {
        "state": "warn", "about": "secrets",
        "found": "the flow shop names secret.SHOP_KEY, which is not set",
        "cure": "put SHOP_KEY into the environment, or into .env",
    }  # fmt: skip
    assert finding in json.loads(rapport("doctor", project, "--format", "json").out)
    monkeypatch.setenv("SHOP_KEY", "hush")
    told = rapport("doctor", project, "--format", "json").out
    assert "SHOP_KEY" not in told
    assert "hush" not in told


def test_a_redis_that_does_not_answer_is_a_warning_because_nothing_is_lost_without_it(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_REDIS_URL", "redis://:hidden@127.0.0.1:1/0")
    ended = rapport("doctor", project, "--format", "json")
    (found,) = [item for item in json.loads(ended.out) if item["about"] == "redis"]
    assert found["state"] == "warn"
    assert "hidden" not in ended.out


def test_the_doctor_names_who_left_its_work_undone(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with empty_schema() as url:
        monkeypatch.setenv("RAPPORT_DATABASE_URL", url)
        rapport("apply", project)
        engine = open_engine(url)
        with engine.begin() as db:
            db.exec_driver_sql(
                # Which number the business has got is the sequence's affair: looking at what an
                # apply would do takes one too.
                "INSERT INTO account SELECT 1, id, 'telegram', '7', 'kiosk_bot', now() "
                "FROM business"
            )
            db.exec_driver_sql(
                "INSERT INTO lease (name, owner, epoch, expires_at) "
                "VALUES ('poller:1', 'one', 2, now() - interval '1 minute'), "
                "('sender:1', 'two', 1, now() + interval '1 minute')"
            )
        engine.dispose()
        ended = rapport("doctor", project, "--format", "json")
    (found,) = [item for item in json.loads(ended.out) if item["about"] == "leases"]
    assert found["state"] == "warn"
    assert "sender of telegram:kiosk_bot: two (epoch 1)" in found["found"]
    assert found["cure"].startswith("nobody has taken over: poller of telegram:kiosk_bot;")


def test_what_does_not_work_fails_the_examination(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    DATABASE.write_text("a letter that is long enough", encoding="utf-8")
    (project / "order.yaml").write_text("flow: [", encoding="utf-8")
    ended = rapport("doctor", project, "--format", "json")
    states = {finding["about"]: finding["state"] for finding in json.loads(ended.out)}
    assert (ended.code, states["project"], states["database"]) == (1, "fail", "fail")
    monkeypatch.setenv("RAPPORT_LOG", "loud")
    ended = rapport("doctor", project)
    assert (ended.code, "RAPPORT_LOG" in ended.out) == (1, True)


class _Telegram(BaseHTTPRequestHandler):
    """Knows one token; what it answers to others is Telegram's refusal."""

    def do_GET(self) -> None:
        known = self.path == "/bot1:good/getMe"
        body = b'{"ok":true,"result":{"id":1,"username":"kiosk_bot"}}' if known else b"<html>"
        self.send_response(401 if self.path == "/bot1:bad/getMe" else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not among the output of tests."""


@pytest.fixture
def telegram() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Telegram) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("token", "state", "found"),
    [
        ("1:good", "ok", "the token is that of @kiosk_bot"),
        ("1:bad", "fail", "the token is refused"),
        ("1:odd", "fail", "does not answer as Telegram does"),
    ],
)
def test_the_token_is_tried_and_never_shown(
    telegram: str, token: str, state: str, found: str
) -> None:
    finding = ask_telegram(telegram, token)
    assert finding.state == state
    assert found in finding.found
    assert token not in f"{finding.found}{finding.cure}"


def test_settings_are_shown_with_their_source_and_without_secrets(
    rapport: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").write_text("TELEGRAM_BOT_TOKEN=1:from-a-file\n", encoding="utf-8")
    monkeypatch.setenv("RAPPORT_DATABASE_URL", "postgresql+psycopg://me:secret@db/rapport")
    ended = rapport("config", "--format", "json")
    rows = {row["setting"]: (row["value"], row["from"]) for row in json.loads(ended.out)}
    assert rows["TELEGRAM_BOT_TOKEN"] == ("***", ".env")
    assert rows["RAPPORT_DATABASE_URL"] == ("postgresql+psycopg://me:***@db/rapport", "environment")
    assert rows["RAPPORT_LOG"] == ("text", "default")


def test_a_new_project_has_no_problems_and_passes_its_tests(rapport: Command) -> None:
    made = rapport("init", "My café", "--industry", "retail")
    assert made.code == 0
    assert rapport("check", "My café", "--strict").code == 0
    tested = rapport("test", "My café")
    assert (tested.code, tested.out.splitlines()[-1]) == (0, "3 passed, 0 failed")
    assert made.out.splitlines()[-1] == "Talk to it: rapport chat 'My café'"
    assert Path("My café/.env.example").exists()
    assert Path("My café/.gitignore").exists()


def test_a_folder_with_something_in_it_is_not_written_to(rapport: Command, project: Path) -> None:
    before = sorted(project.iterdir())
    assert rapport("init", project).code == 2
    assert sorted(project.iterdir()) == before
    assert rapport("init", "new", "--industry", "circus").code == 2
    assert not Path("new").exists()
