"""The desk of internal collectors: worklists, the people in them, and who has whom."""

import chassis.schema
from alembic import op
from projections import set_aside

revision = "0050"
down_revision = "0049"

_TABLES = f"""
CREATE TABLE worklist (
    worklist_id uuid PRIMARY KEY DEFAULT uuidv7(),
    name text NOT NULL,
    portfolio_ids uuid[],
    conditions jsonb NOT NULL,
    active boolean NOT NULL DEFAULT true,
    filled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR}
);
CREATE UNIQUE INDEX worklist_name ON worklist (name) WHERE active;
-- The people of a worklist when it was filled last. Who is given is looked at anew.
CREATE TABLE worklist_person (
    worklist_id uuid NOT NULL REFERENCES worklist,
    person_id uuid NOT NULL,
    expected_value numeric(16, 2) NOT NULL,
    overdue_balance numeric(16, 2) NOT NULL,
    contracts integer NOT NULL,
    PRIMARY KEY (worklist_id, person_id)
);
CREATE INDEX worklist_person_order ON worklist_person (worklist_id, expected_value DESC, person_id);
-- Of how many contracts of a portfolio's segment it is known that they were so late in the half year before day. ended:
-- those that are so late no more, because they were cured or closed. segment '': all segments.
CREATE TABLE cure_rate (
    portfolio_id uuid NOT NULL,
    segment text NOT NULL,
    age_from integer NOT NULL,
    day date NOT NULL,
    known integer NOT NULL,
    ended integer NOT NULL,
    cured integer NOT NULL,
    PRIMARY KEY (portfolio_id, segment, age_from)
);
-- A person who was given to an operator. state given: nobody else gets the person before until.
CREATE TABLE desk_item (
    item_id uuid PRIMARY KEY DEFAULT uuidv7(),
    worklist_id uuid NOT NULL REFERENCES worklist,
    person_id uuid NOT NULL,
    contract_ids uuid[] NOT NULL,
    operator text NOT NULL,
    expected_value numeric(16, 2) NOT NULL,
    state text NOT NULL DEFAULT 'given' CHECK (state IN
        ('given', 'worked', 'rescheduled', 'escalated', 'decided', 'released', 'expired', 'taken_back')),
    given_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text,
    right_party boolean,
    reason text,
    decision text,
    decided_at timestamptz,
    decided_by jsonb
);
CREATE UNIQUE INDEX desk_item_person ON desk_item (person_id) WHERE state IN ('given', 'escalated');
CREATE UNIQUE INDEX desk_item_operator ON desk_item (operator) WHERE state = 'given';
CREATE INDEX desk_item_given ON desk_item (given_at);
CREATE TABLE desk_note (
    note_id uuid PRIMARY KEY DEFAULT uuidv7(),
    person_id uuid NOT NULL,
    item_id uuid NOT NULL REFERENCES desk_item,
    note text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR}
);
CREATE INDEX desk_note_person ON desk_note (person_id, note_id);
-- Nobody gets the person before not_before.
CREATE TABLE desk_rest (
    person_id uuid PRIMARY KEY,
    not_before timestamptz NOT NULL
);
-- The attempt about another contract of the person that was the same call or message.
ALTER TABLE attempt ADD COLUMN same_as uuid;
CREATE INDEX contract_history_claim ON contract_history (contract_id, business_date) WHERE kind = 'payment_claimed';
"""
# segment and age_days: what the contract was before the movement. Paused days count too: the age of the debt, not its
# delay. Null in movements of earlier releases.
_MOVEMENTS = """
ALTER TABLE contract_movement ADD COLUMN segment text, ADD COLUMN age_days integer;
CREATE INDEX contract_movement_out ON contract_movement (portfolio_id, day)
    WHERE from_overdue > 0 AND age_days IS NOT NULL AND (to_overdue = 0 OR to_stage = 'closed');
"""
_STAGE = """CASE WHEN {0}.state = 'open' AND {0}.total_balance = 0 THEN 'new' WHEN {0}.state = 'open' THEN {0}.stage
        WHEN {0}.state = 'settled' THEN 'settled' ELSE 'closed' END"""
_TRIGGER = f"""
CREATE OR REPLACE FUNCTION keep_movements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contract_movement (portfolio_id, day, contract_id, cause, from_stage, to_stage, from_overdue,
        to_overdue, from_total, to_total, oldest_due_on, segment, age_days)
    SELECT portfolio_id, coalesce(portfolio.business_date, added.as_of), added.contract_id,
        CASE current_setting('portfolio.cause', true) WHEN 'daily_run' THEN 'due' WHEN 'catch_up' THEN 'due'
            WHEN 'payment' THEN 'paid' WHEN 'backdated_payment' THEN 'paid' WHEN 'reversal' THEN 'reversed'
            ELSE 'corrected' END,
        {_STAGE.format("gone")}, {_STAGE.format("added")},
        gone.overdue_balance, added.overdue_balance, gone.total_balance, added.total_balance, added.oldest_due_on,
        gone.segment, coalesce(portfolio.business_date, added.as_of) - gone.oldest_due_on
    FROM gone JOIN added USING (contract_id, portfolio_id) JOIN portfolio USING (portfolio_id)
    WHERE (gone.state = 'open' OR added.state = 'open')
        AND (gone.state, gone.stage, gone.overdue_balance, gone.total_balance, gone.oldest_due_on) IS DISTINCT FROM
            (added.state, added.stage, added.overdue_balance, added.total_balance, added.oldest_due_on);
    RETURN NULL;
END $$;
"""
# Contracts that a service has set aside since before this release.
_SET_ASIDE = f"""
{set_aside.TABLE}
INSERT INTO set_aside
SELECT contract_id, service FROM (
    SELECT DISTINCT ON (contract_id, data ->> 'service') contract_id, data ->> 'service' AS service, kind
    FROM contract_history WHERE kind IN ('set_aside', 'replayed') AND data ->> 'service' IS NOT NULL
    ORDER BY contract_id, data ->> 'service', history_id DESC
) AS last WHERE kind = 'set_aside';
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_MOVEMENTS)
    op.execute(_TRIGGER)
    op.execute(_SET_ASIDE)
