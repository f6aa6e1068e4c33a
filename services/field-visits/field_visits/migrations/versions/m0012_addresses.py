"""Addresses that were given at the door."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("ALTER TABLE visit ADD COLUMN addresses jsonb NOT NULL DEFAULT '[]'")
