"""Who made agencies, service contracts and rules, and who placed and recalled by hand."""

import chassis.schema
from alembic import op

revision = "0008"
down_revision = "0007"

_ACTORS = f"""
ALTER TABLE agency ADD COLUMN {chassis.schema.ACTOR};
ALTER TABLE service_contract ADD COLUMN {chassis.schema.ACTOR};
ALTER TABLE placement_rule ADD COLUMN {chassis.schema.ACTOR}, ADD COLUMN end_actor jsonb;
-- actor requested the run that placed the contract; it is null when an event did. recall_actor is null where a rule or
-- a date recalls. decision_actor acknowledged the recall, or decided about the objection.
ALTER TABLE placement ADD COLUMN {chassis.schema.ACTOR}, ADD COLUMN recall_actor jsonb,
    ADD COLUMN objection_actor jsonb, ADD COLUMN decision_actor jsonb;
"""


def upgrade() -> None:
    op.execute(_ACTORS)
