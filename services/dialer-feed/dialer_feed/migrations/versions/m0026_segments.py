"""Campaigns may ask for segments."""

import projections.contracts
from alembic import op

revision = "0026"
down_revision = "0025"

_CAMPAIGNS = """
-- Null: every segment, and contracts without one.
ALTER TABLE campaign ADD COLUMN segments text[];
"""


def upgrade() -> None:
    op.execute(projections.contracts.SEGMENTS)
    op.execute(_CAMPAIGNS)
