"""Days of grace may be business days of the portfolio's jurisdiction."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    # Null where the portfolio's last event came to an earlier release.
    op.execute("ALTER TABLE portfolio ADD COLUMN jurisdiction text")
