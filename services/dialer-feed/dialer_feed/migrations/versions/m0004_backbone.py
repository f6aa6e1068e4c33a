"""Events that cannot be applied are set aside; what is known can be said again."""

import chassis.schema
import recobro_events.schema
from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = r"""
-- Contracts of which a service could not apply an event: silent while one of them is behind.
CREATE TABLE set_aside (
    contract_id uuid NOT NULL,
    service text NOT NULL,
    PRIMARY KEY (contract_id, service)
);
-- The version of the contract at which it was last said to be open.
ALTER TABLE clarification ADD COLUMN version bigint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(chassis.schema.PRUNED)
    op.execute(_TABLES)
