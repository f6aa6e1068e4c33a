"""A promise or an agreement names the party that makes it, where it is not the debtor."""

from alembic import op

revision = "0022"
down_revision = "0021"

_PARTIES = """
-- Who beside the debtor has to do with a contract. The newest version says whether the party was removed.
CREATE TABLE party (
    party_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL,
    version bigint NOT NULL,
    role text NOT NULL,
    removed boolean NOT NULL
);
ALTER TABLE promise ADD COLUMN party_id uuid;
ALTER TABLE agreement ADD COLUMN party_id uuid;
ALTER TABLE proposal ADD COLUMN party_id uuid;
GRANT SELECT (party_id) ON promise, agreement, proposal TO recobro_agency;
"""


def upgrade() -> None:
    op.execute(_PARTIES)
