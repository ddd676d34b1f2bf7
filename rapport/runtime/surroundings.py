"""What the turns of a batch share: the library, the moment, and what they ask of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from engine.criteria import Moment
from engine.effects import Effect
from engine.fields.types import Value
from engine.resume import Resume
from engine.run import Run
from rapport.runtime.cases import Parts
from rapport.runtime.consent import Consent
from rapport.runtime.firings import Started
from rapport.runtime.ids import Ids
from rapport.runtime.library import Library
from rapport.runtime.staff_news import Unheard

Clashes = Callable[[str, Value, int], bool]
"""Whether another customer already has this value in a field that is unique."""

Referrer = Callable[[str], int | None]
"""The customer whose referral code it is; None for nobody's."""

Watch = Callable[[Run, Resume, Run, Sequence[Effect]], None]
"""Is told of a step: the run before and after it, what it went on by, and what it asked for."""


class Surroundings(Struct, frozen=True):
    """What all cases of a batch share. channels: the channel of each account, by its id.

    guest: somebody else's bot answers what no flow claims (rapport.plugin).
    """

    library: Library
    channels: Mapping[int, str]
    parts: Parts
    clashes: Clashes
    referrer: Referrer
    started: Started
    unheard: Unheard
    consent: Consent
    ids: Ids
    now: datetime
    turn_id: str
    moment: Moment
    watch: Watch | None = None
    guest: bool = False
