"""Where a customer stands: the lifecycle, which time turns back, and the journey, which stays."""

from __future__ import annotations

from collections.abc import Mapping

from engine.criteria import Catalogue, Criterion, read_criterion

LIFECYCLE = ("churned", "at_risk", "vip", "active", "first_visit", "lead")
"""In the order in which they are looked at: the first that fits. `lead` fits everybody."""

JOURNEY = ("awareness", "consideration", "purchase", "retention", "advocacy")

VIP_SEGMENT = "vip_customers"
"""The segment whose members are `vip` where crm.yaml says nothing else."""

_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "churned": {"last_visit_at__lt": "180 days ago"},
    "at_risk": {"last_visit_at__lt": "90 days ago"},
    "vip": {"segment": VIP_SEGMENT},
    "active": {"total_visits__gte": 2, "last_visit_at__gte": "90 days ago"},
    "first_visit": {"total_visits__gte": 1},
}

WROTE_OFTEN = 3
"""So many talks without a purchase: the customer considers one."""


def lifecycle_of(
    own: Mapping[str, Criterion | None], catalogue: Catalogue, segments: Mapping[str, object]
) -> dict[str, Criterion]:
    """The criterion of each stage in order, those of crm.yaml (`own`) over the defaults; without
    the stage of the VIP segment where there is no such segment, and without `lead`, which is what
    is left."""
    stages: dict[str, Criterion] = {}
    for stage in LIFECYCLE[:-1]:
        criterion = own.get(stage)
        if criterion is None and (stage != "vip" or VIP_SEGMENT in segments):
            criterion = read_criterion(dict(_DEFAULTS[stage]), catalogue, lambda *_: None)
        if criterion is not None:
            stages[stage] = criterion
    return stages


def journey_of(
    now_in: str, interactions: int, purchases: int, *, is_vip: bool, has_referred: bool
) -> str:
    """The stage of the journey, never one before `now_in`."""
    if is_vip or has_referred:
        reached = "advocacy"
    elif purchases:
        reached = "retention" if purchases > 1 else "purchase"
    else:
        reached = "consideration" if interactions >= WROTE_OFTEN else "awareness"
    return max(now_in, reached, key=JOURNEY.index)
