"""Files keep what they do not state: the column in which the creditor last stated a phone or an e-mail."""

from alembic import op

revision = "0015"
down_revision = "0014"

# Where a phone was stated is null until a file states it again.
_STATED_IN = """
ALTER TABLE file_contact ADD COLUMN stated_in text;
ALTER TABLE contact_point ADD COLUMN stated_in text;
"""


def upgrade() -> None:
    op.execute(_STATED_IN)
