"""The people whom debtors are: some states limit the visits to a person."""

from alembic import op
from projections import contracts

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute(contracts.PEOPLE)
