"""The code page in which a file is read, and the words that a file shows while it waits for it."""

from alembic import op

revision = "0021"
down_revision = "0020"

# file.code_page: what a person said; null: as the bytes show. code_pages: words of the file, deleted with the answer.
# portfolio.code_page: taken without a question where it reads best.
_COLUMNS = """
ALTER TABLE file
    ADD COLUMN code_page text CHECK (code_page IN ('cp1252', 'cp850', 'mac_roman')),
    ADD COLUMN code_pages jsonb;
ALTER TABLE portfolio
    ADD COLUMN code_page text NOT NULL DEFAULT 'cp1252' CHECK (code_page IN ('cp1252', 'cp850', 'mac_roman'));
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
