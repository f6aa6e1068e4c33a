"""Clients that write at a given rate and repeat each request, with its key, until they get an answer."""

import asyncio
import itertools
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from uuid import UUID, uuid4

import httpx
from faults.ledger import Kind, Ledger, Write
from recobro.client import Client

PATIENCE_SECONDS = 240.0
ATTEMPT_SECONDS = 10.0
PAUSES_SECONDS = (0.2, 0.2, 0.5, 1.0)
AMOUNT = "1.00"
_CLIENTS = 30
_RESERVED = 10
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)


class Plan:
    """Chooses the clients' next writes: mostly payments, many for the same contracts, so that their order matters.

    Each dispute or promise needs a contract without any, so there are only as many as ``untouched`` contracts.
    """

    def __init__(self, contracts: Sequence[UUID], as_of: date, ledger: Ledger, seeded: random.Random) -> None:
        third = len(contracts) // 3
        self.payees, self._untouched = contracts[:third], list(contracts[third:-_RESERVED])
        self._reserved = list(contracts[-_RESERVED:])
        self._as_of = as_of
        self._ledger = ledger
        self._random = seeded
        self._undone: set[UUID] = set()

    def next(self) -> Write:
        kinds = [Kind.PAYMENT, Kind.REVERSAL, Kind.DISPUTE, Kind.PROMISE]
        [kind] = self._random.choices(kinds, weights=[88, 6, 3, 3])
        made = {Kind.REVERSAL: self._reversal, Kind.DISPUTE: self._dispute, Kind.PROMISE: self._promise}
        return (made[kind]() if kind in made else None) or self.payment(self._random.choice(self.payees))

    def take_untouched(self) -> UUID:
        """Return a contract for which no client writes anything."""
        return self._reserved.pop()

    def payment(self, contract_id: UUID) -> Write:
        body = {
            "amount": AMOUNT,
            "paid_on": self._as_of.isoformat(),
            "channel": "bank",
            "reference": uuid4().hex,
        }
        return Write(Kind.PAYMENT, "portfolio", f"/v1/contracts/{contract_id}/payments", body, contract_id)

    def _reversal(self) -> Write | None:
        recent = self._ledger.writes[-200:]
        known = [w for w in recent if w.kind is Kind.PAYMENT and w.made is not None and w.made not in self._undone]
        if not known:
            return None
        paid = self._random.choice(known)
        assert paid.made is not None
        self._undone.add(paid.made)
        path = f"/v1/payments/{paid.made}/reversal"
        return Write(Kind.REVERSAL, "portfolio", path, {"reason": "returned by the bank"}, paid.contract_id)

    def _dispute(self) -> Write | None:
        if not self._untouched:
            return None
        contract_id = self._untouched.pop()
        body = {"reason": "not mine", "opened_by": "debtor"}
        return Write(Kind.DISPUTE, "portfolio", f"/v1/contracts/{contract_id}/clarifications", body, contract_id)

    def _promise(self) -> Write | None:
        if not self._untouched:
            return None
        contract_id = self._untouched.pop()
        due_on = self._as_of + timedelta(days=5)
        body = {"contract_id": str(contract_id), "amount": "50.00", "due_on": due_on.isoformat(), "made_in": "call"}
        return Write(Kind.PROMISE, "promises", "/v1/promises", body, contract_id)


class Clients:
    """Thirty clients of each service with one token. Each client handles one write at a time until that has an answer.

    ``ATTEMPT_SECONDS`` bounds an attempt; ``PAUSES_SECONDS`` are between attempts. A write waits for a free client. The
    clients give up once none of them has had an answer for ``PATIENCE_SECONDS``. There is no limit for a single write,
    because its time in the queue depends on the machine's speed.

    ``addresses`` are those of services that are not at their usual address. Each attempt takes the next one.
    """

    def __init__(self, client: Client, ledger: Ledger) -> None:
        self.addresses: dict[str, Iterator[str]] = {}
        self._address: Callable[[str], str] = client.address
        self._ledger = ledger
        self._answered_at = time.monotonic()
        # If all waiting writes were repeated at once, a service would hardly have time to start.
        self._free: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_CLIENTS))
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=_CLIENTS)
        self._http = httpx.AsyncClient(
            headers=client.headers, timeout=ATTEMPT_SECONDS, limits=limits, trust_env=False, verify=False
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def write(self, plan: Plan, count: int, rate: float, enough: asyncio.Event) -> None:
        """Send at least ``count`` writes, ``rate`` a second, until ``enough`` is set.

        Return when each write has been answered or given up.
        """
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for n in itertools.count():
                if n >= count and enough.is_set():
                    return
                await asyncio.sleep(max(0.0, started + n / rate - time.monotonic()))
                group.create_task(self.finish(plan.next()))

    async def finish(self, write: Write) -> None:
        """Send the write until it has an answer, or the clients give up."""
        self._ledger.writes.append(write)
        began = time.monotonic()
        pauses = itertools.chain(PAUSES_SECONDS, itertools.repeat(PAUSES_SECONDS[-1]))
        async with self._free[write.service]:
            while time.monotonic() < max(began, self._answered_at) + PATIENCE_SECONDS:
                if await self._attempt(write):
                    return
                await asyncio.sleep(next(pauses))

    async def _attempt(self, write: Write) -> bool:
        """Send the write once, and return whether it is decided."""
        try:
            answer = await self.send(write)
        except _NOT_SENT:
            return False
        except httpx.TransportError:
            write.ambiguous = True
            return False
        if answer.status_code == httpx.codes.CREATED:
            write.acknowledge(answer.json(), time.time())
        elif answer.status_code == httpx.codes.SERVICE_UNAVAILABLE or _is_in_flight(answer):
            write.ambiguous = True
            return False
        else:
            write.refused = f"{answer.status_code} {answer.text[:200]}"
        self._answered_at = time.monotonic()
        return True

    async def send(self, write: Write) -> httpx.Response:
        headers = {"Idempotency-Key": write.key}
        elsewhere = self.addresses.get(write.service)
        address = next(elsewhere) if elsewhere is not None else self._address(write.service)
        return await self._http.post(address + write.path, json=write.body, headers=headers)

    async def repeat(self, write: Write) -> UUID | None:
        """Repeat an acknowledged write with the same key, and return the id in the answer."""
        answer = await self.send(write)
        again = Write(write.kind, write.service, write.path, write.body, write.contract_id)
        again.acknowledge(answer.raise_for_status().json(), 0)
        return again.made


def _is_in_flight(answer: httpx.Response) -> bool:
    if answer.status_code != httpx.codes.CONFLICT:
        return False
    return str(answer.json().get("type", "")).endswith("in-flight")
