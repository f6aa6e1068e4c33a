"""What debtors promised and paid, by which contacts are measured, and the recordings of calls."""

from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0036"
down_revision = "0035"

_TABLES = f"""
-- made_on, in_call: null until the event that says them has come.
CREATE TABLE promised (
    contract_id uuid NOT NULL,
    promise_id uuid NOT NULL,
    version bigint NOT NULL,
    made_on date,
    in_call boolean,
    amount numeric NOT NULL,
    kept boolean NOT NULL,
    PRIMARY KEY (contract_id, promise_id)
) WITH (fillfactor = 85);
CREATE TABLE received (
    contract_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    amount numeric NOT NULL,
    business_date date NOT NULL,
    reversed boolean NOT NULL,
    PRIMARY KEY (contract_id, payment_id)
) WITH (fillfactor = 85);
ALTER TABLE contract ADD COLUMN product text;
-- Where the recording of the call is. Its bytes stay with whoever has recorded it.
ALTER TABLE call_result ADD COLUMN recording_uri text, ADD COLUMN recording_sha256 text,
    ADD COLUMN recording_announced boolean;
GRANT SELECT (recording_uri, recording_sha256, recording_announced) ON call_result TO {AGENCY_ROLE};
"""


def upgrade() -> None:
    op.execute(_TABLES)
