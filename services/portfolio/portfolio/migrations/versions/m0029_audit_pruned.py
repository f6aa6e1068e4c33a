"""The owner may delete the oldest entries of the audit table, and the table says so."""

import chassis.schema
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.execute(chassis.schema.AUDIT_PRUNED)
