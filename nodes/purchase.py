"""`purchase`: record that the customer has bought something, or an invoice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct, field

from engine.fields.plain import to_plain
from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.recorded import Refusal, columns, values_of
from engine.records import MOST_ITEMS, PURCHASE, NewPurchase
from engine.shapes import VALUE, Option, Reader, Record


class Sale(Struct, frozen=True):
    """columns: values or templates by name. items: any value with templates in it, or None."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    items: Any = None


def _sale(options: dict[str, Any], reader: Reader) -> Sale:
    items = options.get("items")
    if isinstance(items, tuple) and len(items) > MOST_ITEMS:
        message = f"{len(items)} items, a purchase has at most {MOST_ITEMS}"
        reader.error(reader.at("items"), "E403", message, "Record them as several purchases.")
    return Sale({key: value for key, value in options.items() if key != "items"}, items)


_SALE = Record(
    {
        **columns(PURCHASE, "amount", "number", "currency", "status", "date", "revenue"),
        "items": Option(VALUE, "what was bought", "[{name: Boots, quantity: 1}]"),
    },
    _sale,
    "a purchase",
)


class Purchase(Node, frozen=True, kw_only=True):
    """Where a purchase has the number already, nothing changes."""

    KIND: ClassVar[str] = "purchase"
    HELP: ClassVar[str] = "Records a purchase or invoice, once for each number; totals follow."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "purchase": Option(
            _SALE, "its columns", '{amount: "{{ answer.total }}", number: "{{ answer.order }}"}',
            required=True,
        )
    }  # fmt: skip

    sale: Sale

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Purchase:
        return cls(**common, sale=options["purchase"])

    def enter(self, at: Passage) -> Next:
        try:
            values = values_of(at, self.sale.columns, PURCHASE)
        except Refusal:
            return Exit()
        values.setdefault("currency", at.locale.currency)
        at.add_record(NewPurchase(**values, items=self._items(at)))
        return Exit()

    def _items(self, at: Passage) -> Any:
        """Plain JSON, a list; None, with a row on the timeline, for what is no JSON."""
        value = at.evaluate(self.sale.items)
        if value is None:
            return None
        listed = list(value) if isinstance(value, list | tuple) else [value]
        try:
            return to_plain(listed[:MOST_ITEMS])
        except TypeError as error:
            at.problem(f"`items` were not recorded: {error}")
            return None
