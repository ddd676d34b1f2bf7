"""Files beside the database."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from crm.errors import NotFound
from rapport.attachments import Files, TooLarge

BOOTS = b"boots" * 500_000


def test_the_same_file_twice_is_kept_once(tmp_path: Path) -> None:
    files = Files(tmp_path / "files", 7)
    key, size = files.keep(io.BytesIO(BOOTS), len(BOOTS))
    assert files.keep(io.BytesIO(BOOTS), len(BOOTS)) == (key, size)
    assert size == len(BOOTS)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [key]
    with files.open(key) as kept:
        assert kept.read() == BOOTS


def test_too_large_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        Files(tmp_path, 7).keep(io.BytesIO(BOOTS), len(BOOTS) - 1)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_of_another_business_or_outside_is_not_there(tmp_path: Path) -> None:
    key, _ = Files(tmp_path, 7).keep(io.BytesIO(b"x"), 10)
    (tmp_path / "secret").write_text("s")
    for ours, asked in ((8, key), (7, "../../secret"), (7, "")):
        with pytest.raises(NotFound):
            Files(tmp_path, ours).open(asked)


def test_a_removed_file_is_gone_also_for_who_removes_it_again(tmp_path: Path) -> None:
    files = Files(tmp_path, 7)
    key, _ = files.keep(io.BytesIO(b"x"), 10)
    files.remove(key)
    files.remove(key)
    with pytest.raises(NotFound):
        files.open(key)
