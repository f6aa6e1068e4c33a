"""Since when an address is known, by which the addresses that somebody has to look at are listed."""

from alembic import op

revision = "0028"
down_revision = "0027"

_KNOWN_SINCE = """
ALTER TABLE address ADD COLUMN known_since timestamptz NOT NULL DEFAULT now();
CREATE INDEX address_review ON address (known_since, address_id) WHERE issues <> '{}';
"""


def upgrade() -> None:
    op.execute(_KNOWN_SINCE)
