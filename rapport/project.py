"""Reading a project folder from the disk. No database and no channel is imported for it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from engine.loader import Loaded, load_project
from nodes import KINDS

CRM_FILE = "crm.yaml"


class NoProject(Exception):
    """The folder is not a project (one with a crm.yaml). The text says which ones there are."""


def find_project(path: Path) -> Path:
    """The one project at `path` (its folder, or a file in it). Raises NoProject."""
    found = find_projects(path)
    if len(found) == 1:
        return found[0]
    names = ", ".join(str(item) for item in found)
    raise NoProject(f"{path} holds several projects; name one of them: {names}")


def find_projects(path: Path) -> list[Path]:
    """The project at `path`, else those in the folders below it. Raises NoProject for none."""
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise NoProject(f"{path} does not exist")
    for candidate in (folder, *folder.parents) if path.is_file() else (folder,):
        if (candidate / CRM_FILE).is_file():
            return [candidate]
    found = sorted(item.parent for item in folder.rglob(CRM_FILE) if not _is_hidden(item, folder))
    if not found:
        raise NoProject(f"{path} holds no project: there is no {CRM_FILE} in it")
    return found


def read_project(folder: Path) -> Loaded:
    """Load a project, or every problem of it. File names in problems begin with `folder`."""
    sources = {str(path): path.read_text(encoding="utf-8-sig", errors="surrogateescape") for path in _yaml_files(folder)}
    return load_project(sources, KINDS, industry_template)


def industry_template(name: str) -> str | None:
    """The YAML of an industry's fields, None for an industry without a template."""
    found = files("crm").joinpath("templates", f"{name}.yaml")
    return found.read_text(encoding="utf-8") if found.is_file() else None


def _yaml_files(folder: Path) -> Iterator[Path]:
    """Every YAML file of the project; a folder with a crm.yaml of its own is another project."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not (path / CRM_FILE).is_file():
                yield from _yaml_files(path)
        elif path.suffix in (".yaml", ".yml"):
            yield path


def _is_hidden(path: Path, below: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(below).parts)
