"""A placement rule may hold for some portfolios only."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("ALTER TABLE placement_rule ADD COLUMN portfolio_ids uuid[]")
