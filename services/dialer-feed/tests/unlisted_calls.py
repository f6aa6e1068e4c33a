"""Calls that name their contract and no list."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import httpx
from dialing_requests import Json, call, report_calls
from dialing_scene import DAY, Contract

TOMORROW = DAY + timedelta(days=1)


NO_LIST = UUID(int=0)


def by_id(contract: Contract, disposition: str = "no_answer", **changes: Any) -> Json:
    """A call that names its contract by the id, and no list."""
    named = call(NO_LIST, contract, disposition) | {"contract_id": str(contract.contract_id)}
    del named["list_id"], named["contract_number"]
    return named | changes


def yesterday_at(hour: int, minute: int = 0) -> str:
    """A moment of yesterday in UTC; Mexico City is six hours behind."""
    day = datetime.now(UTC).date() - timedelta(days=1)
    return datetime.combine(day, time(hour, minute), UTC).isoformat()


async def item_of(client: httpx.AsyncClient, made: Json) -> Json:
    outcome = await report_calls(client, made)
    assert outcome["rejected"] == []
    [item] = outcome["items"]
    shown: Json = item
    return shown


async def is_wrongful(client: httpx.AsyncClient, made: Json) -> bool:
    return bool((await item_of(client, made))["wrongful"])
