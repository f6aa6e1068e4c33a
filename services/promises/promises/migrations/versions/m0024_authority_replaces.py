"""The version of the rules of authority that proposed ones replace. Null replaces any."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.execute("ALTER TABLE authority_rules ADD COLUMN replaces integer")
