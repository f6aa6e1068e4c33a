"""Files that amend another: which, and which rejected rows are in."""

from alembic import op

revision = "0023"
down_revision = "0022"

# amended_root is the file that was loaded first, in a chain of amendments.
_FILES = """
ALTER TABLE file
    ADD COLUMN amends uuid REFERENCES file,
    ADD COLUMN amended_root uuid REFERENCES file,
    DROP CONSTRAINT file_mode_check,
    ADD CONSTRAINT file_mode_check
        CHECK (mode IN ('delta', 'snapshot', 'amend') AND (mode = 'amend') = (amends IS NOT NULL)),
    DROP CONSTRAINT file_portfolio_id_sha256_mode_as_of_key,
    ADD CONSTRAINT file_identity UNIQUE NULLS NOT DISTINCT (portfolio_id, sha256, mode, as_of, amends);
"""
# rejected_row: the number that the row has in the amended file. amended_by: the file that brought the row corrected.
_ROWS = """
ALTER TABLE file_row ADD COLUMN rejected_row integer;
ALTER TABLE file_reject ADD COLUMN amended_by uuid;
CREATE INDEX file_reject_contract ON file_reject (file_id, contract_number) WHERE amended_by IS NULL;
"""
# incomplete_by: the file with rejected rows of the contract. Its good rows wait if it did not state the contract.
_CONTRACTS = """
ALTER TABLE contract ADD COLUMN incomplete_by uuid;
"""


def upgrade() -> None:
    op.execute(_FILES)
    op.execute(_ROWS)
    op.execute(_CONTRACTS)
