"""What debtors call inconvenient."""

import chassis.schema
from alembic import op
from chassis.schema import agency_policy

revision = "0053"
down_revision = "0052"

# A statement is kept with every customer who was the person when it was made: it stays with each who is unlinked.
_TABLES = f"""
CREATE TABLE convenience (
    convenience_id uuid PRIMARY KEY DEFAULT uuidv7(),
    not_hours text[] NOT NULL,
    not_days text[] NOT NULL,
    not_media text[] NOT NULL,
    not_places text[] NOT NULL,
    reason text NOT NULL,
    stated_by text,
    stated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR},
    removed_at timestamptz,
    removed_because text,
    removed_by jsonb
);
CREATE TABLE convenience_debtor (
    debtor_id uuid NOT NULL REFERENCES debtor,
    convenience_id uuid NOT NULL REFERENCES convenience,
    PRIMARY KEY (debtor_id, convenience_id)
);
"""
# An agency sees what the debtors of its contracts have said, without the reasons.
_VISIBLE = {
    "convenience_debtor": "EXISTS (SELECT FROM debtor WHERE debtor.debtor_id = convenience_debtor.debtor_id)",
    "convenience": "convenience_id IN (SELECT convenience_id FROM convenience_debtor)",
}


def upgrade() -> None:
    op.execute(_TABLES + "".join(agency_policy(name, text) for name, text in _VISIBLE.items()))
