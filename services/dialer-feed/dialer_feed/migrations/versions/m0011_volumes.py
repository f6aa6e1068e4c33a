"""Indexes that count the calls of a contract by one list, and the lists of a campaign's day."""

from alembic import op

revision = "0011"
down_revision = "0010"

_INDEXES = """
CREATE INDEX call_result_contract ON call_result (contract_id, list_id);
CREATE INDEX dialing_list_day ON dialing_list (campaign_id, business_date);
"""


def upgrade() -> None:
    op.execute(_INDEXES)
