"""A promise knows its tolerance, the segment of its contract, and whether it was said that it is due soon."""

from alembic import op

revision = "0017"
down_revision = "0016"

_TOLERANCE = """
-- tolerance: so much may be missing of a promise that is kept. segment: of the contract, when the promise was made.
-- due_soon_on: the business date on which PromiseDueSoon was published; null: it was not.
ALTER TABLE promise ADD COLUMN tolerance numeric(14, 2) NOT NULL DEFAULT 0, ADD COLUMN segment text,
    ADD COLUMN due_soon_on date;
"""


def upgrade() -> None:
    op.execute(_TOLERANCE)
