"""The debtor's status is compared by the version of the contract: a file may give the contract to another person."""

from alembic import op
from projections import contracts

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute(contracts.STATUS_SEEN)
