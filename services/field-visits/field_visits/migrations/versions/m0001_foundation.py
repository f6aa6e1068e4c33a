"""The tables of contracts, visits, attendances and photos."""

import chassis.schema
import recobro_events.schema
from alembic import op
from projections import clarifications, pauses, promises

revision = "0001"
down_revision = None

_PROJECTION = r"""
CREATE TABLE portfolio (
    portfolio_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    business_date date,
    company text NOT NULL,
    timezone text NOT NULL
);
-- Events of different topics have no order, so a contract may have only its id until its details arrive.
-- Three groups of columns, each with a version: position, details, the debtor's status.
CREATE TABLE contract (
    contract_id uuid PRIMARY KEY,
    version bigint NOT NULL DEFAULT -1,
    as_of date,
    state text,
    stage text,
    overdue_balance numeric(14, 2),
    total_balance numeric(14, 2),
    oldest_due_on date,
    details_version bigint NOT NULL DEFAULT -1,
    portfolio_id uuid,
    debtor_id uuid,
    contract_number text COLLATE "C",
    name text,
    jurisdiction text,
    currency text,
    status_version bigint NOT NULL DEFAULT -1,
    status text NOT NULL DEFAULT 'active'
) WITH (fillfactor = 85);
-- Addresses belong to the details. An address that a contract no longer has stays, with present = false, because a
-- visit may have gone there.
CREATE TABLE address (
    contract_id uuid NOT NULL,
    address_id uuid NOT NULL,
    rank integer NOT NULL,
    kind text NOT NULL,
    street text,
    exterior text,
    interior text,
    neighbourhood text,
    postal_code text,
    city text,
    state text,
    country text,
    authorised boolean NOT NULL,
    irregular_numbering boolean NOT NULL,
    issues text NOT NULL,
    present boolean NOT NULL DEFAULT true,
    PRIMARY KEY (contract_id, address_id)
);
-- Placements of the kind visits. The dates are null while only an event about the end has arrived.
CREATE TABLE placement (
    contract_id uuid NOT NULL,
    placement_id uuid NOT NULL,
    version bigint NOT NULL,
    agency_id uuid NOT NULL,
    active boolean NOT NULL,
    starts_on date,
    ends_on date,
    PRIMARY KEY (contract_id, placement_id)
);
"""

_VISITS = r"""
-- Every transaction that changes a visit holds the lock of the row of its contract.
CREATE TABLE visit (
    visit_id uuid PRIMARY KEY DEFAULT uuidv7(),
    contract_id uuid NOT NULL REFERENCES contract,
    agency_id uuid,
    placement_id uuid,
    visitor text NOT NULL,
    visit_on date NOT NULL,
    address_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'ordered' CHECK (state IN ('ordered', 'routed', 'done', 'failed', 'cancelled')),
    ordered_by text NOT NULL,
    ordered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    cancel_reason text,
    cancel_detail text,
    cancelled_at timestamptz,
    outcome text,
    attended_by text,
    reason_for_non_payment text,
    started_at timestamptz,
    latitude double precision,
    longitude double precision,
    accuracy_metres double precision,
    address_verdict text,
    contacts jsonb,
    reported_by text,
    reported_at timestamptz,
    CHECK ((state = 'cancelled') <= (cancel_reason IS NOT NULL)),
    CHECK ((state IN ('done', 'failed')) = (outcome IS NOT NULL))
);
CREATE INDEX visit_open ON visit (contract_id) WHERE state IN ('ordered', 'routed');
CREATE INDEX visit_contract ON visit (contract_id, visit_on, visit_id);
CREATE INDEX visit_day ON visit (visit_on, visit_id);
CREATE INDEX visit_visitor ON visit (visitor, visit_on, visit_id);
CREATE INDEX visit_agency ON visit (agency_id, visit_on, visit_id);
-- Who attended at the door. Rows are added and never changed. told_balance is true when the answer held the balance.
CREATE TABLE attendance (
    attendance_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    visit_id uuid NOT NULL REFERENCES visit,
    attended_by text NOT NULL,
    at timestamptz NOT NULL,
    told_balance boolean NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX attendance_visit ON attendance (visit_id);
-- sha256 is the hash of the stored bytes, upload_sha256 of the received bytes. The same bytes are stored once a visit.
CREATE TABLE photo (
    photo_id uuid PRIMARY KEY,
    visit_id uuid NOT NULL REFERENCES visit,
    upload_sha256 bytea NOT NULL,
    sha256 bytea NOT NULL,
    bytes integer NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    taken_at timestamptz NOT NULL,
    latitude double precision,
    longitude double precision,
    accuracy_metres double precision,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (visit_id, upload_sha256)
);
"""


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(chassis.schema.CREATE)
    op.execute(clarifications.TABLE + pauses.TABLE + promises.TABLE)
    op.execute(_PROJECTION)
    op.execute(_VISITS)
