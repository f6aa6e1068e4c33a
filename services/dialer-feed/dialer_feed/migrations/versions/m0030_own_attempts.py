"""Calls of the creditor's own people, which count for the caps of call frequency."""

from alembic import op

revision = "0030"
down_revision = "0029"

_TABLE = """
CREATE TABLE own_call (
    attempt_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL,
    business_date date NOT NULL,
    made_at timestamptz NOT NULL,
    right_party boolean NOT NULL
);
CREATE INDEX own_call_day ON own_call (business_date);
CREATE INDEX own_call_contract ON own_call (contract_id);
"""


def upgrade() -> None:
    op.execute(_TABLE)
