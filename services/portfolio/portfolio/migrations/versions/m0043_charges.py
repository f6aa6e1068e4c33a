"""Charges: facts beside payments that raise or lower what a contract owes."""

import chassis.schema
from alembic import op

revision = "0043"
down_revision = "0042"

# number, due_on: the instalment that the charge was added to. absorbed_by: the file whose amounts have counted the
# charge. unposted: that file's amounts do not have it. laid: the instalments' amounts are those of the creditor with
# the allocations of the charge.
_CHARGES = f"""
CREATE TABLE charge (
    charge_id uuid PRIMARY KEY,
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    contract_id uuid NOT NULL REFERENCES contract,
    portfolio_id uuid NOT NULL REFERENCES portfolio,
    kind text NOT NULL CHECK (kind IN ('default_interest', 'fee', 'chargeback', 'compensation', 'waiver')),
    amount numeric(14, 2) NOT NULL CHECK (amount > 0),
    charged_on date NOT NULL,
    reason text NOT NULL,
    reference text,
    reference_key bytea GENERATED ALWAYS AS (payment_key(kind, reference)) STORED,
    number integer,
    due_on date,
    business_date date NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR},
    absorbed_by uuid REFERENCES file,
    unposted boolean NOT NULL DEFAULT false,
    laid boolean NOT NULL DEFAULT false,
    reversed_at timestamptz,
    reversed_on date,
    reversal_reason text,
    reversed_by jsonb,
    CHECK ((reversed_at IS NULL) = (reversed_on IS NULL))
);
CREATE INDEX charge_contract ON charge (contract_id, sequence);
CREATE UNIQUE INDEX charge_live_key ON charge (contract_id, reference_key) WHERE reversed_at IS NULL;
"""
# What a charge has added to each instalment; below 0 for what it has taken off.
_ALLOCATIONS = """
CREATE TABLE charge_allocation (
    charge_id uuid NOT NULL REFERENCES charge,
    contract_id uuid NOT NULL REFERENCES contract,
    number integer NOT NULL,
    due_on date NOT NULL,
    amount numeric(14, 2) NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (charge_id, number)
);
CREATE INDEX charge_allocation_contract ON charge_allocation (contract_id);
"""


def upgrade() -> None:
    op.execute(_CHARGES)
    op.execute(_ALLOCATIONS)
