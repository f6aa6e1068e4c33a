"""The documents about agreements: what was owed when one came into force, and the hashes of the PDFs."""

import chassis.schema
from alembic import op

revision = "0051"
down_revision = "0050"

# owed, owed_components: the contract's balance when the agreement came into force; null: of an earlier release.
_TABLES = f"""
ALTER TABLE agreement ADD COLUMN owed numeric(14, 2), ADD COLUMN owed_components jsonb;
CREATE TABLE printed_document (
    document_id uuid PRIMARY KEY DEFAULT uuidv7(),
    contract_id uuid NOT NULL REFERENCES contract,
    kind text NOT NULL CHECK (kind IN ('agreement', 'no_debt')),
    agreement_id uuid,
    language text NOT NULL,
    sha256 bytea NOT NULL,
    printed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR}
);
CREATE INDEX printed_document_contract ON printed_document (contract_id, document_id);
"""


def upgrade() -> None:
    op.execute(_TABLES)
