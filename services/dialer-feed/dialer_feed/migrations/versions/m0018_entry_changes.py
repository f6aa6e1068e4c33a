"""Changes of a list's entries that withdraw nobody: items of its feed with cursors of their own."""

from alembic import op
from chassis.schema import agency_policy
from recobro_platform import AGENCY_ROLE

revision = "0018"
down_revision = "0017"

_CHANGES = f"""
-- last_cursor counts these changes too, so the number withdrawn is last_cursor - cursor_base - changes.
ALTER TABLE dialing_list ADD COLUMN changes bigint NOT NULL DEFAULT 0;
GRANT SELECT (changes) ON dialing_list TO {AGENCY_ROLE};
CREATE TABLE entry_change (
    list_id uuid NOT NULL,
    cursor bigint NOT NULL,
    contract_id uuid NOT NULL,
    contract_number text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('others_changed', 'numbers_changed')),
    reason text NOT NULL,
    caused_at timestamptz NOT NULL,
    withdrawn_at timestamptz NOT NULL,
    PRIMARY KEY (list_id, cursor)
);
"""
_OF_OWN_LIST = "EXISTS (SELECT FROM dialing_list list WHERE list.list_id = entry_change.list_id)"
_COLUMNS = "list_id, cursor, contract_id, contract_number, kind, reason, caused_at, withdrawn_at"


def upgrade() -> None:
    op.execute(_CHANGES)
    op.execute(agency_policy("entry_change", _OF_OWN_LIST, _COLUMNS))
