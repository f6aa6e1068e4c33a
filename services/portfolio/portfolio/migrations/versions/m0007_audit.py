"""Who changed what: the audit table, and the actor in the history of contracts."""

import chassis.schema
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(chassis.schema.AUDIT)
    op.execute(f"ALTER TABLE contract_history ADD COLUMN {chassis.schema.ACTOR}")
