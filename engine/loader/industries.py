"""The industries, and the fields that a business gets from the template of its own."""

from __future__ import annotations

from collections.abc import Callable

from engine import source as tree
from engine.loader.fields import Declared, read_declared
from engine.problems import Problems
from engine.shapes import Reader
from engine.source import Source, read_documents
from engine.suggest import meant

Industry = Callable[[str], str | None]
"""The text of an industry's template, by the industry's name; None if there is none."""

TEMPLATE_LANGUAGES = ("en", "fa")

INDUSTRIES = (
    *("retail", "ecommerce", "restaurant", "healthcare", "education", "technology", "finance"),
    *("real_estate", "travel", "beauty", "fitness", "automotive", "consulting", "legal"),
    *("nonprofit", "manufacturing", "agriculture", "entertainment", "media", "other"),
)


def industry_fields(
    name: str, industry: Industry, at: Source, reader: Reader
) -> dict[str, Declared]:
    """What the template of the industry `name`, which is written `at`, declares."""
    text = industry(name)
    if text is None:
        cure = meant(name, INDUSTRIES)
        reader.error(at.position, "E701", f"unknown industry '{name}'", cure)
        return {}
    documents = read_documents(text, f"industry {name}", reader.problems)
    # The template speaks its own languages, whichever of them the business does.
    own = Reader(Problems(), reader.business, languages=TEMPLATE_LANGUAGES)
    root = documents[0].root if documents else None
    fields = root.get("fields") if isinstance(root, tree.Mapping) else None
    return read_declared(fields, own, is_system=True)
