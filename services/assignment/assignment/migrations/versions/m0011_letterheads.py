"""What letters say of an agency. An agency reads its own."""

from alembic import op
from chassis.letterheads import STORED
from recobro_platform import AGENCY_ROLE

revision = "0011"
down_revision = "0010"

_COLUMNS = f"""
ALTER TABLE agency ADD COLUMN {STORED}, ADD COLUMN version bigint NOT NULL DEFAULT 1;
GRANT SELECT (letterhead) ON agency TO {AGENCY_ROLE};
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
