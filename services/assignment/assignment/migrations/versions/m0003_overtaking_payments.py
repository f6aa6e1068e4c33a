"""Stores payments that arrived before an earlier event of their contract."""

from alembic import op

revision = "0003"
down_revision = "0002"

_TABLES = r"""
-- Payments that arrived before an older event of their contract. A placement by that older event earns from them too.
CREATE TABLE overtaking_payment (
    payment_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL,
    event_id uuid NOT NULL,
    day date NOT NULL,
    days_past_due integer NOT NULL,
    base numeric(14, 2) NOT NULL,
    currency text NOT NULL
);
CREATE INDEX overtaking_payment_contract ON overtaking_payment (contract_id);
"""


def upgrade() -> None:
    op.execute(_TABLES)
