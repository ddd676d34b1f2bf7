"""`rapport texts`: what people read, to translators and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.applying import require_sound
from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import Format, FormatOption, print_rows, say
from rapport.cli.paths import chosen
from rapport.printable import on_one_line, printable

if TYPE_CHECKING:
    from engine.loader import Loaded
    from engine.translation import Unit
    from rapport.catalog import Taken

group = typer.Typer(
    name="texts", help="What people read, in every language.", rich_markup_mode=None
)

COLUMNS = ("place", "name", "text")

ProjectOption = Annotated[
    Path | None, typer.Option("--project", help="its folder; default: RAPPORT_FLOWS")
]
LanguageOption = Annotated[
    str, typer.Option("--language", help="the language to translate into: fa")
]


@group.command("export")
def export(
    language: LanguageOption,
    to: Annotated[Path, typer.Option("--to", help="the PO file to write: fa.po")],
    project: ProjectOption = None,
) -> None:
    """Write the texts and their translations into a PO file. One that is there is brought up to
    date: its translations are kept."""
    from rapport.catalog import write_catalog
    from rapport.files import replace_file
    from rapport.runtime.clock import SystemClock

    folder, loaded = _project(project)
    units = _units(folder, loaded, language)
    before = to.read_bytes() if to.exists() else None
    now = SystemClock().now()
    written = write_catalog(units, language, loaded.business.name, now, before)
    replace_file(to, written.content)
    print(f"{to}: {_counted(written.entries, 'text')}, {written.untranslated} not translated")
    if written.doubtful:
        print(f"{written.doubtful} marked fuzzy: look at them, they are not taken over as they are")
    if written.gone:
        print(f"{written.gone} that the project has no longer are kept at the end")


@group.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="the PO file: fa.po")],
    language: Annotated[
        str, typer.Option("--language", help="of the translations [default: what the file says]")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what would change")] = False,
    project: ProjectOption = None,
) -> None:
    """Write the translations of a PO file into the files of the project; their layout stays."""
    from rapport.catalog import language_of, read_catalog
    from rapport.files import replace_file
    from rapport.translating import translated

    folder, loaded = _project(project)
    content = file.read_bytes()
    spoken = language or language_of(content)
    taken = read_catalog(content, _units(folder, loaded, spoken), spoken)
    changed = translated(folder, loaded, taken.changes)
    for unit, words in taken.translations:
        print(_change(folder, unit, words))
    if not dry_run:
        for path, text in changed.items():
            replace_file(folder / path, text.encode())
    _tell(taken, len(changed), dry_run=dry_run)
    for unit, reason in taken.refused:
        say(f"{_place(folder, unit)} {unit.context}: not taken over: {reason}")
    if taken.refused:
        raise typer.Exit(1)


@group.command()
def missing(
    language: Annotated[
        str, typer.Option("--language", help="only of this one [default: each]")
    ] = "",
    form: FormatOption = Format.TABLE,
    project: ProjectOption = None,
) -> None:
    """List the texts that have no translation."""
    folder, loaded = _project(project)
    languages = (language,) if language else loaded.business.languages
    rows = [
        {
            "language": one,
            "place": _place(folder, unit),
            "name": unit.context,
            "text": _told(unit.source),
        }
        for one in languages
        for unit in _units(folder, loaded, one)
        if unit.target is None
    ]
    print_rows(rows, ("language", *COLUMNS), form, "every text is translated")


def _project(path: Path | None) -> tuple[Path, Loaded]:
    from rapport.project import find_project

    folder = find_project(chosen(path))
    return folder, require_sound(folder)


def _units(folder: Path, loaded: Loaded, language: str) -> tuple[Unit, ...]:
    from engine.translation import units_of
    from rapport.project import read_files

    spoken = {tongue for text in loaded.texts for tongue in text.languages}
    if language not in spoken:
        raise Refusal(
            f"the project does not speak '{language}': it has {', '.join(sorted(spoken))} "
            "(`languages` of crm.yaml)",
            WRONG_USE,
        )
    return units_of(loaded.texts, read_files(folder)[0], language)


def _change(folder: Path, unit: Unit, words: object) -> str:
    was = f"{_told(unit.target)} → " if unit.target is not None else ""
    return f"{_place(folder, unit)} {unit.context}: {was}{_told(words)}"


def _tell(taken: Taken, files: int, *, dry_run: bool) -> None:
    done = "would change" if dry_run else "changed"
    count = len(taken.translations)
    print(f"{_counted(count, 'text')} {done} in {_counted(files, 'file')}, {taken.same} as before")
    left = {
        "not translated": taken.empty,
        "marked fuzzy": taken.fuzzy,
        "of texts that are not there or read otherwise now": taken.unknown,
    }
    told = [f"{number} {what}" for what, number in left.items() if number]
    if told:
        print(f"left out: {', '.join(told)}")


def _place(folder: Path, unit: Unit) -> str:
    return f"{folder / unit.position.file}:{unit.position.line}"


def _told(words: object) -> str:
    if isinstance(words, str):
        return on_one_line(words)
    assert hasattr(words, "items"), "a text, or its plural forms"
    return printable(" / ".join(f"{form}: {on_one_line(said)}" for form, said in words.items()))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
