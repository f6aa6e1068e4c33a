"""The barrier counts its markers in rounds."""

import events.schema
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(events.schema.BARRIER_ROUNDS)
