"""What debtors call inconvenient."""

from alembic import op
from projections import convenience
from recobro_platform import AGENCY_ROLE

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.execute(convenience.CONVENIENCES + f"GRANT SELECT (conveniences) ON contract TO {AGENCY_ROLE};")
