"""Sessions of one person on several sites: those that one cookie reaches have the same group.

The group is the hash of the cookie's token, which was the session's id until now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Give every session the group that its cookie names. Can be run again after it was cut off."""
    found = sa.inspect(op.get_bind())
    if "group_id" not in {column["name"] for column in found.get_columns("web_sessions")}:
        # Every row needs a value at once; the ones that are there get theirs below.
        op.add_column("web_sessions", sa.Column("group_id", sa.String(64), nullable=False, server_default=""))
    op.execute("UPDATE web_sessions SET group_id = id WHERE group_id = ''")
    if "ix_web_sessions_group_id" not in {index["name"] for index in found.get_indexes("web_sessions")}:
        op.create_index("ix_web_sessions_group_id", "web_sessions", ["group_id"])
