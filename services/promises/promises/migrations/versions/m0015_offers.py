"""Offers: the rules of what may be offered, and what they look at in a contract."""

import chassis.schema
from alembic import op

revision = "0015"
down_revision = "0014"

_OFFERS = f"""
-- Null where no event has stated it since the upgrade.
ALTER TABLE contract ADD COLUMN stage text, ADD COLUMN days_past_due integer, ADD COLUMN product text,
    ADD COLUMN segment text;
-- The newest version is in force. An offer names the version by which it was made.
CREATE TABLE offer_rules (
    version integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rules jsonb NOT NULL,
    pricing jsonb NOT NULL,
    {chassis.schema.ACTOR},
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contract_portfolio ON contract (portfolio_id, contract_id);
"""


def upgrade() -> None:
    op.execute(_OFFERS)
