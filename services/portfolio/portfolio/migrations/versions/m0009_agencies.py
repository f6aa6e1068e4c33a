"""Which rows an agency's request may read: the contracts that it has, and what belongs to them."""

from alembic import op
from chassis.schema import AGENCY, agency_policy
from recobro_platform import AGENCY_ROLE

revision = "0009"
down_revision = "0008"

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
# What every contract of the portfolio says.
_OF_PORTFOLIO = f"""
GRANT SELECT (portfolio_id, product, currency, jurisdiction, timezone, business_date) ON portfolio TO {AGENCY_ROLE};
"""


def upgrade() -> None:
    policies = (agency_policy(name, text.format(table=name, agency=AGENCY)) for name, text in _VISIBLE.items())
    op.execute("".join(policies) + _OF_PORTFOLIO)
