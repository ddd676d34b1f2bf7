"""A release newer than this one, with a step of the schema more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crm import migrations

NEXT = "9999"
"""The revision of the newer release's step, which adds a column to `business`."""


def write_newer_release(folder: Path, compatible_from: str) -> None:
    """compatible_from: the oldest revision whose code may work beside the step."""
    versions = Path(migrations.__file__).parent
    shutil.copytree(versions, folder / "newer", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / f"newer/versions/{NEXT}_more.py").write_text(
        f"from alembic import op\nrevision = '{NEXT}'\ndown_revision = '{migrations.head()}'\n"
        f"compatible_from = '{compatible_from}'\n"
        "def upgrade():\n    op.execute('ALTER TABLE business ADD COLUMN mood VARCHAR(20)')\n"
        "def downgrade():\n    op.execute('ALTER TABLE business DROP COLUMN mood')\n",
        encoding="utf-8",
    )


@contextmanager
def newer_release(folder: Path) -> Iterator[None]:
    """What is done inside is done by the newer release's code, as far as the schema goes."""
    with pytest.MonkeyPatch.context() as newer:
        newer.setattr(migrations, "__file__", str(folder / "newer/__init__.py"))
        yield
