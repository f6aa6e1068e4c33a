"""The day on which each contract's position ends by itself: nothing is placed by the position of an earlier day."""

from alembic import op
from projections import contracts

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute(contracts.NEXT_CHANGE)
