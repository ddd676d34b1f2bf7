"""The JSON Schema of a project's files, made of the options that the loader reads by.

One schema serves every file, so one modeline is enough; which keys a document has tells what it
is. Editors read YAML before the schema sees it: a plain word that the loader takes as it is typed
may reach the schema as a number or truth value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.loader import business, campaigns, flows, transcripts
from engine.loader.nodes import COMMON
from engine.node import Node
from engine.shapes import CHANNEL_NAMES
from engine.shapes.plurals import COUNT
from engine.shapes.shape import SCALAR_TYPES
from engine.shapes.structures import IGNORED, described, record_schema
from engine.templates.names import FORMS, OTHER

DRAFT = "http://json-schema.org/draft-07/schema#"
"""The newest draft that YAML editors understand in full."""


def project_schema(kinds: Sequence[type[Node]]) -> dict[str, Any]:
    """What `rapport schema` writes."""
    return {
        "$schema": DRAFT,
        "title": "A file of a Rapport project",
        "type": "object",
        "if": {"required": ["test"]},
        "then": record_schema(transcripts.OPTIONS),
        "else": {
            "if": {"required": ["campaign"]},
            "then": record_schema(campaigns.OPTIONS),
            "else": {
                "if": {"required": ["flow"]},
                "then": record_schema(flows.OPTIONS),
                "else": record_schema(business.OPTIONS),
            },
        },
        "$defs": {
            "text": _text(),
            "criteria": {"type": "object", "minProperties": 1},
            "node": _node(kinds),
            "defaults": _defaults(kinds),
        },
    }


def _text() -> dict[str, Any]:
    """One text; or by language, channel or both; and the forms of a plural wherever one may be."""
    leaf = {"type": SCALAR_TYPES}
    one = {
        "anyOf": [
            leaf,
            {
                "type": "object",
                "properties": dict.fromkeys((COUNT, *FORMS), leaf),
                "required": [OTHER],
                "additionalProperties": False,
            },
        ]
    }
    by_channel = {
        "type": "object",
        "properties": {COUNT: leaf, **dict.fromkeys(CHANNEL_NAMES, one)},
        "additionalProperties": one,
    }
    by_language = {
        "type": "object",
        "properties": {COUNT: leaf},
        "additionalProperties": {"anyOf": [one, by_channel]},
    }
    return {"anyOf": [one, by_language]}


def _node(kinds: Sequence[type[Node]]) -> dict[str, Any]:
    """Each kind by its key: an editor then tells what is wrong in it, not that nothing fits."""
    names = [kind.KIND for kind in kinds if kind.KIND not in COMMON]
    others = [{"required": [name]} for name in names]
    ends = {**record_schema(COMMON), "anyOf": [{"required": ["end"]}, {"required": ["end_all"]}]}
    return {
        "type": "object",
        "allOf": [
            {"if": {"required": [kind.KIND]}, "then": kind_schema(kind)}
            for kind in kinds
            if kind.KIND in names
        ],
        "if": {"not": {"anyOf": others}},
        "then": ends,
    }


def kind_schema(kind: type[Node]) -> dict[str, Any]:
    """The options of one node kind, those that every node has among them."""
    return record_schema({**kind.OPTIONS, **COMMON}) | {"description": kind.HELP}


def _defaults(kinds: Sequence[type[Node]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {kind.KIND: _default(kind) for kind in kinds},
        "additionalProperties": False,
    }


def _default(kind: type[Node]) -> dict[str, Any]:
    options: Mapping[str, Any] = {
        name: described(option) for name, option in kind.OPTIONS.items() if name != kind.KIND
    }
    return {
        "type": "object",
        "properties": options,
        "patternProperties": {f"^{IGNORED}": {}},
        "additionalProperties": False,
    }
