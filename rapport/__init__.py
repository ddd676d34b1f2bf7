"""Conversation flows in YAML, with a CRM in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rapport.plugin.host import Rapport as Rapport

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Short commands import this package, and do without what it takes to be somebody's guest.
    if name == "Rapport":
        from rapport.plugin.host import Rapport

        return Rapport
    raise AttributeError(f"module 'rapport' has no attribute '{name}'")
