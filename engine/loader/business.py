"""Reading crm.yaml: the business that flows are checked against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from engine import source as tree
from engine.business import Business, Segment, SmartTag, Staff, Tag
from engine.derive.scoring import Scoring
from engine.derive.stages import LIFECYCLE
from engine.events import PHRASES
from engine.fields.base import BASE_FIELDS
from engine.http_shapes import HOSTS
from engine.loader.always import ALWAYS
from engine.loader.fields import FIELD, build_fields, read_declared
from engine.loader.flows import DEFAULTS, Part, channels_of, defaults_by_kind
from engine.loader.industries import Industry, industry_fields
from engine.loader.nodes import Kinds
from engine.loader.scoring import SCORING
from engine.shapes import (
    BOOLEAN,
    CONSTANT,
    CUSTOMER_CRITERIA,
    DURATION,
    FLOW_REF,
    NAME,
    TAG_REF,
    WORD,
    Either,
    ListOf,
    MapOf,
    OneOf,
    Option,
    Reader,
    Record,
    ScalarShape,
    WholeNumber,
)
from engine.shapes.structures import read_options, record_schema
from engine.shapes.words import unfit
from engine.source import Source
from engine.staff import ROLES


class _Pattern(ScalarShape[str]):
    def __init__(self, pattern: str, wanted: str) -> None:
        self.pattern = re.compile(pattern)
        self.wanted = wanted

    def parse(self, text: str) -> str:
        if not self.pattern.fullmatch(text):
            raise ValueError(unfit(text))
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.pattern.pattern}$"}


class _Zone(ScalarShape[str]):
    wanted = "a time zone such as Asia/Tehran"

    def parse(self, text: str) -> str:
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # a directory's name: OSError
            raise ValueError(unfit(text)) from None
        return text


LANGUAGE = _Pattern("[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a language such as en, fa or pt-BR")
COLOR = _Pattern("#[0-9A-Fa-f]{6}", 'a colour such as "#FFD700"')
TAG_NAME = _Pattern(r"\S(.{0,48}\S)?", "a name of at most 50 characters")
QUIET_HOURS = _Pattern(
    "([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]", 'hours such as "22:00-08:00"'
)


def _same(values: dict[str, Any], _: Reader) -> dict[str, Any]:
    return values


BUSINESS: Mapping[str, Option] = {
    "key": Option(NAME, "Its name in the database, fixed at the first apply", "lotus"),
    "name": Option(WORD, "Its name", "Lotus", required=True),
    "language": Option(LANGUAGE, "The language it speaks first", "fa"),
    "languages": Option(ListOf(LANGUAGE), "All languages it speaks", "[fa, en]"),
    "timezone": Option(_Zone(), "Where its days begin and end", "Asia/Tehran"),
    "country": Option(_Pattern("[A-Z]{2}", "a country such as IR"), "Of phones without a prefix"),
    "currency": Option(_Pattern("[A-Z]{3}", "a currency such as EUR"), "ISO 4217, or IRT"),
    "calendar": Option(OneOf("gregorian", "jalali"), "How dates are shown"),
}

TAG: Mapping[str, Option] = {
    "color": Option(COLOR, "Its colour", '"#FFD700"'),
    "description": Option(WORD, "What it says of a customer"),
}

SEGMENT: Mapping[str, Option] = {
    "name": Option(WORD, "What people call it", "VIP customers"),
    "description": Option(WORD, "Who is in it"),
    "color": Option(COLOR, "Its colour", '"#FFD700"'),
    "static": Option(BOOLEAN, "Its members are put in by hand or by flows"),
    "tags": Option(ListOf(WORD), "Words to find it by", "[loyalty]"),
    "when": Option(Part(CUSTOMER_CRITERIA.schema()), "Who belongs to it", "{crm_score__gte: 80}"),
}

SMART_TAG: Mapping[str, Option] = {
    "tag": Option(TAG_REF, "The tag it gives", required=True),
    "when": Option(CUSTOMER_CRITERIA, "To whom", "{crm_score__gte: 80}", required=True),
    "remove_when_false": Option(BOOLEAN, "Takes it away where it no longer holds"),
}

STAFF: Mapping[str, Option] = {
    "name": Option(WORD, "What people call them", "Ali", required=True),
    "telegram": Option(WORD, "Their user number there"),
    "role": Option(OneOf(*ROLES), "What they may do; default agent"),
    "teams": Option(ListOf(WORD), "The teams they are in", "[sales]"),
}

CAP: Mapping[str, Option] = {
    "per_day": Option(WholeNumber(0, 1000), "Automatic messages to one customer in a day"),
    "per_week": Option(WholeNumber(0, 1000), "Automatic messages to one customer in a week"),
}

_PER_SECOND = WholeNumber(1, 10_000, wanted="a number of messages a second")

SENDING: Mapping[str, Option] = {
    "quiet_hours": Option(
        QUIET_HOURS, "When nothing automatic is sent, where the customer is", '"22:00-08:00"'
    ),
    "cap": Option(Record(CAP, _same, "'cap'"), "How much is sent by itself", "{per_day: 2}"),
    "catch_up": Option(DURATION, "How long after it was due a flow still begins", "24h"),
    "rate": Option(_PER_SECOND, "Messages a second on each channel", "30"),
    "per_chat": Option(_PER_SECOND, "Messages a second to one chat", "1"),
    "opt_out": Option(PHRASES, "Words that end all messages, besides those built in"),
    "opt_in": Option(PHRASES, "Words that undo it, besides those built in"),
}

HTTP: Mapping[str, Option] = {
    "hosts": Option(
        HOSTS,
        "The only hosts that flows may call; private addresses are reached where they are listed",
        "[api.example.com, 10.0.0.0/8]",
    )
}


def _smart_tag(values: dict[str, Any], reader: Reader) -> SmartTag:
    when = values["when"].criterion
    return SmartTag(values["tag"], when, values.get("remove_when_false", False), reader.at())


_SMART_TAGS = ListOf(Record(SMART_TAG, _smart_tag, "a smart tag"))
_STAGES = MapOf(OneOf(*LIFECYCLE[:-1]), CUSTOMER_CRITERIA)


def _by_name(schema: dict[str, Any]) -> dict[str, Any]:
    """A section whose entries may also be left empty."""
    return {"type": "object", "additionalProperties": {"anyOf": [schema, {"type": "null"}]}}


OPTIONS: Mapping[str, Option] = {
    "business": Option(Record(BUSINESS, _same, "'business'"), "Who it is", required=True),
    "industry": Option(WORD, "Whose fields come first", "retail"),
    "fields": Option(Part(_by_name(record_schema(FIELD))), "What is known of a customer"),
    "tags": Option(Part(_by_name(record_schema(TAG))), "The tags there are"),
    "segments": Option(Part(_by_name(record_schema(SEGMENT))), "The segments there are"),
    "smart_tags": Option(Part(_SMART_TAGS.schema()), "Tags that follow by themselves"),
    "scoring": Option(SCORING, "How customers are scored", "{model: rfm}"),
    "stages": Option(Part(_STAGES.schema()), "Changes of the lifecycle's stages"),
    "sending": Option(Record(SENDING, _same, "'sending'"), "When and how much is sent by itself"),
    "staff": Option(
        ListOf(Record(STAFF, lambda values, _: Staff(**values), "one of 'staff'")),
        "Who works here; owners and admins with a Telegram number are told of troubles",
    ),
    "teams": Option(ListOf(WORD), "Teams, besides those named with staff"),
    "always": Option(
        ListOf(ALWAYS),
        "Words that win over any open question",
    ),
    "fallback": Option(FLOW_REF, "The flow that gets what nothing else claims"),
    "defaults": Option(DEFAULTS, "Options laid under every node of a kind"),
    "retention": Option(
        MapOf(NAME, DURATION), "How long things are kept", "{messages: 365d}", later=True
    ),
    "http": Option(
        Either(scalar=HOSTS, sequence=HOSTS, mapping=Record(HTTP, _same, "'http'")),
        "What flows may call; a list is that of its hosts",
        "[api.example.com]",
    ),
    "instagram": Option(
        MapOf(NAME, CONSTANT), "The Instagram account: texts are held to its limits"
    ),
}
"""The keys of crm.yaml."""


def read_business(source: Source, kinds: Kinds, industry: Industry, reader: Reader) -> Business:
    """The business of crm.yaml, as far as it can be read; one without a name where it cannot.

    `reader.business` is the business at every stage, so each part is checked against those
    before it: criteria against fields, tags and segments.
    """
    if not isinstance(source, tree.Mapping):
        reader.error(
            source.position,
            "E201",
            "crm.yaml is a mapping that begins with 'business:'",
            "Write 'business: {name: ...}'.",
        )
        return reader.business
    _speak(reader, source.get("business"))
    reader.channels = channels_of(source.entry("instagram") is not None)
    values, _ = read_options(source, OPTIONS, reader, "crm.yaml")
    reader.business = _core(values, reader)
    _with(reader, fields=_fields(source, values.get("industry", ""), industry, reader))
    _with(reader, tags=_tags(source.get("tags"), reader))
    segments = _entries(source.get("segments"), "segments", NAME, reader)
    _with(reader, segments={key: Segment(key, key) for key in segments})
    _with(reader, segments=_segments(segments, reader))
    _with(reader, smart_tags=_smart_tags(source.get("smart_tags"), reader))
    _with(reader, stages=_stages(source.get("stages"), reader))
    _with(reader, defaults=defaults_by_kind(source.get("defaults"), kinds, reader))
    return reader.business


def _with(reader: Reader, **parts: Any) -> None:
    reader.business = replace(reader.business, **parts)


def _speak(reader: Reader, source: Source | None) -> None:
    """Texts are read by the languages of the business, so those are looked at first."""
    if not isinstance(source, tree.Mapping):
        return
    written = (source.get("language"), source.get("languages"))
    sources = [
        item
        for one in written
        if one is not None
        for item in (one.items if isinstance(one, tree.Sequence) else (one,))
    ]
    languages = [item.text for item in sources if isinstance(item, tree.Scalar) and item.text]
    reader.languages = tuple(dict.fromkeys(languages)) or reader.languages
    reader.language = reader.languages[0]


def _core(values: Mapping[str, Any], reader: Reader) -> Business:
    business = values.get("business", {})
    name = business.get("name", "")
    sending = values.get("sending", {})
    staff = values.get("staff", ())
    teams = (*values.get("teams", ()), *(team for one in staff for team in one.teams))
    hosts = values.get("http", ())
    return Business(
        key=business.get("key") or slug(name),
        name=name,
        language=reader.language,
        languages=reader.languages,
        **{part: business[part] for part in _PLAIN if part in business},
        industry=values.get("industry", ""),
        fields=BASE_FIELDS,
        staff=staff,
        teams=tuple(dict.fromkeys(teams)),
        always=values.get("always", ()),
        fallback=values.get("fallback", ""),
        opt_out=sending.get("opt_out", ()),
        opt_in=sending.get("opt_in", ()),
        sending=sending,
        scoring=values.get("scoring", Scoring()),
        retention=values.get("retention", {}),
        http=hosts if isinstance(hosts, dict) else {"hosts": hosts},
        instagram=values.get("instagram", {}),
    )


_PLAIN = ("timezone", "country", "currency", "calendar")


def slug(name: str) -> str:
    """A key made of a name: its letters and digits, small, joined by `_`."""
    return "_".join(re.findall(r"\w+", name.lower()))[:100] or "business"


def _fields(source: tree.Mapping, name: str, industry: Industry, reader: Reader) -> dict[str, Any]:
    declared = {}
    if name:
        declared = industry_fields(name, industry, source.get("industry") or source, reader)
    for key, own in read_declared(source.get("fields"), reader).items():
        declared[key] = own.over(declared[key]) if key in declared else own
    return {**BASE_FIELDS, **build_fields(declared, reader)}


def _entries(
    source: Source | None, what: str, key: ScalarShape[str], reader: Reader
) -> dict[str, tree.Entry]:
    """The entries of a section whose keys are names; a list of names is read as empty entries."""
    if source is None or (isinstance(source, tree.Scalar) and source.empty):
        return {}
    if isinstance(source, tree.Sequence) and what == "tags":
        names = [item for item in source.items if isinstance(item, tree.Scalar)]
        source = tree.Mapping(
            tuple(tree.Entry(name, tree.Mapping((), name.position)) for name in names),
            source.position,
        )
    if not isinstance(source, tree.Mapping):
        reader.error(
            source.position,
            "E201",
            f"'{what}' takes a mapping by name",
            "Write each as 'NAME:' on a line of its own.",
        )
        return {}
    return {
        entry.key.text: entry
        for entry in source.entries
        if not entry.key.text.startswith("x_") and key.read(entry.key, reader) is not None
    }


def _record(
    entry: tree.Entry, options: Mapping[str, Option], what: str, reader: Reader
) -> dict[str, Any]:
    if isinstance(entry.value, tree.Scalar) and entry.value.empty:
        return {}
    return Record(options, _same, what).read(entry.value, reader) or {}


def _tags(source: Source | None, reader: Reader) -> dict[str, Tag]:
    tags: dict[str, Tag] = {}
    seen: dict[str, str] = {}
    for name, entry in _entries(source, "tags", TAG_NAME, reader).items():
        same = seen.setdefault(name.casefold(), name)
        if same != name:
            reader.error(
                entry.key.position,
                "E007",
                f"the tag '{name}' is there as '{same}'",
                "Delete one of the two: large and small letters are the same.",
            )
        tags[name] = Tag(name, **_record(entry, TAG, "a tag", reader))
    return tags


def _segments(entries: Mapping[str, tree.Entry], reader: Reader) -> dict[str, Segment]:
    segments: dict[str, Segment] = {}
    for key, entry in entries.items():
        values = _record(entry, SEGMENT, "a segment", reader)
        when = values.pop("when", None)
        if (when is None) is not values.get("static", False):
            message = "a segment has either 'when' or 'static: true'"
            reader.error(entry.key.position, "E112", message, "Write one of the two.")
        criteria = CUSTOMER_CRITERIA.read(when, reader) if when is not None else None
        criterion = criteria.criterion if criteria else None
        segments[key] = Segment(
            key, values.pop("name", key), criterion=criterion, position=entry.key.position,
            **values,
        )  # fmt: skip
    return segments


def _smart_tags(source: Source | None, reader: Reader) -> tuple[SmartTag, ...]:
    if source is None:
        return ()
    return _SMART_TAGS.read(source, reader) or ()


def _stages(source: Source | None, reader: Reader) -> dict[str, Any]:
    if source is None:
        return {}
    read = _STAGES.read(source, reader) or {}
    return {stage: criteria.criterion for stage, criteria in read.items()}
