"""An agreement knows which payments of its first day the debt had counted before it came into force."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute("ALTER TABLE agreement ADD COLUMN paid_before uuid[] NOT NULL DEFAULT '{}'")
