"""Who ordered, cancelled and reported a visit, when a placement ended, and which rows an agency's request may read."""

import chassis.schema
from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0006"
down_revision = "0005"

_COLUMNS = f"""
-- effective is false when the findings were reported by an agency that no longer had the contract.
ALTER TABLE visit ADD COLUMN {chassis.schema.ACTOR}, ADD COLUMN cancel_actor jsonb, ADD COLUMN result_actor jsonb,
    ADD COLUMN effective boolean NOT NULL DEFAULT true;
ALTER TABLE attendance ADD COLUMN {chassis.schema.ACTOR};
ALTER TABLE photo ADD COLUMN {chassis.schema.ACTOR};
-- When the placement stopped being active; null while it is active, and when nobody knows.
ALTER TABLE placement ADD COLUMN ended_at timestamptz;
"""
_AGENCY = "nullif(current_setting('app.agency_id', true), '')::uuid"
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
_RIGHTS = f"""
GRANT SELECT ON visit, placement, address, attendance, photo TO {AGENCY_ROLE};
GRANT SELECT (contract_id, contract_number, name, jurisdiction) ON contract TO {AGENCY_ROLE};
"""


def _policies(table: str, visible: str) -> str:
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY everybody ON {table} USING (true);
CREATE POLICY agency ON {table} AS RESTRICTIVE TO {AGENCY_ROLE} USING ({visible.format(table=table, agency=_AGENCY)});
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
    op.execute("".join(_policies(table, visible) for table, visible in _VISIBLE.items()) + _RIGHTS)
