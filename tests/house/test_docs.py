"""What the pages show is true: every example is loaded or run, every link leads somewhere."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.loader import CRM_FILE, load_project
from engine.problems import Problems
from engine.source import read_documents
from nodes import KINDS as NODE_KINDS
from rapport.project import industry_template
from tests.house.markdown import KINDS, Block, blocks, blocks_of, links_of, pages, paths_of
from tests.house.tree import ROOT

PAGES_WITH_YAML = sorted({block.page for block in blocks("yaml")})
PAGES_WITH_CONSOLES = sorted({block.page for block in blocks("console")})

MADE_UP = ("nodes/clear.py", "tests/nodes/cases/clear.yaml", "bots/NAME.py")
"""Files that whoever reads a page is to write."""


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def files_of(page: Path) -> dict[str, str]:
    """The page's files by path; those without one are named by their line."""
    return {
        block.name or f"lotus/line_{block.line}.yaml": _whole(block)
        for block in blocks("yaml", of=[page])
    }


def _whole(block: Block) -> str:
    """The text of a file; a list of nodes is made the flow that has them."""
    first = next(line for line in block.text.splitlines() if line and line[0] != "#")
    if first.startswith("- "):
        return f"flow: line_{block.line}\nnodes:\n{block.text}"
    return block.text


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_every_block_says_what_it_is(page: Path) -> None:
    assert [str(block) for block in blocks_of(page) if block.kind not in KINDS] == []


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in links_of(page) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = {name for name in paths_of(page) if name not in MADE_UP}
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("page", PAGES_WITH_YAML, ids=page_id)
def test_the_files_of_a_page_are_a_project_without_a_problem(page: Path) -> None:
    files = {name.partition("/")[2]: text for name, text in files_of(page).items()}
    assert CRM_FILE in files, "the page shows no crm.yaml that its examples belong to"
    loaded = load_project(files, NODE_KINDS, industry_template)
    assert [str(problem) for problem in loaded.problems] == []


@pytest.mark.parametrize("block", blocks("yaml fragment"), ids=str)
def test_a_fragment_is_yaml(block: Block) -> None:
    problems = Problems()
    assert read_documents(block.text, str(block), problems)
    assert problems.found == []


@dataclass(slots=True)
class Command:
    """One command of a console block: what is typed to it, what it prints."""

    line: str
    typed: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)


def commands_of(block: Block) -> list[Command]:
    commands: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            commands.append(Command(line.removeprefix("$ ")))
        elif line.startswith("> "):
            commands[-1].typed.append(line.removeprefix("> "))
        else:
            commands[-1].printed.append(line)
    return commands


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with the example projects and the files that the page shows."""
    shutil.copytree(ROOT / "flows", tmp_path / "flows", ignore=shutil.ignore_patterns(".rapport"))
    for name, text in files_of(request.getfixturevalue("page")).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


def environment() -> dict[str, str]:
    """One without settings of ours, where `rapport` is the one that is tested."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RAPPORT_", "TELEGRAM_", "INSTAGRAM_"))
    }
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"}


def run(command: Command, desk: Path) -> str:
    done = subprocess.run(
        shlex.split(command.line),
        cwd=desk,
        env=environment(),
        input="".join(f"{line}\n" for line in command.typed),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return done.stderr + done.stdout


def fits(printed: str, shown: list[str]) -> bool:
    """Whether the output is what is shown, where a line `...` stands for any number of lines."""
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line) + r"\n" for line in shown)
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize("page", PAGES_WITH_CONSOLES, ids=page_id)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, desk: Path) -> None:
    for block in blocks("console", of=[page]):
        for command in commands_of(block):
            printed = run(command, desk)
            assert fits(printed, command.printed), f"{block}: $ {command.line}\n{printed}"


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_the_python_of_a_page_runs(block: Block, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(block.text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_names_every_command() -> None:
    told = run(Command("rapport --help"), ROOT).partition("Commands:\n")[2]
    names = re.findall(r"^  (\w+)", told, re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "check" in names
    assert [name for name in names if f"`rapport {name}`" not in readme] == []
