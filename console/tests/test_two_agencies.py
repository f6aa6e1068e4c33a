"""Two agencies share a console: whatever either opens, it says nothing of the other."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin

import httpx
from console_scene import Scene
from every_page import kind_of
from services_in_process import AS_OF

_LINKS = re.compile(r'(?:href|hx-get|src|action)="([^"]+)"')
_OF_A_KIND = 6
"""The most addresses of one page that are opened, each about somebody else."""


async def opened(client: httpx.AsyncClient, *first: str) -> AsyncIterator[tuple[str, str]]:
    """Follow the links of pages and of their parts. Yields each address with what it answers."""
    waiting, seen = list(first), dict.fromkeys(map(kind_of, first), 1)
    while waiting:
        address = waiting.pop(0)
        answer = await client.get(address)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        yield address, answer.text
        for link in _LINKS.findall(answer.text):
            path = urljoin(address, link.replace("&amp;", "&"))
            if not path.startswith("/") or path.startswith(("/static/", "/preferences", "/sign-")) or path in waiting:
                continue
            if seen.setdefault(kind_of(path), 0) < _OF_A_KIND:
                seen[kind_of(path)] += 1
                waiting.append(path)


async def with_work(scene: Scene, names: tuple[str, str]) -> dict[str, dict[str, Any]]:
    """Two agencies with half of the contracts each, a list each, and an objection each."""
    post, get = scene.platform.post, scene.platform.get
    made = {name: await post("assignment", "/v1/agencies", {"name": name}) for name in names}
    terms = {"kinds": ["dialing"], "starts_on": "2026-01-01", "recall_grace_days": 2, "fees": []}
    for each in made.values():
        await post("assignment", f"/v1/agencies/{each['agency_id']}/service-contracts", terms)
    shares = [{"agency_id": each["agency_id"], "weight": 1} for each in made.values()]
    rule = {"name": "mitad", "priority": 1, "kind": "dialing", "when": {"stages": ["early", "late"]}, "shares": shares}
    await post("assignment", "/v1/placement-rules", rule)
    await post("assignment", "/v1/placement-runs", {"as_of": str(AS_OF)})
    await scene.platform.settled()
    for name, each in made.items():
        new = {"name": f"Campaña de {name}", "one_entry_per": "contract", "agency_id": each["agency_id"]}
        campaign = await post("dialer-feed", "/v1/campaigns", new)
        new = {"campaign_id": campaign["campaign_id"], "business_date": str(AS_OF)}
        each["list_id"] = (await post("dialer-feed", "/v1/lists", new))["list_id"]
        found = await get("assignment", "/v1/placements", agency_id=each["agency_id"], limit=1000)
        each["contracts"] = found["items"]
        step = f"/v1/placements/{found['items'][0]['placement_id']}"
        await post("assignment", f"{step}/recall", {"reason": f"queja de {name}"})
        await post("assignment", f"{step}/objection", {"reason": f"objeción de {name}"})
        published = "SELECT status = 'published' FROM dialing_list WHERE list_id = $1"
        await scene.platform.until("dialer-feed", published, each["list_id"])
    await scene.platform.settled()
    return made


async def test_whatever_an_agency_opens_says_nothing_of_the_other(scene: Scene) -> None:
    made = await with_work(scene, ("Cobranza Ámbar", "Despacho Violeta"))
    mine, theirs = made["Cobranza Ámbar"], made["Despacho Violeta"]
    secrets = {each["contract_number"] for each in theirs["contracts"]} | {"Violeta"}
    own = f"/agencies/{mine['agency_id']}"
    async with scene.client() as staff, scene.client("agency", agency_id=mine["agency_id"]) as agency:
        # All that the staff opens, above all what is about the other agency.
        about_them = [f"/agencies/{theirs['agency_id']}", f"/lists/{theirs['list_id']}"]
        about_them += [f"/contracts/{each['contract_id']}" for each in theirs["contracts"][:3]]
        everything = [address async for address, _ in opened(staff, *about_them, "/today")]
        assert len({*map(kind_of, everything)}) > 60
        said = [shown async for _, shown in opened(agency, own, "/lists", "/contracts", "/visits", "/promises")]
        said += [(await agency.get(address, follow_redirects=True)).text for address in everything]
    assert any(mine["contracts"][1]["contract_number"] in shown for shown in said)
    assert not {secret for secret in secrets for shown in said if secret in shown}
