"""Findings keep what a person has decided about them, and a refusal holds while files repeat what was refused."""

from alembic import op

revision = "0030"
down_revision = "0029"

_DECISIONS = """
ALTER TABLE file_finding
    ADD COLUMN accepted boolean,
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN decided_by jsonb
"""
# figure: a digest of what the refused file states of the contract.
_REFUSALS = """
CREATE TABLE file_refusal (
    contract_id uuid PRIMARY KEY REFERENCES contract,
    figure bytea NOT NULL,
    file_id uuid NOT NULL REFERENCES file,
    refused_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


def upgrade() -> None:
    op.execute(_DECISIONS)
    op.execute(_REFUSALS)
