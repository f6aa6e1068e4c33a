"""Staging runs are rows, so that they outlive their requests and can be watched and stopped."""

import chassis.schema
from alembic import op

revision = "0020"
down_revision = "0019"

_RUNS = f"""
-- portfolio_id: the portfolio that was asked for, null for all. portfolio_ids: those that the run stages.
CREATE TABLE staging_run (
    run_id uuid PRIMARY KEY DEFAULT uuidv7(),
    as_of date NOT NULL,
    portfolio_id uuid,
    portfolio_ids uuid[] NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'stopped', 'failed')),
    changed integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    stop_asked_at timestamptz,
    {chassis.schema.ACTOR},
    stopped_by jsonb
);
CREATE INDEX staging_run_unfinished ON staging_run (run_id) WHERE state = 'running';
"""


def upgrade() -> None:
    op.execute(_RUNS)
