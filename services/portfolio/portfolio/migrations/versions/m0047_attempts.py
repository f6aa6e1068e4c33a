"""Attempts of the creditor's own people to reach debtors."""

import chassis.schema
from alembic import op

revision = "0047"
down_revision = "0046"

_TABLE = f"""
CREATE TABLE attempt (
    attempt_id uuid PRIMARY KEY DEFAULT uuidv7(),
    contract_id uuid NOT NULL REFERENCES contract,
    channel text NOT NULL CHECK (channel IN ('call', 'message')),
    outcome text NOT NULL,
    right_party boolean NOT NULL,
    made_at timestamptz NOT NULL,
    business_date date NOT NULL,
    episode integer NOT NULL,
    note text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR}
);
CREATE INDEX attempt_contract ON attempt (contract_id, attempt_id);
"""


def upgrade() -> None:
    op.execute(_TABLE)
