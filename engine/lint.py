"""What only the whole of a project shows: names that lead nowhere, circles, rival triggers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from msgspec import Struct

from engine.business import Business
from engine.flow import Flow
from engine.graph import circles, edges_of, reached, trapped
from engine.lint_tests import check_tests
from engine.node import END, Node
from engine.problems import Position, Problems
from engine.rivals import check_claims, check_occurrences
from engine.scope import BUSINESS_NAMES, ROOTS
from engine.shapes import NameUse, Reader, Ref
from engine.shapes.reader import Reference
from engine.staff import ASSIGNED, known_who, people_of, who_there_is
from engine.templates.pieces import SECRET
from engine.transcript import Transcript

if TYPE_CHECKING:
    from engine.loader.flows import FlowRead


class Calls(Protocol):
    """A node that runs another flow and gives it variables."""

    @property
    def flow(self) -> str: ...

    @property
    def variables(self) -> Mapping[str, Any]: ...

    @property
    def starts(self) -> bool: ...


@cache
def _has_call(kind: type[Node]) -> bool:
    return all(hasattr(kind, name) for name in ("flow", "variables"))


def is_call(node: Node) -> TypeGuard[Calls]:
    """Whether the node runs another flow. `isinstance` would look at each node for as long as it
    takes to read it."""
    return _has_call(type(node))


def lint_project(
    business: Business,
    flows: Mapping[str, FlowRead],
    others: Sequence[Reader],
    tests: Sequence[Transcript],
    problems: Problems,
) -> None:
    """Add to `problems` what is wrong between the parts. others: readers of what is no flow."""
    readers = [*(read.reader for read in flows.values()), *others]
    customer = frozenset((*business.fields, *_saved(readers), *_CUSTOMERS_OWN))
    names = _Names(business, frozenset(flows), customer, _given(flows.values()))
    for reader in readers:
        for reference in reader.references:
            _check_reference(reference, names, problems)
    waiting = {key for key, read in flows.items() if any(one.node.waits for one in read.nodes)}
    for read in flows.values():
        _check_names(read, names, problems)
        _check_targets(read, problems)
        _check_stops(read, problems)
        _check_ways(read, waiting, problems)
        check_occurrences(read.flow, problems)
    check_claims(business, [read.flow for read in flows.values()], problems)
    check_tests(tests, [read.flow for read in flows.values()], problems)


# -- names

_WRITTEN = (Ref.WRITE, Ref.SAVE, Ref.KEEP)

_CUSTOMERS_OWN = ("id", "referral_code", "tags", "segments", "extra")
"""What a customer has besides fields."""


class _Names(Struct, frozen=True):
    """What may be referred to in the project.

    customer: what may stand after `customer.`, the keys that some reply is saved to among it.
    given: variables that some flow is called with.
    """

    business: Business
    flows: frozenset[str]
    customer: frozenset[str]
    given: frozenset[str]


def _saved(readers: Iterable[Reader]) -> frozenset[str]:
    return frozenset(
        reference.name
        for reader in readers
        for reference in reader.references
        if reference.kind in (Ref.SAVE, Ref.KEEP)
    )


def _given(flows: Iterable[FlowRead]) -> frozenset[str]:
    """Variables that some flow is called with."""
    nodes = (one.node for read in flows for one in read.nodes)
    return frozenset(name for node in nodes if is_call(node) for name in node.variables)


def _check_reference(reference: Reference, names: _Names, problems: Problems) -> None:
    kind, name, position = reference.kind, reference.name, reference.position
    match kind:
        case Ref.FLOW:
            _known(name, names.flows, "E304", "flow", position, problems)
        case Ref.TAG:
            _known(name, names.business.tags, "E302", "tag", position, problems)
        case Ref.FIELD:
            _known(name, names.business.fields, "E301", "field", position, problems)
        case Ref.SEGMENT:
            _known(name, names.business.segments, "E303", "segment", position, problems)
        case Ref.MEMBERS:
            _check_members(name, names.business, position, problems)
        case Ref.WRITE | Ref.SAVE | Ref.KEEP:
            _check_field(reference, names, problems)
        case Ref.WHO:
            _check_who(reference, names.business, problems)
        case Ref.TOLD:
            _check_who(reference, names.business, problems)
            _check_told(reference, names.business, problems)
        case Ref.NODE:
            pass  # looked up in its own flow


def _check_who(reference: Reference, business: Business, problems: Problems) -> None:
    if known_who(business, reference.name) is None:
        cure = problems.meant(reference.name, who_there_is(business))
        message = f"nobody is called '{reference.name}': no name, team or role of crm.yaml"
        problems.error(reference.position, "E320", message, cure)


def _check_told(reference: Reference, business: Business, problems: Problems) -> None:
    """Who is told is told on Telegram."""
    known = known_who(business, reference.name)
    told = business.staff if known == ASSIGNED else people_of(business, reference.name)
    if known is not None and not any(one.telegram for one in told):
        message = f"nobody who is '{known}' can be told: no `telegram:` is given"
        cure = "Write their Telegram user number under `staff:` in crm.yaml, as in telegram: 777."
        problems.warning(reference.position, "W345", message, cure)


def _check_members(name: str, business: Business, position: Position, problems: Problems) -> None:
    """What a flow changes are the members of a static segment."""
    _known(name, business.segments, "E303", "segment", position, problems)
    if name in business.segments and not business.segments[name].static:
        message = f"the members of '{name}' follow its criteria: no flow puts anybody in"
        problems.error(position, "E334", message, "Make it `static: true`, without `when`.")


def _known(
    name: str,
    known: Collection[str],
    code: str,
    what: str,
    position: Position,
    problems: Problems,
) -> None:
    if name in known:
        return
    problems.error(
        position, code, f"unknown {what} '{name}'", problems.meant(name, known, _NEW[what])
    )


_NEW = {
    "tag": "Declare it under 'tags' in crm.yaml.",
    "segment": "Declare it under 'segments' in crm.yaml.",
    "field": "Declare it under 'fields' in crm.yaml.",
    "flow": "Write a file that begins with its name: 'flow: NAME'.",
}
"""What to do where the name is none that was misspelt, but a new one."""


def _check_field(reference: Reference, names: _Names, problems: Problems) -> None:
    name, position = reference.name, reference.position
    if name.startswith("var."):
        return
    field = names.business.fields.get(name)
    if field is None:
        _report_field(reference, names, problems)
    elif field.read_only:
        message = f"'{name}' is worked out by Rapport and cannot be written"
        problems.error(position, "E307", message, "Save to a field of your own.")


def _report_field(reference: Reference, names: _Names, problems: Problems) -> None:
    name, position = reference.name, reference.position
    cure = problems.meant(name.removeprefix("customer."), names.business.fields, _NEW["field"])
    if reference.kind is Ref.SAVE:
        message = f"no field '{name}' is declared: it is stored as text among the extras"
        problems.warning(position, "W301", message, cure)
    elif reference.kind is Ref.WRITE:
        problems.error(position, "E301", f"unknown field '{name}'", cure)


def _check_names(read: FlowRead, names: _Names, problems: Problems) -> None:
    """Names in templates; those in criteria were checked when they were read."""
    variables = frozenset(
        (
            *read.flow.vars,
            *names.given,
            *(
                reference.name.removeprefix("var.")
                for reference in read.reader.references
                if reference.kind in _WRITTEN and reference.name.startswith("var.")
            ),
        )
    )
    for use in read.reader.uses:
        _check_use(use, variables, names, problems)
    for use in read.reader.histories:
        if use.path[0] not in names.business.fields:
            _known(use.path[0], names.business.fields, "E301", "field", use.position, problems)


def _check_use(use: NameUse, variables: frozenset[str], names: _Names, problems: Problems) -> None:
    first, rest = use.path[0], use.path[1:]
    if use.in_template and first not in ROOTS:
        _report_root(use, names, problems)
    elif first == "var" and rest and rest[0] not in variables:
        message = f"no variable '{rest[0]}' is set in this flow"
        cure = problems.meant(rest[0], variables, "Declare it under 'vars'.")
        problems.error(use.position, "E306", message, cure)
    elif not use.in_template:
        return
    elif first == "customer":
        if rest:
            _known(use.of_customer, names.customer, "E301", "field", use.position, problems)
    elif first in _INNER and rest and rest[0] not in _INNER[first]:
        message = f"'{first}' has no '{rest[0]}'"
        cure = problems.meant(rest[0], _INNER[first])
        problems.error(use.position, "E502", message, cure)


_INNER: Mapping[str, Sequence[str]] = {"reply": ("text", "value"), "business": BUSINESS_NAMES}


def _report_root(use: NameUse, names: _Names, problems: Problems) -> None:
    name = use.path[0]
    if name == SECRET:
        cure = "Secrets stand in the node `http` alone."
    elif name in names.business.fields:
        cure = f"Write customer.{name}."
    else:
        cure = problems.meant(name, ROOTS)
    problems.error(use.position, "E502", f"unknown name '{'.'.join(use.path)}'", cure)


# -- ways


def _check_targets(read: FlowRead, problems: Problems) -> None:
    known = (*read.ids, END)
    for one in read.nodes:
        for target, position in one.targets:
            if target != END and target not in read.ids:
                message = f"node '{one.node.id}' goes to '{target}', which does not exist."
                problems.error(position, "E103", message, problems.meant(target, known))


def _check_stops(read: FlowRead, problems: Problems) -> None:
    for stop in read.flow.stop_on:
        if stop.goto not in ("", END, *read.ids):
            message = f"`stop_on` goes to '{stop.goto}', which does not exist."
            cure = problems.meant(stop.goto, (*read.ids, END))
            problems.error(stop.event.position, "E103", message, cure)


def _check_ways(read: FlowRead, waiting: set[str], problems: Problems) -> None:
    """Nothing is said of the ways of a flow that could not be read whole."""
    flow = read.flow
    if not flow.nodes or any(
        problem.severity == "error" and problem.position.file == flow.position.file
        for problem in problems.found
    ):
        return
    edges = edges_of(flow)
    seen = reached(edges, flow.nodes[0].id)
    for stop in flow.stop_on:
        seen |= reached(edges, stop.goto) if stop.goto else set()
    for node in flow.nodes:
        if node.id not in seen:
            problems.error(
                node.position,
                "E104",
                f"no way leads to node '{node.id}'",
                "Lead to it by a goto, or delete it.",
            )
    rests = {node.id for node in flow.nodes if node.waits or _calls_wait(read, node.id, waiting)}
    for circle in circles({id_: () if id_ in rests else to for id_, to in edges.items()}):
        names = " → ".join((*circle, circle[0]))
        message = f"these nodes go round without a wait: {names}"
        problems.error(
            _place(flow, circle[0]),
            "E105",
            message,
            "Lead one of them elsewhere, or ask or wait in between.",
        )
    for circle in trapped(edges):
        if rests.isdisjoint(circle):
            continue  # it was told above
        _report_trapped(flow, circle, problems)


def _report_trapped(flow: Flow, circle: Sequence[str], problems: Problems) -> None:
    place = _place(flow, circle[0])
    if len(circle) == 1:
        message = f"every answer to '{circle[0]}' leads back to it"
        problems.error(place, "E106", message, "Give it a way out: a choice, a skip or a timeout.")
    else:
        message = f"no way leads out of {', '.join(circle)}"
        problems.warning(place, "W101", message, "It ends when people stop answering.")


def _calls_wait(read: FlowRead, node_id: str, waiting: set[str]) -> bool:
    """Whether the node runs a flow that waits."""
    node = read.nodes[read.flow.places[node_id]].node
    return is_call(node) and not node.starts and node.flow in waiting


def _place(flow: Flow, node_id: str) -> Position:
    return flow.nodes[flow.places[node_id]].position
