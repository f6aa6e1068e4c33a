"""Tables for who has signed in, and for the login links that have been used."""

from alembic import op

revision = "0001"
down_revision = None

_TABLES = """
-- key_hash: SHA-256 of the cookie's value. sealed: the session's content, encrypted with a key from that value, which
-- is nowhere but in the browser. So a copy of this table opens no session and shows no token.
CREATE TABLE session (
    key_hash bytea PRIMARY KEY,
    sealed bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_expiry ON session (expires_at);
CREATE TABLE used_link (
    token_id text PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.execute(_TABLES)
