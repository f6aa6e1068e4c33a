"""Who gave an address: the creditor in a file, or somebody at the door."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.execute("ALTER TABLE address ADD COLUMN provenance text NOT NULL DEFAULT 'creditor'")
