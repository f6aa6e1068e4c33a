"""Who changed what: the audit table."""

import chassis.schema
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(chassis.schema.AUDIT)
