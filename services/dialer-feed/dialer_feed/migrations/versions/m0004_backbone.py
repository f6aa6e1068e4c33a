"""Events that cannot be applied are set aside; the sources can republish."""

import chassis.schema
import recobro_events.schema
from alembic import op
from projections import set_aside

revision = "0004"
down_revision = "0003"

_TABLES = r"""
-- The contract's version in the last event that listed the dispute as open.
ALTER TABLE clarification ADD COLUMN IF NOT EXISTS version bigint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(chassis.schema.PRUNED)
    op.execute(set_aside.TABLE)
    op.execute(_TABLES)
