"""`rapport worker`: one of many processes that share the work of a business."""

from __future__ import annotations

from typing import Annotated

import typer

from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.serving import begin, required_lines, serve

RolesOption = Annotated[
    str, typer.Option("--roles", help="some of poller, web, worker, sender, scheduler, with commas")
]
SecondsOption = Annotated[
    float,
    typer.Option(
        "--lease-seconds", min=1.0, help="after so long another process goes on for a dead one"
    ),
]


def worker(
    roles: RolesOption = "poller,web,worker,sender,scheduler", lease_seconds: SecondsOption = 10.0
) -> None:
    """Share the work of a business with other processes, on PostgreSQL, until stopped.

    The business is the one that `rapport apply` has put into the database: RAPPORT_BUSINESS says
    which, where there are several.
    """
    settings = begin()
    from rapport.build import applied
    from rapport.cli.store import open_store
    from rapport.roles import UnknownRole, parse_roles

    try:
        wanted = parse_roles(roles)
    except UnknownRole as error:
        raise Refusal(f"--roles: {error}", WRONG_USE) from None
    if not settings.database_url.startswith("postgresql"):
        raise Refusal(
            "several processes need PostgreSQL; on SQLite one does everything: `rapport run`",
            WRONG_USE,
        )
    with open_store() as store:
        business = store.business
    lines = required_lines(settings, business)
    serve(settings, applied(business.key), lines, roles=wanted, lease_seconds=lease_seconds)
