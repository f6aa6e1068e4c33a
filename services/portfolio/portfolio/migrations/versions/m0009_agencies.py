"""Which rows an agency's request may read: the contracts that it has, and what belongs to them."""

from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0009"
down_revision = "0008"

_AGENCY = "nullif(current_setting('app.agency_id', true), '')::uuid"
_PLACED = """EXISTS (
    SELECT FROM placement
    WHERE placement.contract_id = {table}.contract_id AND placement.agency_id = {agency}
        AND placement.state IN ('active', 'recall_pending', 'objected'))"""
_VISIBLE = {
    "placement": "agency_id = {agency}",
    "contract": _PLACED,
    "debtor": "EXISTS (SELECT FROM contract WHERE contract.debtor_id = debtor.debtor_id)",
    **dict.fromkeys(
        (
            "contact_point",
            "address",
            "instalment",
            "clarification",
            "pause",
            "payment",
            "promise",
        ),
        _PLACED,
    ),
    # A line that names an agency is that agency's alone.
    "contract_history": _PLACED + " AND coalesce(data ->> 'agency_id', {agency}::text) = {agency}::text",
}
_RIGHTS = f"GRANT SELECT ON portfolio, {', '.join(_VISIBLE)} TO {AGENCY_ROLE};"


def _policies(table: str, visible: str) -> str:
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY everybody ON {table} USING (true);
CREATE POLICY agency ON {table} AS RESTRICTIVE TO {AGENCY_ROLE} USING ({visible.format(table=table, agency=_AGENCY)});
"""


def upgrade() -> None:
    op.execute("".join(_policies(table, visible) for table, visible in _VISIBLE.items()) + _RIGHTS)
