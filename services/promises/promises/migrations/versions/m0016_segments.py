"""A contract's segment has a version of its own: an event states it alone when it changes."""

import projections.contracts
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute(projections.contracts.SEGMENTS)
