"""Settlements, restructures and forgiveness: what was proposed, who approved and accepted it, and who may."""

import chassis.schema
from alembic import op
from chassis import second_person
from chassis.schema import AGENCY, agency_policy

revision = "0014"
down_revision = "0013"

_PROPOSALS = f"""
-- An agreement before it is in force, and what was decided about it. Once it is reached it has a row in agreement with
-- the same id. balance is the total balance at the proposal. schedule: a list of due_on and amount.
CREATE TABLE proposal (
    agreement_id uuid PRIMARY KEY DEFAULT uuidv7(),
    contract_id uuid NOT NULL,
    portfolio_id uuid NOT NULL,
    agency_id uuid,
    kind text NOT NULL CHECK (kind IN ('settlement', 'restructure', 'forgiveness')),
    state text NOT NULL DEFAULT 'proposed'
        CHECK (state IN ('proposed', 'awaiting_approval', 'awaiting_acceptance', 'reached', 'cancelled')),
    version bigint NOT NULL DEFAULT 1,
    currency text NOT NULL,
    balance numeric(14, 2) NOT NULL,
    total numeric(14, 2) NOT NULL CHECK (total >= 0),
    discount numeric(14, 2) NOT NULL CHECK (discount >= 0),
    settles_in_full boolean NOT NULL,
    schedule jsonb NOT NULL,
    proposed_on date NOT NULL,
    valid_until date NOT NULL,
    made_in text NOT NULL,
    offer_id text,
    needs_approval boolean NOT NULL,
    needs_acceptance boolean NOT NULL,
    {second_person.COLUMNS},
    acceptance_code text NOT NULL,
    accepted_by text CHECK (accepted_by IN ('code', 'recording', 'signature')),
    proof text,
    accepted_at timestamptz,
    acceptance_actor jsonb,
    refused boolean NOT NULL DEFAULT false,
    cancellation_reason text,
    cancel_actor jsonb,
    {chassis.schema.ACTOR},
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX proposal_contract ON proposal (contract_id);
CREATE UNIQUE INDEX proposal_pending ON proposal (contract_id) WHERE state NOT IN ('reached', 'cancelled');
CREATE INDEX proposal_expires ON proposal (portfolio_id, valid_until) WHERE state NOT IN ('reached', 'cancelled');
CREATE INDEX proposal_agency ON proposal (agency_id, agreement_id) WHERE agency_id IS NOT NULL;
-- settled_on: the business date on which the payments of a fulfilled agreement were final, and the discount granted.
ALTER TABLE agreement ADD COLUMN discount numeric(14, 2) NOT NULL DEFAULT 0, ADD COLUMN settled_on date;
CREATE INDEX agreement_unsettled ON agreement (contract_id)
    WHERE state = 'fulfilled' AND kind <> 'plan' AND settled_on IS NULL;
-- posting_lag_days is null where the portfolio's last event had none.
ALTER TABLE portfolio ADD COLUMN posting_lag_days smallint;
-- The contract's version at which files had absorbed all of its payments; null: they had not, or it is not known.
ALTER TABLE contract ADD COLUMN absorbed_version bigint;
"""
_AUTHORITY = f"""
-- Who may discount how much. The newest version that was approved is in force; without one the default rules are.
CREATE TABLE authority_rules (
    version integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rules jsonb NOT NULL,
    state text NOT NULL DEFAULT 'awaiting_approval' CHECK (state IN ('awaiting_approval', 'approved', 'refused')),
    {second_person.COLUMNS},
    {chassis.schema.ACTOR},
    created_at timestamptz NOT NULL DEFAULT now()
);
"""
_COLUMNS = """agreement_id, contract_id, agency_id, kind, state, version, total, discount, currency, settles_in_full,
    schedule, proposed_on, valid_until, made_in, offer_id, needs_approval, needs_acceptance, second_decided_at,
    accepted_by, accepted_at, refused, cancellation_reason, created_at"""


def upgrade() -> None:
    op.execute(_PROPOSALS + _AUTHORITY)
    op.execute(agency_policy("proposal", f"agency_id = {AGENCY}", _COLUMNS))
    op.execute("GRANT SELECT (discount, settled_on) ON agreement TO recobro_agency")
