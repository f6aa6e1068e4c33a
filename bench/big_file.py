"""Loads a large file on a running platform, while payments arrive for another portfolio's live list.

    .venv/bin/python bench/make_portfolio.py big.csv --rows 250000
    .venv/bin/python bench/big_file.py big.csv --data .recobro

Prints the time of each step (load, list, the next day's staging), the largest process, and how long the payments that
arrived meanwhile took from the API's answer to the withdrawal.
"""

import argparse
import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from uuid import UUID

import psutil
from payments import Listing, Paid, delays, load, pay, percentile, publish, withdrawals
from recobro.client import Client
from recobro.data import DataFolder
from running import connected

AS_OF = date(2026, 11, 22)


class Memory:
    """The peak memory of each process of the platform, sampled twice a second."""

    def __init__(self, root: psutil.Process) -> None:
        self.peaks: dict[str, int] = {}
        self._root = root
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            for process in [self._root, *self._root.children(recursive=True)]:
                try:
                    name = "postgres" if process.name() == "postgres" else " ".join(process.cmdline()[1:4])
                    memory = process.memory_info()
                except psutil.NoSuchProcess:
                    continue
                # PostgreSQL's shared buffers count once, not in every backend.
                held = memory.rss - memory.shared if name == "postgres" else memory.rss
                self.peaks[name] = max(self.peaks.get(name, 0), held)


class Payers(threading.Thread):
    """Pays the contracts of a live list, ``rate`` a second, until ``over`` is set or all contracts are paid."""

    def __init__(self, client: Client, listing: Listing, rate: float) -> None:
        super().__init__(daemon=True)
        self.paid: list[Paid] = []
        self.over = threading.Event()
        self._client = client
        self._listing = listing
        self._rate = rate

    def run(self) -> None:
        left = list(self._listing.contracts)
        each = max(1, int(self._rate))
        while left and not self.over.is_set():
            now, left = left[:each], left[each:]
            self.paid += asyncio.run(pay(self._client, now, AS_OF, self._rate))


@contextmanager
def step(name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{name:<28}{time.monotonic() - started:7.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, default=Path(".recobro"))
    parser.add_argument("--rate", type=float, default=5.0, help="payments per second during the other work")
    options = parser.parse_args()
    running = DataFolder(options.data).running()
    if running is None or running.supervisor is None:
        raise SystemExit(f"no platform runs on {options.data}")
    sample = files("recobro") / "sample" / "cartera_mx.csv"
    with connected(DataFolder(options.data)) as client, as_file(sample) as small:
        other = publish(client, small, AS_OF, name="live")
        creditor = client.post("portfolio", "/v1/creditors", {"name": "big", "kind": "financial", "country": "MX"})
        new = {"creditor_id": creditor["creditor_id"], "name": "big", "currency": "MXN", "jurisdiction": "MX"}
        big = client.post("portfolio", "/v1/portfolios", new)["portfolio_id"]
        campaign = client.post(
            "dialer-feed", "/v1/campaigns", {"name": "big", "agency_id": None, "portfolio_ids": [big]}
        )["campaign_id"]
        payers = Payers(client, other, options.rate)
        with Memory(psutil.Process(running.supervisor.pid)) as memory:
            payers.start()
            with step("load"):
                answer = load(client, big, options.file, AS_OF)
            wanted = {"campaign_id": campaign, "business_date": AS_OF.isoformat()}
            with step("list, barrier included"):
                answer_list = client.post("dialer-feed", "/v1/lists", wanted)
                while answer_list["status"] == "building":
                    time.sleep(0.2)
                    answer_list = client.get("dialer-feed", f"/v1/lists/{answer_list['list_id']}")
            tomorrow = (AS_OF + timedelta(days=1)).isoformat()
            next_day = {"as_of": tomorrow, "portfolio_id": str(UUID(big)), "confirm_future": True}
            with step("next day's staging"):
                staged = client.post("portfolio", "/v1/staging-runs", next_day)
            payers.over.set()
            payers.join(timeout=60)
        items = withdrawals(client, other.list_id, len(payers.paid))
    print(f"rows {answer['rows_read']}, contracts {answer['contracts']}, entries {answer_list['entries']}", end=", ")
    print(f"stages changed {staged['changed']}")
    seconds = delays(payers.paid, items)
    print(f"{len(seconds)} payments during this work, milliseconds from the answer to the withdrawal:", end=" ")
    print("  ".join(f"p{p:g} {percentile(seconds, p) * 1000:.0f}" for p in (50, 99, 100)))
    for name, peak in sorted(memory.peaks.items(), key=lambda item: -item[1]):
        print(f"{peak / 2**20:8.0f} MiB  {name}")


if __name__ == "__main__":
    main()
