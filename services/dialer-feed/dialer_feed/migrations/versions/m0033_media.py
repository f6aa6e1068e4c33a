"""Messages of the creditor's own people, which some jurisdictions count."""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.execute("ALTER TABLE own_call ADD COLUMN medium text NOT NULL DEFAULT 'call'")
