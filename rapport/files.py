"""Writing a file of an author whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile


def replace_file(file: Path, content: bytes) -> None:
    """Whoever reads it meanwhile sees the one content or the other; its permissions stay."""
    file = file.resolve()  # of a link, what it points to
    with NamedTemporaryFile("wb", dir=file.parent, prefix=f".{file.name}-", delete=False) as part:
        part.write(content)
        part.flush()
        os.fsync(part.fileno())
    written = Path(part.name)
    written.chmod(file.stat().st_mode if file.exists() else 0o666 & ~_umask())
    written.replace(file)


@contextmanager
def replaced(file: Path, was: str | None, text: str) -> Iterator[None]:
    """The file has its new text; it gets the old one back where what is done inside raises.

    was: None for a file that is not there yet.
    """
    replace_file(file, text.encode())
    try:
        yield
    except BaseException:
        if was is None:
            file.unlink()
        else:
            replace_file(file, was.encode())
        raise


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """A path to write to, which becomes `file` at the end, or nothing where that raises.

    It is its owner's alone: such files hold what is known of people.
    """
    target = file.resolve()
    with NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}-", delete=False) as at:
        part = Path(at.name)
    try:
        yield part
        with part.open("rb+") as done:
            os.fsync(done.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    """What new files are made without. It can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
