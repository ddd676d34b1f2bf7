"""Noticing that the files of a project have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

LOOK_SECONDS = 0.3
"""Between two looks: soon enough for who has just saved a file, and no work for the machine."""

Stamps = Mapping[Path, tuple[int, int]]
"""Each YAML file with the time of its last change, in nanoseconds, and its size."""


def changes(path: Path, sleep: Callable[[float], None]) -> Iterator[Stamps]:
    """What there is now, then again after every change, without an end.

    sleep: waits some seconds. Files are looked at, not waited for: what tells of changes differs
    from system to system and is silent on network and container drives.
    """
    seen: Stamps | None = None
    while True:
        stamps = stamps_of(path)
        if stamps != seen:
            seen = stamps
            yield stamps
        sleep(LOOK_SECONDS)


def stamps_of(path: Path) -> Stamps:
    """The files below `path`, or beside it where it is a file; those just gone are left out."""
    folder = path if path.is_dir() else path.parent
    found: dict[Path, tuple[int, int]] = {}
    for file in (*folder.rglob("*.yaml"), *folder.rglob("*.yml")):
        try:
            stat = file.stat()
        except OSError:
            continue
        found[file] = (stat.st_mtime_ns, stat.st_size)
    return found
