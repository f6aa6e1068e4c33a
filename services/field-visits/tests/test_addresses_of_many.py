"""A load may bring the addresses of very many contracts at once."""

from field_visits import projection
from recobro_events import Database


async def test_addresses_that_whole_contracts_no_longer_list_are_found_by_a_hash(database: Database) -> None:
    """Without it the work for a batch grows with the square of its size, whatever PostgreSQL knows of the tables."""
    async with database.connection() as connection:
        rows = await connection.fetch(f"EXPLAIN (GENERIC_PLAN) {projection._ABSENT_ADDRESSES}", *[()] * 4)
    plan = "\n".join(row[0] for row in rows)
    assert "hashed SubPlan" in plan
    assert "Anti Join" not in plan
