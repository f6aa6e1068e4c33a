"""Placements get their dates and a key that begins with the contract, as in the other services.

The previous release finds a placement by its id alone, so the primary key stays while both releases run.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

_PLACEMENTS = """
ALTER TABLE placement ADD COLUMN starts_on date, ADD COLUMN ends_on date;
CREATE UNIQUE INDEX placement_of_contract ON placement (contract_id, placement_id);
DROP INDEX placement_contract;
"""


def upgrade() -> None:
    op.execute(_PLACEMENTS)
