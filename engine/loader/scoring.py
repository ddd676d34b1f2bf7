"""Reading `scoring:` of crm.yaml: a model and its levels, which must make sense together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from operator import gt, lt
from typing import Any

from engine.derive.scoring import Scoring
from engine.shapes import ListOf, OneOf, Option, Reader, Record, ScalarShape, WholeNumber


class _Amount(ScalarShape[Decimal]):
    wanted = "an amount such as 1000 or 99.50"

    def parse(self, text: str) -> Decimal:
        if not re.fullmatch(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?", text):
            raise ValueError(f"{self.wanted} belongs here, not '{text}'")
        return Decimal(text)

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": 0}


_AMOUNT = _Amount()
_COUNT = WholeNumber(1, 1_000_000)
_DAYS = WholeNumber(1, 36_500, wanted="a number of days")
_POINTS = WholeNumber(0, 100, wanted="a score from 0 to 100")

OF_MODELS: Mapping[str, Mapping[str, Option]] = {
    "simple": {},
    "rfm": {
        "recency": Option(
            ListOf(_DAYS), "Days since the last visit, for 30, 20 and 10 points", "[30, 90, 180]"
        ),
        "frequency": Option(ListOf(_COUNT), "Visits, for 30, 20 and 10 points", "[12, 6, 3]"),
        "monetary": Option(
            ListOf(_AMOUNT), "Spent, for 40, 30, 20 and 10 points", "[10000, 5000, 1000, 500]"
        ),
    },
    "weighted": {
        "interactions": Option(_COUNT, "Interactions for full marks", "20"),
        "contact_days": Option(_DAYS, "Days without contact that leave no marks", "30"),
        "purchases": Option(_COUNT, "Purchases for full marks", "5"),
        "spent": Option(_AMOUNT, "Spent in all for full marks", "10000"),
        "average_order": Option(_AMOUNT, "Spent in each purchase for full marks", "2000"),
        "since_days": Option(_DAYS, "Days as a customer for full marks", "365"),
        "repeat_purchases": Option(_COUNT, "Purchases after the first for full marks", "3"),
    },
}
"""The levels that each model has."""

LEVELS: Mapping[str, Option] = {
    name: option for levels in OF_MODELS.values() for name, option in levels.items()
}
HEALTH: Mapping[str, Option] = {
    "green": Option(_POINTS, "The least score that is green", "80"),
    "yellow": Option(_POINTS, "The least score that is yellow; below is red", "50"),
}


def _levels(values: dict[str, Any], reader: Reader) -> dict[str, Any]:
    plain = Scoring()
    for name, in_order in (("recency", lt), ("frequency", gt), ("monetary", gt)):
        levels = values.get(name)
        if levels is None:
            continue
        wanted = len(getattr(plain, name))
        pairs = pairwise(levels)
        if len(levels) != wanted or not all(in_order(one, other) for one, other in pairs):
            order = "the shortest first" if name == "recency" else "the highest first"
            message = f"'{name}' takes {wanted} levels that differ, {order}"
            cure = f"Such as {LEVELS[name].example}."
            reader.error(reader.at(name), "E330", message, cure)
            del values[name]
    for name in ("spent", "average_order"):
        if values.get(name) == 0:
            message = f"'{name}' takes an amount above 0"
            reader.error(reader.at(name), "E330", message, f"Such as {LEVELS[name].example}.")
            del values[name]
    return values


def _health(values: dict[str, Any], reader: Reader) -> dict[str, Any]:
    plain = Scoring()
    green, yellow = values.get("green", plain.green), values.get("yellow", plain.yellow)
    if yellow < green:
        return values
    place = "yellow" if "yellow" in values else "green"
    message = f"yellow ({yellow}) begins below green ({green})"
    reader.error(reader.at(place), "E331", message, "Write yellow below green.")
    return {}


def _scoring(values: dict[str, Any], reader: Reader) -> Scoring:
    model, levels = values.get("model", "simple"), values.get("levels", {})
    for name in levels:
        if name not in OF_MODELS[model]:
            known = ", ".join(OF_MODELS[model]) or "none"
            message = f"the model '{model}' has no level '{name}'"
            reader.error(reader.at("levels"), "E332", message, f"It has: {known}.")
            return Scoring(model)
    _need_amounts(model, levels, reader)
    years = {"years": values["lifetime_years"]} if "lifetime_years" in values else {}
    return Scoring(model, **levels, **values.get("health", {}), **years)


def _need_amounts(model: str, levels: Mapping[str, Any], reader: Reader) -> None:
    """What is much money only the business knows."""
    missing = [name for name in ("spent", "average_order") if name not in levels]
    if model == "weighted" and missing:
        place = reader.at("levels") if levels else reader.at("model")
        cure = "Write amounts of your currency: levels: {spent: 10000, average_order: 2000}."
        named = " and ".join(f"'{name}'" for name in missing)
        reader.error(place, "E333", f"the model 'weighted' needs the levels {named}", cure)


SCORING = Record(
    {
        "model": Option(OneOf(*OF_MODELS), "How scores are reckoned; default simple", "rfm"),
        "levels": Option(Record(LEVELS, _levels, "'levels'"), "Where the model's levels lie"),
        "health": Option(
            Record(HEALTH, _health, "'health'"), "What a score says", "{green: 80, yellow: 50}"
        ),
        "lifetime_years": Option(
            WholeNumber(1, 100), "How many years a customer is expected to stay; default 3", "3"
        ),
    },
    _scoring,
    "'scoring'",
)
