"""An entry has the parts of the contract's balance, where the creditor has stated them."""

import csv
import io
import json
from decimal import Decimal

import httpx
from dialing_scene import Scene
from recobro_events.contracts.portfolio import Components

PARTS = Components(
    principal=Decimal("1300.00"),
    ordinary_interest=Decimal("150.00"),
    default_interest=Decimal("50.00"),
    fees=Decimal(0),
    tax=Decimal(0),
    other=Decimal(0),
)


async def test_entries_have_the_parts_of_a_balance_only_where_they_are_known(
    client: httpx.AsyncClient, scene: Scene
) -> None:
    split, whole = await scene.contracts(2)
    await scene.receives(split.revised(components=PARTS))
    list_id = await scene.built()
    answer = await client.get(f"/v1/lists/{list_id}/entries")
    entries = {line["contract_number"]: line for line in map(json.loads, answer.text.splitlines())}
    assert entries[split.number]["components"] == PARTS.model_dump(mode="json")
    assert "components" not in entries[whole.number]
    answer = await client.get(f"/v1/lists/{list_id}/entries", params={"format": "csv"})
    rows = {row["contract_number"]: row for row in csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))}
    assert list(rows[split.number])[-7:] == [*list(PARTS.model_dump())[:-1], "calculated_on"]
    assert (rows[split.number]["principal"], rows[split.number]["default_interest"]) == ("1300.00", "50.00")
    assert rows[whole.number]["principal"] == ""


async def test_a_list_without_parts_has_no_columns_for_them(client: httpx.AsyncClient, scene: Scene) -> None:
    await scene.contracts(1)
    answer = await client.get(f"/v1/lists/{await scene.built()}/entries", params={"format": "csv"})
    assert "principal" not in answer.text
