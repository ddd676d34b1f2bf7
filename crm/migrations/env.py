"""What alembic runs to migrate; `crm.migrations` calls it, nobody else."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from crm.tables import metadata

connection: Connection = context.config.attributes["connection"]
if context.is_offline_mode():
    context.configure(dialect_name=connection.dialect.name, target_metadata=metadata)
else:
    # SQLite's DDL is transactional too once the driver leaves transactions alone (open_engine).
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
