"""Tables for placements and promises, visitors' verdicts on addresses, and whether contact data are permitted."""

from alembic import op
from projections import placements

revision = "0002"
down_revision = "0001"

_TABLES = r"""
CREATE INDEX placement_with_agency ON placement (agency_id, contract_id)
    WHERE state IN ('active', 'recall_pending', 'objected');
-- made_on, made_in and agency_id are null until PromiseMade has been applied.
CREATE TABLE promise (
    contract_id uuid NOT NULL,
    promise_id uuid NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'kept', 'partly_kept', 'broken', 'cancelled')),
    due_on date NOT NULL,
    silent_until date NOT NULL,
    promised numeric(14, 2) NOT NULL,
    paid numeric(14, 2) NOT NULL,
    agreement_id uuid,
    made_on date,
    made_in text,
    agency_id uuid,
    PRIMARY KEY (contract_id, promise_id)
) WITH (fillfactor = 85);
"""
# permitted: the jurisdiction accepts the provenance of the contact point.
_FINDINGS = r"""
ALTER TABLE address ADD COLUMN verdict text CHECK (verdict IN ('confirmed', 'wrong'));
ALTER TABLE contact_point ADD COLUMN permitted boolean NOT NULL DEFAULT true;
ALTER TABLE contact_point ALTER COLUMN usable SET EXPRESSION AS (
    permitted AND NOT invalid AND NOT opted_out
    AND CASE kind WHEN 'phone' THEN dialable AND NOT 'call' = ANY (media) ELSE NOT 'email' = ANY (media) END
);
"""


def upgrade() -> None:
    op.execute(placements.TABLE)
    op.execute(_TABLES)
    op.execute(_FINDINGS)
