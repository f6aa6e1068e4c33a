"""Who made and who cancelled a promise or a plan."""

import chassis.schema
from alembic import op

revision = "0008"
down_revision = "0007"

_ACTORS = f"""
-- cancel_actor is null for what an event has cancelled.
ALTER TABLE promise ADD COLUMN {chassis.schema.ACTOR}, ADD COLUMN cancel_actor jsonb;
ALTER TABLE agreement ADD COLUMN {chassis.schema.ACTOR}, ADD COLUMN cancel_actor jsonb;
"""


def upgrade() -> None:
    op.execute(_ACTORS)
