"""Measures what operators and the withdrawal path feel while one agency floods the platform.

    .venv/bin/python bench/flood.py --data .recobro --connections 100 --seconds 60

The agency keeps that many connections busy, spread over all services, and waits for nothing: it sends the next request
as soon as it has an answer, 429 or not. Operators read at a steady rate, and payments arrive, with the flood and
without it, by turns, so that other work on the machine hurts both alike. The figures are ratios of the two, over as
many answers. An operator's answer that is no 200 counts, and is named. Each turn also shows what share of one core the
services, PostgreSQL, this program and the flood took.
"""

import argparse
import asyncio
import multiprocessing
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from payments import Listing, delays, pay, percentile, publish, withdrawals
from recobro import keys
from recobro.client import Client
from recobro.data import DataFolder
from recobro_platform import SCOPES, SERVICES
from running import connected

_READS = {
    "portfolio": "/v1/contracts?limit=20",
    "assignment": "/v1/placements?limit=20",
    "dialer-feed": "/v1/lists?limit=20",
    "field-visits": "/v1/visits?limit=20",
    "promises": "/v1/promises?limit=20",
}
"""What operators and the agency read of each service."""
_READS_A_SECOND = 10.0
_PAYMENTS_A_SECOND = 5.0


async def read(client: Client, seconds: float) -> list[float]:
    """Read as an operator for so long, one service after the other. Return the seconds of each answer."""
    found: list[float] = []
    async with httpx.AsyncClient(headers=client.headers, timeout=60) as http:

        async def ask(address: str) -> None:
            started = time.monotonic()
            answer = await http.get(address)
            found.append(time.monotonic() - started)
            if not answer.is_success:
                print(f"  an operator got {answer.status_code}", flush=True)

        addresses = [client.address(service) + path for service, path in _READS.items()]
        started, tasks = time.monotonic(), []
        for n in range(int(seconds * _READS_A_SECOND)):
            await asyncio.sleep(max(0.0, started + n / _READS_A_SECOND - time.monotonic()))
            tasks.append(asyncio.create_task(ask(addresses[n % len(addresses)])))
        await asyncio.gather(*tasks)
    return found


def used_seconds(data: DataFolder) -> dict[str, float]:
    """CPU seconds so far of each service, of PostgreSQL with its sessions, and of this program."""
    state = data.state()
    assert state is not None
    assert state.postgres_pid is not None
    found = {one.name: _seconds_of(psutil.Process(one.process.pid)) for one in state.services if one.process}
    server = psutil.Process(state.postgres_pid)
    found["PostgreSQL"] = sum(_seconds_of(each) for each in (server, *server.children(recursive=True)))
    return found | {"this program": _seconds_of(psutil.Process())}


def _seconds_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def flood(addresses: Sequence[str], token: str, connections: int, seconds: float, ready: Any, begin: Any) -> None:
    """Keep the connections busy in this process from ``begin`` on, and print how many answers of each status came."""
    answers: Counter[int] = Counter()
    ready.set()
    begin.wait()
    used_before = time.process_time()

    async def one(address: str, ends_at: float) -> None:
        parts = urlsplit(address)
        target = f"{parts.path}?{parts.query}"
        request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        while time.monotonic() < ends_at:
            try:
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                while time.monotonic() < ends_at:
                    writer.write(request)
                    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                    answers[int(head.split()[1])] += 1
                    length = head.partition("content-length: ")[2].partition("\r\n")[0]
                    await reader.readexactly(int(length or 0))
            except (OSError, asyncio.IncompleteReadError):
                answers[0] += 1
                await asyncio.sleep(0.05)
            finally:
                writer.close()

    async def all_of_them() -> None:
        ends_at = time.monotonic() + seconds
        await asyncio.gather(*(one(addresses[n % len(addresses)], ends_at) for n in range(connections)))

    asyncio.run(all_of_them())
    counts = ", ".join(f"{status or 'cut'}: {count:,}" for status, count in sorted(answers.items()))
    share = (time.process_time() - used_before) / seconds
    print(f"  the agency's answers: {counts}; the flood took {share:.0%} of a core", flush=True)


@contextmanager
def flooding(addresses: Sequence[str], token: str, connections: int, seconds: float) -> Iterator[None]:
    """While the block runs, a process of its own floods these addresses. Wait for its end."""
    processes = multiprocessing.get_context("spawn")
    ready, begin = processes.Event(), processes.Event()
    attacker = processes.Process(target=flood, args=(addresses, token, connections, seconds, ready, begin))
    attacker.start()
    # What the attacker imports would cost more than its flood does.
    ready.wait()
    begin.set()
    try:
        yield
    finally:
        attacker.join(seconds + 120)


def measure(
    data: DataFolder, client: Client, listing: Listing, turn: int, seconds: float, name: str
) -> tuple[list[float], list[float]]:
    """Read and pay for so long. Return the seconds of operators' answers and of withdrawals."""
    count = int(seconds * _PAYMENTS_A_SECOND)
    contracts = listing.contracts[turn * count : (turn + 1) * count]

    async def both() -> tuple[list[float], list[float]]:
        reading = asyncio.create_task(read(client, seconds))
        paid = await pay(client, contracts, date(2026, 11, 22), _PAYMENTS_A_SECOND)
        items = await asyncio.to_thread(withdrawals, client, listing.list_id, (turn + 1) * count)
        return await reading, delays(paid, items)

    began, before = time.monotonic(), used_seconds(data)
    answers, withdrawn = asyncio.run(both())
    lasted = time.monotonic() - began
    shares = {what: (used - before.get(what, 0.0)) / lasted for what, used in used_seconds(data).items()}
    print(f"{name}: operators {shown(answers)}; withdrawals {shown(withdrawn)}", flush=True)
    print("  of a core: " + ", ".join(f"{what} {share:.0%}" for what, share in shares.items()), flush=True)
    return answers, withdrawn


def shown(seconds: Sequence[float]) -> str:
    return f"p50 {percentile(seconds, 50) * 1000:.0f} ms, p99 {percentile(seconds, 99) * 1000:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".recobro"))
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the flood, over all turns")
    parser.add_argument("--turns", type=int, default=4)
    options = parser.parse_args()
    data = DataFolder(options.data)
    with connected(data) as client, as_file(files("recobro") / "sample" / "cartera_mx.csv") as file:
        agency_id: str = client.post("assignment", "/v1/agencies", {"name": f"Flood {uuid.uuid4().hex[:6]}"})[
            "agency_id"
        ]
        token = keys.token(data, subject=agency_id, scopes=SCOPES, agency_id=uuid.UUID(agency_id), ttl_seconds=3600)
        addresses = [client.address(service.name) + _READS[service.name] for service in SERVICES]
        name = f"flood {datetime.now(UTC):%H:%M:%S} {uuid.uuid4().hex[:4]}"
        listing = publish(client, file, date(2026, 11, 22), name=name)
        seconds = options.seconds / options.turns
        quiet: tuple[list[float], list[float]] = [], []
        flooded: tuple[list[float], list[float]] = [], []
        for turn in range(options.turns):
            for n, found in enumerate(measure(data, client, listing, 2 * turn, seconds, "without the flood")):
                quiet[n].extend(found)
            with flooding(addresses, token, options.connections, seconds + 2):
                found_now = measure(data, client, listing, 2 * turn + 1, seconds, "during the flood")
            for n, found in enumerate(found_now):
                flooded[n].extend(found)
    for n, what in enumerate(("operators", "withdrawals")):
        p50, p99 = (percentile(flooded[n], p) / max(percentile(quiet[n], p), 0.001) for p in (50, 99))
        print(f"{what}: without the flood {shown(quiet[n])}; during it p50 is {p50:.2f} and p99 {p99:.2f} times that")


if __name__ == "__main__":
    main()
