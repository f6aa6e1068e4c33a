"""The parts of the balance, and the language of the debtor."""

from alembic import op
from projections import contracts

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute(contracts.COMPONENTS)
    op.execute("ALTER TABLE contract ADD COLUMN language text")
