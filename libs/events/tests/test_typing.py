"""Programs that use the library pass ``mypy --strict`` without a plugin and without settings of this workspace."""

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

EXAMPLE = Path(__file__).parents[1] / "examples/pizzeria.py"
PROGRAM = """
from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

from recobro_events import (
    Consumer, Database, Event, Lane, Money, Note, Part, Runtime, Transaction, dead_letters, outbox, schema
)
from recobro_events.kafka import KafkaTransport
from recobro_events.testing import apply_events, published
from recobro_events.tracing import current_traceparent


class Line(Part):
    article: str
    price: Money


class InvoiceIssued(Event, type="billing.invoice-issued.v1", key="invoice_id", lane=Lane.BULK):
    invoice_id: UUID
    due_on: date
    lines: tuple[Line, ...] = ()


class InvoicePaid(Event, type="billing.invoice-paid.v1", key="invoice_id"):
    invoice_id: UUID


books = Consumer("books", listens_to=["billing"])
OPEN: Note[list[UUID]] = Note(list)
CLOSE = outbox.rows(InvoicePaid, body="json_build_object('invoice_id', invoice_id)", traceparent="$1")


@books.on(InvoiceIssued, InvoicePaid)
async def keep(events: Sequence[InvoiceIssued | InvoicePaid], tx: Transaction) -> None:
    tx.note(OPEN).extend(event.invoice_id for event in events if not event.is_republished)
    tx.publish(InvoicePaid(invoice_id=uuid4()), cause=events[0])


@books.last
async def close(tx: Transaction) -> None:
    await tx.execute(f"{CLOSE} FROM unnest($2::uuid[]) AS invoice_id", current_traceparent(), tx.note(OPEN))
    tx.wrote_outbox(Lane.EVENTS)


async def serve(database: Database, bootstrap: str) -> Runtime:
    async with database.transaction() as tx:
        await tx.execute(schema.UPGRADE)
    runtime = Runtime("books", database, KafkaTransport(bootstrap), books)
    await runtime.start()
    return runtime


async def published_invoices(database: Database) -> list[UUID]:
    await apply_events(database, books, InvoiceIssued(invoice_id=uuid4(), due_on=date.today()))
    async with database.connection() as connection:
        await dead_letters.parked_keys(connection)
    return [event.invoice_id for event in await published(database, InvoicePaid)]
"""
MISTAKES = {
    "async def sent(events: Sequence[InvoicePaid], tx: Database) -> None: ...": "arg-type",
    "def sent(events: Sequence[InvoicePaid], tx: Transaction) -> None: ...": "arg-type",
    "async def sent(events: Sequence[InvoiceIssued], tx: Transaction) -> None: ...": "arg-type",
}


def check(folder: Path, sources: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache"]
    environment = {name: value for name, value in os.environ.items() if name != "MYPYPATH"}
    return subprocess.run(
        [*command, *(f"{name}.py" for name in sources)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_package_is_marked_as_typed() -> None:
    assert files("recobro_events").joinpath("py.typed").is_file()


def test_correct_programs_pass_mypy_and_wrong_handlers_do_not(tmp_path: Path) -> None:
    right = {"example": EXAMPLE.read_text(), "program": PROGRAM}
    wrong = {f"mistake_{n}": f"{PROGRAM}\n\n@books.on(InvoicePaid)\n{mistake}\n" for n, mistake in enumerate(MISTAKES)}
    checked = check(tmp_path, right | wrong)
    errors = [line for line in checked.stdout.splitlines() if ": error: " in line]
    for name, error in zip(wrong, MISTAKES.values(), strict=True):
        assert any(line.startswith(f"{name}.py:") and line.endswith(f"[{error}]") for line in errors), checked.stdout
    assert {line.partition(":")[0] for line in errors} == {f"{name}.py" for name in wrong}, checked.stdout


def test_contracts_need_no_kafka() -> None:
    """A package that holds contracts alone, shared by repositories, depends on the library without an extra."""
    program = "import sys; sys.modules['aiokafka'] = None; import recobro_events.contracts, recobro_events"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240, check=False)
    assert loaded.returncode == 0, loaded.stderr
