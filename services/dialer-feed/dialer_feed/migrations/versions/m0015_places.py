"""Where a contract's addresses leave the debtor plausible: time zones and states, without the addresses themselves."""

from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0015"
down_revision = "0014"

# Null until the contract is published again: then its places are not known.
_PLACES = f"""
ALTER TABLE contract ADD COLUMN places text;
GRANT SELECT (places) ON contract TO {AGENCY_ROLE};
"""


def upgrade() -> None:
    op.execute(_PLACES)
