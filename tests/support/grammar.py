"""Files as somebody might write them who has read half of the manual: every key of the language,
with values that fit, values that do not, and other forms of value in their place."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from engine.schema import project_schema
from nodes import KINDS

SCHEMA = project_schema(KINDS)

WORDS = (
    *("a", "b", "end", "yes", "no", "null", "~", "", "-1", "0", "1.5", "9" * 30, "2h", "30m"),
    *("18:00", "2026-03-01", "points", "var.n", "customer.first_name", "{{", "%}", "{{ x }}"),
    *("{{ customer.first_name }}", "{{ var.n + 1 }}", "{% if x %}", "{{ 'a' * 99999 }}"),
    *("{% for i in x %}{{ i }}{% endfor %}", "سلام", "👋", "۱۲۳", "x" * 300, "Order #12"),
    *("a: b", "- a", "[a", "&x", "*x", "!!str", "@", "|", "crm_score__gte", "first_name"),
    *("email", "telegram", "VIP", "(a*)*", "[", "\\d{1000}", "stop"),
)
"""What stands where a word may stand."""

_DEEPEST = 7


class Writer:
    """Writes one file after another, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # for tests

    def file(self) -> str:
        """A flow, a test or a crm.yaml, mostly as their schema has it."""
        of = self.random.choice((SCHEMA["then"], SCHEMA["else"]["then"], SCHEMA["else"]["else"]))
        value = self.value(of, 0)
        if of is SCHEMA["else"]["then"] and isinstance(value, dict):
            value = {"flow": "a", **value}
        return self.written(value, 0) + "\n"

    def value(self, schema: dict[str, Any], depth: int) -> Any:
        if depth > _DEEPEST or self.random.random() < 0.04:
            return self.anything(depth)
        while "$ref" in schema:
            schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if "anyOf" in schema:
            return self.value(self.random.choice(schema["anyOf"]), depth)
        if "allOf" in schema:  # a node: one of the kinds
            return self.value(self.random.choice(schema["allOf"])["then"], depth)
        match schema.get("type"):
            case "object":
                return self.mapping(schema, depth)
            case "array":
                some = range(self.random.randint(0, 3))
                return [self.value(schema.get("items", {}), depth + 1) for _ in some]
            case _:
                return self.example(schema)

    def mapping(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        names = list(schema.get("required", ()))
        names += self.some(list(properties), 4)
        if isinstance(schema.get("additionalProperties"), dict):
            names += self.some(WORDS, 2)
        if self.random.random() < 0.05:
            names.append(self.random.choice(WORDS))
        inner = schema.get("additionalProperties") or {}
        return {
            name: self.value(
                properties.get(name, inner if isinstance(inner, dict) else {}), depth + 1
            )
            for name in names
        }

    def example(self, schema: dict[str, Any]) -> str:
        examples = schema.get("examples", ())
        if examples and self.random.random() < 0.5:
            return str(self.random.choice(examples))
        return self.random.choice(WORDS)

    def anything(self, depth: int) -> Any:
        """Another form of value than belongs there."""
        match self.random.randint(0, 5):
            case 0:
                return [self.random.choice(WORDS)]
            case 1:
                return {self.random.choice(WORDS): self.random.choice(WORDS)}
            case 2:
                return [] if depth % 2 else {}
            case _:
                return self.random.choice(WORDS)

    def some(self, names: Sequence[str], most: int) -> list[str]:
        return self.random.sample(list(names), min(len(names), self.random.randint(0, most)))

    def written(self, value: Any, indent: int) -> str:
        """As YAML: in blocks, in braces or without the quotes it would need."""
        if isinstance(value, str):
            return value if self.random.random() < 0.5 else json.dumps(value, ensure_ascii=False)
        if not isinstance(value, dict | list) or not value or self.random.random() < 0.1:
            return json.dumps(value, ensure_ascii=False)
        blank = "\n" + " " * indent
        if isinstance(value, list):
            return "".join(f"{blank}- {self.written(item, indent + 2)}" for item in value)
        return "".join(
            f"{blank}{self.written(key, 0)}: {self.written(item, indent + 2)}"
            for key, item in value.items()
        )
