"""`rapport customers export`: customers to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rapport.cli.output import Format, FormatOption, print_json, say


def export(
    to: Annotated[Path, typer.Option("--to", help="a file that ends in .csv, .xlsx or .json")],
    where: Annotated[
        str, typer.Option("--where", help="criteria as JSON or YAML: 'crm_score__gte: 80'")
    ] = "",
    columns: Annotated[
        str, typer.Option(help="fields, tags: first_name,points,tags; all otherwise")
    ] = "",
    labels: Annotated[
        str, typer.Option(help="en, fa: labels as headers in this language; keys otherwise")
    ] = "",
    sensitive: Annotated[
        bool, typer.Option("--sensitive", help="show sensitive fields, which are hidden otherwise")
    ] = False,
    by: Annotated[str, typer.Option("--by", help="who exports, for the audit log")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Write customers to a file; JSON has everything and can be imported again."""
    from crm.services.listing import View, total_of
    from rapport.cli.customers import read_criteria
    from rapport.cli.importing import bar, place_here
    from rapport.cli.tasks import cause_of
    from rapport.exporting import export_of, write_export

    with place_here() as place:
        criterion = read_criteria(where, place.business) if where else None
        view = View(place.business_id, place.business, place.clock.now(), criterion)
        keys = [key.strip() for key in columns.split(",") if key.strip()]
        wanted = export_of(view, to.suffix, keys, sensitive=sensitive)
        total = place.transact(lambda db: total_of(db, view))
        with bar("exporting") as progress:
            written = write_export(
                place.transact, wanted, to, cause_of(by, place.business).by,
                language=labels, progress=progress, total=total.customers,
            )  # fmt: skip
    if form is Format.JSON:
        print_json({"exported": written, "file": str(to), "hidden": list(wanted.hides)})
    else:
        say(f"{written:,} customers: {to}")
        if wanted.hides:
            say(f"hidden, for they are sensitive: {', '.join(wanted.hides)}")
