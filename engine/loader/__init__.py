"""Loading a project: from the texts of its files to flows that run, or every problem in them.

Pure: reading the disk is the caller's. Nothing raises for what a file says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from engine.business import Business
from engine.campaign import Campaign
from engine.flow import Flow
from engine.lint import lint_project
from engine.loader.business import read_business
from engine.loader.campaigns import is_campaign, read_campaign
from engine.loader.circles import report_circles
from engine.loader.flows import FlowRead, is_flow, read_flow
from engine.loader.industries import Industry
from engine.loader.transcripts import is_test, read_transcript
from engine.node import Node
from engine.problems import Position, Problem, Problems
from engine.shapes import Reader
from engine.shapes.reader import WrittenText
from engine.source import Document, Source, read_documents
from engine.transcript import Transcript

CRM_FILE = "crm.yaml"


class Loaded(Struct, frozen=True):
    """A project as far as it could be read. Only one without errors may be run.

    flows: by key. files: the path of each flow's file, by the flow's key. problems: sorted by
    place, errors and warnings. campaigns: by key. crm_source: the text of crm.yaml, '' where there
    is none. texts: all that people see, as they stand in the files, each once.
    """

    business: Business
    flows: Mapping[str, Flow]
    files: Mapping[str, str]
    tests: tuple[Transcript, ...]
    problems: tuple[Problem, ...]
    crm_source: str = ""
    texts: tuple[WrittenText, ...] = ()
    campaigns: Mapping[str, Campaign] = MappingProxyType({})

    @property
    def ok(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)


def load_project(
    files: Mapping[str, str], kinds: Sequence[type[Node]], industry: Industry
) -> Loaded:
    """Everything in the files of one project folder, by their paths, crm.yaml among them.

    kinds: the node kinds there are. industry: the YAML text of an industry's template, or None.
    """
    problems = Problems()
    by_name = {kind.KIND: kind for kind in kinds}
    documents = {path: read_documents(text, path, problems) for path, text in files.items()}
    crm = next((path for path in files if path.rpartition("/")[2] == CRM_FILE), None)
    crm_reader = Reader(problems, Business(key="", name=""))
    if crm is None:
        problems.error(
            Position(CRM_FILE, 1, 1),
            "E012",
            "a project has a crm.yaml, this has none",
            "Write one that begins with 'business: {name: ...}'.",
        )
    for document in documents.pop(crm, [])[:1] if crm else ():
        read_business(document.root, by_name, industry, crm_reader)
    business = crm_reader.business
    flows: dict[str, FlowRead] = {}
    tests: list[Transcript] = []
    campaigns: dict[str, Campaign] = {}
    test_reader, campaign_reader = Reader(problems, business), Reader(problems, business)
    for document in _each(documents):
        if is_test(document.root):  # asked first: a test names its flow by `flow:` too
            test = read_transcript(document.root, test_reader)
            tests += [test] if test else []
        elif is_campaign(document.root):  # and so does a campaign
            _add_campaign(campaigns, read_campaign(document.root, campaign_reader), problems)
        elif is_flow(document.root):
            _add(flows, read_flow(document, business, by_name, problems), problems)
        else:
            _report_unknown(document.root, problems)
    others = (crm_reader, test_reader, campaign_reader)
    lint_project(business, flows, others, tests, problems)
    report_circles(business, flows.values(), problems)
    return Loaded(
        business=business,
        flows={key: read.flow for key, read in flows.items()},
        files={key: read.flow.position.file for key, read in flows.items()},
        tests=tuple(tests),
        problems=tuple(problems.sorted()),
        crm_source=files[crm] if crm else "",
        texts=_texts((crm_reader, *(read.reader for read in flows.values()))),
        campaigns=campaigns,
    )


def _texts(readers: Iterable[Reader]) -> tuple[WrittenText, ...]:
    """What `defaults:` or an alias has read several times stands in one place."""
    found = (text for reader in readers for text in reader.texts)
    return tuple({text.source.position: text for text in found}.values())


def load_flow(
    source_text: str, business: Business, kinds: Sequence[type[Node]], key: str, version: int
) -> Flow | None:
    """One flow out of the text it was stored with; None if it has errors now.

    Warnings, and what only the whole project can tell, are not looked at.
    """
    problems = Problems()
    by_name = {kind.KIND: kind for kind in kinds}
    for document in read_documents(source_text, f"{key} version {version}", problems):
        if is_flow(document.root):
            read = read_flow(document, business, by_name, problems, version)
            if read is not None and read.flow.key == key:
                return None if problems.errors else read.flow
    return None


def _each(documents: Mapping[str, list[Document]]) -> Iterator[Document]:
    for path in sorted(documents):
        yield from documents[path]


def _add(flows: dict[str, FlowRead], read: FlowRead | None, problems: Problems) -> None:
    if read is None:
        return
    same = flows.setdefault(read.flow.key, read)
    if same is not read:
        there = same.flow.position
        message = f"the flow '{read.flow.key}' is already in {there.file}, line {there.line}"
        problems.error(read.flow.position, "E110", message, "Give one of them another name.")


def _add_campaign(
    campaigns: dict[str, Campaign], campaign: Campaign | None, problems: Problems
) -> None:
    if campaign is None:
        return
    same = campaigns.setdefault(campaign.key, campaign)
    if same is not campaign:
        there = same.position
        message = f"the campaign '{campaign.key}' is already in {there.file}, line {there.line}"
        problems.error(campaign.position, "E631", message, "Give one of them another name.")


def _report_unknown(source: Source, problems: Problems) -> None:
    message = "a file of a project begins with 'flow:', 'campaign:' or 'test:'"
    problems.error(
        source.position, "E011", message, "Write one of them, or put the file elsewhere."
    )
