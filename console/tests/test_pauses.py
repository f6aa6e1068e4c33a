"""Pauses of a person, a portfolio and a postal code are entered, listed and ended."""

import re
from typing import Any

from console_scene import Scene
from contracts_scene import contract, only_contract, path_of, spanish
from services_in_process import AS_OF

_AT = "/contracts/pauses"


async def paused(scene: Scene, one: dict[str, Any]) -> bool:
    await scene.platform.settled()
    shown = await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
    return any(each["ends_on"] is None for each in shown["pauses"])


async def test_a_postal_code_is_paused_and_goes_on(scene: Scene) -> None:
    one = await contract(scene)
    shown = await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
    creditor = (await scene.platform.get("portfolio", f"/v1/portfolios/{one['portfolio_id']}"))["creditor_id"]
    typed = {
        "creditor_id": creditor,
        "country": "mx",
        "postal_code": shown["addresses"][0]["postal_code"],
        "reason": "Huracán",
        "starts_on": str(AS_OF),
    }
    form = f"{_AT}/new/postal_code"
    async with scene.client() as client:
        refused = await scene.send(client, form, form, **typed | {"postal_code": "¡!"})
        assert refused.status_code == 422
        assert 'aria-describedby="w-postal_code"' in refused.text
        assert "Huracán" in refused.text
        begun = await scene.send(client, form, form, **typed)
        assert (begun.status_code, begun.headers["location"]) == (303, _AT)
        assert await paused(scene, one)
        again = await scene.send(client, form, form, **typed)
        assert "Ya está en pausa en algunos de estos días" in again.text
        table = (await client.get(f"{_AT}/table")).text
        assert "Huracán" in table
        assert spanish(AS_OF) in table
        found = re.search(rf'href="({_AT}/[0-9a-f-]+/end)"', table)
        assert found is not None
        assert (await scene.send(client, found[1], found[1])).status_code == 303
        assert not await paused(scene, one)


async def test_a_person_is_paused_on_a_contract_and_a_portfolio_on_its_own_page(scene: Scene) -> None:
    one = await only_contract(scene)
    async with scene.client() as client:
        form = path_of(one, "/person-pause")
        begun = await scene.send(client, form, form, reason="Hospital", starts_on=str(AS_OF))
        assert (begun.status_code, begun.headers["location"]) == (303, path_of(one))
        assert await paused(scene, one)
        table = (await client.get(f"{_AT}/table")).text
        assert f"persona <strong>{one['debtor_name']}</strong>" in table
        other = await scene.platform.portfolio()
        form = f"{_AT}/new/portfolio"
        begun = await scene.send(client, form, form, portfolio_id=other, reason="Venta", starts_on=str(AS_OF))
        assert begun.status_code == 303
        assert "Venta" in (await client.get(f"{_AT}/table")).text


async def test_who_may_only_read_sees_pauses_and_enters_none(scene: Scene) -> None:
    async with scene.client("auditor") as client:
        page = await client.get(_AT)
        assert page.status_code == 200
        assert f"{_AT}/new/" not in page.text
        assert (await client.get(f"{_AT}/new/portfolio")).status_code == 403
    agency = (await scene.platform.post("assignment", "/v1/agencies", {"name": "Sur"}))["agency_id"]
    async with scene.client("agency", agency_id=agency) as client:
        for path in (_AT, f"{_AT}/table", f"{_AT}/new/portfolio"):
            assert (await client.get(path)).status_code == 403
