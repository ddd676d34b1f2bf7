"""The business as its crm.yaml declares it: what flows are checked against and read by."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from engine.derive.scoring import Scoring
from engine.durations import Duration
from engine.fields.types import Field
from engine.problems import NOWHERE, Position

if TYPE_CHECKING:
    from engine.derive.feeds import Feeds
    from engine.derive.rules import Rules
    from engine.fields.places import Locale

Labels = Mapping[str, Mapping[str, str]]
"""The label of each value of each select field, in one language."""


class Tag(Struct, frozen=True):
    name: str
    color: str = "#6C757D"
    description: str = ""


class Segment(Struct, frozen=True):
    """`criterion` (engine.criteria) is None for a static segment. paused: its members stay as they
    are."""

    key: str
    name: str
    color: str = "#000000"
    description: str = ""
    static: bool = False
    criterion: Any = None
    tags: tuple[str, ...] = ()
    paused: bool = False
    position: Position = NOWHERE

    @property
    def follows(self) -> bool:
        """Whether its members come and go by themselves."""
        return self.criterion is not None and not self.paused


class SmartTag(Struct, frozen=True):
    """A tag that follows `criterion` (engine.criteria) by itself."""

    tag: str
    criterion: Any
    remove_when_false: bool = False
    position: Position = NOWHERE


class Staff(Struct, frozen=True):
    name: str
    role: str = "agent"
    teams: tuple[str, ...] = ()
    telegram: str = ""


class Always(Struct, frozen=True):
    """Folded keywords that win over any open question and start `flow`, or hand the customer over
    to `handoff`, a WHO: one of the two is set.

    resume_after: after how much silence the bot is back after a handoff; None for never.
    """

    keywords: tuple[str, ...]
    flow: str = ""
    handoff: str = ""
    resume_after: Duration | None = None


class Business(Struct, frozen=True, dict=True):
    """fields: mapped fields by key and base fields by name (`Field.base` tells them apart).

    languages: the default one first. timezone: an IANA name. opt_out, opt_in: the business's own
    words, beside those built in, folded. defaults: what `defaults:` says of each node kind, as
    it was written (engine.source.Mapping). sending, scoring, stages, retention, http, instagram:
    the sections of those names, typed; empty where none is written, and with its defaults in
    `scoring`. slots: the field in each slot in use, which only the database knows; empty where
    none was asked.
    """

    key: str
    name: str
    language: str = "en"
    languages: tuple[str, ...] = ("en",)
    timezone: str = "UTC"
    country: str = ""
    currency: str = "USD"
    calendar: str = "gregorian"
    industry: str = ""
    fields: Mapping[str, Field] = field(default_factory=dict)
    tags: Mapping[str, Tag] = field(default_factory=dict)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    staff: tuple[Staff, ...] = ()
    teams: tuple[str, ...] = ()
    always: tuple[Always, ...] = ()
    fallback: str = ""
    opt_out: tuple[str, ...] = ()
    opt_in: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    smart_tags: tuple[SmartTag, ...] = ()
    sending: Mapping[str, Any] = field(default_factory=dict)
    scoring: Scoring = Scoring()
    stages: Mapping[str, Any] = field(default_factory=dict)
    retention: Mapping[str, Any] = field(default_factory=dict)
    http: Mapping[str, Any] = field(default_factory=dict)
    instagram: Mapping[str, Any] = field(default_factory=dict)
    slots: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def rules(self) -> Rules:
        """What follows by itself of its customers; made when it is first asked for."""
        from engine.derive.rules import Rules  # which knows businesses

        return Rules(self)

    @property
    def human_agent(self) -> bool:
        """Whether Instagram has approved the app for answers of people after the window."""
        return self.instagram.get("human_agent") is True

    @cached_property
    def feeds(self) -> Feeds:
        """What feeds what of its customers; made when it is first asked for."""
        from engine.derive.feeds import Feeds

        return Feeds(self.rules.rules)

    @cached_property
    def locales(self) -> dict[Hashable, Locale]:
        """Conventions of customers lately met (engine.locales), by what of them is their own."""
        return {}

    @cached_property
    def _labels(self) -> dict[str, Labels]:
        return {}

    def labels(self, language: str) -> Labels:
        """The labels of every select field's options, by field and value, for a reader of
        `language`: made once for each language asked for, of which there are as many as the
        business speaks.
        """
        labels = self._labels.get(language)
        if labels is None:
            labels = self._labels[language] = {
                key: {
                    one.value: one.label.pick(language, None, self.languages)
                    for one in declared.options
                }
                for key, declared in self.fields.items()
                if declared.options
            }
        return labels
