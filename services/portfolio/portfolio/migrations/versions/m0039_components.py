"""The parts of amounts, the order in which a payment pays them, and what a file says of the credit itself."""

from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0039"
down_revision = "0038"

# Either all six parts of an amount are known, or none.
_PARTS = """
    ADD COLUMN principal numeric(14, 2),
    ADD COLUMN ordinary_interest numeric(14, 2),
    ADD COLUMN default_interest numeric(14, 2),
    ADD COLUMN fees numeric(14, 2),
    ADD COLUMN tax numeric(14, 2),
    ADD COLUMN other numeric(14, 2),
    ADD COLUMN calculated_on date
"""
_CREDIT = """
    ADD COLUMN language text,
    ADD COLUMN original_creditor text,
    ADD COLUMN origination_date date
"""
_ROWS = f"""
ALTER TABLE file_row {_PARTS}, {_CREDIT};
ALTER TABLE file_contract {_CREDIT};
ALTER TABLE instalment {_PARTS};
"""
# components: what is unpaid of each part, as the contract's events carry it. Null: no instalment has known parts.
_CONTRACTS = f"""
ALTER TABLE contract {_CREDIT}, ADD COLUMN components jsonb;
ALTER TABLE portfolio ADD COLUMN allocation_order text[] NOT NULL
    DEFAULT '{{fees,default_interest,ordinary_interest,tax,other,principal}}';
"""


def upgrade() -> None:
    op.execute(_ROWS)
    op.execute(_CONTRACTS)
    op.execute(f"GRANT SELECT (allocation_order) ON portfolio TO {AGENCY_ROLE}")
