"""`always:` of crm.yaml: words that win over any open question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.business import Always
from engine.events import PHRASES
from engine.shapes import DURATION, FLOW_REF, WHO, Option, Reader, Record

_OPTIONS: Mapping[str, Option] = {
    "keywords": Option(PHRASES, "The whole message is one of these", "[help]", required=True),
    "flow": Option(FLOW_REF, "The flow that answers"),
    "handoff": Option(WHO, "Whom of the staff it calls: a name, role or team", "support"),
    "resume_after": Option(DURATION, "After so much silence of both the bot is back", "12h"),
}


def _always(values: dict[str, Any], reader: Reader) -> Always | None:
    cure = "Write the flow that answers, or with `handoff` who of the staff does."
    if "flow" not in values and "handoff" not in values:
        message = "one of 'always' needs 'flow' or 'handoff'"
        reader.error(reader.at(), "E109", message, cure)
        return None
    if "flow" in values and "handoff" in values:
        message = "one of 'always' has `flow` or `handoff`, not both"
        reader.error(reader.at("handoff"), "E112", message, cure)
        return None
    if "resume_after" in values and "handoff" not in values:
        message = "`resume_after` is about a `handoff`, which is missing"
        cure = "Leave it out: the bot goes on when the flow has ended."
        reader.error(reader.at("resume_after"), "E112", message, cure)
        return None
    return Always(**values)


ALWAYS = Record(_OPTIONS, _always, "one of 'always'")
