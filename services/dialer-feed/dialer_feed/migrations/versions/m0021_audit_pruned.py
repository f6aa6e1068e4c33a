"""The owner may delete the oldest entries of the audit table, and the table says so."""

import chassis.schema
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute(chassis.schema.AUDIT_PRUNED)
