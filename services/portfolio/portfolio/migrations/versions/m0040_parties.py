"""The people beside the debtor: who they are, and their own phones and e-mails."""

import chassis.schema
from alembic import op
from chassis.schema import AGENCY, agency_policy

revision = "0040"
down_revision = "0039"

_TABLES = f"""
-- Not current: a file does not state the party any more, or somebody has removed it. What somebody removed has neither
-- a name nor a value any more; the row stays, because calls to the party may still be reported.
CREATE TABLE party (
    party_id uuid PRIMARY KEY,
    contract_id uuid NOT NULL REFERENCES contract,
    role text NOT NULL CHECK (role IN
        ('joint_obligor', 'guarantor', 'executor', 'attorney', 'payer', 'reference', 'employer')),
    name text,
    tax_id text,
    language text,
    of_file boolean NOT NULL DEFAULT false,
    current boolean NOT NULL DEFAULT true,
    version bigint NOT NULL,
    known_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR}
);
CREATE INDEX party_contract ON party (contract_id);
-- of_file: the last file states it. Two parties may have one number, and the debtor may have it too.
CREATE TABLE party_contact_point (
    contact_id uuid PRIMARY KEY,
    party_id uuid NOT NULL REFERENCES party,
    contract_id uuid NOT NULL REFERENCES contract,
    kind text NOT NULL CHECK (kind IN ('phone', 'email')),
    value text NOT NULL,
    dialable boolean NOT NULL,
    provenance text NOT NULL,
    permitted boolean NOT NULL DEFAULT true,
    timezone text,
    rank smallint NOT NULL DEFAULT 0,
    of_file boolean NOT NULL DEFAULT false,
    verified boolean NOT NULL DEFAULT false,
    invalid boolean NOT NULL DEFAULT false,
    opted_out boolean NOT NULL DEFAULT false,
    media text[] NOT NULL DEFAULT '{{}}',
    current boolean NOT NULL DEFAULT true,
    usable boolean NOT NULL GENERATED ALWAYS AS (
        permitted AND NOT invalid AND NOT opted_out
        AND CASE kind WHEN 'phone' THEN dialable AND NOT 'call' = ANY (media) ELSE NOT 'email' = ANY (media) END
    ) STORED
);
CREATE INDEX party_contact_point_party ON party_contact_point (party_id);
CREATE INDEX party_contact_point_contract ON party_contact_point (contract_id);
CREATE INDEX party_contact_point_value ON party_contact_point (value) WHERE value <> '';
CREATE INDEX party_contact_point_ending ON party_contact_point ((reverse(value) COLLATE "C"))
    WHERE kind = 'phone' AND current;
"""
_PLACED = f"""EXISTS (
    SELECT FROM placement
    WHERE placement.contract_id = party.contract_id AND placement.agency_id = {AGENCY}
        AND placement.state IN ('active', 'recall_pending', 'objected'))"""
# Nobody contacts the others, so no agency needs them.
_ROLES = "role IN ('joint_obligor', 'guarantor', 'executor', 'attorney')"


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(agency_policy("party", f"{_ROLES} AND {_PLACED}"))
    op.execute(
        agency_policy(
            "party_contact_point",
            "EXISTS (SELECT FROM party WHERE party.party_id = party_contact_point.party_id)",
        )
    )
