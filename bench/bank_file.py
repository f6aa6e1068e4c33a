"""Books a bank's file of payments on a running platform, while single payments arrive for another portfolio's list.

    .venv/bin/python bench/make_portfolio.py many.csv --rows 30000
    .venv/bin/python bench/make_portfolio.py live.csv --rows 9000 --seed 7
    .venv/bin/python bench/bank_file.py many.csv live.csv --data .recobro --payments 100000

Single payments are measured while a file is booked, and before and after it, from the API's answer to the withdrawal.
``--files`` divides the payments among several files. Then quiet times and files take turns, and other work on the
machine hurts both alike. Prints also how long the files took to be booked, until each paid contract had left its list,
and whether the sum of the balances fell by the sum of the files.
"""

import argparse
import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from payments import Listing, Paid, delays, pay, percentile, publish, withdrawals
from recobro.client import Client
from recobro.data import DataFolder
from running import connected

AS_OF = date(2026, 11, 22)
_QUIET_PAYMENTS = 150
_CENT = Decimal("0.01")


class Payers(threading.Thread):
    """Pays these contracts, ``rate`` a second, until ``over`` is set or all are paid."""

    def __init__(self, client: Client, contracts: Sequence[UUID], rate: float) -> None:
        super().__init__(daemon=True)
        self.paid: list[Paid] = []
        self.over = threading.Event()
        self._client, self._left, self._rate = client, list(contracts), rate

    def run(self) -> None:
        each = max(1, int(self._rate))
        while self._left and not self.over.is_set():
            now, self._left = self._left[:each], self._left[each:]
            self.paid += asyncio.run(pay(self._client, now, AS_OF, self._rate))


def numbers_of(client: Client, listing: Listing) -> list[str]:
    """The numbers of the listed contracts."""
    parameters = {"portfolio_id": str(listing.portfolio_id)}
    listed = set(listing.contracts)
    found = client.items("portfolio", "/v1/contracts", **parameters)
    return [one["contract_number"] for one in found if UUID(one["contract_id"]) in listed]


def rows(numbers: Sequence[str], count: int) -> Iterator[str]:
    """A file of ``count`` payments of a cent, for the contracts by turns."""
    yield "paid_on,amount,bank_reference,contract_number\n"
    for place, number in enumerate(islice(cycle(numbers), count)):
        yield f"{AS_OF},0.01,BENCH-{time.time_ns()}-{place},{number}\n"


def owed(client: Client, listing: Listing) -> Decimal:
    stages = client.get("portfolio", "/v1/stages", portfolio_id=str(listing.portfolio_id))
    return sum((Decimal(one["overdue_balance"]) for one in stages), Decimal(0))


def book(client: Client, listing: Listing, file: Path) -> dict[str, Any]:
    """Send the file, wait until it is booked, and return it."""
    path = f"/v1/portfolios/{listing.portfolio_id}/payment-files"
    view: dict[str, Any] = client.upload("portfolio", path, file, {"filename": file.name}, lambda _: None)
    while view["status"] not in ("loaded", "failed"):
        time.sleep(0.5)
        view = client.get("portfolio", f"/v1/payment-files/{view['file_id']}")
    return view


def quiet(client: Client, contracts: Sequence[UUID], rate: float) -> list[Paid]:
    return asyncio.run(pay(client, contracts, AS_OF, rate))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("many", type=Path, help="the portfolio file whose contracts the bank's file pays")
    parser.add_argument("live", type=Path, help="the portfolio file whose contracts are paid singly")
    parser.add_argument("--data", type=Path, default=Path(".recobro"))
    parser.add_argument("--payments", type=int, default=100_000, help="payments in the bank's files")
    parser.add_argument("--files", type=int, default=1)
    parser.add_argument("--rate", type=float, default=3.0, help="single payments per second")
    options = parser.parse_args()
    with connected(DataFolder(options.data)) as client, TemporaryDirectory() as folder:
        live, many = (publish(client, file, AS_OF, name=file.stem) for file in (options.live, options.many))
        numbers = numbers_of(client, many)
        contracts = list(live.contracts)
        time.sleep(2)
        was_owed = owed(client, many)
        alone: list[Paid] = []
        beside: list[Paid] = []
        booked, started = 0.0, time.monotonic()
        for number in range(options.files):
            file = Path(folder) / f"bench-{number}.csv"
            file.write_text("".join(rows(numbers, options.payments // options.files)), encoding="utf-8")
            alone += quiet(client, _taken(contracts), options.rate)
            payers = Payers(client, contracts[_QUIET_PAYMENTS:], options.rate)
            payers.start()
            began = time.monotonic()
            view = book(client, many, file)
            booked += time.monotonic() - began
            payers.over.set()
            payers.join(timeout=120)
            beside += payers.paid
            paid = {payment.contract_id for payment in beside}
            contracts = [contract_id for contract_id in contracts if contract_id not in paid]
            counts = f"booked {view['payments']}, rejected {view['rows_rejected']}"
            print(f"rows {view['rows_read']}, {counts}: {view['status']}")
        withdrawn = withdrawals(client, many.list_id, min(len(numbers), options.payments), within_seconds=600)
        off = time.monotonic() - started
        alone += quiet(client, _taken(contracts), options.rate)
        items = withdrawals(client, live.list_id, len(alone) + len(beside), within_seconds=120)
        print(f"booked in {booked:.1f} s; {len(withdrawn)} contracts off their list {off:.1f} s after the start")
        fell = was_owed - owed(client, many)
        print(f"what is overdue fell by {fell:.2f}, and the files are of {options.payments * _CENT:.2f}")
        for name, some in (("alone", alone), ("beside", beside)):
            seconds = delays(some, items)
            figures = "  ".join(f"p{p:g} {percentile(seconds, p) * 1000:.0f}" for p in (50, 95, 99, 100))
            print(f"{len(some):5} single payments {name:<7} milliseconds to the withdrawal: {figures}")


def _taken(contracts: list[UUID]) -> list[UUID]:
    """The next contracts for a quiet time, which are taken off the list."""
    taken, contracts[:] = contracts[:_QUIET_PAYMENTS], contracts[_QUIET_PAYMENTS:]
    return taken


if __name__ == "__main__":
    main()
