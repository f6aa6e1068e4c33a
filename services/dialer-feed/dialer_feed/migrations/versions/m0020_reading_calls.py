"""Indexes by which calls are listed as they were reported, and payment claims; an agency reads its own calls."""

from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0020"
down_revision = "0019"

_INDEXES = """
CREATE INDEX call_result_reported ON call_result (reported_at, dialed_for, call_id);
CREATE INDEX call_result_agency ON call_result (dialed_for, reported_at, call_id);
CREATE INDEX call_result_list ON call_result (list_id, reported_at, dialed_for, call_id);
CREATE INDEX dialer_report_payment_claimed ON dialer_report (report_id) WHERE reason = 'payment_claimed';
"""
# The policy shows an agency its own calls alone. The number, and the reason of a silence, it does not read.
_COLUMNS = f"""
GRANT SELECT (contract_id, contact_id, agent, business_date, started_at, duration_seconds, disposition, direction,
    manual, unlisted, right_party, breaches, dialer_id, reported_at) ON call_result TO {AGENCY_ROLE};
"""


def upgrade() -> None:
    op.execute(_INDEXES + _COLUMNS)
