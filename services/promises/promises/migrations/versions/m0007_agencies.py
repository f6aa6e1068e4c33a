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
_PLACED = "EXISTS (SELECT FROM placement WHERE placement.contract_id = contract.contract_id AND state = 'active')"
_VISIBLE = {"promise": _OWN, "agreement": _OWN, "placement": _OWN, "contract": _PLACED}
_COLUMNS = {
    "promise": """promise_id, contract_id, agreement_id, agency_id, state, version, amount, paid, currency, made_on,
        made_in, due_on, silent_until, cancellation_reason, created_at""",
    "agreement": """agreement_id, contract_id, agency_id, kind, state, version, total, currency, settles_in_full,
        made_on, made_in, cancellation_reason, created_at""",
    "placement": "contract_id, agency_id, state",
    "contract": "contract_id, portfolio_id",
}


def upgrade() -> None:
    op.execute("".join(agency_policy(table, visible, _COLUMNS[table]) for table, visible in _VISIBLE.items()))
