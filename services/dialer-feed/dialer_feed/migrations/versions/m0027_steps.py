"""Campaigns may ask for steps of the ladder."""

import projections.contracts
from alembic import op

revision = "0027"
down_revision = "0026"

_CAMPAIGNS = """
-- Null: every step, and contracts without one.
ALTER TABLE campaign ADD COLUMN steps text[];
"""


def upgrade() -> None:
    op.execute(projections.contracts.STEPS)
    op.execute(_CAMPAIGNS)
