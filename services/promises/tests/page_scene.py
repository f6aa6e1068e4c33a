"""The debtor's page in tests: a contract whose debtor can prove who they are, a link, and a browser without scripts."""

import re
from dataclasses import replace
from typing import Any

import httpx
from chassis import public
from chassis.limits import Limiter
from chassis.testing.publishers import Contract
from promise_scene import Json, Scene

TAX_ID, POSTAL_CODE = "ROMR800101AB1", "27000"
ANSWERS = {"tax_id": "1AB1", "postal_code": POSTAL_CODE}
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_FORM = re.compile(r'<form method="post" action="([^"#]+)[^>]*>(.*?)</form>', re.DOTALL)


async def known_contract(scene: Scene, **changes: Any) -> Contract:
    """A contract of a debtor with a tax id and a postal code."""
    return await scene.registered(**{"tax_id": TAX_ID, "postal_codes": (POSTAL_CODE,)} | changes)


async def link_of(scene: Scene, contract: Contract, **body: Any) -> Json:
    answer = await scene.client.post(f"/v1/contracts/{contract.contract_id}/links", json=body)
    assert answer.status_code == 201, answer.text
    link: Json = answer.json()
    return link


class Visitor:
    """A browser without an account. It keeps cookies, sends forms, and follows what it is sent to."""

    def __init__(self, scene: Scene, **headers: str) -> None:
        transport = scene.client._transport
        # Tests ask faster than people.
        fast = replace(public.PUBLIC_LIMIT, per_second=1000, open_at_once=1000)
        transport.app.state.public_limiter = Limiter(fast, fast, fast)  # type: ignore[attr-defined]
        self.http = httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30, headers=headers)
        self.page: httpx.Response

    async def get(self, address: str, **headers: str) -> httpx.Response:
        path = "/" + address.partition("://")[2].partition("/")[2] if "://" in address else address
        self.page = await self.http.get(path, headers=headers, follow_redirects=True)
        return self.page

    def form(self, action: str, number: int = 0) -> dict[str, str]:
        """The hidden fields of a form on the page."""
        found = [body for where, body in _FORM.findall(self.page.text) if where == action]
        assert found, f"the page has no form for {action}"
        return dict(_HIDDEN.findall(found[number]))

    def has(self, action: str) -> bool:
        return any(where == action for where, _ in _FORM.findall(self.page.text))

    async def post(self, action: str, fields: Json, **headers: str) -> httpx.Response:
        """Send fields. What a redirect leads to is the page."""
        self.page = await self.http.post(action, data=fields, headers=headers, follow_redirects=True)
        return self.page

    async def send(self, kind: str, **fields: Any) -> httpx.Response:
        """Send the page's form of an act."""
        action = f"/p/act/{kind}"
        return await self.post(action, self.form(action) | fields)

    async def identify(self, **answers: str) -> httpx.Response:
        return await self.post("/p/identity", self.form("/p/identity") | ANSWERS | answers)

    async def sign_in(self, link: Json) -> httpx.Response:
        """Open the link, and prove to be the debtor."""
        await self.get(link["url"])
        answer = await self.identify()
        assert answer.status_code == 200, answer.text
        return answer


async def signed_in(scene: Scene, contract: Contract | None = None, **body: Any) -> tuple[Visitor, Contract, Json]:
    contract = contract or await known_contract(scene)
    link = await link_of(scene, contract, **body)
    visitor = Visitor(scene)
    await visitor.sign_in(link)
    return visitor, contract, link
