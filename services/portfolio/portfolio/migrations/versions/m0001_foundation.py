"""Creditors, portfolios, files, contracts and the facts about a contract."""

import chassis.schema
import recobro_events.schema
from alembic import op

revision = "0001"
down_revision = None

_TABLES = r"""
CREATE TABLE creditor (
    creditor_id uuid PRIMARY KEY DEFAULT uuidv7(),
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('financial', 'commercial')),
    country text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- business_date moves first. staged_to follows when every contract has been staged up to business_date.
CREATE TABLE portfolio (
    portfolio_id uuid PRIMARY KEY DEFAULT uuidv7(),
    creditor_id uuid NOT NULL REFERENCES creditor,
    name text NOT NULL,
    product text,
    currency text NOT NULL,
    jurisdiction text NOT NULL,
    timezone text NOT NULL,
    state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'loading')),
    version bigint NOT NULL DEFAULT 0,
    business_date date,
    staged_to date,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE file (
    file_id uuid PRIMARY KEY DEFAULT uuidv7(),
    sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    portfolio_id uuid NOT NULL REFERENCES portfolio,
    filename text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('delta', 'snapshot')),
    as_of date NOT NULL,
    sha256 bytea NOT NULL,
    size_bytes bigint NOT NULL,
    status text NOT NULL DEFAULT 'received'
        CHECK (status IN ('received', 'reading', 'needs_confirmation', 'loading', 'loaded', 'failed')),
    header text[],
    rows_read integer,
    rows_accepted integer,
    rows_rejected integer,
    contracts integer,
    contracts_incomplete integer,
    contracts_to_close integer,
    amount_accepted numeric(16, 2),
    confirmed boolean,
    applied_to text,
    error_code text,
    error text,
    received_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    UNIQUE (portfolio_id, sha256, mode, as_of)
);
CREATE INDEX file_unfinished ON file (portfolio_id, sequence) WHERE status NOT IN ('loaded', 'failed');
-- The parts of a file are written before the file's row, which is written last, under the portfolio's lock.
CREATE TABLE file_part (
    file_id uuid NOT NULL REFERENCES file DEFERRABLE INITIALLY DEFERRED,
    part integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (file_id, part)
);
ALTER TABLE file_part ALTER COLUMN content SET STORAGE EXTERNAL;
-- The staging tables of a file while it is applied: its good rows, and the contracts, contact points and addresses that
-- the rows state. COPY fills them; file_id comes from the setting. The reader computes the ids, since PostgreSQL has no
-- SHA-1.
CREATE TABLE file_row (
    file_id uuid NOT NULL DEFAULT current_setting('portfolio.file_id')::uuid,
    row_number integer NOT NULL,
    contract_number text COLLATE "C" NOT NULL,
    debtor_number text,
    debtor_name text NOT NULL,
    debtor_kind text,
    tax_id text,
    product text,
    instalment_number integer NOT NULL,
    due_on date NOT NULL,
    amount numeric(14, 2) NOT NULL,
    phone_1 text,
    phone_1_e164 text,
    phone_2 text,
    phone_2_e164 text,
    email text,
    address_kind text,
    street text,
    exterior text,
    interior text,
    neighbourhood text,
    postal_code text,
    city text,
    state text,
    timezone text,
    irregular_numbering boolean NOT NULL DEFAULT false,
    address_issues text,
    PRIMARY KEY (file_id, row_number)
);
CREATE INDEX file_row_contract ON file_row (file_id, contract_number);
-- debtor_id and the columns after it are null for a contract without a good row. A contract with a bad row is
-- incomplete.
CREATE TABLE file_contract (
    file_id uuid NOT NULL DEFAULT current_setting('portfolio.file_id')::uuid,
    contract_number text COLLATE "C" NOT NULL,
    contract_id uuid NOT NULL,
    incomplete boolean NOT NULL,
    debtor_id uuid,
    debtor_number text,
    debtor_name text,
    debtor_kind text,
    tax_id text,
    product text,
    PRIMARY KEY (file_id, contract_number)
);
CREATE INDEX file_contract_id ON file_contract (file_id, contract_id);
CREATE TABLE file_contact (
    file_id uuid NOT NULL DEFAULT current_setting('portfolio.file_id')::uuid,
    contract_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    dialable boolean NOT NULL,
    timezone text,
    rank smallint NOT NULL,
    PRIMARY KEY (file_id, contract_id, contact_id)
);
CREATE TABLE file_address (
    file_id uuid NOT NULL DEFAULT current_setting('portfolio.file_id')::uuid,
    contract_id uuid NOT NULL,
    address_id uuid NOT NULL,
    kind text NOT NULL,
    street text,
    exterior text,
    interior text,
    neighbourhood text,
    postal_code text,
    city text,
    state text,
    irregular_numbering boolean NOT NULL,
    issues text,
    PRIMARY KEY (file_id, contract_id, address_id)
);
CREATE TABLE file_reject (
    file_id uuid NOT NULL DEFAULT current_setting('portfolio.file_id')::uuid,
    row_number integer NOT NULL,
    contract_number text,
    errors jsonb NOT NULL,
    cells jsonb NOT NULL,
    PRIMARY KEY (file_id, row_number)
);
CREATE TABLE debtor (
    debtor_id uuid PRIMARY KEY,
    creditor_id uuid NOT NULL REFERENCES creditor,
    debtor_number text,
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'deceased', 'unlocatable', 'represented', 'insolvent')),
    status_version bigint NOT NULL DEFAULT 0
);
-- The marks on a phone or e-mail of a debtor. They hold on all contracts of the debtor.
CREATE TABLE debtor_contact_mark (
    debtor_id uuid NOT NULL REFERENCES debtor,
    kind text NOT NULL,
    value text NOT NULL,
    invalid boolean NOT NULL DEFAULT false,
    opted_out boolean NOT NULL DEFAULT false,
    media text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (debtor_id, kind, value)
);
CREATE TABLE contract (
    contract_id uuid PRIMARY KEY,
    portfolio_id uuid NOT NULL REFERENCES portfolio,
    creditor_id uuid NOT NULL REFERENCES creditor,
    debtor_id uuid NOT NULL REFERENCES debtor,
    contract_number text COLLATE "C" NOT NULL,
    state text NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'settled', 'returned', 'withdrawn', 'written_off')),
    incomplete boolean NOT NULL DEFAULT false,
    product text,
    debtor_name text NOT NULL,
    search_name text NOT NULL GENERATED ALWAYS AS
        (lower(regexp_replace(normalize(debtor_name, NFKD), U&'[\0300-\036F]', '', 'g'))) STORED,
    debtor_kind text,
    tax_id text,
    version bigint NOT NULL DEFAULT 0,
    details_version bigint NOT NULL DEFAULT 0,
    as_of date NOT NULL,
    stage text NOT NULL DEFAULT 'current' CHECK (stage IN ('current', 'early', 'late', 'legal')),
    days_past_due integer NOT NULL DEFAULT 0 CHECK (days_past_due >= 0),
    overdue_balance numeric(14, 2) NOT NULL DEFAULT 0 CHECK (overdue_balance >= 0),
    total_balance numeric(14, 2) NOT NULL DEFAULT 0 CHECK (total_balance >= overdue_balance),
    oldest_due_on date,
    next_change_on date,
    episode integer NOT NULL DEFAULT 0,
    stated_as_of date NOT NULL,
    file_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (portfolio_id, contract_number)
);
CREATE INDEX contract_due_for_staging ON contract (portfolio_id, next_change_on) WHERE state = 'open';
CREATE INDEX contract_debtor ON contract (debtor_id);
CREATE INDEX contract_stage ON contract (portfolio_id, stage, contract_id);
-- amount: the unpaid amount at the close of stated_as_of, as the creditor stated it or a clarification corrected it.
-- unpaid: the rest of amount after the payments since then.
CREATE TABLE instalment (
    contract_id uuid NOT NULL REFERENCES contract,
    number integer NOT NULL,
    due_on date NOT NULL,
    amount numeric(14, 2) NOT NULL CHECK (amount >= 0),
    unpaid numeric(14, 2) NOT NULL CHECK (unpaid >= 0 AND unpaid <= amount),
    PRIMARY KEY (contract_id, number)
);
CREATE TABLE payment (
    payment_id uuid PRIMARY KEY DEFAULT uuidv7(),
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    contract_id uuid NOT NULL REFERENCES contract,
    portfolio_id uuid NOT NULL REFERENCES portfolio,
    amount numeric(14, 2) NOT NULL CHECK (amount > 0),
    paid_on date NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    business_date date NOT NULL,
    channel text NOT NULL,
    reference text,
    credit numeric(14, 2) NOT NULL DEFAULT 0,
    days_past_due_before integer NOT NULL,
    episode_before integer NOT NULL,
    absorbed_by uuid,
    reversed_at timestamptz,
    reversal_reason text,
    UNIQUE (portfolio_id, channel, reference)
);
CREATE INDEX payment_contract ON payment (contract_id, sequence);
-- The instalments that a payment paid, with their due dates, since a later file may no longer have these instalments.
CREATE TABLE payment_allocation (
    payment_id uuid NOT NULL REFERENCES payment,
    contract_id uuid NOT NULL,
    number integer NOT NULL,
    due_on date NOT NULL,
    amount numeric(14, 2) NOT NULL CHECK (amount > 0),
    PRIMARY KEY (payment_id, number)
);
CREATE INDEX payment_allocation_contract ON payment_allocation (contract_id);
CREATE TABLE clarification (
    clarification_id uuid PRIMARY KEY DEFAULT uuidv7(),
    contract_id uuid NOT NULL REFERENCES contract,
    state text NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'upheld', 'partly_upheld', 'rejected', 'verified', 'withdrawn')),
    reason text NOT NULL,
    detail text,
    opened_by text NOT NULL,
    instalments integer[] NOT NULL DEFAULT '{}',
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    opened_on date NOT NULL,
    deadline_on date NOT NULL,
    resolved_at timestamptz,
    resolution_detail text,
    contact_may_resume boolean
);
CREATE INDEX clarification_contract ON clarification (contract_id);
-- Both ends are inclusive. Pauses of a contract do not overlap, which is checked under the contract's row lock.
CREATE TABLE pause (
    pause_id uuid PRIMARY KEY DEFAULT uuidv7(),
    contract_id uuid NOT NULL REFERENCES contract,
    reason text NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX pause_contract ON pause (contract_id);
-- A file never deletes a contact point that it no longer has. Instead current becomes false, so that a report about the
-- contact point still finds it. version is the contract's version at the last change of the contact point.
CREATE TABLE contact_point (
    contact_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL REFERENCES contract,
    kind text NOT NULL CHECK (kind IN ('phone', 'email')),
    value text NOT NULL,
    dialable boolean NOT NULL,
    provenance text NOT NULL,
    timezone text,
    rank smallint NOT NULL DEFAULT 0,
    verified boolean NOT NULL DEFAULT false,
    invalid boolean NOT NULL DEFAULT false,
    opted_out boolean NOT NULL DEFAULT false,
    media text[] NOT NULL DEFAULT '{}',
    current boolean NOT NULL DEFAULT true,
    version bigint NOT NULL,
    usable boolean NOT NULL GENERATED ALWAYS AS (
        NOT invalid AND NOT opted_out
        AND CASE kind WHEN 'phone' THEN dialable AND NOT 'call' = ANY (media) ELSE NOT 'email' = ANY (media) END
    ) STORED,
    UNIQUE (contract_id, kind, value)
);
CREATE INDEX contact_point_value ON contact_point (value text_pattern_ops);
CREATE TABLE address (
    address_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL REFERENCES contract,
    kind text NOT NULL,
    street text,
    exterior text,
    interior text,
    neighbourhood text,
    postal_code text,
    city text,
    state text,
    country text NOT NULL,
    authorised boolean NOT NULL DEFAULT true,
    irregular_numbering boolean NOT NULL DEFAULT false,
    issues text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX address_contract ON address (contract_id);
CREATE TABLE contract_history (
    history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contract_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    business_date date NOT NULL,
    kind text NOT NULL,
    summary text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX contract_history_contract ON contract_history (contract_id, history_id);
"""


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(chassis.schema.CREATE)
    op.execute(_TABLES)
