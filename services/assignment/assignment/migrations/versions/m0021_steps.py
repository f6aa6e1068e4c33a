"""Placement rules may ask for steps of the ladder."""

import projections.contracts
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute(projections.contracts.STEPS)
    op.execute("ALTER TABLE placement_rule ADD COLUMN steps text[]")
