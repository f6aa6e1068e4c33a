"""Payments, the days without contact after them, what files say of silence, and the payments that cancelled visits."""

from alembic import op
from projections import payments

revision = "0008"
down_revision = "0007"

_PAID = """
-- The payments that have cancelled the visit, or would have. When all of them are reversed, it may be ordered again.
ALTER TABLE visit ADD COLUMN IF NOT EXISTS payment_ids uuid[] NOT NULL DEFAULT '{}';
CREATE INDEX IF NOT EXISTS visit_paid ON visit (contract_id) WHERE state = 'cancelled' AND payment_ids <> '{}';
"""


def upgrade() -> None:
    op.execute(payments.TABLE + payments.SILENCES + _PAID)
