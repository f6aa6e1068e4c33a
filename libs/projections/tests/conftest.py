"""A transaction in a database with the tables."""

from collections.abc import AsyncIterator

import pytest
from projected import CONTRACT, TABLES
from projections import (
    contracts,
)
from recobro_events import Database, Transaction


@pytest.fixture
async def tx(database_dsn: str) -> AsyncIterator[Transaction]:
    database = Database(database_dsn)
    await database.open()
    async with database.transaction() as transaction:
        await transaction.execute(TABLES)
        await contracts.lock_or_add(transaction, [CONTRACT])
        yield transaction
    await database.close()
