"""Looks for a text in every table of a database."""

import re
from collections.abc import Collection

from recobro_events import Database

COPIES = re.compile("outbox_.+|inbox|dead_letters|unsent_events|idempotent_answer|(payment_)?file_part")
"""The names of tables whose rows expire within 30 days by themselves."""
_TABLES = """
SELECT oid::regclass::text AS name FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1
"""


async def tables_with(database: Database, texts: Collection[str]) -> dict[str, list[str]]:
    """Return the tables with a row that has one of these texts, in any case, and the texts. Copies are left out."""
    found: dict[str, list[str]] = {}
    async with database.connection() as connection:
        for row in await connection.fetch(_TABLES):
            name = row["name"]
            if COPIES.fullmatch(name):
                continue
            for text in texts:
                held = f"SELECT EXISTS (SELECT FROM {name} AS held WHERE held::text ILIKE '%' || $1 || '%')"
                if await connection.fetchval(held, text):
                    found.setdefault(name, []).append(text)
    return found
