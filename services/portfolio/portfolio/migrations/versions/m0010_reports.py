"""Reports that have no effect until a person decides, and who made which change."""

import chassis.schema
from alembic import op

revision = "0010"
down_revision = "0009"

_REPORTS = """
-- report_id is the id of the event. body is the event, with personal data.
CREATE TABLE report (
    report_id uuid PRIMARY KEY,
    sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    contract_id uuid NOT NULL REFERENCES contract,
    type text NOT NULL,
    body jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'applied', 'discarded')),
    detail text,
    decided_at timestamptz,
    decided_by jsonb
);
CREATE INDEX report_open ON report (sequence) WHERE state = 'open';
CREATE INDEX report_contract ON report (contract_id);
"""
_ACTORS = f"""
ALTER TABLE payment ADD COLUMN reversed_by jsonb;
ALTER TABLE clarification ADD COLUMN {chassis.schema.ACTOR}, ADD COLUMN resolved_by jsonb;
ALTER TABLE pause ADD COLUMN {chassis.schema.ACTOR}, ADD COLUMN ended_by jsonb;
ALTER TABLE file ADD COLUMN {chassis.schema.ACTOR};
"""


def upgrade() -> None:
    op.execute(_REPORTS)
    op.execute(_ACTORS)
