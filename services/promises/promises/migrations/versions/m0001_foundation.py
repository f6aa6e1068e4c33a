"""Tables for facts about contracts, payments and placements, and for promises and plans."""

import chassis.schema
import recobro_events.schema
from alembic import op

revision = "0001"
down_revision = None

_PROJECTION = r"""
-- checked_to: the last day of a promise check. It may be later than the business date. Neither day moves back.
CREATE TABLE portfolio (
    portfolio_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    business_date date,
    timezone text NOT NULL,
    checked_to date
);
-- Facts of different topics have no order, so a row may hold only the contract's id until the details arrive.
-- The columns form three groups, each with a version: position, details, the debtor's status.
CREATE TABLE contract (
    contract_id uuid PRIMARY KEY,
    version bigint NOT NULL DEFAULT -1,
    state text,
    overdue_balance numeric(14, 2),
    total_balance numeric(14, 2),
    as_of date,
    details_version bigint NOT NULL DEFAULT -1,
    portfolio_id uuid,
    contract_number text COLLATE "C",
    currency text,
    status_version bigint NOT NULL DEFAULT -1,
    status text NOT NULL DEFAULT 'active'
) WITH (fillfactor = 85);
-- Each payment once. If the reversal arrives first, the row is reversed and has no dates until the payment arrives.
CREATE TABLE payment (
    payment_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL,
    amount numeric(14, 2) NOT NULL,
    paid_on date,
    business_date date,
    reversed boolean NOT NULL DEFAULT false,
    CHECK (reversed OR paid_on IS NOT NULL)
);
CREATE INDEX payment_contract ON payment (contract_id, paid_on);
CREATE TABLE placement (
    placement_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    contract_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL
);
CREATE INDEX placement_contract ON placement (contract_id);
"""

_PROMISES = r"""
CREATE TABLE agreement (
    agreement_id uuid PRIMARY KEY DEFAULT uuidv7(),
    contract_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('plan', 'settlement', 'restructure', 'forgiveness')),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'fulfilled', 'broken', 'cancelled')),
    version bigint NOT NULL DEFAULT 1,
    currency text NOT NULL,
    total numeric(14, 2) NOT NULL,
    settles_in_full boolean NOT NULL,
    made_on date NOT NULL,
    made_in text NOT NULL,
    agency_id uuid,
    cancellation_reason text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX agreement_contract ON agreement (contract_id);
CREATE INDEX agreement_agency ON agreement (agency_id, agreement_id) WHERE agency_id IS NOT NULL;
-- paid: the amount of the contract's payments that counts for the promise. version counts every change, also a
-- change without an event.
CREATE TABLE promise (
    promise_id uuid PRIMARY KEY DEFAULT uuidv7(),
    contract_id uuid NOT NULL,
    portfolio_id uuid NOT NULL,
    agreement_id uuid REFERENCES agreement,
    agency_id uuid,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'kept', 'partly_kept', 'broken', 'cancelled')),
    version bigint NOT NULL DEFAULT 1,
    amount numeric(14, 2) NOT NULL CHECK (amount > 0),
    paid numeric(14, 2) NOT NULL DEFAULT 0 CHECK (paid BETWEEN 0 AND amount),
    currency text NOT NULL,
    made_on date NOT NULL,
    made_in text NOT NULL CHECK (made_in IN ('call', 'visit', 'portal', 'agency')),
    due_on date NOT NULL CHECK (due_on >= made_on),
    silent_until date NOT NULL CHECK (silent_until >= due_on),
    cancellation_reason text,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 85);
CREATE INDEX promise_contract ON promise (contract_id);
CREATE INDEX promise_agreement ON promise (agreement_id) WHERE agreement_id IS NOT NULL;
CREATE INDEX promise_agency ON promise (agency_id, promise_id) WHERE agency_id IS NOT NULL;
CREATE INDEX promise_open ON promise (portfolio_id, silent_until) WHERE state = 'open';
"""


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(chassis.schema.CREATE)
    op.execute(_PROJECTION)
    op.execute(_PROMISES)
