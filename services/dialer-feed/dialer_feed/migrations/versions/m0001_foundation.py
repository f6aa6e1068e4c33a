"""Tables for facts about contracts, and for campaigns, lists, withdrawals, acknowledgements and calls."""

import chassis.schema
import recobro_events.schema
from alembic import op
from projections import clarifications, contact_points, pauses

revision = "0001"
down_revision = None

_PROJECTION = r"""
CREATE TABLE portfolio (
    portfolio_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('ready', 'loading')),
    business_date date,
    name text NOT NULL,
    creditor_kind text NOT NULL,
    jurisdiction text NOT NULL,
    timezone text NOT NULL
);
-- Facts of different topics have no order, so a row may hold only the contract's id until the details arrive.
-- The columns form three groups, each with a version: position, details, the debtor's status.
CREATE TABLE contract (
    contract_id uuid PRIMARY KEY,
    version bigint NOT NULL DEFAULT -1,
    state text,
    stage text,
    overdue_balance numeric(14, 2),
    oldest_due_on date,
    details_version bigint NOT NULL DEFAULT -1,
    portfolio_id uuid,
    debtor_id uuid,
    contract_number text COLLATE "C",
    name text,
    jurisdiction text,
    region text,
    status_version bigint NOT NULL DEFAULT -1,
    status text NOT NULL DEFAULT 'active'
) WITH (fillfactor = 85);
CREATE INDEX contract_open ON contract (portfolio_id) WHERE state = 'open';
-- claimed: the debtor stated the payment, but no payment has arrived. The payment_id is then generated here.
CREATE TABLE payment (
    contract_id uuid NOT NULL,
    payment_id uuid NOT NULL DEFAULT uuidv7(),
    business_date date NOT NULL,
    reversed boolean NOT NULL DEFAULT false,
    claimed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (contract_id, payment_id)
);
"""

_LISTS = r"""
CREATE TABLE campaign (
    campaign_id uuid PRIMARY KEY DEFAULT uuidv7(),
    agency_id uuid,
    name text NOT NULL,
    min_overdue numeric(14, 2) NOT NULL,
    stages text[] NOT NULL,
    payment_holdoff_days integer NOT NULL,
    portfolio_ids uuid[],
    max_attempts_per_7_days integer,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- builder: the builder that claimed the list last. last_cursor counts the withdrawals since the publication.
CREATE TABLE dialing_list (
    list_id uuid PRIMARY KEY DEFAULT uuidv7(),
    campaign_id uuid NOT NULL REFERENCES campaign,
    business_date date NOT NULL,
    status text NOT NULL CHECK (status IN ('building', 'published', 'closed', 'failed')),
    barrier_id uuid NOT NULL,
    builder uuid,
    entries integer,
    overdue_total numeric(18, 2),
    last_cursor bigint NOT NULL DEFAULT 0,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    live_until timestamptz,
    waiting_for text[] NOT NULL DEFAULT '{}',
    error text,
    error_detail text
);
CREATE UNIQUE INDEX dialing_list_one_a_day ON dialing_list (campaign_id, business_date) WHERE status <> 'failed';
CREATE INDEX dialing_list_building ON dialing_list (list_id) WHERE status = 'building';
-- An entry that was withdrawn before its list was published has no cursor. Publishing the list deletes the entry.
CREATE TABLE list_entry (
    contract_id uuid NOT NULL,
    list_id uuid NOT NULL,
    contract_number text COLLATE "C" NOT NULL,
    overdue_balance numeric(14, 2) NOT NULL,
    days_past_due integer NOT NULL,
    contact_ids uuid[] NOT NULL,
    status text NOT NULL DEFAULT 'listed' CHECK (status IN ('listed', 'withdrawn')),
    reason text,
    cause_event_id uuid,
    caused_at timestamptz,
    withdrawn_at timestamptz,
    cursor bigint,
    PRIMARY KEY (contract_id, list_id)
) WITH (fillfactor = 85);
CREATE INDEX list_entry_number ON list_entry (list_id, contract_number, contract_id);
CREATE UNIQUE INDEX list_entry_cursor ON list_entry (list_id, cursor) WHERE cursor IS NOT NULL;
-- A dialer's report silences here until the portfolio has decided. When a barrier that was requested after the report
-- is reached, the portfolio's answer has been applied and this row is deleted. contact_id null: the whole contract.
CREATE TABLE reported_silence (
    silence_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contract_id uuid NOT NULL,
    contact_id uuid,
    reason text NOT NULL,
    barrier_id uuid,
    reported_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reported_silence_contract ON reported_silence (contract_id);
CREATE TABLE acknowledged_up_to (
    list_id uuid NOT NULL,
    dialer_id text NOT NULL,
    cursor bigint NOT NULL,
    PRIMARY KEY (list_id, dialer_id)
);
-- One row for each request that acknowledged new withdrawals, those with after_cursor < cursor <= up_to_cursor.
CREATE TABLE acknowledgement (
    list_id uuid NOT NULL,
    dialer_id text NOT NULL,
    after_cursor bigint NOT NULL,
    up_to_cursor bigint NOT NULL,
    acknowledged_at timestamptz NOT NULL,
    PRIMARY KEY (list_id, dialer_id, after_cursor)
);
-- dialed_for: the agency, or zeros for calls from inside. call_id: the dialer's own, unique within dialed_for.
CREATE TABLE call_result (
    dialed_for uuid NOT NULL,
    call_id text NOT NULL,
    list_id uuid NOT NULL,
    contract_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    dialer_id text NOT NULL,
    agent text NOT NULL,
    business_date date NOT NULL,
    started_at timestamptz NOT NULL,
    duration_seconds integer NOT NULL,
    disposition text NOT NULL,
    right_party boolean NOT NULL,
    wrongful boolean NOT NULL,
    acknowledged_by_then boolean NOT NULL,
    reported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dialed_for, call_id)
);
CREATE INDEX call_result_day ON call_result (business_date, contract_id);
CREATE INDEX call_result_wrongful ON call_result (list_id) WHERE wrongful;
"""


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(chassis.schema.CREATE)
    op.execute(clarifications.TABLE + contact_points.TABLE + pauses.TABLE)
    op.execute(_PROJECTION)
    op.execute(_LISTS)
