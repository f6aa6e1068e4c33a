"""What files say otherwise than it was known, and why a file waits for a person."""

from alembic import op

revision = "0014"
down_revision = "0013"

# stated and known are for people: amounts, or what else a finding of this kind compares.
_FINDINGS = """
CREATE TABLE file_finding (
    file_id uuid NOT NULL REFERENCES file,
    finding_id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    contract_id uuid NOT NULL,
    contract_number text NOT NULL,
    instalment integer,
    stated text,
    known text,
    detail text,
    PRIMARY KEY (file_id, finding_id)
);
CREATE INDEX file_finding_kind ON file_finding (file_id, kind, finding_id);
"""
_COUNTS = """
ALTER TABLE file
    ADD COLUMN confirmation_reason text,
    ADD COLUMN in_posting integer NOT NULL DEFAULT 0,
    ADD COLUMN differs integer NOT NULL DEFAULT 0,
    ADD COLUMN unposted integer NOT NULL DEFAULT 0,
    ADD COLUMN set_aside integer NOT NULL DEFAULT 0,
    ADD COLUMN file_payments integer NOT NULL DEFAULT 0,
    ADD COLUMN kept_decisions integer NOT NULL DEFAULT 0;
UPDATE file SET confirmation_reason = 'closes_many' WHERE status = 'needs_confirmation';
"""


def upgrade() -> None:
    op.execute(_FINDINGS)
    op.execute(_COUNTS)
