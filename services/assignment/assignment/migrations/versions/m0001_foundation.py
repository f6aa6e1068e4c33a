"""The tables of contracts, agencies, service contracts, rules, placements and commissions."""

import chassis.schema
import recobro_events.schema
from alembic import op
from projections import clarifications

revision = "0001"
down_revision = None

_PROJECTION = r"""
CREATE TABLE portfolio (
    portfolio_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('ready', 'loading')),
    business_date date,
    name text NOT NULL,
    timezone text NOT NULL
);
-- Events of different topics have no order, so a contract may have only its id until its details arrive.
-- Two groups of columns, each with a version: position and details.
CREATE TABLE contract (
    contract_id uuid PRIMARY KEY,
    version bigint NOT NULL DEFAULT -1,
    as_of date,
    state text,
    stage text,
    days_past_due integer,
    overdue_balance numeric(14, 2),
    total_balance numeric(14, 2),
    details_version bigint NOT NULL DEFAULT -1,
    portfolio_id uuid,
    contract_number text COLLATE "C",
    currency text,
    product text,
    segment text,
    region text
) WITH (fillfactor = 85);
CREATE INDEX contract_open ON contract (portfolio_id) WHERE state = 'open';
-- Payments that were reversed. Such a payment earns nothing, even when its own event arrives later.
CREATE TABLE payment_reversal (
    payment_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL,
    business_date date NOT NULL
);
"""

_AGENCIES = r"""
CREATE TABLE agency (
    agency_id uuid PRIMARY KEY DEFAULT uuidv7(),
    name text NOT NULL,
    email text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE service_contract (
    service_contract_id uuid PRIMARY KEY DEFAULT uuidv7(),
    agency_id uuid NOT NULL REFERENCES agency,
    kinds text[] NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    capacity integer,
    recall_grace_days integer NOT NULL,
    attribution_days integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (ends_on >= starts_on)
);
CREATE INDEX service_contract_agency ON service_contract (agency_id, created_at, service_contract_id);
CREATE TABLE fee (
    service_contract_id uuid NOT NULL REFERENCES service_contract,
    kind text NOT NULL,
    from_days integer NOT NULL,
    to_days integer,
    percent numeric NOT NULL,
    PRIMARY KEY (service_contract_id, kind, from_days),
    CHECK (to_days >= from_days)
);
-- A condition that is null always holds.
CREATE TABLE placement_rule (
    rule_id uuid PRIMARY KEY DEFAULT uuidv7(),
    name text NOT NULL,
    priority integer NOT NULL,
    kind text NOT NULL,
    stages text[],
    min_overdue numeric(14, 2),
    segments text[],
    states text[],
    products text[],
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE TABLE share (
    rule_id uuid NOT NULL REFERENCES placement_rule,
    agency_id uuid NOT NULL REFERENCES agency,
    weight integer NOT NULL CHECK (weight >= 1),
    PRIMARY KEY (rule_id, agency_id)
);
"""

_PLACEMENTS = r"""
-- ordinal counts the placements of a contract and kind, from 0. waived is the reason of a recall that an operator took
-- back; the rules do not recall for that reason again. on_request is true when an operator asked for the recall.
-- ended_on is the day of the final recall or of the end. earns_until is the last business date whose payments earn a
-- commission. Both are null until then.
CREATE TABLE placement (
    placement_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('dialing', 'collection', 'visits')),
    ordinal integer NOT NULL,
    agency_id uuid NOT NULL,
    rule_id uuid NOT NULL,
    service_contract_id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'active'
        CHECK (state IN ('active', 'recall_pending', 'objected', 'recalled', 'ended')),
    starts_on date NOT NULL,
    ends_on date,
    reason text,
    on_request boolean NOT NULL DEFAULT false,
    final_on date,
    objection text,
    decision text,
    waived text,
    ended_on date,
    earns_until date,
    placed_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX placement_ordinal ON placement (contract_id, kind, ordinal);
CREATE UNIQUE INDEX placement_one_a_kind ON placement (contract_id, kind)
    WHERE state IN ('active', 'recall_pending', 'objected');
CREATE INDEX placement_agency ON placement (agency_id, placement_id);
CREATE INDEX placement_active ON placement (agency_id, kind) WHERE state = 'active';
CREATE INDEX placement_recall_due ON placement (final_on) WHERE state = 'recall_pending';
CREATE INDEX placement_term_due ON placement (ends_on) WHERE state = 'active' AND ends_on IS NOT NULL;
-- earned_on and reversed_on are business dates.
CREATE TABLE commission (
    payment_id uuid NOT NULL,
    placement_id uuid NOT NULL,
    contract_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    kind text NOT NULL,
    earned_on date NOT NULL,
    days_past_due integer NOT NULL,
    base numeric(14, 2) NOT NULL,
    percent numeric NOT NULL,
    amount numeric(14, 2) NOT NULL,
    currency text NOT NULL,
    reversed_on date,
    PRIMARY KEY (payment_id, placement_id)
);
CREATE INDEX commission_earned ON commission (agency_id, earned_on, payment_id, placement_id);
"""


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(recobro_events.schema.UPGRADE_AGENCIES)
    op.execute(chassis.schema.CREATE)
    op.execute(clarifications.TABLE)
    op.execute(_PROJECTION)
    op.execute(_AGENCIES)
    op.execute(_PLACEMENTS)
