"""People: several customers of a creditor may be one person."""

from alembic import op

revision = "0027"
down_revision = "0026"

_TABLES = """
-- One person who is several customers of a creditor. person_id is the UUIDv5 of the creditor and of the first of these
-- customers, and stays when that customer leaves.
CREATE TABLE person (
    person_id uuid PRIMARY KEY,
    creditor_id uuid NOT NULL REFERENCES creditor
);
-- Null: the debtor is linked to nobody, and is a person alone.
ALTER TABLE debtor ADD COLUMN person_id uuid REFERENCES person;
CREATE INDEX debtor_person ON debtor (person_id) WHERE person_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(_TABLES)
