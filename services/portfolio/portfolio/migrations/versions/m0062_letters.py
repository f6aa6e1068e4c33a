"""Proposals of agreements, which can be printed to be signed, and the letters of no debt that are asked for."""

from alembic import op

revision = "0062"
down_revision = "0061"

# proposal: terms are null where only an event of an earlier release is known. owed_components: the parts of the debt at
# the proposal. letter: one that was printed before this release is not asked for again.
_TABLES = """
CREATE TABLE proposal (
    agreement_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL REFERENCES contract,
    version bigint NOT NULL,
    state text NOT NULL,
    kind text NOT NULL,
    valid_until date NOT NULL,
    awaits_second_person boolean NOT NULL,
    terms jsonb,
    owed_components jsonb
);
ALTER TABLE printed_document DROP CONSTRAINT printed_document_kind_check,
    ADD CONSTRAINT printed_document_kind_check CHECK (kind IN ('agreement', 'no_debt', 'proposal'));
CREATE TABLE letter (
    agreement_id uuid PRIMARY KEY REFERENCES agreement,
    contract_id uuid NOT NULL REFERENCES contract,
    state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'printed', 'delivered', 'withdrawn')),
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    printed_at timestamptz,
    medium text,
    delivered_on date,
    delivered_by jsonb
);
CREATE INDEX letter_contract ON letter (contract_id);
CREATE INDEX letter_to_deliver ON letter (contract_id) WHERE state IN ('due', 'printed');
INSERT INTO letter (agreement_id, contract_id)
SELECT agreement_id, contract_id FROM agreement
WHERE settles_in_full AND state IN ('fulfilled', 'settled') AND NOT EXISTS (
    SELECT FROM printed_document AS printed
    WHERE printed.contract_id = agreement.contract_id AND printed.kind = 'no_debt');
"""


def upgrade() -> None:
    op.execute(_TABLES)
