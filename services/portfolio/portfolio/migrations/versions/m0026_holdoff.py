"""An agency reads the days without contact after a payment, for the holds of its contracts."""

from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.execute(f"GRANT SELECT (payment_holdoff_days) ON portfolio TO {AGENCY_ROLE}")
