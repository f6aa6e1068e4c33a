"""Two services of a pizzeria, a database each: `orders` takes orders, `kitchen` bakes. They share events only.

    createdb pizzeria && python pizzeria.py postgresql://user:password@host/pizzeria [Kafka's host:port]

Without Kafka that database holds the log. The databases of the services are created beside it. It may be run again.
"""

import asyncio
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import structlog
from recobro_events import Consumer, Database, Event, Runtime, Transaction, Transport, dead_letters
from recobro_events.postgres import PostgresTransport
from recobro_events.schema import UPGRADE

LOG, *KAFKA = sys.argv[1:]
TABLES = {
    "orders": "CREATE TABLE IF NOT EXISTS orders (order_id uuid PRIMARY KEY, pizza text NOT NULL, minutes integer)",
    "kitchen": """CREATE TABLE IF NOT EXISTS menu (pizza text PRIMARY KEY, minutes integer NOT NULL);
        CREATE TABLE IF NOT EXISTS baked (order_id uuid PRIMARY KEY, minutes integer NOT NULL)""",
}
BAKE = """INSERT INTO baked SELECT order_id, menu.minutes
    FROM unnest($1::uuid[], $2::text[]) AS placed (order_id, pizza) LEFT JOIN menu USING (pizza) RETURNING *"""
NOTE = "UPDATE orders SET minutes = took FROM unnest($1::uuid[], $2::int[]) AS baked (id, took) WHERE order_id = id"
ALL_BAKED = "SELECT bool_and(minutes IS NOT NULL) FROM orders WHERE order_id = ANY($1)"
orders = Consumer("orders", listens_to=["kitchen"])
kitchen = Consumer("kitchen", listens_to=["orders"])


class OrderPlaced(Event, type="orders.order-placed.v1", key="order_id"):
    order_id: UUID
    pizza: str


class PizzaBaked(Event, type="kitchen.pizza-baked.v1", key="order_id"):
    order_id: UUID
    minutes: int


async def place(database: Database, *pizzas: str) -> list[UUID]:
    """The orders and their events are committed together, or not at all."""
    placed = [OrderPlaced(order_id=uuid4(), pizza=pizza) for pizza in pizzas]
    async with database.transaction() as tx:
        for order in placed:
            await tx.execute("INSERT INTO orders VALUES ($1, $2)", order.order_id, order.pizza)
        tx.publish(*placed)
    return [order.order_id for order in placed]


@kitchen.on(OrderPlaced)
async def bake(placed: Sequence[OrderPlaced], tx: Transaction) -> None:
    """One statement for the whole list. A pizza that is not on the menu has no minutes, and the table refuses it."""
    causes = {order.order_id: order for order in placed}
    for row in await tx.fetch(BAKE, list(causes), [order.pizza for order in placed]):
        tx.publish(PizzaBaked(**row), cause=causes[row["order_id"]])
    tx.after_commit(lambda: print(f"kitchen: {len(placed)} baked by one statement"))


@orders.on(PizzaBaked)
async def note(baked: Sequence[PizzaBaked], tx: Transaction) -> None:
    await tx.execute(NOTE, [pizza.order_id for pizza in baked], [pizza.minutes for pizza in baked])


async def play(orders_database: Database, kitchen_database: Database) -> None:
    async with kitchen_database.transaction() as tx:
        await tx.execute("TRUNCATE menu; INSERT INTO menu VALUES ('margherita', 7), ('funghi', 9)")
    many = await place(orders_database, *["margherita", "funghi"] * 250)
    await until(orders_database, ALL_BAKED, many)
    print(f"orders: {len(many)} placed by one transaction, and all of them were baked")
    odd, *others = await place(orders_database, "hawaii", "margherita", "funghi")
    await until(kitchen_database, "SELECT true FROM parked_keys WHERE key = $1", str(odd))
    await until(orders_database, ALL_BAKED, others)
    async with kitchen_database.connection() as connection:
        [letter] = await dead_letters.letters(connection, key=str(odd))
    print(f"kitchen: hawaii is set aside: {letter['error']}")
    async with kitchen_database.transaction() as tx:
        await tx.execute("INSERT INTO menu VALUES ('hawaii', 8)")
    replay = await dead_letters.replay(kitchen_database, kitchen, str(odd))
    await until(orders_database, ALL_BAKED, [odd])
    print(f"kitchen: hawaii is on the menu, {replay.applied} replayed, {replay.waiting} waiting")


async def until(database: Database, question: str, *arguments: object) -> None:
    async with asyncio.timeout(60), database.connection() as connection:
        while not await connection.fetchval(question, *arguments):  # noqa: ASYNC110 - a database sets no asyncio.Event
            await asyncio.sleep(0.02)


async def start(consumer: Consumer) -> tuple[Database, Runtime]:
    """Create the service's database with its own and the runtime's tables; start its relay and its subscription."""
    admin, url = await asyncpg.connect(LOG), urlsplit(LOG)
    name = f"{url.path[1:]}-{consumer.service}"
    if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
        await admin.execute(f'CREATE DATABASE "{name}"')
    await admin.close()
    database = Database(url._replace(path=f"/{name}").geturl())
    await database.open()
    async with database.transaction() as tx:
        await tx.execute(UPGRADE + TABLES[consumer.service])
    log: Transport = PostgresTransport(LOG)
    if KAFKA:
        from recobro_events.kafka import KafkaTransport

        log = KafkaTransport(KAFKA[0])
    runtime = Runtime(consumer.service, database, log, consumer)
    await runtime.start()
    return database, runtime


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    services = [await start(consumer) for consumer in (orders, kitchen)]
    try:
        await play(*(database for database, _ in services))
    finally:
        for database, runtime in services:
            await runtime.stop()
            await database.close()


asyncio.run(main())
