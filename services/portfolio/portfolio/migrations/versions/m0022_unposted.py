"""Payments that the amounts of the newest file do not have in them."""

from alembic import op

revision = "0022"
down_revision = "0021"

# A file has absorbed such a payment, so that it lowers the file's amounts no more. But the creditor never posted it, or
# has taken it back, and so its reversal does not raise the amounts.
_COLUMN = "ALTER TABLE payment ADD COLUMN unposted boolean NOT NULL DEFAULT false"


def upgrade() -> None:
    op.execute(_COLUMN)
