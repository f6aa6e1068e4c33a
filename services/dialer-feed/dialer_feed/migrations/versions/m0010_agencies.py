"""Which rows and columns an agency's request may read, and who made campaigns and lists.

PostgreSQL itself applies this: the request's role is ``recobro_agency``. What an agency changes is written with the
service's rights, after what the agency may see has been read.
"""

from alembic import op
from chassis.schema import ACTOR, AGENCY, agency_policy

revision = "0010"
down_revision = "0009"

_ACTORS = f"""
ALTER TABLE campaign ADD COLUMN {ACTOR};
ALTER TABLE dialing_list ADD COLUMN {ACTOR};
"""
# The policies of the tables that a policy reads apply there too, so each of these finds own campaigns and lists only.
_OF_OWN_LIST = "EXISTS (SELECT FROM dialing_list list WHERE list.list_id = {table}.list_id)"
_TO_DIAL = """EXISTS (
    SELECT FROM list_entry entry JOIN dialing_list list USING (list_id)
    WHERE entry.contract_id = {table}.contract_id AND entry.status = 'listed'
        AND list.status = 'published' AND list.live_until > now()"""
_VISIBLE = {
    "campaign": f"agency_id = {AGENCY}",
    "dialing_list": "EXISTS (SELECT FROM campaign WHERE campaign.campaign_id = dialing_list.campaign_id)",
    "list_entry": _OF_OWN_LIST,
    "acknowledgement": _OF_OWN_LIST,
    "call_result": f"dialed_for = {AGENCY}",
    "portfolio": """EXISTS (
    SELECT FROM campaign
    WHERE campaign.portfolio_ids IS NULL OR portfolio.portfolio_id = ANY (campaign.portfolio_ids))""",
    "contract": f"{_TO_DIAL})",
    "contact_point": f"{_TO_DIAL} AND contact_point.contact_id = ANY (entry.contact_ids))",
    "reported_silence": f"{_TO_DIAL})",
}
_COLUMNS = {
    "campaign": """campaign_id, agency_id, name, min_overdue, stages, payment_holdoff_days, portfolio_ids,
        max_attempts_per_7_days, created_at""",
    "dialing_list": """list_id, campaign_id, business_date, status, barrier_id, entries, overdue_total, last_cursor,
        requested_at, published_at, live_until, waiting_for, error, error_detail""",
    "list_entry": """contract_id, list_id, contract_number, overdue_balance, days_past_due, contact_ids, status,
        reason, caused_at, withdrawn_at, cursor""",
    "acknowledgement": "list_id, dialer_id, after_cursor, up_to_cursor, acknowledged_at",
    "call_result": "dialed_for, call_id, list_id, wrongful, acknowledged_by_then",
    "portfolio": "portfolio_id, creditor_kind, timezone",
    "contract": "contract_id, portfolio_id, name, jurisdiction, region",
    "contact_point": "contract_id, contact_id, kind, value, timezone, rank, present, usable",
    "reported_silence": "contract_id, contact_id",
}


def upgrade() -> None:
    op.execute(_ACTORS)
    policies = (agency_policy(name, visible.format(table=name), _COLUMNS[name]) for name, visible in _VISIBLE.items())
    op.execute("".join(policies))
