"""Alembic's entry: runs on the connection that `baken.history.migrate` hands over."""

from alembic import context

from baken.history.migrations import VERSION_TABLE
from baken.history.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # The caller's transaction, and its lock, span everything.
    transactional_ddl=False,
)
context.run_migrations()
