"""Events that a set-based statement publishes: thousands of rows and their events in one round trip.

``Transaction.publish`` is for events that Python decides on; ``rows`` is for events that SQL decides on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from recobro_events.contracts.base import Event, Lane


@dataclass(frozen=True)
class Caused:
    """An event id made from the id of the cause, as ``caused_event_id`` makes it. All fields are SQL expressions.

    ``cause`` is the id of the event that is being applied; where that is null, a new id is made. ``consumer`` is the
    name of the consumer that applies the event. ``key`` and ``n`` (a number) distinguish events of one type and one
    cause; ``key`` defaults to the event's own key.
    """

    cause: str
    consumer: str
    key: str | None = None
    n: str = "0"


def rows(
    event_type: type[Event] | Mapping[str, type[Event]],
    *,
    body: str,
    traceparent: str,
    key: str | None = None,
    event_id: str | Caused | None = None,
    audience: str | None = None,
    topic: str | None = None,
) -> str:
    """SQL: the head of a statement that publishes an event per row, up to its FROM clause.

    ::

        CLOSE = f\"\"\"
        WITH closed AS (
            UPDATE contract SET state = 'closed' WHERE contract_id = ANY ($1::uuid[]) RETURNING *
        )
        {outbox.rows(
            ContractClosed,
            body="json_build_object('contract_id', contract_id, 'reason', state)",
            traceparent="$2",
            event_id=outbox.Caused("$3", consumer="$4"),
        )}
        FROM closed ORDER BY contract_id
        \"\"\"

        await tx.execute(CLOSE, contract_ids, current_traceparent(), cause, tx.consumer)
        tx.wrote_outbox(Lane.EVENTS)

    ``event_type`` is an event class. For events of several types of one lane it maps SQL conditions to event classes:
    for each row the first condition that holds decides. All other arguments are SQL expressions, used as they stand.
    ``body`` is of type json. ``traceparent`` is the trace of the events, or null. ``key`` defaults to the column named
    like the event's key field, ``event_id`` to a new id. ``audience`` is for republished events. ``topic`` is required
    on the lane ``agencies`` and refused on others (``ValueError``). The ORDER BY after the FROM clause is the order of
    publication.
    """
    types = dict(event_type) if isinstance(event_type, Mapping) else {"true": event_type}
    lane = _the_one({each.lane for each in types.values()}, "lane")
    if (topic is not None) != (lane is Lane.AGENCIES):
        how = "need a topic" if topic is None else "have no topic of their own"
        raise ValueError(f"events of the lane {lane} {how}")
    type_sql = _type_of(types) if isinstance(event_type, Mapping) else f"'{event_type.type}'"
    key_sql = f"({key or _the_one({each.key_field for each in types.values()}, 'key field')})::text"
    columns = {
        "event_id": _event_id(event_id, type_sql, key_sql),
        "type": type_sql,
        "key": key_sql,
        "traceparent": f"({traceparent})::text",
        "audience": f"({audience})::text" if audience is not None else None,
        "topic": f"({topic})::text" if topic is not None else None,
        "body": f"({body})::text",
    }
    written = {column: expression for column, expression in columns.items() if expression is not None}
    return f"INSERT INTO outbox_{lane} ({', '.join(written)})\nSELECT {', '.join(written.values())}"


def _type_of(types: Mapping[str, type[Event]]) -> str:
    return "CASE {} END".format(" ".join(f"WHEN {condition} THEN '{each.type}'" for condition, each in types.items()))


def _event_id(event_id: str | Caused | None, type_sql: str, key_sql: str) -> str:
    if event_id is None:
        return "uuidv7()"
    if isinstance(event_id, str):
        return event_id
    of_key = key_sql if event_id.key is None else f"({event_id.key})::text"
    cause, consumer = f"({event_id.cause})::uuid", f"({event_id.consumer})::text"
    made = f"caused_event_id({cause}, {consumer}, {type_sql}, {of_key}, ({event_id.n})::integer)"
    return f"CASE WHEN {cause} IS NULL THEN uuidv7() ELSE {made} END"


def _the_one(found: set[str], what: str) -> str:
    if len(found) != 1:
        raise ValueError(f"events of one statement must share a {what}; these have {sorted(found)}")
    return found.pop()
