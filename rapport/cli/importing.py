"""`rapport customers import`: a file of customers, looked at first, then stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.failing import FOUND_PROBLEMS, WRONG_USE, Refusal
from rapport.cli.output import Format, FormatOption, print_json, print_rows, say

if TYPE_CHECKING:
    from crm.imports.reading import Rejected
    from rapport.importing import Asked, Place, Plan, Progress, Source

SHOWN = 1_000
"""Refused cells that are printed; a report has all."""


class Existing(StrEnum):
    """What is done with customers who are there."""

    UPDATE = "update"
    SKIP = "skip"


class New(StrEnum):
    """What is done with customers who are not."""

    CREATE = "create"
    SKIP = "skip"


class Empty(StrEnum):
    """What an empty cell says."""

    KEEP = "keep"
    CLEAR = "clear"


class Order(StrEnum):
    """What comes first in 03/04/1990."""

    DMY = "dmy"
    MDY = "mdy"


MapOption = Annotated[
    str, typer.Option("--map", help="'Column=field,Other=-'; kept for the next file")
]
MatchOption = Annotated[
    str, typer.Option(help="external_id,phone,email,id; the first that finds somebody counts")
]
ExistingOption = Annotated[Existing, typer.Option(help="who is there: update, skip")]
NewOption = Annotated[New, typer.Option(help="who is not there: create, skip")]
EmptyOption = Annotated[Empty, typer.Option(help="an empty cell: keep what is there, clear")]
OrderOption = Annotated[
    Order | None, typer.Option("--date-order", help="of 03/04/1990: dmy, mdy; else found out")
]
EncodingOption = Annotated[str, typer.Option(help="cp1256, utf-16 ...; guessed otherwise")]
DelimiterOption = Annotated[str, typer.Option(help="what parts cells; guessed otherwise")]
SheetOption = Annotated[str, typer.Option(help="of Excel; the first otherwise")]
ReportOption = Annotated[
    Path | None, typer.Option(help="where refused rows go; FILE.rejected.csv otherwise")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="say what would be done, and do nothing")
]
LaterOption = Annotated[
    bool, typer.Option("--later", help="have a worker do it, from where the file is")
]


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, Excel (.xlsx) or JSON")],
    map_: MapOption = "",
    match: MatchOption = "",
    existing: ExistingOption = Existing.UPDATE,
    new: NewOption = New.CREATE,
    empty: EmptyOption = Empty.KEEP,
    date_order: OrderOption = None,
    encoding: EncodingOption = "",
    delimiter: DelimiterOption = "",
    sheet: SheetOption = "",
    report: ReportOption = None,
    dry_run: DryRunOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    later: LaterOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take customers in from a file; who is there already is updated.

    The same file twice changes nothing, and after an interruption it goes on where it was.
    """
    from crm.imports.columns import read_mapping
    from crm.imports.opening import Form
    from rapport.importing import Asked, Source, plan_import

    with place_here() as place:
        asked = Asked(
            columns=read_mapping(map_), match=match, creates=new is New.CREATE,
            updates=existing is Existing.UPDATE, clears=empty is Empty.CLEAR,
            date_order=None if date_order is None else date_order.value,
            form=Form(encoding=encoding, delimiter=delimiter, sheet=sheet),
        )  # fmt: skip
        source = Source.of(file)
        plan = plan_import(place, source, asked)
        _Command(place, source, plan, asked, report, form).run(
            dry_run=dry_run, yes=yes, later=later
        )


class _Command:
    def __init__(
        self, place: Place, source: Source, plan: Plan, asked: Asked, report: Path | None,
        form: Format,
    ) -> None:  # fmt: skip
        self._place, self._source, self._plan, self._asked = place, source, plan, asked
        self._report, self._form = report, form

    def run(self, *, dry_run: bool, yes: bool, later: bool) -> None:
        if self._form is Format.TABLE:
            self._show_columns()
        if dry_run:
            self._end(*self._try(), report=self._report)
        elif later:
            self._leave_to_a_worker()
        else:
            if not yes:
                self._ask()
            self._do()

    def _show_columns(self) -> None:
        plan = self._plan
        for header, field in zip(plan.headers, plan.fields, strict=True):
            say(f"{header} → {field}" if field else f"{header}: not read")
        say(f"matched by {', '.join(plan.match) or 'nothing'}")

    def _try(self) -> tuple[dict[str, int], list[Rejected]]:
        from contextlib import nullcontext

        from rapport.rejected import report_of
        from rapport.trying import try_import

        opened: Any = nullcontext()
        if self._report is not None:
            opened = report_of(self._report, self._plan.headers)
        with opened as add, bar("looking") as progress:
            tried = try_import(self._place, self._source, self._plan, SHOWN, add, progress)
        return dict(tried.counts), tried.cells

    def _ask(self) -> None:
        """Look at all of it, say what would be done, and ask."""
        import sys

        if not sys.stdin.isatty():
            raise Refusal("nobody is there to be asked: --yes imports, --dry-run looks", WRONG_USE)
        counts, cells = self._try()
        for cell in cells[:10]:
            say(f"row {cell.row} {cell.column} {cell.value}: {cell.reason}")
        told = ", ".join(f"{counts.get(name, 0):,} {name}" for name in _COUNTS)
        typer.confirm(f"It would be: {told}. Import?", abort=True, err=True)

    def _leave_to_a_worker(self) -> None:
        from rapport.importing import begin

        begun = begin(self._place, self._source, self._plan, self._asked.columns, BY, waits=True)
        told = {"job": begun.job_id, "status": "waiting"}
        if self._form is Format.JSON:
            print_json(told)
        else:
            say(f"import {begun.job_id} waits for a worker")

    def _do(self) -> None:
        from rapport.importing import begin, opened, run_import
        from rapport.rejected import rejected_of, write_rejected

        place, source = self._place, self._source
        begun = begin(place, source, self._plan, self._asked.columns, BY)
        if begun.resumed:
            say(f"{source.path.name} was begun before: it goes on behind row {begun.position}")
        with bar("importing") as progress:
            state = run_import(place, source, self._plan, begun, progress)

        def cells() -> Iterator[Rejected]:
            return rejected_of(place.transact, place.business_id, begun.job_id)

        report = None
        if state.counts["rejected"]:
            report = self._report or source.path.with_name(f"{source.path.stem}.rejected.csv")
            with opened(source, self._plan) as table:
                write_rejected(report, table, cells())
        self._end(dict(state.counts), list(islice(cells(), SHOWN)), report=report)

    def _end(self, counts: dict[str, int], cells: list[Rejected], report: Path | None) -> None:
        from msgspec import to_builtins

        rejected = [to_builtins(cell) for cell in cells]
        done = {name: counts.get(name, 0) for name in _COUNTS}
        if self._form is Format.JSON:
            rows = done.pop("rejected")
            print_json(
                {**done, "rejected": rejected, "rejected_rows": rows,
                 "report": None if report is None else str(report)}
            )  # fmt: skip
        else:
            print_rows(rejected, ("row", "column", "value", "reason"), self._form, "")
            say(", ".join(f"{number:,} {name}" for name, number in done.items()))
            if report is not None:
                say(f"what was rejected, to be corrected and imported again: {report}")
        if counts.get("rejected"):
            raise typer.Exit(FOUND_PROBLEMS)


_COUNTS = ("created", "updated", "skipped", "rejected")
BY = "cli"


@contextmanager
def place_here() -> Iterator[Place]:
    """The business of the settings, a transaction for each piece."""
    from rapport.cli.store import open_place
    from rapport.importing import Place
    from rapport.runtime.clock import SystemClock

    with open_place() as (transact, business_id, business):
        yield Place(transact, business_id, business, SystemClock())


@contextmanager
def bar(what: str) -> Iterator[Progress]:
    """A bar on a terminal."""
    import sys

    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bars:
        task = bars.add_task(what, total=None)
        move: Callable[[int, int], object] = lambda done, total: bars.update(  # noqa: E731  # typed
            task, completed=done, total=max(total, 1)
        )
        yield move
