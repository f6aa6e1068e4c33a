"""Profiles of creditors' files, how a file was read, what it must add up to, dry runs, and how far a file is."""

import chassis.schema
from alembic import op

revision = "0034"
down_revision = "0033"

_PROFILES = f"""
-- layout: what portfolio.tabular.layouts.Layout takes. A version is never changed.
CREATE TABLE file_profile (
    profile_id uuid PRIMARY KEY DEFAULT uuidv7(),
    creditor_id uuid NOT NULL REFERENCES creditor,
    name text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (creditor_id, name)
);
CREATE TABLE file_profile_version (
    profile_id uuid NOT NULL REFERENCES file_profile,
    version integer NOT NULL,
    layout jsonb NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR},
    PRIMARY KEY (profile_id, version)
);
"""
# columns: the fields of the header; null for a foreign column. layout: how the file was read, for its corrected rows.
# done, expected: of the phase, in rows while the file is read and in contracts while it is applied.
_FILES = """
ALTER TABLE file
    ADD COLUMN profile_id uuid REFERENCES file_profile,
    ADD COLUMN profile_version integer,
    ADD COLUMN columns text[],
    ADD COLUMN layout jsonb,
    ADD COLUMN warnings text[] NOT NULL DEFAULT '{}',
    ADD COLUMN control_rows integer,
    ADD COLUMN control_amount numeric(28, 2),
    ADD COLUMN dry_run boolean NOT NULL DEFAULT false,
    ADD COLUMN would_register integer NOT NULL DEFAULT 0,
    ADD COLUMN would_revise integer NOT NULL DEFAULT 0,
    ADD COLUMN would_close integer NOT NULL DEFAULT 0,
    ADD COLUMN phase text,
    ADD COLUMN phase_started_at timestamptz,
    ADD COLUMN done integer NOT NULL DEFAULT 0,
    ADD COLUMN expected integer,
    DROP CONSTRAINT file_identity,
    ADD CONSTRAINT file_identity
        UNIQUE NULLS NOT DISTINCT (portfolio_id, sha256, mode, as_of, amends, dry_run, profile_id, profile_version);
"""
# A row may describe a plan of several instalments.
_ROWS = """
ALTER TABLE file_row DROP CONSTRAINT file_row_pkey, ADD PRIMARY KEY (file_id, row_number, instalment_number);
"""
_PORTFOLIOS = """
ALTER TABLE portfolio ADD COLUMN snapshot_threshold_percent integer NOT NULL DEFAULT 20
    CHECK (snapshot_threshold_percent BETWEEN 0 AND 100);
"""


def upgrade() -> None:
    op.execute(_PROFILES)
    op.execute(_FILES)
    op.execute(_ROWS)
    op.execute(_PORTFOLIOS)
