"""Movements of contracts are kept by triggers on whole statements."""

from recobro_events import Database

# PostgreSQL plans a trigger's statement once a session, for as many rows as the first statement has changed.
_JOINED = r"""
SELECT proname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE tgoldtable IS NOT NULL AND tgnewtable IS NOT NULL AND prosrc ~ '\mJOIN\M'
    AND NOT coalesce('enable_nestloop=off' = ANY (proconfig), false)
"""


async def test_no_trigger_compares_every_row_of_a_statement_with_every_other_one(database: Database) -> None:
    async with database.connection() as connection:
        assert await connection.fetch(_JOINED) == []
