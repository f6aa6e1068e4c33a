"""What is known of placements with agencies, promises to pay and visits."""

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = r"""
-- starts_on is null while only a recall or the end has been heard of: these may overtake the placement itself.
CREATE TABLE placement (
    contract_id uuid NOT NULL,
    placement_id uuid NOT NULL,
    version bigint NOT NULL,
    agency_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'recall_pending', 'objected', 'recalled', 'ended')),
    starts_on date,
    ends_on date,
    PRIMARY KEY (contract_id, placement_id)
) WITH (fillfactor = 85);
CREATE INDEX placement_handed_over ON placement (contract_id)
    WHERE kind = 'collection' AND state IN ('active', 'recall_pending', 'objected');
CREATE TABLE promise (
    contract_id uuid NOT NULL,
    promise_id uuid NOT NULL,
    version bigint NOT NULL,
    open boolean NOT NULL,
    silent_until date NOT NULL,
    PRIMARY KEY (contract_id, promise_id)
) WITH (fillfactor = 85);
-- Visits count with the calls of a debtor once they were made, on the day that they were ordered for.
CREATE TABLE visit (
    contract_id uuid NOT NULL,
    visit_id uuid NOT NULL,
    visit_on date NOT NULL,
    made boolean NOT NULL DEFAULT false,
    met_debtor boolean NOT NULL DEFAULT false,
    PRIMARY KEY (contract_id, visit_id)
);
CREATE INDEX visit_made ON visit (visit_on, contract_id) WHERE made;
"""


def upgrade() -> None:
    op.execute(_TABLES)
