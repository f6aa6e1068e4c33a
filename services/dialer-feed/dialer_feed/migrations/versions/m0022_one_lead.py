"""One entry for each person: an entry may name the person's other contracts, and numbers that several people have."""

from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0022"
down_revision = "0021"

_TABLES = f"""
-- Campaigns of an earlier release keep an entry for each contract.
ALTER TABLE campaign ADD COLUMN one_entry_per text NOT NULL DEFAULT 'contract'
    CHECK (one_entry_per IN ('contract', 'person'));
-- Null until the portfolio's next event.
ALTER TABLE portfolio ADD COLUMN creditor_id uuid, ADD COLUMN currency text;
-- lead_id: the row is no entry; the contract is named in the entry of lead_id.
-- shared_ids: the numbers that other people of the creditor have too.
ALTER TABLE list_entry ADD COLUMN lead_id uuid, ADD COLUMN shared_ids uuid[] NOT NULL DEFAULT '{{}}';
CREATE INDEX list_entry_lead ON list_entry (lead_id, list_id) WHERE lead_id IS NOT NULL;
-- The contract that the entry no longer names.
ALTER TABLE entry_change ADD COLUMN other_id uuid;
-- The other contracts that the entry named when the call started.
ALTER TABLE call_result ADD COLUMN also uuid[] NOT NULL DEFAULT '{{}}';
CREATE INDEX call_result_also ON call_result USING gin (also) WHERE also <> '{{}}';
GRANT SELECT (one_entry_per) ON campaign TO {AGENCY_ROLE};
GRANT SELECT (lead_id, shared_ids) ON list_entry TO {AGENCY_ROLE};
"""


def upgrade() -> None:
    op.execute(_TABLES)
