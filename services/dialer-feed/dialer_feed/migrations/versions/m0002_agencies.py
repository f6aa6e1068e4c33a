"""Tables for facts about placements with agencies, promises to pay and visits."""

from alembic import op
from projections import placements, promises

revision = "0002"
down_revision = "0001"

_TABLES = r"""
CREATE INDEX placement_handed_over ON placement (contract_id)
    WHERE kind = 'collection' AND state IN ('active', 'recall_pending', 'objected');
-- A visit that was made counts together with the debtor's calls, on the day for which the visit was ordered.
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
    op.execute(placements.TABLE + promises.TABLE)
    op.execute(_TABLES)
