"""`rapport apply`: the difference, then the database as the project says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rapport.storage import WrongDatabase, sqlite_file
from tests.cli.conftest import Command
from tests.support.small_project import FLOW, write_project


def test_the_difference_is_printed_and_made_and_then_there_is_none(
    rapport: Command, project: Path
) -> None:
    first, second = rapport("apply", project), rapport("apply", project)
    assert first.out.splitlines() == [
        "+ business kiosk",
        "+ field size: number in custom_number_1",
        "+ field colour: select in custom_select_1",
        "+ tag Asked",
        "+ flow order: version 1",
    ]
    assert (second.code, second.out) == (0, "no changes\n")


def test_a_dry_run_prints_the_same_and_makes_no_file(rapport: Command, project: Path) -> None:
    dry = rapport("apply", project, "--dry-run")
    assert not Path("rapport.db").exists()
    assert dry.out == rapport("apply", project).out


def test_a_dry_run_on_a_database_changes_nothing(rapport: Command, project: Path) -> None:
    rapport("apply", project)
    write_project(project, order=FLOW.replace("Hello", "Welcome"))
    dry = rapport("apply", project, "--dry-run")
    assert dry.out == "~ flow order: version 2\n"
    assert rapport("apply", project).out == dry.out


def test_it_does_not_matter_where_the_command_is_called(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_DATABASE_URL", f"sqlite:///{Path('rapport.db').resolve()}")
    rapport("apply", project)
    monkeypatch.chdir(project)
    assert rapport("apply", ".").out == "no changes\n"


def test_a_project_with_errors_is_not_applied(rapport: Command, project: Path) -> None:
    write_project(project, order=FLOW.replace("end: ordered", "goto: nowhere"))
    ended = rapport("apply", project)
    assert (ended.code, ended.out) == (1, "")
    assert not Path("rapport.db").exists()


def test_of_several_projects_one_has_to_be_named(rapport: Command, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_project(tmp_path / "shops" / name)
    ended = rapport("apply", "shops")
    assert ended.code == 2
    assert ended.err == (
        "rapport: shops holds several projects; name one of them: shops/a, shops/b\n"
    )


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("bogus", "RAPPORT_DATABASE_URL is not a database URL such as sqlite:///rapport.db"),
        ("sqlite:///missing/x.db", "there is no folder missing for the database"),
    ],
)
def test_a_database_that_cannot_be_is_one_line(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch, url: str, line: str
) -> None:
    monkeypatch.setenv("RAPPORT_DATABASE_URL", url)
    ended = rapport("apply", project)
    assert (ended.code, ended.err) == (2, f"rapport: {line}\n")


def test_a_file_that_is_no_database_stays_as_it_is(rapport: Command, project: Path) -> None:
    Path("rapport.db").write_bytes(b"not a database at all, but a letter")
    ended = rapport("apply", project)
    assert (ended.code, ended.err) == (1, "rapport: the file is not a database\n")
    assert Path("rapport.db").read_bytes() == b"not a database at all, but a letter"


def test_a_database_in_memory_has_no_file() -> None:
    assert sqlite_file("sqlite://") is None
    assert sqlite_file("postgresql+psycopg://somewhere/else") is None
    with pytest.raises(WrongDatabase):
        sqlite_file("bogus")


ASKING = """\
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {id: size, ask: Which size?, save_to: size}
  - {id: colour, ask: Which colour?, save_to: colour}
"""
CHANGED = ASKING.replace("id: size,", "id: number, was: size,").replace("id: colour", "id: hue")


def _talk(rapport: Command, name: str, *lines: str) -> str:
    """What the bot says to somebody in the database of the settings."""
    typed = "".join(f"{line}\n" for line in lines)
    return rapport("chat", "kiosk", "--as", name, "--db", "sqlite:///rapport.db", typed=typed).out


def test_what_becomes_of_people_is_printed_and_then_done(rapport: Command, project: Path) -> None:
    write_project(project, order=ASKING, tests="test: t\nflow: order\nsteps: [{user: /start}]\n")
    rapport("apply", project)
    for name in ("ann", "bob"):
        _talk(rapport, name, "/start")
    _talk(rapport, "cid", "/start", "40")
    write_project(project, order=CHANGED, tests="test: t\nflow: order\nsteps: [{user: /start}]\n")
    expected = [
        "~ flow order: version 2",
        "    1 waiting at `colour`: 1 finish on version 1",
        "    2 waiting at `size`: 2 move to `number`",
    ]
    assert rapport("apply", project, "--dry-run").out.splitlines() == expected
    assert rapport("apply", project, "--dry-run").out.splitlines() == expected
    assert rapport("apply", project).out.splitlines() == expected
    people = [json.loads(rapport("customers", "show", f"chat:{name}", "--format", "json").out)
              for name in ("ann", "cid")]  # fmt: skip
    places = [(one["run"]["version"], one["run"]["node"]) for one in people]
    assert places == [(2, "number"), (1, "colour")]
    assert "Which colour?" in _talk(rapport, "ann", "40")


def test_programs_get_it_as_json(rapport: Command, project: Path) -> None:
    write_project(project, order=ASKING, tests="test: t\nflow: order\nsteps: [{user: /start}]\n")
    first = json.loads(rapport("apply", project, "--format", "json").out)
    assert (first["applied"], first["waiting"]) == (True, [])
    assert first["changes"][-1] == {
        "verb": "added", "kind": "flow", "key": "order", "detail": "version 1",
    }  # fmt: skip
    _talk(rapport, "ann", "/start")
    write_project(project, order=CHANGED, tests="test: t\nflow: order\nsteps: [{user: /start}]\n")
    second = json.loads(rapport("apply", project, "--dry-run", "--format", "json").out)
    assert second["applied"] is False
    assert second["waiting"] == [
        {
            "flow": "order", "node": "size", "waiting": 1, "move": 1, "to": "number",
            "finish": 0, "finish_on": {}, "restart": 0,
        }
    ]  # fmt: skip
