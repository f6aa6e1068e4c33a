"""Of several processes one renews the token of a session."""

from alembic import op

revision = "0002"
down_revision = "0001"

_COLUMN = """
-- renewing_until: a process renews the session's token, and no other may until then.
ALTER TABLE session ADD COLUMN renewing_until timestamptz;
"""


def upgrade() -> None:
    op.execute(_COLUMN)
