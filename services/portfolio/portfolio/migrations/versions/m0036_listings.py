"""Which contracts came on which dialing list: part of their history."""

from alembic import op
from chassis.schema import AGENCY, agency_policy

revision = "0036"
down_revision = "0035"

# A list has many contracts, and a contract comes on a list every day. So a row holds many contracts of one list, and a
# GIN index, which packs the rows of a contract, finds them. The ids are those of lines of history: one order for both.
_TABLE = """
CREATE TABLE listing (
    history_id bigint PRIMARY KEY DEFAULT nextval(pg_get_serial_sequence('contract_history', 'history_id')),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    business_date date NOT NULL,
    list_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    campaign_name text NOT NULL,
    agency_id uuid,
    published_at timestamptz NOT NULL,
    contract_ids uuid[] NOT NULL
);
CREATE INDEX listing_contracts ON listing USING gin (contract_ids);
"""


def upgrade() -> None:
    op.execute(_TABLE + agency_policy("listing", f"agency_id = {AGENCY}"))
