"""Customers are linked as one person, and unlinked."""

import chassis.schema
from alembic import op

revision = "0031"
down_revision = "0030"

_LINKS = """
-- linked_by: what linked the debtor to its person. leaves: a file took the reason of the link away, but a silence would
-- end with the link, so a person decides.
ALTER TABLE debtor ADD COLUMN linked_by text CHECK (linked_by IN ('tax_id', 'decision')),
    ADD COLUMN leaves boolean NOT NULL DEFAULT false;
CREATE INDEX debtor_leaves ON debtor (debtor_id) WHERE leaves;
-- What was said of the debtor, where another debtor of the person makes it graver. Null: the same as what holds.
ALTER TABLE debtor ADD COLUMN own_status text;
ALTER TABLE debtor_contact_mark ADD COLUMN own_invalid boolean, ADD COLUMN own_opted_out boolean,
    ADD COLUMN own_media text[];
"""
_UNLINKS = f"""
-- A person has said that the contract is not this person's. No file links them.
CREATE TABLE person_unlink (
    contract_id uuid NOT NULL REFERENCES contract,
    person_id uuid NOT NULL REFERENCES person,
    reason text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    {chassis.schema.ACTOR},
    PRIMARY KEY (contract_id, person_id)
);
CREATE INDEX person_unlink_person ON person_unlink (person_id);
"""
# Case, blanks and punctuation do not tell tax ids apart.
_TAX_IDS = r"""
CREATE FUNCTION tax_id_key(tax_id text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN upper(regexp_replace(tax_id, '[-\s./_,]', '', 'g'));
CREATE INDEX contract_tax_id ON contract (creditor_id, (tax_id_key(tax_id) COLLATE "C"), contract_id)
    WHERE tax_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(_LINKS)
    op.execute(_UNLINKS)
    op.execute(_TAX_IDS)
