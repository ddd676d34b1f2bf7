"""Every table, the runtime's too, on one MetaData: merge and erase must reach them all."""

from crm.tables.business import business, field, segment, segment_member, slot_index, tag
from crm.tables.customer import customer, customer_account, customer_tag
from crm.tables.meta import metadata, schema_step
from crm.tables.runtime import (
    account,
    alarm,
    campaign_run,
    conversation,
    effect,
    event,
    flow_version,
    lease,
    mail,
    outbox,
    run,
    scan_cursor,
    timer,
    trigger_firing,
    visit,
)
from crm.tables.trail import activity, field_history, interaction, note, purchase, task

__all__ = [
    "account",
    "activity",
    "alarm",
    "business",
    "campaign_run",
    "conversation",
    "customer",
    "customer_account",
    "customer_tag",
    "effect",
    "event",
    "field",
    "field_history",
    "flow_version",
    "interaction",
    "lease",
    "mail",
    "metadata",
    "note",
    "outbox",
    "purchase",
    "run",
    "scan_cursor",
    "schema_step",
    "segment",
    "segment_member",
    "slot_index",
    "tag",
    "task",
    "timer",
    "trigger_firing",
    "visit",
]
