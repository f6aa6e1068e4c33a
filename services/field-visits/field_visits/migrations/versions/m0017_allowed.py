"""The step of the ladder at which a contract stands, and what it allows."""

from alembic import op
from projections.contracts import STEPS
from projections.steps import ALLOWS

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute(STEPS)
    op.execute(ALLOWS)
