"""Sums as wide as what they add, attempts at a file, and who made which change."""

import chassis.schema
from alembic import op

revision = "0008"
down_revision = "0007"

_FILES = """
ALTER TABLE file
    ALTER COLUMN amount_accepted TYPE numeric(28, 2),
    ADD COLUMN attempts smallint NOT NULL DEFAULT 0,
    ADD COLUMN confirmed_by jsonb;
"""
_ACTORS = f"""
ALTER TABLE payment ADD COLUMN {chassis.schema.ACTOR};
"""


def upgrade() -> None:
    op.execute(_FILES)
    op.execute(_ACTORS)
