"""Lists in the console: built, watched live, explained, compared, and as an agency sees them."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from console_scene import Scene
from playwright.async_api import Browser, expect
from services_in_process import AS_OF


@pytest.fixture(scope="module")
async def campaign(scene: Scene) -> str:
    new = {"name": "Recordatorio", "one_entry_per": "contract"}
    return str((await scene.platform.post("dialer-feed", "/v1/campaigns", new))["campaign_id"])


@pytest.fixture(scope="module")
async def built(scene: Scene, campaign: str) -> dict[str, Any]:
    """A published list of the campaign."""
    async with scene.client("operator") as client:
        answer = await scene.send(
            client, "/lists", "/lists/build", campaign_id=campaign, business_date=str(AS_OF), _key="k-1"
        )
        assert answer.status_code == 303, answer.text
    list_id = answer.headers["location"].rpartition("/")[2]
    await scene.platform.until(
        "dialer-feed", "SELECT status = 'published' FROM dialing_list WHERE list_id = $1", list_id
    )
    known: dict[str, Any] = await scene.platform.get("dialer-feed", f"/v1/lists/{list_id}")
    return known


async def entries(scene: Scene, list_id: str) -> list[dict[str, Any]]:
    found = await scene.platform.get("dialer-feed", f"/v1/lists/{list_id}/contracts", status="listed", limit=1000)
    listed: list[dict[str, Any]] = found["items"]
    return listed


async def test_a_list_for_a_wrong_day_is_refused_and_the_form_keeps_what_was_typed(scene: Scene, campaign: str) -> None:
    async with scene.client("operator") as client:
        answer = await scene.send(
            client, "/lists", "/lists/build", campaign_id=campaign, business_date="2099-01-01", _key="k-2"
        )
    assert answer.status_code == 422
    assert 'value="2099-01-01"' in answer.text


async def test_a_list_shows_how_it_stands(scene: Scene, built: dict[str, Any]) -> None:
    async with scene.client("operator") as client:
        table = await client.get("/lists/table")
        standing = await client.get(f"/lists/{built['list_id']}/standing")
        file = await client.get(f"/lists/{built['list_id']}/file")
    assert "Recordatorio" in table.text
    assert "llamadas indebidas" in standing.text
    assert file.headers["content-type"].startswith("text/csv")
    assert len(file.text.splitlines()) == 1 + len(await entries(scene, built["list_id"]))


async def test_a_payment_takes_the_contract_off_on_an_open_page(
    scene: Scene, browser: Browser, built: dict[str, Any]
) -> None:
    list_id = built["list_id"]
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}/lists/{list_id}")
        await page.wait_for_selector("[aria-busy=true]", state="detached")
        chosen = (await entries(scene, list_id))[0]
        assert await page.get_by_role("row", name=chosen["contract_number"]).count() == 1
        await page.focus("#f-contract_number")
        payment = {"amount": "10.00", "paid_on": str(AS_OF), "channel": "branch"}
        await scene.platform.post("portfolio", f"/v1/contracts/{chosen['contract_id']}/payments", payment)
        left = page.locator("#o-withdrawals + div").get_by_role("row", name=chosen["contract_number"])
        await expect(left).to_contain_text("pago")
        assert await page.evaluate("document.activeElement.id") == "f-contract_number", "the focus was stolen"
        await page.goto(f"{scene.url}/lists/{list_id}/why?contract_id={chosen['contract_id']}")
        await expect(page.get_by_role("row", name="Pago reciente")).to_contain_text("excluye")


async def test_a_preview_and_a_comparison_build_nothing(scene: Scene, built: dict[str, Any], campaign: str) -> None:
    before = await scene.platform.rows("dialer-feed", "SELECT count(*) FROM dialing_list")
    async with scene.client("auditor") as client:
        preview = await client.get("/lists/preview", params={"campaign_id": campaign})
        compared = await client.get(f"/lists/{built['list_id']}/difference")
        page = await client.get("/lists")
    assert "En la lista" in preview.text
    assert "no tiene otra lista" in compared.text
    assert "Publicar la lista" not in page.text, "an auditor changes nothing"
    assert await scene.platform.rows("dialer-feed", "SELECT count(*) FROM dialing_list") == before


async def test_an_agency_sees_its_own_lists_alone(scene: Scene, built: dict[str, Any]) -> None:
    agency = await scene.platform.post("assignment", "/v1/agencies", {"name": "Llamadas del Sur"})
    async with scene.client("agency", agency_id=agency["agency_id"]) as client:
        assert "Recordatorio" not in (await client.get("/lists/table")).text
        assert (await client.get(f"/lists/{built['list_id']}")).status_code == 404
        assert (await client.get(f"/lists/{built['list_id']}/why")).status_code == 403


async def test_a_dead_service_leaves_the_rest_of_the_page(scene: Scene, built: dict[str, Any]) -> None:
    addresses = scene.app.state.addresses
    kept, addresses["dialer-feed"] = addresses["dialer-feed"], "http://127.0.0.1:9"
    try:
        async with scene.client("operator") as client:
            page = await client.get("/lists")
            part = await client.get("/lists/table")
            whole = await client.get(f"/lists/{built['list_id']}")
    finally:
        addresses["dialer-feed"] = kept
    assert page.status_code == 200
    assert "dialer-feed no responde" in part.text
    assert whole.status_code == 503
    assert "dialer-feed no responde" in whole.text


async def test_a_list_and_a_contract_show_who_asked_before_a_call(scene: Scene, built: dict[str, Any]) -> None:
    """A question about a number that the list does not have is refused, and stands on both pages."""
    [first, *_] = await entries(scene, built["list_id"])
    asked = {"list_id": built["list_id"], "contract_number": first["contract_number"], "phone": "+528710000000"}
    async with scene.client("operator") as client:
        empty = await client.get(f"/lists/{built['list_id']}/permits")
        answer = await scene.platform.clients["dialer-feed"].post("/v1/permits", json=asked)
        assert answer.status_code == 409
        shown = await client.get(f"/lists/{built['list_id']}/permits")
        of_contract = await client.get(f"/contracts/{first['contract_id']}/parts/lists")
        number = {"number": first["contract_number"]}
        found = (await client.get("/lists/permits", params=number | {"granted": "false"})).text
        one = re.search(r'href="(/lists/permits/[0-9a-f-]+)"', found)
        assert one is not None
        evidence = (await client.get(one[1])).text
        assert "Nadie consultó" in (await client.get("/lists/permits", params=number | {"granted": "true"})).text
        assert "Nadie consultó" in (await client.get("/lists/permits", params={"number": "no hay"})).text
    assert "Se negó una llamada" in evidence
    assert "+528710000000" in evidence
    assert first["contract_number"] in evidence
    assert "Ningún marcador ha pedido un permiso" in empty.text
    assert "Permiso negado" in shown.text
    assert first["contract_number"] in shown.text
    assert "Consultas antes de llamar" in of_contract.text


async def test_a_campaign_demands_numbers_and_permits_of_its_dialers(scene: Scene, campaign: str) -> None:
    path = f"/campaigns/{campaign}/demands"
    async with scene.client("operator") as client:
        wrong = await scene.send(client, path, path, caller_ids="+525511112222\n5533334444", permits="required")
        done = await scene.send(client, path, path, caller_ids="+525511112222, +525533334444", permits="optional")
        shown = (await client.get(path)).text
    assert (wrong.status_code, "debe ser un número como" in wrong.text) == (422, True)
    assert "5533334444" in wrong.text
    assert done.status_code == 303, done.text
    assert "+525511112222\n+525533334444" in shown
    known = await scene.platform.get("dialer-feed", f"/v1/campaigns/{campaign}")
    assert (known["caller_ids"], known["permits"]) == (["+525511112222", "+525533334444"], "optional")


async def test_numbers_that_nobody_may_call_are_loaded_from_a_file(scene: Scene) -> None:
    path = "/lists/suppressions"
    async with scene.client("operator") as client:
        page = (await client.get(path)).text
        token = page.partition("_csrf=")[2].partition('"')[0]
        file = {"file": ("baja.csv", b"5512345678\n5587654321\n", "text/csv")}
        where = f"{path}?_csrf={token}"
        wrong = await client.post(where, data={"name": "Baja propia", "country": "MX"}, files=file)
        done = await client.post(where, data={"name": "baja-propia", "country": "MX"}, files=file)
        shown = (await client.get(path)).text
        foreign = await client.post(f"{path}?_csrf=x", data={"name": "a", "country": "MX"}, files=file)
    assert (wrong.status_code, 'value="Baja propia"' in wrong.text) == (422, True)
    assert done.status_code == 303, done.text
    assert "baja-propia" in shown
    assert foreign.status_code == 403


async def test_the_form_of_a_campaign_says_its_kind_order_size_and_phones(scene: Scene) -> None:
    wrong = {"name": "Sin orden", "kind": "predictive", "daily_size": "500", "segments": "chronic", "phone_1": "mobile"}
    new = wrong | {"name": "Del día", "list_order": "last_contact", "phones_per_entry": "2", "phone_2": "verified"}
    ahead = {"name": "Antes", "kind": "preventive", "due_within_days": "3", "min_total": "1,250.00", "stages": "early"}
    async with scene.client("operator") as client:
        refused = await scene.send(client, "/lists", "/lists/campaigns", stages="early", **wrong, _key="c-1")
        done = [
            await scene.send(client, "/lists", "/lists/campaigns", **new, stages="late", steps="reminder", _key="c-2"),
            await scene.send(client, "/lists", "/lists/campaigns", **ahead, _key="c-3"),
        ]
    assert refused.status_code == 422
    assert "debe tener list_order con daily_size" in refused.text
    for kept in ('value="500"', 'value="chronic"', 'value="predictive" selected', 'value="mobile" selected'):
        assert kept in refused.text, kept
    assert 'name="stages" value="late" checked' not in refused.text
    assert [answer.status_code for answer in done] == [303, 303]
    known = {one["name"]: one for one in (await scene.platform.get("dialer-feed", "/v1/campaigns"))["items"]}
    wished = {name: known["Del día"][name] for name in ("stages", "steps", "segments", "list_order", "daily_size")}
    assert wished == {
        "stages": ["late"],
        "steps": ["reminder"],
        "segments": ["chronic"],
        "list_order": "last_contact",
        "daily_size": 500,
    }
    assert (known["Del día"]["phone_order"], known["Del día"]["phones_per_entry"]) == (["mobile", "verified"], 2)
    reminds = known["Antes"]
    assert (reminds["stages"], reminds["due_within_days"], reminds["min_total"]) == (["current"], 3, "1250.00")


async def test_a_code_that_nobody_has_explained_gets_its_meaning_and_leaves_others_alone(
    scene: Scene, built: dict[str, Any]
) -> None:
    [first, *_] = await entries(scene, built["list_id"])
    call = {"list_id": built["list_id"], "contract_number": first["contract_number"], "phone": "+528710000000"}
    for number, code in enumerate(("NC01", "NC02")):
        one = call | {"call_id": f"m2-{number}", "agent": "Ana", "started_at": datetime.now(UTC).isoformat()}
        one |= {"duration_seconds": 0, "disposition_code": code}
        answer = await scene.platform.clients["dialer-feed"].post("/v1/calls", json=[one])
        assert answer.status_code == 202, answer.text
    path = "/lists/codes"
    async with scene.client("operator") as client:
        shown = (await client.get(path)).text
        assert re.search(r"códigos desconocidos</dt><dd>2</dd>", shown)
        assert shown.count('<option value="voicemail"') == 3, "two codes, and one that is added"
        wrong = await scene.send(client, path, path, of="", code="OK", disposition="nonsense", was="", _key="d-1")
        assert (wrong.status_code, 'value="OK"' in wrong.text) == (422, True)
        await scene.send(client, path, path, of="", code="OK", disposition="right_party", was="", _key="d-2")
        rows = {"of": ["", ""], "code": ["NC01", "NC02"], "disposition": ["no_answer", ""], "was": ["", ""]}
        done = await scene.send(client, path, path, **rows, _key="d-3")
        assert done.status_code == 303, done.text
        shown = (await client.get(path, params={"dialer": "00000000-0000-0000-0000-000000000000"})).text
        assert re.search(r"códigos desconocidos</dt><dd>1</dd>", shown)
    known = await scene.platform.get("dialer-feed", "/v1/disposition-codes", mapped="true")
    meanings = {each["code"]: each["disposition"] for each in known["items"]}
    assert meanings == {"OK": "right_party", "NC01": "no_answer"}
    async with scene.client("operator") as client:
        # Both saw the same page. This person left NC01 alone, and another one has changed OK meanwhile.
        old = {"of": ["", ""], "code": ["OK", "NC02"], "disposition": ["promise", "busy"], "was": ["right_party", ""]}
        kept = {"of": [""], "code": ["NC01"], "disposition": ["voicemail"], "was": ["voicemail"]}
        meanwhile = {"of": "", "code": "OK", "disposition": "third_party", "was": "right_party"}
        assert (await scene.send(client, path, path, **meanwhile)).status_code == 303
        rows = {name: old[name] + kept[name] for name in old}
        late = await scene.send(client, path, path, **rows)
        assert (late.status_code, "Otra persona cambió mientras tanto" in late.text) == (422, True)
    known = await scene.platform.get("dialer-feed", "/v1/disposition-codes", mapped="true")
    meanings = {each["code"]: each["disposition"] for each in known["items"]}
    assert meanings == {"OK": "third_party", "NC01": "no_answer"}
    async with scene.client("auditor") as client:
        assert "Guardar los significados" not in (await client.get(path)).text


async def test_a_call_is_shown_with_its_evidence_and_counts_in_productivity(
    scene: Scene, built: dict[str, Any]
) -> None:
    [first, *_] = await entries(scene, built["list_id"])
    call = {
        "call_id": "m1-7",
        "list_id": built["list_id"],
        "contract_number": first["contract_number"],
        "phone": "+528710000000",
        "agent": "Ana",
        "started_at": datetime.now(UTC).isoformat(),
        "duration_seconds": 42,
        "disposition": "right_party",
        "recording": {"uri": "s3://grabaciones/m1-7.wav", "announced": True},
    }
    answer = await scene.platform.clients["dialer-feed"].post("/v1/calls", json=[call])
    assert answer.status_code == 202, answer.text
    async with scene.client("auditor") as client:
        shown = await client.get("/lists/calls/m1-7")
        figure = await client.get("/insight/productivity", params={"by": "agent"})
        book = await client.get("/insight/productivity/file", params={"by": "agent", "format": "xlsx"})
    assert shown.status_code == 200, shown.text
    for said in ("Prueba de una llamada", "s3://grabaciones/m1-7.wav", "no pidió permiso", first["contract_number"]):
        assert said in shown.text, said
    assert "Productividad" in figure.text
    assert "Ana" in figure.text
    assert book.headers["content-disposition"].endswith('.xlsx"')
