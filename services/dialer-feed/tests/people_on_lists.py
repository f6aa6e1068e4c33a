"""People with several contracts, and what a list says of them."""

import json
import uuid
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
from dialer_feed.delivery import queries as delivery
from dialer_feed.withdrawals import queries as withdrawals
from dialing_requests import Json
from dialing_scene import Contract, Scene
from recobro_events import Row


async def of_one_person(scene: Scene, *overdue: str, **changes: Any) -> list[Contract]:
    """Contracts of one person, with these overdue balances, under as many customer numbers."""
    person_id = uuid.uuid4()
    made = [scene.contract(overdue=Decimal(amount), person_id=person_id, **changes) for amount in overdue]
    await scene.receives(*(contract.registered() for contract in made))
    return made


async def entries(client: httpx.AsyncClient, list_id: UUID) -> list[Json]:
    answer = await client.get(f"/v1/lists/{list_id}/entries")
    return [json.loads(line) for line in answer.text.splitlines()]


async def named(scene: Scene, list_id: UUID) -> dict[str, list[str]]:
    """The contract numbers that each entry of the list names now."""
    found = await scene.rows(delivery.ENTRIES, list_id, None, None, 1000)
    return {entry["contract_number"]: [other["contract_number"] for other in entry["also"] or []] for entry in found}


async def feed(scene: Scene, list_id: UUID) -> list[Row]:
    return await scene.rows(withdrawals.AFTER, list_id, 0, 1000)
