"""The ids of caused events are computed in the statements that publish them."""

import recobro_events.schema
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
