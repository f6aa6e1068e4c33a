"""What the step of the ladder at which a contract stands allows."""

from alembic import op
from projections.steps import ALLOWS

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.execute(ALLOWS)
