"""The person of a contract's debtor: one person may be several customers of a creditor."""

from alembic import op
from projections import contracts

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute(contracts.PEOPLE)
