"""The texts of a project as a catalogue for translators (gettext's PO), and back.

The context of an entry (msgctxt) is where its text stands; the text itself is in the language of
its flow. A text whose words have changed since the translator saw it is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po, write_po

from engine.rewording import ByChannel, Rewording
from engine.templates import TemplateError, compile_template
from engine.templates.names import OTHER
from engine.translation import Unit, Words
from rapport.gettext_plurals import PluralRule, rule_of

_WIDTH = 76

_HEADER = """\
# Texts of PROJECT.
#
# What stands between {{ }} is put in when a text is sent, and stays as it is.
# An entry that is marked fuzzy is not taken over."""


class CatalogRefused(Exception):
    """What was given is no catalogue of this project; the text is one line with the reason."""


# -- out


@dataclass(frozen=True, slots=True)
class Written:
    """A catalogue for a translator. doubtful: how many entries are marked fuzzy; gone: how many
    of the file that was there are of texts that the project has no longer."""

    content: bytes
    entries: int
    untranslated: int
    doubtful: int
    gone: int


def write_catalog(
    units: Sequence[Unit], language: str, project: str, now: datetime, before: bytes | None
) -> Written:
    """A PO file of these texts, with the translations that they have.

    before: the file that is there, whose translations are kept: where the project has none, as
    they are; where it has another, as a comment of an entry marked fuzzy. Raises CatalogRefused
    where that is none.
    """
    rule = rule_of(language)
    catalog = _empty(language, project, now, rule)
    for unit in units:
        catalog.add(
            _id(unit),
            locations=[(unit.position.file, unit.position.line)],
            auto_comments=_comments(unit),
            context=unit.context,
        )
    if before is not None:
        old = _read(before)
        old.update(catalog)
        catalog.obsolete = old.obsolete
        for message in old:
            _keep(catalog, message)
    for unit in units:
        entry = catalog.get(_id(unit), unit.context)
        assert entry is not None, "each was added above"
        _fill(entry, unit, rule)
    return _as_file(catalog)


def _as_file(catalog: Catalog) -> Written:
    content = BytesIO()
    write_po(content, catalog, width=_WIDTH, include_previous=True)
    entries = [message for message in catalog if message.id]
    return Written(
        content.getvalue(),
        len(entries),
        sum(1 for message in entries if not _is_whole(message.string)),
        sum(1 for message in entries if message.fuzzy),
        len(catalog.obsolete),
    )


def _empty(language: str, project: str, now: datetime, rule: PluralRule) -> Catalog:
    catalog = Catalog(
        project=project,
        version="1",
        header_comment=_HEADER.replace("PROJECT", project),
        msgid_bugs_address="-",
        last_translator="-",
        language_team=language,
        creation_date=now,
        revision_date=now,
        fuzzy=False,
    )
    catalog.mime_headers = [("Language", language), ("Plural-Forms", rule.header)]
    return catalog


def _keep(catalog: Catalog, message: Message) -> None:
    """What a translator has written of an entry that is still there, or is like one of it."""
    ours = catalog.get(message.id, message.context) if message.id else None
    if ours is not None and any(_listed(message.string)):
        ours.string, ours.flags = message.string, message.flags
        ours.previous_id, ours.user_comments = message.previous_id, message.user_comments


def _fill(message: Message, unit: Unit, rule: PluralRule) -> None:
    """The translation that the project has; it goes before what is in the file."""
    if unit.target is None:
        return
    ours = _string(unit, unit.target, rule)
    if _is_whole(message.string) and message.string != ours and not message.fuzzy:
        told = " / ".join(_listed(message.string))
        message.user_comments = [*message.user_comments, f"In this file it was: {told}"]
        message.flags.add("fuzzy")
    elif message.string != ours:
        message.flags.discard("fuzzy")
        message.previous_id = []
    message.string = ours


def _comments(unit: Unit) -> list[str]:
    told = [f"In {unit.source_language}."] if unit.source_language != unit.text.language else []
    told += [f"Only on {unit.channel}."] if unit.channel else []
    if isinstance(unit.source, Mapping):
        shown = _id(unit)
        told += [f"{form}: {said}" for form, said in unit.source.items() if said not in shown]
    return told


# -- in


@dataclass(slots=True)
class Taken:
    """What a catalogue says of a project. changes: by text. refused: entries that cannot be used,
    each with the reason. fuzzy, empty, unknown: how many were left out, because they are marked,
    not translated, or of texts that are not there or have changed."""

    language: str
    changes: list[Rewording] = field(default_factory=list)
    translations: list[tuple[Unit, Words]] = field(default_factory=list)
    refused: list[tuple[Unit, str]] = field(default_factory=list)
    same: int = 0
    fuzzy: int = 0
    empty: int = 0
    unknown: int = 0


def language_of(content: bytes) -> str:
    """The language that a PO file says it is in, '' where it says none. Raises CatalogRefused."""
    headers = dict(_read(content).mime_headers)
    language = headers.get("Language", "")
    return "" if language.startswith("LANGUAGE") else language.replace("_", "-")


def read_catalog(content: bytes, units: Sequence[Unit], language: str) -> Taken:
    """What a PO file says these texts are in `language`. Raises CatalogRefused."""
    catalog = _read(content)
    rule = _numbering(catalog, language)
    taken = Taken(language)
    entries = [message for message in catalog if message.id]
    contexts = {message.context for message in entries}
    moved = _agreed(entries)
    used: set[int] = set()
    new: dict[str, Words] = {}
    for unit in units:
        message = catalog.get(_id(unit), unit.context)
        if message is None and unit.target is None and unit.context not in contexts:
            message = moved.get(_id(unit))  # its place has another name now
        if message is None:
            continue
        used.add(id(message))
        words = _take(message, unit, rule, taken)
        if words is not None:
            new[unit.context] = words
    taken.unknown = sum(_is_whole(one.string) for one in entries if id(one) not in used)
    taken.changes += _changes(new, units, language)
    return taken


def _take(message: Message, unit: Unit, rule: PluralRule, taken: Taken) -> Words | None:
    """What an entry makes of a text; None where it leaves it as it is."""
    if message.fuzzy:
        taken.fuzzy += 1
    elif not _is_whole(message.string):
        taken.empty += 1
    elif unit.target is not None and message.string == _string(unit, unit.target, rule):
        taken.same += 1
    else:
        words = _words(message, unit, rule)
        wrong = _wrong_with(words, unit)
        if not wrong:
            taken.translations.append((unit, words))
            return words
        taken.refused.append((unit, wrong))
    return None


def _changes(new: Mapping[str, Words], units: Sequence[Unit], language: str) -> Iterator[Rewording]:
    """A change for each text with new words, by context; what its other channels say stays."""
    by_text: dict[int, list[Unit]] = {}
    for unit in units:
        by_text.setdefault(id(unit.text), []).append(unit)
    for some in by_text.values():
        if any(unit.context in new for unit in some):
            yield Rewording(some[0].text, language, _by_channel(new, some, language))


def _by_channel(new: Mapping[str, Words], some: Sequence[Unit], language: str) -> ByChannel:
    """What a text says on each channel; one for all where nothing tells them apart."""
    said = {unit.channel: new.get(unit.context, unit.target) for unit in some}
    words = {channel: one for channel, one in said.items() if one is not None}
    first = next(iter(words.values()))
    apart = any(tongue == language and channel for tongue, channel, _ in some[0].text.variants)
    if apart or len(words) < len(some) or any(one != first for one in words.values()):
        return words
    return {None: first}


def _wrong_with(words: Words, unit: Unit) -> str:
    """Why a translation cannot stand for its text, '' where it can."""
    if unit.is_fixed:
        return ""
    known = {use.path for said in _listed(unit.source) for use in compile_template(said).uses}
    for said in _listed(words):
        try:
            read = {use.path for use in compile_template(said).uses}
        except TemplateError as error:
            return "; ".join(problem.message for problem in error.problems)
        if strange := read - known:
            names = ", ".join(sorted(".".join(path) for path in strange))
            return f"it puts in {names}, which the text does not"
    return ""


# -- entries


def _read(content: bytes) -> Catalog:
    try:
        return read_po(BytesIO(content), abort_invalid=True)
    except (PoFileError, ValueError, LookupError) as error:
        reason = " ".join(str(error).split())
        raise CatalogRefused(f"this is no PO file that can be read: {reason}") from None


def _numbering(catalog: Catalog, language: str) -> PluralRule:
    try:
        return PluralRule(language, catalog.num_plurals, catalog.plural_expr)
    except ValueError as error:
        raise CatalogRefused(f"its header Plural-Forms cannot be read: {error}") from None


def _id(unit: Unit) -> str | tuple[str, str]:
    """The text, or the two forms of it that a catalogue shows."""
    if isinstance(unit.source, str):
        return unit.source
    first = next((form for form in unit.source if form != OTHER), OTHER)
    return unit.source[first], unit.source[OTHER]


def _string(unit: Unit, words: Words, rule: PluralRule) -> str | tuple[str, ...]:
    """A translation as an entry has it."""
    if isinstance(unit.source, Mapping):
        return rule.numbered(words)
    return words if isinstance(words, str) else words[OTHER]


def _words(message: Message, unit: Unit, rule: PluralRule) -> Words:
    """A translation as a file has it."""
    if isinstance(message.string, str):
        return message.string
    return rule.forms(message.string or (), unit.target)


def _listed(words: Words | Sequence[str] | None) -> Sequence[str]:
    """Every wording of a text or translation."""
    if isinstance(words, str):
        return (words,)
    return tuple(words.values()) if isinstance(words, Mapping) else tuple(words or ())


def _is_whole(string: Sequence[str] | None) -> bool:
    return bool(string) and all(_listed(string))


def _agreed(entries: Sequence[Message]) -> dict[object, Message]:
    """Translations by their text alone, where there is one for it wherever it stands."""
    found: dict[object, list[Message]] = {}
    for message in entries:
        if _is_whole(message.string) and not message.fuzzy:
            key = message.id if isinstance(message.id, str) else tuple(message.id)
            found.setdefault(key, []).append(message)
    return {
        key: same[0] for key, same in found.items() if len({str(one.string) for one in same}) == 1
    }
