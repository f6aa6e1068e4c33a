"""Agreements with debtors, as promises publishes them, and what the portfolio has done because of them."""

from alembic import op
from chassis.schema import AGENCY, agency_policy

revision = "0049"
down_revision = "0048"

# The facts are null where only a later event of the agreement is known. followed: the version of which the portfolio
# has taken the consequences. waiver_id: the charge by which the remainder is given up. episode_before: that of the
# contract when this restructure came into force, where the contract was behind.
_TABLE = """
CREATE TABLE agreement (
    agreement_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL REFERENCES contract,
    version bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'fulfilled', 'settled', 'broken', 'cancelled')),
    forgiven numeric(14, 2),
    settled_on date,
    kind text,
    schedule jsonb,
    discount numeric(14, 2),
    settles_in_full boolean,
    made_on date,
    waiver_id uuid REFERENCES charge,
    followed bigint,
    episode_before integer,
    known_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    try_again_at timestamptz
);
CREATE INDEX agreement_contract ON agreement (contract_id);
CREATE INDEX agreement_to_follow ON agreement (contract_id) WHERE followed IS DISTINCT FROM version;
-- The restructure whose schedule says when the debt falls due; null: the instalments say it.
ALTER TABLE contract ADD COLUMN rescheduled_by uuid REFERENCES agreement;
"""
_VISIBLE = f"""EXISTS (
    SELECT FROM placement
    WHERE placement.contract_id = agreement.contract_id AND placement.agency_id = {AGENCY}
        AND placement.state IN ('active', 'recall_pending', 'objected'))"""


def upgrade() -> None:
    op.execute(_TABLE)
    op.execute(agency_policy("agreement", _VISIBLE))
