"""The owner may delete the oldest entries of the audit table, and the table says so."""

import chassis.schema
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute(chassis.schema.AUDIT_PRUNED)
