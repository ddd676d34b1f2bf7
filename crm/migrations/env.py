"""What alembic runs to migrate; `crm.migrations` calls it, nobody else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from sqlalchemy import Connection, delete, insert

from crm.migrations.operations import IS_NEW
from crm.tables import metadata, schema_step

connection: Connection = context.config.attributes["connection"]


def note_step(
    ctx: MigrationContext,
    step: MigrationInfo,
    heads: Collection[Any],  # noqa: ARG001  # alembic gives it by name
    run_args: Mapping[str, Any],  # noqa: ARG001  # as above
) -> None:
    """Keep which code may go on working after this step, for code that does not know the step."""
    script = step.up_revision
    assert isinstance(script, Script)
    compatible_from = getattr(script.module, "compatible_from", None)
    if compatible_from is None:  # the first steps: there was no older code
        return
    if step.is_upgrade:
        row = {"revision": script.revision, "compatible_from": compatible_from}
        ctx.execute(insert(schema_step).values(row))
    elif script.revision != "0004":  # which takes the table with it
        ctx.execute(delete(schema_step).where(schema_step.c.revision == script.revision))


if context.is_offline_mode():
    context.configure(
        dialect_name=connection.dialect.name,
        target_metadata=metadata,
        transaction_per_migration=not context.config.attributes[IS_NEW],
        on_version_apply=note_step,
    )
else:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        # SQLite's DDL is transactional too once the driver leaves transactions alone (open_engine).
        transactional_ddl=True,
        transaction_per_migration=not context.config.attributes[IS_NEW],
        on_version_apply=note_step,
    )
with context.begin_transaction():
    context.run_migrations()
