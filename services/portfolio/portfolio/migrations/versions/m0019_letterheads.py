"""What letters say of a creditor."""

from alembic import op
from chassis.letterheads import STORED

revision = "0019"
down_revision = "0018"

_COLUMNS = f"ALTER TABLE creditor ADD COLUMN {STORED}"


def upgrade() -> None:
    op.execute(_COLUMNS)
