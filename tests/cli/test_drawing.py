"""`rapport graph` and `rapport schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.support.small_project import write_project


def test_a_flow_is_printed_as_mermaid(rapport: Command, project: Path) -> None:
    ended = rapport("graph", project, "--format", "mermaid")
    assert ended.code == 0
    assert "flowchart TD" in ended.out
    assert "Which colour?" in ended.out


def test_every_flow_becomes_a_file_of_a_folder(rapport: Command, project: Path) -> None:
    ended = rapport("graph", project, "--to", "pictures")
    assert ended.out == "pictures/order.svg\n"
    assert Path("pictures/order.svg").read_text(encoding="utf-8").startswith("<svg ")


def test_a_flow_that_does_not_exist_is_named_with_those_that_do(
    rapport: Command, project: Path
) -> None:
    ended = rapport("graph", project, "--flow", "ordr")
    assert (ended.code, ended.out) == (1, "")
    assert "there is no flow 'ordr': order" in ended.err


def test_a_flow_with_problems_is_drawn_as_far_as_it_could_be_read(
    rapport: Command, project: Path
) -> None:
    write_project(project, other="flow: other\nnodes: [{say: Hi, gto: x}]\n")
    ended = rapport("graph", project, "--to", "pictures")
    assert ended.code == 0
    assert "kiosk has problems" in ended.err
    assert "pictures/order.svg" in ended.out


def test_a_picture_with_the_people_of_the_database(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_DATABASE_URL", "sqlite:///people.db")
    rapport("chat", project, "--db", "sqlite:///people.db", typed="/start\nbanana\n42\n")
    ended = rapport("graph", project, "--format", "mermaid", "--stats", "--since", "30d")
    assert ended.code == 0, ended.err
    assert "1 answered · 1 invalid" in ended.out
    assert "1 person · 1 waiting" in ended.out


def test_since_is_for_stats_and_a_time(rapport: Command, project: Path) -> None:
    assert rapport("graph", project, "--since", "30d").err == "rapport: --since is for --stats\n"


def test_the_schema_is_json_and_says_how_a_file_names_it(rapport: Command) -> None:
    ended = rapport("schema", "rapport.schema.json")
    assert "# yaml-language-server: $schema=rapport.schema.json" in ended.err
    schema = json.loads(Path("rapport.schema.json").read_text(encoding="utf-8"))
    assert schema == json.loads(rapport("schema").out)
