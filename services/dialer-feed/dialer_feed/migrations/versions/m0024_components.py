"""The parts of the balance."""

from alembic import op
from projections import contracts

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.execute(contracts.COMPONENTS)
