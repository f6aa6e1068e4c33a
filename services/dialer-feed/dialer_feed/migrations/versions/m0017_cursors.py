"""The cursors of a list belong to it: each new list counts from a base of its own. Lists that exist keep base 0."""

from alembic import op
from recobro_platform import AGENCY_ROLE

revision = "0017"
down_revision = "0016"

_CURSORS = f"""
ALTER TABLE dialing_list ADD COLUMN cursor_base bigint NOT NULL DEFAULT 0;
GRANT SELECT (cursor_base) ON dialing_list TO {AGENCY_ROLE};
-- The base of the newest list.
CREATE TABLE cursor_base (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), newest bigint NOT NULL);
"""


def upgrade() -> None:
    op.execute(_CURSORS)
