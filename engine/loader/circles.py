"""Rules and flows that set one another off in a circle: told when they are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.business import Business
from engine.derive.feeds import Feed, circles_of
from engine.events import types_of
from engine.flow import Trigger
from engine.loader.flows import FlowRead
from engine.problems import NOWHERE, Position, Problems

_CURE = "Let one of them look at something that the others do not change."


def report_circles(business: Business, flows: Iterable[FlowRead], problems: Problems) -> None:
    """A warning at the first of each circle: it is bounded when it runs, and still goes round."""
    feeds = [*_of_rules(business), *_of_flows(flows)]
    if len(feeds) == len(business.rules.own):
        return  # what is built in goes nowhere in a circle
    for circle in circles_of(feeds):
        way = " → ".join((*(one.said for one in circle), circle[0].said))
        position = next((one.position for one in circle if one.position != NOWHERE), NOWHERE)
        problems.warning(position, "W330", f"these set one another off: {way}", _CURE)


def _of_rules(business: Business) -> Iterator[Feed]:
    places: dict[tuple[str, str], Position] = {
        **{("segment", key): one.position for key, one in business.segments.items()},
        **{("tag", one.tag): one.position for one in reversed(business.smart_tags)},
    }
    for rule in business.rules.rules:
        yield Feed.of(rule, places.get((rule.kind, rule.name), NOWHERE))


def _of_flows(flows: Iterable[FlowRead]) -> Iterator[Feed]:
    """Flows that start by themselves because something has changed."""
    for read in flows:
        names = frozenset(name for trigger in read.flow.triggers for name in _names(trigger))
        writes = frozenset(name for node in read.nodes for name in node.writes)
        if names and writes:
            whole = frozenset(name.partition(":")[0] for name in writes)
            yield Feed(f"flow {read.flow.key}", names, writes | whole, read.flow.position)


def _names(trigger: Trigger) -> Iterator[str]:
    """The names whose change starts a flow."""
    options = trigger.options
    for type_ in types_of(trigger.on):
        match type_:
            case "score_changed":
                yield "crm_score"
            case "stage_changed":
                yield from ("lifecycle_stage", "journey_stage")
            case "field_updated":
                yield options["field"]
            case "tag_added" | "tag_removed":
                yield f"tags:{options['tag']}" if "tag" in options else "tags"
            case "segment_entered" | "segment_left":
                yield f"segment:{options['segment']}" if "segment" in options else "segment"
