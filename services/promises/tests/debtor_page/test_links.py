"""Links to the debtor's page: who gets one, and when it is dead."""

from datetime import timedelta
from typing import Any

import pytest
from chassis.testing import mint
from page_scene import Visitor, known_contract, link_of, signed_in
from promise_scene import Contract, Json, Scene, code_of
from recobro_events.contracts.portfolio import ContractState, DebtorStatus


async def shown(scene: Scene, link: Json) -> Json:
    answer = await scene.client.get(f"/v1/links/{link['link_id']}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def opens(scene: Scene, link: Json) -> bool:
    answer = await Visitor(scene).get(link["url"])
    assert answer.status_code in (200, 404), answer.text
    return answer.status_code == 200


async def test_a_link_is_shown_once_and_only_its_digest_is_kept(scene: Scene) -> None:
    contract = await known_contract(scene)
    link = await link_of(scene, contract, language="pt")
    token = link["url"].rpartition("/")[2]
    assert (link["state"], link["language"], link["made_by"]) == ("unused", "pt", "test")
    listed = (await scene.client.get(f"/v1/contracts/{contract.contract_id}/links")).json()["items"]
    assert listed == [{name: value for name, value in link.items() if name != "url"}]
    for table in ("page_link", "audit_entry", "page_identity"):
        rows = await scene.rows(f"SELECT {table}::text FROM {table}")
        assert rows
        assert all(token not in row[0] and "ROMR800101AB1" not in row[0] and "27000" not in row[0] for row in rows)


async def test_a_link_opens_for_72_hours_and_its_page_for_half_an_hour(scene: Scene) -> None:
    contract = await known_contract(scene)
    link = await link_of(scene, contract)
    scene.now += timedelta(hours=72) - timedelta(seconds=1)
    visitor = Visitor(scene)
    await visitor.sign_in(link)
    scene.now += timedelta(minutes=30) - timedelta(seconds=1)
    assert (await visitor.get("/p/mine")).status_code == 200
    scene.now += timedelta(seconds=1)
    assert (await visitor.get("/p/mine")).status_code == 404
    assert (await shown(scene, link))["state"] == "over"
    other = await link_of(scene, contract)
    scene.now += timedelta(hours=72)
    assert not await opens(scene, other)
    assert (await shown(scene, other))["state"] == "over"


async def test_a_form_that_was_opened_in_time_and_sent_too_late_opens_nothing(scene: Scene) -> None:
    link = await link_of(scene, await known_contract(scene))
    visitor = Visitor(scene)
    await visitor.get(link["url"])
    scene.now += timedelta(hours=72)
    assert (await visitor.identify()).status_code == 404
    assert (await visitor.get("/p/mine")).status_code == 404


async def test_a_link_opens_once(scene: Scene) -> None:
    visitor, _, link = await signed_in(scene)
    assert not await opens(scene, link)
    assert (await visitor.get(link["url"])).status_code == 200, "the debtor's own browser goes on to the page"
    assert "1,000.00" in visitor.page.text
    assert (await shown(scene, link))["state"] == "open"


async def test_the_token_of_a_used_link_is_no_session(scene: Scene) -> None:
    visitor, _, link = await signed_in(scene)
    [name] = visitor.http.cookies.keys()
    stranger = Visitor(scene)
    stranger.http.cookies.set(name, link["url"].rpartition("/")[2])
    assert (await stranger.get("/p/mine")).status_code == 404


async def test_a_newer_link_replaces_the_one_before(scene: Scene) -> None:
    visitor, contract, link = await signed_in(scene)
    newer = await link_of(scene, contract)
    assert (await visitor.get("/p/mine")).status_code == 404
    assert (await shown(scene, link))["ended_because"] == "replaced"
    assert await opens(scene, newer)


async def test_a_revoked_link_shows_nothing_and_ends_the_page(scene: Scene) -> None:
    visitor, _, link = await signed_in(scene)
    path = f"/v1/links/{link['link_id']}/revocation"
    revoked = await scene.client.post(path, json={"reason": "sent to a wrong number"})
    assert (revoked.status_code, revoked.json()["ended_because"]) == (201, "sent to a wrong number")
    assert (await visitor.get("/p/mine")).status_code == 404
    again = await scene.client.post(path, json={"reason": "again"})
    assert (again.status_code, code_of(again)) == (409, "link-not-alive")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": ContractState.RETURNED}, "contract-closed"),
        ({"status": DebtorStatus.DECEASED}, "deceased"),
        ({"status": DebtorStatus.REPRESENTED}, "represented"),
        ({"tax_id": None, "postal_codes": ()}, "identity-unknown"),
        ({"tax_id": "AB1", "postal_codes": ("",)}, "identity-unknown"),
    ],
)
async def test_who_must_not_be_asked_gets_no_link_and_a_page_that_is_open_ends(
    scene: Scene, change: dict[str, Any], why: str
) -> None:
    visitor, contract, link = await signed_in(scene)
    unused = await link_of(scene, other := await known_contract(scene, number="C-2"))
    before = {name: getattr(contract, name) for name in change}
    await scene.receives(contract.revised(**change), other.revised(**change))
    assert (await visitor.get("/p/mine")).status_code == 404
    assert not await opens(scene, unused)
    refused = await scene.client.post(f"/v1/contracts/{contract.contract_id}/links", json={})
    assert (refused.status_code, code_of(refused)) == (409, why)
    await scene.receives(contract.revised(**before))
    assert (await visitor.get("/p/mine")).status_code == 404, "what has ended stays ended"
    assert (await shown(scene, link))["ended_because"] == why.replace("-", "_")
    assert (await link_of(scene, contract))["state"] == "unused"


async def test_a_payment_that_settles_the_contract_ends_its_link(scene: Scene) -> None:
    _, contract, link = await signed_in(scene)
    contract.change(state=ContractState.SETTLED)
    await scene.receives(contract.paid("1000.00"))
    assert (await shown(scene, link))["ended_because"] == "contract_closed"


async def test_operators_make_links_and_agencies_do_not(scene: Scene) -> None:
    contract = await known_contract(scene)
    path = f"/v1/contracts/{contract.contract_id}/links"
    placement = await scene.placed(contract, agency := contract.debtor_id)
    assert placement
    refused = await scene.client.post(path, json={}, headers=scene.agency(agency))
    assert (refused.status_code, code_of(refused)) == (403, "agency-refused")
    reader = {"Authorization": f"Bearer {mint(scopes=['promises:read'])}"}
    assert (await scene.client.post(path, json={}, headers=reader)).status_code == 403
    unknown = await scene.client.post(f"/v1/contracts/{contract.debtor_id}/links", json={})
    assert (unknown.status_code, code_of(unknown)) == (404, "contract-unknown")
    assert (await scene.client.get(f"/v1/links/{contract.debtor_id}")).status_code == 404


async def test_an_older_file_does_not_bring_old_answers_back(scene: Scene) -> None:
    contract = await known_contract(scene)
    old = contract.registered()
    await scene.receives(contract.revised(tax_id="SOVL790202CD2"))
    await scene.receives(old)
    visitor = Visitor(scene)
    await visitor.get((await link_of(scene, contract))["url"])
    assert (await visitor.identify()).status_code == 422
    assert (await visitor.identify(tax_id="2CD2")).status_code == 200


async def test_equal_answers_of_two_debtors_have_different_digests(scene: Scene) -> None:
    contracts: list[Contract] = [await known_contract(scene, number=f"C-{n}") for n in range(2)]
    assert len(contracts) == 2
    rows = await scene.rows("SELECT tax_id, postal_codes[1] AS code FROM page_identity")
    assert len({row["tax_id"] for row in rows}) == len({row["code"] for row in rows}) == 2
