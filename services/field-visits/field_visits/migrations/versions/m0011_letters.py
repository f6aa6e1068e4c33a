"""What letters need: agencies, the letterhead of the creditor, the kind of debtor."""

from alembic import op

revision = "0011"
down_revision = "0010"

_COLUMNS = """
CREATE TABLE agency (
    agency_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    letterhead jsonb NOT NULL
);
ALTER TABLE portfolio ADD COLUMN letterhead jsonb;
ALTER TABLE contract ADD COLUMN debtor_kind text;
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
