"""Tables for events that are set aside, and versions that allow republishing after a restore."""

import chassis.schema
import recobro_events.schema
from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = r"""
-- After a restore, versions count from the new epoch on, also for contracts that are loaded again.
ALTER TABLE portfolio ALTER COLUMN version SET DEFAULT first_version();
ALTER TABLE debtor ALTER COLUMN status_version SET DEFAULT first_version();
ALTER TABLE contract
    ALTER COLUMN version SET DEFAULT first_version(), ALTER COLUMN details_version SET DEFAULT first_version();
"""


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(chassis.schema.PRUNED)
    op.execute(_TABLES)
