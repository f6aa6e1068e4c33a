"""The erasure of a person's data, and the opt-outs that hold after it."""

import chassis.schema
from alembic import op

revision = "0057"
down_revision = "0056"

# The first erasure makes the key. Who has the database has it too; it keeps the hashes of one platform from being
# looked up in those of another.
_TABLES = f"""
ALTER TABLE contract ADD COLUMN erased_at timestamptz;
CREATE TABLE erasure (
    erasure_id uuid PRIMARY KEY DEFAULT uuidv7(),
    sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    person_id uuid NOT NULL,
    creditor_id uuid NOT NULL REFERENCES creditor,
    debtor_ids uuid[] NOT NULL,
    contract_ids uuid[] NOT NULL,
    reason text NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR}
);
CREATE TABLE erasure_key (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), key bytea NOT NULL);
CREATE FUNCTION erased_hash(kind text, value text) RETURNS bytea LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN (SELECT sha256(key || sha256(key || convert_to(kind || ' ' || value, 'UTF8'))) FROM erasure_key);
-- What persons who were erased refused, by the hash of the phone or e-mail.
CREATE TABLE erased_opt_out (
    creditor_id uuid NOT NULL REFERENCES creditor,
    value_hash bytea NOT NULL,
    opted_out boolean NOT NULL,
    media text[] NOT NULL,
    PRIMARY KEY (creditor_id, value_hash)
);
"""


def upgrade() -> None:
    op.execute(_TABLES)
