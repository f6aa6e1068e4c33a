"""Payments are kept, so that a commission follows every later fact about its payment or placement.

A row of ``commission`` is one earning. It is one item of the agency's report on ``earned_on``, and when it is taken
back, a second item on ``reversed_on``.
"""

import chassis.schema
from alembic import op
from projections import pauses

revision = "0010"
down_revision = "0009"

_TABLES = f"""
-- A row may begin with a change of the credit that arrived before the payment: then paid_on and all that the payment
-- alone tells are null. credit_version is the contract's at the newest fact about amount and credit. days_past_due is
-- the age of the debt on paid_on, as known when the payment arrived. version is the contract's at the payment, and
-- overtook says that an older event of the contract was still missing then. judged_before: the payment earned before
-- this table existed; then its placements stay as they are.
CREATE TABLE commission_payment (
    payment_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL,
    amount numeric(14, 2) NOT NULL,
    credit numeric(14, 2) NOT NULL,
    credit_version bigint NOT NULL,
    currency text NOT NULL,
    paid_on date,
    days_past_due integer,
    version bigint,
    overtook boolean,
    judged_before boolean NOT NULL DEFAULT false
);
CREATE INDEX commission_payment_contract ON commission_payment (contract_id, paid_on);
-- Which kind of work earns when several agencies had the contract: the first of kinds. The row with the latest
-- starts_on up to the payment's paid_on holds; before the first row, the default does.
CREATE TABLE commission_precedence (
    starts_on date PRIMARY KEY,
    kinds text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    {chassis.schema.ACTOR}
);
-- Payments up to this business date were judged before commission_payment existed. Null for contracts since then.
ALTER TABLE contract ADD COLUMN judged_to date;
UPDATE contract SET judged_to = as_of;
-- The contract's version when the placement was made, and when a person ended it: they order payments of that day.
-- ended_version is null where a date ended it.
ALTER TABLE placement ADD COLUMN placed_version bigint NOT NULL DEFAULT -1, ADD COLUMN ended_version bigint;
UPDATE placement SET ended_version = -1 WHERE earns_until < ended_on;
-- ordinal counts the earnings of a payment from 1; 0 are those of a time when each kind of work earned.
ALTER TABLE commission ADD COLUMN ordinal integer NOT NULL DEFAULT 0,
    ADD COLUMN earned_because text NOT NULL DEFAULT 'payment', ADD COLUMN reversed_because text;
ALTER TABLE commission DROP CONSTRAINT commission_pkey;
ALTER TABLE commission ADD PRIMARY KEY (payment_id, placement_id, ordinal);
CREATE UNIQUE INDEX commission_one_earner ON commission (payment_id) WHERE reversed_on IS NULL AND ordinal > 0;
CREATE INDEX commission_reversed ON commission (agency_id, reversed_on, payment_id, ordinal, placement_id)
    WHERE reversed_on IS NOT NULL;
GRANT SELECT (ordinal, earned_because, reversed_because) ON commission TO recobro_agency;
"""
# Payments that earned, and payments that waited for their placement.
_KNOWN = """
INSERT INTO commission_payment (payment_id, contract_id, amount, credit, credit_version, currency, paid_on,
    days_past_due, version, overtook, judged_before)
SELECT DISTINCT ON (payment_id) payment_id, contract_id, base, 0, -1, currency, earned_on, days_past_due, 0, true, true
FROM commission ORDER BY payment_id, placement_id;
INSERT INTO commission_payment (payment_id, contract_id, amount, credit, credit_version, currency, paid_on,
    days_past_due, version, overtook)
SELECT payment_id, contract_id, base, 0, -1, currency, day, days_past_due, 0, true
FROM overtaking_payment WHERE base >= 0 ON CONFLICT DO NOTHING;
"""


def upgrade() -> None:
    op.execute(pauses.TABLE)
    op.execute(_TABLES)
    op.execute(_KNOWN)
