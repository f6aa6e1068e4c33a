"""What debtors call inconvenient."""

from alembic import op
from projections import convenience

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute(convenience.CONVENIENCES)
