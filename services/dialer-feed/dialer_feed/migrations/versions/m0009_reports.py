"""Dialers' reports are kept with their actor and their effect, and placements with the time at which they ended."""

import chassis.schema
from alembic import op
from projections import placements

revision = "0009"
down_revision = "0008"

_TABLES = f"""
-- call_id: the call with which the report came; null for a withdrawal by hand.
CREATE TABLE dialer_report (
    report_id uuid PRIMARY KEY DEFAULT uuidv7(),
    list_id uuid NOT NULL,
    contract_id uuid NOT NULL,
    agency_id uuid,
    reason text NOT NULL,
    contact_ids uuid[] NOT NULL,
    call_id text,
    detail text,
    reported_by text NOT NULL,
    effective boolean NOT NULL,
    reported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR}
);
CREATE INDEX dialer_report_contract ON dialer_report (contract_id, report_id);
CREATE INDEX dialer_report_without_effect ON dialer_report (report_id) WHERE NOT effective;
"""


def upgrade() -> None:
    op.execute(placements.ENDED_AT)
    op.execute(_TABLES)
