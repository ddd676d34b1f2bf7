"""Translations in the files of a project: made, and looked at before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.loader import Loaded
from engine.rewording import Rewording, reword
from engine.translation import Unit, units_of
from rapport.project import read_files, read_project


class TranslationRefused(Exception):
    """No file was changed; the text says what is in the way."""


def translated(folder: Path, before: Loaded, changes: Sequence[Rewording]) -> Mapping[str, str]:
    """The new texts of the files that change, by path. Raises TranslationRefused where the project
    would have errors with them, or a file is written in a way that cannot be changed."""
    files, _ = read_files(folder)
    by_file: dict[str, list[Rewording]] = {}
    for change in changes:
        by_file.setdefault(change.text.source.position.file, []).append(change)
    changed = {path: reword(files[path], some) for path, some in by_file.items()}
    after = read_project(folder, changed)
    errors = [problem for problem in after.problems if problem.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise TranslationRefused(f"with these translations: {errors[0]}{more}")
    _compare(before, after, files, {**files, **changed}, changes)
    return changed


def _compare(
    before: Loaded,
    after: Loaded,
    old: Mapping[str, str],
    new: Mapping[str, str],
    changes: Sequence[Rewording],
) -> None:
    """Nothing but what was to change says something else, in any language."""
    languages = {language for text in before.texts for language in text.languages}
    wanted = {id(change.text): change for change in changes}
    for language in languages:
        was = units_of(before.texts, old, language)
        now = {unit.context: unit for unit in units_of(after.texts, new, language)}
        for unit in was:
            change = wanted.get(id(unit.text))
            said = unit.target
            if change is not None and change.language == language:
                said = change.words.get(unit.channel, change.words.get(None))
            found = now.get(unit.context)
            if found is None or found.source != unit.source or found.target != said:
                raise TranslationRefused(_by_hand(unit))


def _by_hand(unit: Unit) -> str:
    place = f"{unit.position.file}, line {unit.position.line}"
    return f"the text of {place} is written in a way that is for its author to change"
