"""The permit by which the creditor's own people called."""

from alembic import op

revision = "0060"
down_revision = "0059"


def upgrade() -> None:
    op.execute("ALTER TABLE attempt ADD COLUMN permit_id uuid")
