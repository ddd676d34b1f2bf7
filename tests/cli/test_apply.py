"""`rapport apply`: the difference, then the database as the project says."""

from __future__ import annotations

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
