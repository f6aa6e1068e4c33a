"""The debtor's status is compared by the version of the contract: a file may give the contract to another person."""

from alembic import op
from projections import contracts

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute(contracts.STATUS_SEEN)
