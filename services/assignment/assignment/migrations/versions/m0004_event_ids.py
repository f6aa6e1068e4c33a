"""The ids of caused events are computed in the statements that publish them, without a call for each."""

import events.schema
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(events.schema.CAUSED_EVENT_ID)
