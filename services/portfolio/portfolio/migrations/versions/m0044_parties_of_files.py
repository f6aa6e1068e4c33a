"""What a file states of the people beside the debtor, while the file is applied."""

from alembic import op

revision = "0044"
down_revision = "0043"

_STAGED = """
CREATE TABLE file_party (
    file_id uuid NOT NULL DEFAULT current_setting('portfolio.file_id')::uuid,
    contract_id uuid NOT NULL,
    party_id uuid NOT NULL,
    role text NOT NULL,
    name text,
    tax_id text,
    rank smallint NOT NULL,
    PRIMARY KEY (file_id, contract_id, party_id)
);
CREATE TABLE file_party_contact (
    file_id uuid NOT NULL DEFAULT current_setting('portfolio.file_id')::uuid,
    contract_id uuid NOT NULL,
    party_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    dialable boolean NOT NULL,
    timezone text,
    rank smallint NOT NULL,
    PRIMARY KEY (file_id, contract_id, contact_id)
);
"""


def upgrade() -> None:
    op.execute(_STAGED)
