"""Breaches of an attendance, the reason for a visit to an unchecked address, and the kind of creditor."""

from alembic import op

revision = "0009"
down_revision = "0008"

_COLUMNS = """
ALTER TABLE portfolio ADD COLUMN IF NOT EXISTS creditor_kind text;
ALTER TABLE visit ADD COLUMN IF NOT EXISTS override_reason text;
ALTER TABLE attendance ADD COLUMN IF NOT EXISTS breaches text[] NOT NULL DEFAULT '{}';
CREATE INDEX IF NOT EXISTS attendance_breaches ON attendance (attendance_id) WHERE breaches <> '{}';
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
