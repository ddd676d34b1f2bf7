"""Reading a project folder from the disk. No database and no channel is imported for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from msgspec.structs import replace

import crm as crm_package
from engine.business import Business
from engine.campaign import check_campaigns
from engine.clocked import check_moments
from engine.loader import CRM_FILE, Loaded, load_project
from engine.node import Node
from engine.problems import Position, Problem, Problems
from engine.source import MAX_SIZE
from nodes import KINDS
from rapport.runtime.collector import paused

# Not importlib.resources: importing it takes 10 ms.
Kinds = Sequence[type[Node]]
"""The node kinds that flows may be made of."""

_TEMPLATES = Path(crm_package.__file__).parent / "templates"


class NoProject(Exception):
    """No project, or no single one, where one is needed. The text says which ones there are."""


def find_project(path: Path) -> Path:
    """The folder of the one project at `path` (its folder, or a file in it). Raises NoProject."""
    found = find_projects(path)
    if len(found) == 1:
        return found[0]
    names = ", ".join(str(item) for item in found)
    raise NoProject(f"{path} holds several projects; name one of them: {names}")


def find_projects(path: Path) -> list[Path]:
    """The project at `path`, else those in the folders below it. Raises NoProject for none."""
    if not path.exists():
        raise NoProject(f"{path} does not exist; name the folder that holds {CRM_FILE}")
    candidates = [path] if path.is_dir() else list(path.parents)
    for candidate in candidates:
        if (candidate / CRM_FILE).is_file():
            return [candidate]
    found = sorted(item.parent for item in path.rglob(CRM_FILE) if not _is_hidden(item, path))
    if not found:
        raise NoProject(f"{path} holds no project: there is no {CRM_FILE} in it")
    return found


def read_project(
    folder: Path,
    changed: Mapping[str, str] = MappingProxyType({}),
    now: datetime | None = None,
    kinds: Kinds = KINDS,
) -> Loaded:
    """Load a project, or every problem of it. Paths in it are inside `folder`, with slashes.

    changed: texts to read, by path, for what stands in the files. now: what is past by then is told
    of, by default the machine's. Raises OSError for a file that
    cannot be read.
    """
    texts, unreadable = read_files(folder)
    with paused():
        loaded = load_project({**texts, **changed}, kinds, industry_template)
    told = Problems()
    now = now or datetime.now(UTC)
    check_moments(loaded.flows, now, told)
    check_campaigns(loaded.campaigns.values(), now, told)
    if not (unreadable or told.found):
        return loaded
    problems = {*loaded.problems, *unreadable, *told.found}
    return replace(loaded, problems=tuple(sorted(problems)))


def read_files(folder: Path) -> tuple[dict[str, str], list[Problem]]:
    """The texts of a project's files, by path, and what is wrong with files that have none.

    Raises OSError for a file that cannot be read.
    """
    texts: dict[str, str] = {}
    unreadable: list[Problem] = []
    root = folder.resolve()
    for path in _yaml_files(folder):
        inside = path.relative_to(folder).as_posix()
        if not _is_plain(path, root):
            unreadable.append(_not_plain(inside))
            continue
        with path.open("rb") as file:
            # One byte more than is allowed, so that the loader sees it is too much.
            content = file.read(MAX_SIZE + 1)
        texts[inside] = content.decode("utf-8", errors="replace")
        unreadable += _not_utf8(inside, content)
    return texts, unreadable


def read_applied(source: str, kinds: Kinds = KINDS) -> Business:
    """What a crm.yaml says that was applied. The flows it names are not at hand, so problems are
    not looked at."""
    return load_project({CRM_FILE: source}, kinds, industry_template).business


def industry_template(name: str) -> str | None:
    """The YAML of an industry's fields, None for an industry without a template."""
    found = _TEMPLATES / f"{name}.yaml"
    # By its name, which may be written with dots and slashes to lead elsewhere.
    return found.read_text(encoding="utf-8") if name in industries() else None


def industries() -> list[str]:
    """The industries there is a template for, in order of name."""
    return sorted(item.stem for item in _TEMPLATES.glob("*.yaml"))


def _not_utf8(file: str, content: bytes) -> list[Problem]:
    if len(content) > MAX_SIZE:
        return []
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        position = Position(file, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
        message = f"the byte 0x{content[error.start]:02X} is not UTF-8"
        return [Problem(position, "E001", message, "Save the file as UTF-8.")]
    return []


def _is_plain(path: Path, root: Path) -> bool:
    """Whether it is a file inside the project. A pipe would be waited for without an end, and what
    somebody's project links to may be nobody's business."""
    return path.is_file() and path.resolve().is_relative_to(root)


def _not_plain(file: str) -> Problem:
    message = "this is no plain file inside the project"
    return Problem(Position(file, 1, 1), "E013", message, "Put the file itself here.")


def _yaml_files(folder: Path) -> Iterator[Path]:
    """Every YAML file of the project; a folder with a crm.yaml of its own is another project.

    Links to folders are not followed: they may lead round in a circle.
    """
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not path.is_symlink() and not (path / CRM_FILE).is_file():
                yield from _yaml_files(path)
        elif path.suffix in (".yaml", ".yml"):
            yield path


def _is_hidden(path: Path, below: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(below).parts)
