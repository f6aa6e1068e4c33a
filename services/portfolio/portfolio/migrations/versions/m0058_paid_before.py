"""A restructure knows which payments of its first day do not pay its schedule."""

from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    op.execute("ALTER TABLE agreement ADD COLUMN paid_before uuid[] NOT NULL DEFAULT '{}'")
