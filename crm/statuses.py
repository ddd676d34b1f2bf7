"""What a change of a customer's status sets beside it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

ARCHIVED = "archived"


def status_columns(status: str, at: datetime, by: str, reason: str | None) -> dict[str, Any]:
    """The columns that say when, by whom and why; `archived_at` follows the status."""
    return {
        "status_at": at,
        "status_by": by,
        "status_reason": reason,
        "archived_at": at if status == ARCHIVED else None,
    }
