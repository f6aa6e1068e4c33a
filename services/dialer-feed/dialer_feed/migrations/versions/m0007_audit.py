"""Who changed what: the audit table."""

import chassis.schema
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(chassis.schema.AUDIT)
