"""`rapport run`: the service, all of it in one process."""

from __future__ import annotations

from rapport.cli.applying import require_sound
from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.paths import PathArgument, chosen
from rapport.cli.serving import begin, prepare_database, required_lines, serve


def run(path: PathArgument = None) -> None:
    """Serve the business of a project on the channels that are configured, until stopped.

    The project is applied first. One process does everything; `rapport worker` is for many.
    """
    settings = begin()
    from rapport.alone import OneAtATime
    from rapport.build import applying
    from rapport.project import find_project
    from rapport.storage import sqlite_file

    folder = find_project(chosen(path))
    loaded = require_sound(folder)
    key = loaded.business.key
    if settings.business and settings.business != key:
        wanted = settings.business
        raise Refusal(f"RAPPORT_BUSINESS is '{wanted}', but {folder} is '{key}'", WRONG_USE)
    lines = required_lines(settings, loaded.business, str(folder))
    with OneAtATime(sqlite_file(settings.database_url)):
        prepare_database(settings.database_url)
        serve(settings, applying(loaded), lines)
