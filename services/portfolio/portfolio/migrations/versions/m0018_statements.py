"""What a file's amounts meet: decisions about amounts, payments that files lack, contracts that wait for a decision."""

from alembic import op

revision = "0018"
down_revision = "0017"

# about: what the creditor's files state. amount: what the debtor owes instead of it. Both are before the payments on
# top of the contract's amounts. A row has no key of its own: the contract's row is locked, and numbers may move.
_DECISIONS = """
CREATE TABLE amount_decision (
    contract_id uuid NOT NULL REFERENCES contract,
    number integer NOT NULL,
    about numeric(14, 2) NOT NULL,
    amount numeric(14, 2) NOT NULL,
    clarification_id uuid NOT NULL
);
CREATE INDEX amount_decision_contract ON amount_decision (contract_id);
"""
# silent_until: a file did not know this payment yet, so nobody contacts the debtor until this day.
# undecided_by: the file that set the contract aside. Its staging rows stay until a person has decided.
# delta_rows: what the upload says of its rows; null: as the portfolio says.
_COLUMNS = """
ALTER TABLE payment ADD COLUMN silent_until date;
ALTER TABLE contract ADD COLUMN undecided_by uuid;
CREATE INDEX contract_undecided ON contract (undecided_by, contract_number) WHERE undecided_by IS NOT NULL;
ALTER TABLE file ADD COLUMN delta_rows text CHECK (delta_rows IN ('whole', 'ask'));
CREATE INDEX file_same_bytes ON file (portfolio_id, sha256);
"""


def upgrade() -> None:
    op.execute(_DECISIONS)
    op.execute(_COLUMNS)
