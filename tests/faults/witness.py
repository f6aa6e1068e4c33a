"""A trigger that records every event committed to a service's outbox, in the same transaction.

The relay deletes published rows, so without this record the events and their order would be unknown afterwards.
"""

from collections.abc import Sequence
from typing import Any

INSTALL = """
CREATE TABLE IF NOT EXISTS outbox_witness (
    lane text NOT NULL,
    id bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    partition smallint,
    payment_id uuid,
    PRIMARY KEY (lane, id)
);
"""
# The service itself has no right to the table.
_LANE = """
CREATE OR REPLACE FUNCTION witness_{lane}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO outbox_witness
    SELECT '{lane}', id, event_id, type, {topic}, key, partition, {payment_id} FROM written;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER witness AFTER INSERT ON outbox_{lane} REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION witness_{lane}();
"""
READ = "SELECT * FROM outbox_witness ORDER BY lane, id"


async def install(connection: Any, service: str, lanes: Sequence[str]) -> None:
    """Record every event that this service commits from now on."""
    await connection.execute(INSTALL)
    for lane in lanes:
        topic = "topic" if lane == "agencies" else f"'{service}.{lane}'"
        payment_id = "(body::jsonb ->> 'payment_id')::uuid" if lane == "events" else "NULL"
        await connection.execute(_LANE.format(lane=lane, topic=topic, payment_id=payment_id))
