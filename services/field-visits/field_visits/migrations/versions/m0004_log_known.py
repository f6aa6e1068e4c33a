"""Stores that the service has used this database with its event log before."""

import recobro_events.schema
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
