"""The creditor takes a portfolio back."""

from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.execute("ALTER TABLE portfolio ADD COLUMN returned_at timestamptz, ADD COLUMN return_reason text")
