"""Indexes by which placements that began or ended in a period are counted."""

from alembic import op

revision = "0018"
down_revision = "0017"

_INDEXES = """
CREATE INDEX placement_started ON placement (starts_on, agency_id);
CREATE INDEX placement_over ON placement (ended_on, agency_id) WHERE ended_on IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(_INDEXES)
