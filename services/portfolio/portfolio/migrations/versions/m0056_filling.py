"""Worklists are filled in the background: since when a filling is wanted."""

from alembic import op

revision = "0056"
down_revision = "0055"

_COLUMN = """
ALTER TABLE worklist ADD COLUMN wanted_at timestamptz;
UPDATE worklist SET wanted_at = clock_timestamp() WHERE active;
CREATE INDEX worklist_wanted ON worklist (wanted_at) WHERE wanted_at IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(_COLUMN)
