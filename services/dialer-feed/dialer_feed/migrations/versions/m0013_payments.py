"""Days without contact after a payment: the day from which they count, the portfolio's days, and what files say."""

from alembic import op
from projections import payments

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute(payments.HOLDOFF_FROM + payments.SILENCES)
