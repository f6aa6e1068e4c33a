"""The barrier counts its markers in rounds."""

import recobro_events.schema
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
