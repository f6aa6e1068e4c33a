"""Segments of contracts: the rules of each portfolio, what each contract's rule says, and when to judge it again."""

import chassis.schema
from alembic import op

revision = "0041"
down_revision = "0040"

_SEGMENTS = f"""
ALTER TABLE contract ADD COLUMN segment text, ADD COLUMN segment_since date;

-- Each change is a new version. A portfolio without a row has the default rules, as version 0.
CREATE TABLE segment_rules (
    portfolio_id uuid NOT NULL REFERENCES portfolio,
    version integer NOT NULL,
    rules jsonb NOT NULL,
    words jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR},
    PRIMARY KEY (portfolio_id, version)
);

-- A row for each contract that was judged. due_on: the business date on which time alone may change what was found;
-- infinity: time alone never changes it.
CREATE TABLE judging (
    portfolio_id uuid NOT NULL,
    contract_id uuid NOT NULL,
    due_on date NOT NULL,
    PRIMARY KEY (portfolio_id, contract_id)
);
CREATE INDEX judging_due ON judging (portfolio_id, due_on);
-- Contracts that have changed since they were judged. A mark is only added, and taken away by who has locked its
-- contract, so that nobody waits for it.
CREATE TABLE judging_mark (
    portfolio_id uuid NOT NULL,
    contract_id uuid NOT NULL,
    mark_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (portfolio_id, contract_id, mark_id)
);
INSERT INTO judging_mark (portfolio_id, contract_id)
SELECT portfolio_id, contract_id FROM contract WHERE state = 'open';

-- Portfolios whose rules have changed: the contracts up to this id have been judged by the new ones.
CREATE TABLE judging_anew (
    portfolio_id uuid PRIMARY KEY,
    judged_to uuid NOT NULL
);

-- How often somebody tried to reach the debtor on a day, how often the debtor was reached, and the last answer.
CREATE TABLE contact_day (
    contract_id uuid NOT NULL,
    day date NOT NULL,
    attempts integer NOT NULL,
    contacts integer NOT NULL,
    last_answer text NOT NULL,
    PRIMARY KEY (contract_id, day)
);
"""


def upgrade() -> None:
    op.execute(_SEGMENTS)
