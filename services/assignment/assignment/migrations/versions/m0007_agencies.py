"""Which rows an agency's request may read. PostgreSQL itself applies this, even to a query that forgets its filter.

The request's role is ``recobro_agency``. What an agency changes is written with the service's rights, after what the
agency may see has been read.
"""

from alembic import op
from chassis.schema import AGENCY, agency_policy

revision = "0007"
down_revision = "0006"

_OWN = f"agency_id = {AGENCY}"
# The policy of ``placement`` applies within a policy too, so this finds the agency's own placements only.
_PLACED = "EXISTS (SELECT FROM placement WHERE placement.contract_id = contract.contract_id)"
_VISIBLE = {"agency": _OWN, "placement": _OWN, "commission": _OWN, "contract": _PLACED}
_COLUMNS = {
    "agency": "agency_id, name, email, created_at",
    "placement": """placement_id, version, contract_id, agency_id, kind, state, rule_id, service_contract_id, starts_on,
        ends_on, reason, final_on, objection, decision, ended_on, placed_at, changed_at""",
    "commission": """payment_id, placement_id, contract_id, agency_id, kind, earned_on, days_past_due, base, percent,
        amount, currency, reversed_on""",
    "contract": "contract_id, contract_number",
}


def upgrade() -> None:
    op.execute("".join(agency_policy(table, visible, _COLUMNS[table]) for table, visible in _VISIBLE.items()))
