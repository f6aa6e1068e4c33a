"""Who ordered, cancelled and reported a visit, when a placement ended, and which rows an agency's request may read."""

from alembic import op
from chassis.schema import ACTOR, AGENCY, agency_policy

revision = "0006"
down_revision = "0005"

_COLUMNS = f"""
-- effective is false when the findings were reported by an agency that no longer had the contract.
ALTER TABLE visit ADD COLUMN {ACTOR}, ADD COLUMN cancel_actor jsonb, ADD COLUMN result_actor jsonb,
    ADD COLUMN effective boolean NOT NULL DEFAULT true;
ALTER TABLE attendance ADD COLUMN {ACTOR};
ALTER TABLE photo ADD COLUMN {ACTOR};
-- When the placement stopped being active; null while it is active, and when nobody knows.
ALTER TABLE placement ADD COLUMN ended_at timestamptz;
"""
_PLACED = """EXISTS (
    SELECT FROM placement
    WHERE placement.contract_id = {table}.contract_id AND placement.active AND placement.agency_id = {agency})"""
_VISITED = "EXISTS (SELECT FROM visit WHERE visit.visit_id = {table}.visit_id AND visit.agency_id = {agency})"
_VISIBLE = {
    "visit": "agency_id = {agency}",
    "placement": "agency_id = {agency}",
    "contract": _PLACED,
    "address": _PLACED,
    "attendance": _VISITED,
    "photo": _VISITED,
}
# An agency reads no balance from a row: the answers that hold one are made with the service's rights.
_READABLE = {"contract": "contract_id, contract_number, name, jurisdiction"}


def upgrade() -> None:
    op.execute(_COLUMNS)
    for table, visible in _VISIBLE.items():
        op.execute(agency_policy(table, visible.format(table=table, agency=AGENCY), _READABLE.get(table, "")))
