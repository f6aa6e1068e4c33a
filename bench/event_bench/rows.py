"""The work that every program does: a row for a payment, and one statement that keeps each contract's newest payment.

It needs only the standard library, because the peers have their own environment.
"""

from collections.abc import Sequence
from operator import attrgetter

COLUMNS = (
    "contract_id",
    "payment_id",
    "version",
    "amount",
    "currency",
    "paid_on",
    "channel",
    "reference",
    "overdue_balance",
    "total_balance",
    "settled",
)
_TYPES = ("uuid", "uuid", "bigint", "numeric", "text", "date", "text", "text", "numeric", "numeric", "boolean")
_NAMES = ", ".join(COLUMNS)
_DEFINED = ", ".join(f"{name} {type_} NOT NULL" for name, type_ in zip(COLUMNS, _TYPES, strict=True))
_GIVEN = ", ".join(f"${n}::{type_}[]" for n, type_ in enumerate(_TYPES, 1))
_NEWER = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])
_FACTS = f"contract_id, uuidv7() AS payment_id, n + $3 AS version, {', '.join(COLUMNS[3:7])}, (n + $3)::text, " + (
    ", ".join(COLUMNS[8:])
)
_BODY = ", ".join(
    f"'{name}', {name}::text" if type_ == "numeric" else f"'{name}', {name}"
    for name, type_ in zip(COLUMNS, _TYPES, strict=True)
)
_CONTRACT = "md5('contract ' || {n})::uuid"

PUBLISHER_TABLES = f"""
CREATE TABLE payment ({_DEFINED}, PRIMARY KEY (payment_id));
CREATE TABLE staged (n bigint PRIMARY KEY, {_DEFINED});
"""
READER_TABLES = f"CREATE TABLE balance ({_DEFINED}, PRIMARY KEY (contract_id))"

STAGE = f"""
INSERT INTO staged (n, {_NAMES})
SELECT n, {_CONTRACT.format(n="floor(random() * $2::integer)::integer")}, uuidv7(), n,
    (n % 9000 + 100)::numeric(14, 2), 'MXN', date '2026-11-22', 'bank', n::text,
    (n % 20000)::numeric(14, 2), (n % 90000)::numeric(14, 2), n % 50 = 0
FROM generate_series(1, $1::integer) AS n
"""
"""Stages $1 payments of $2 contracts, drawn at random."""

SEED = f"""
INSERT INTO balance
SELECT {_CONTRACT.format(n="n")}, uuidv7(), 0, 0, 'MXN', date '2026-01-01', 'file', '', 1000, 9000, false
FROM generate_series(0, $1::integer - 1) AS n
"""

ROWS = f"INSERT INTO payment ({_NAMES}) SELECT {_FACTS} FROM staged WHERE n > $1 AND n <= $2"
"""Inserts the staged payments after $1 up to $2, with versions higher by $3."""

ROWS_WITH_EVENTS = f"""
WITH paid AS ({ROWS} RETURNING *)
INSERT INTO outbox_{{lane}} (type, key, body)
SELECT $4, contract_id::text, json_build_object({_BODY})::text FROM paid
"""
"""Does the same, with an event of type $4 for each payment."""

BODIES = f"SELECT contract_id::text AS key, json_build_object({_BODY})::text AS body FROM staged ORDER BY n LIMIT $1"
"""Returns the first $1 staged payments as bodies of events."""

UPSERT = f"""
INSERT INTO balance AS known ({_NAMES})
SELECT * FROM unnest({_GIVEN}) AS paid ({_NAMES}) ORDER BY contract_id
ON CONFLICT (contract_id) DO UPDATE SET {_NEWER} WHERE known.version < excluded.version
"""
_PAID = f"paid ({_NAMES}, cause)"
UPSERT_AND_ANSWER = f"""
WITH paid AS MATERIALIZED (SELECT * FROM unnest({_GIVEN}, $12::uuid[]) AS {_PAID}), answered AS (
    INSERT INTO outbox_events (event_id, type, key, traceparent, body)
    SELECT caused_event_id(cause, $13, $14, contract_id::text, 0), $14, contract_id::text, $15,
        json_build_object('contract_id', contract_id, 'payment_id', payment_id,
            'overdue_balance', overdue_balance::text)::text
    FROM paid ORDER BY contract_id
)
INSERT INTO balance AS known ({_NAMES}) SELECT {_NAMES} FROM paid ORDER BY contract_id
ON CONFLICT (contract_id) DO UPDATE SET {_NEWER} WHERE known.version < excluded.version
"""
"""Does the same. For each payment, consumer $13 publishes an event of type $14, caused by that in $12, in trace $15."""

CLAIM = """
INSERT INTO inbox (consumer, event_id)
SELECT $1, event_id FROM unnest($2::uuid[]) AS event_id ORDER BY event_id
ON CONFLICT DO NOTHING RETURNING event_id
"""
"""The inbox of the peers."""

row = attrgetter(*COLUMNS)
"""Returns a payment's row from an object with these attributes."""


def columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    """Return the arguments of ``UPSERT``."""
    return [list(column) for column in zip(*rows, strict=True)]
