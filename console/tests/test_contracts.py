"""Contracts are found, shown with their life over all services, and worked on, in the words of the user."""

from datetime import date, timedelta

import pytest
from chassis.languages import Language
from console_scene import Scene
from contracts_scene import contract, only_contract, part, path_of, pay, placed, spanish
from in_browser import findings
from playwright.async_api import Browser, expect
from recobro_console.contracts.promising import schedule
from recobro_console.forms import amount_of
from recobro_console.language import Reader
from services_in_process import AS_OF

_PATIENT = 240_000
"""Milliseconds; other tests may take the machine meanwhile."""


async def test_an_exact_number_leads_to_its_contract_and_words_to_a_list(scene: Scene) -> None:
    one = await contract(scene)
    async with scene.client() as client:
        found = await client.get("/contracts", params={"q": one["contract_number"]})
        assert (found.status_code, found.headers["location"]) == (303, path_of(one))
        listed = await client.get("/contracts", params={"q": one["debtor_name"].split()[0][:4]})
        assert one["contract_number"] in listed.text
        first = await client.get("/contracts", params={"state": "open"})
        assert "Página siguiente" in first.text
        none = await client.get("/contracts", params={"q": "nadie se llama así"})
        assert "Ningún contrato coincide" in none.text


async def test_a_service_that_does_not_answer_leaves_the_rest(scene: Scene) -> None:
    one = await contract(scene)
    addresses = scene.app.state.addresses
    async with scene.client() as client:
        for service, names in {
            "field-visits": ["visits"],
            "promises": ["promises"],
            "assignment": ["agencies"],
            "dialer-feed": ["lists"],
            "portfolio": ["ledger"],
        }.items():
            known, addresses[service] = addresses[service], "http://127.0.0.1:9"
            try:
                page = await client.get(path_of(one))
                assert page.status_code == 200
                for name in ("ledger", "promises", "lists", "agencies", "visits", "timeline"):
                    shown = await part(client, one, name)
                    assert (f"{service} no responde" in shown) == (
                        name in names or (service, name) == ("portfolio", "timeline")
                    )
            finally:
                addresses[service] = known
        assert one["contract_number"] in (await client.get(path_of(one))).text


async def test_a_payment_is_taken_once_and_reversed_once(scene: Scene) -> None:
    one = await contract(scene)
    form = path_of(one, "/payment")
    typed = {"amount": "doce", "paid_on": str(AS_OF), "channel": "spei", "reference": f"R {one['contract_number']}"}
    async with scene.client() as client:
        wrong = await scene.send(client, form, form, _key="a", **typed)
        assert wrong.status_code == 422
        assert "escriba el importe como 1234.50" in wrong.text
        assert 'value="doce"' in wrong.text
        assert typed["reference"] in wrong.text
        right = typed | {"amount": "$1.50"}
        for _ in range(2):
            taken = await scene.send(client, form, form, _key="b", **right)
            assert (taken.status_code, taken.headers["location"]) == (303, path_of(one))
        assert "El pago de 1.50 MXN quedó registrado" in (await client.get(path_of(one))).text
        again = await scene.send(client, form, form, _key="c", **right)
        assert again.status_code == 409
        assert f"1.50 del {spanish(AS_OF)}, en el contrato {one['contract_number']}" in again.text

        shown = await part(client, one, "ledger")
        assert shown.count("Revertir el pago de 1.50") == 1
        assert "Pago" in await part(client, one, "timeline", show="money")
        [payment] = (await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}/payments"))["items"]
        reversal = path_of(one, f"/reversal?of={payment['payment_id']}")
        done = await scene.send(client, reversal, reversal, _key="d", reason="rebotó")
        assert done.status_code == 303
        twice = await scene.send(client, reversal, reversal, _key="e", reason="otra vez")
        assert (twice.status_code, "ya se había revertido" in twice.text) == (409, True)


async def test_a_charge_is_entered_shown_and_reversed_once(scene: Scene) -> None:
    one = await contract(scene)
    form = path_of(one, "/charge")
    typed = {"kind": "fee", "charged_on": str(AS_OF), "reason": "gastos", "reference": f"G {one['contract_number']}"}
    async with scene.client() as client:
        wrong = await scene.send(client, form, form, _key="a", **typed, amount="doce")
        assert (wrong.status_code, "escriba el importe como 1234.50" in wrong.text) == (422, True)
        taken = await scene.send(client, form, form, _key="b", **typed, amount="12.50")
        assert (taken.status_code, taken.headers["location"]) == (303, path_of(one))
        assert "El cargo quedó registrado" in (await client.get(path_of(one))).text
        shown = await part(client, one, "ledger")
        assert "Cargos y condonaciones" in shown
        assert shown.count("Revertir el cargo de 12.50") == 1
        assert "comisión de 12.50 MXN" in await part(client, one, "timeline", show="money")
        [charge] = (await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}/charges"))["items"]
        reversal = path_of(one, f"/charge-reversal?of={charge['charge_id']}")
        assert (await scene.send(client, reversal, reversal, _key="d", reason="error")).status_code == 303
        twice = await scene.send(client, reversal, reversal, _key="e", reason="otra vez")
        assert twice.status_code == 409
        assert "Revertir el cargo de 12.50" not in await part(client, one, "ledger")


async def test_a_payment_like_the_one_a_moment_ago_needs_a_second_word(scene: Scene) -> None:
    one = await contract(scene)
    form = path_of(one, "/payment")
    typed = {"amount": "1.00", "paid_on": str(AS_OF), "channel": "cash", "reference": ""}
    async with scene.client() as client:
        assert (await scene.send(client, form, form, _key="a", **typed)).status_code == 303
        doubtful = await scene.send(client, form, form, _key="b", **typed)
        assert (doubtful.status_code, 'name="again"' in doubtful.text) == (409, True)
        assert (await scene.send(client, form, form, _key="c", again="yes", **typed)).status_code == 303


async def test_an_attempt_of_our_own_people_is_entered_and_told(scene: Scene) -> None:
    one = await contract(scene)
    form = path_of(one, "/attempt")
    async with scene.client() as client:
        assert "llamada: no contestó" in (await client.get(form)).text
        done = await scene.send(client, form, form, _key="a", outcome="sent", note="por WhatsApp")
        assert (done.status_code, done.headers["location"]) == (303, path_of(one))
        assert "El intento cuenta el" in (await client.get(path_of(one))).text
        told = await part(client, one, "timeline", show="calls")
        assert "Intento de nuestra gente por mensaje: enviado" in told
        assert "por WhatsApp" not in told


async def test_a_dispute_is_opened_and_resolved_with_a_corrected_amount(scene: Scene) -> None:
    one = await contract(scene)
    async with scene.client() as client:
        form = path_of(one, "/dispute")
        typed = {"reason": "no reconoce el cargo", "opened_by": "debtor", "instalments": ""}
        assert (await scene.send(client, form, form, _key="a", **typed)).status_code == 303
        same = await scene.send(client, form, form, _key="b", **typed)
        assert (same.status_code, 'name="again"' in same.text) == (409, True)
        assert "aclaración" in await part(client, one, "ledger")
        whole = await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
        [dispute], [first, *_] = whole["clarifications"], whole["instalments"]

        resolution = path_of(one, f"/resolution?of={dispute['clarification_id']}")
        bare = await scene.send(client, resolution, resolution, _key="c", outcome="upheld", detail="tenía razón")
        assert (bare.status_code, "tenía razón" in bare.text) == (422, True)
        name = f"corrected-{first['number']}"
        raised = await scene.send(client, resolution, resolution, _key="d", outcome="upheld", **{name: "9999999.00"})
        assert "no debe pasar de" in raised.text
        assert f'id="w-{name}"' in raised.text
        done = await scene.send(client, resolution, resolution, _key="e", outcome="upheld", **{name: "0.01"})
        assert done.status_code == 303
        assert "procede" in await part(client, one, "ledger")


async def test_promises_obey_the_limits_and_say_them(scene: Scene) -> None:
    one = await contract(scene)
    async with scene.client() as client:
        form = path_of(one, "/promise")
        typed = {"amount": "1.00", "made_in": "call"}
        late = await scene.send(client, form, form, _key="a", due_on=str(AS_OF + timedelta(days=400)), **typed)
        assert (late.status_code, "30 días" in late.text) == (422, True)
        assert 'id="w-due_on"' in late.text
        due_on = str(AS_OF + timedelta(days=5))
        assert (await scene.send(client, form, form, _key="b", due_on=due_on, **typed)).status_code == 303
        twice = await scene.send(client, form, form, _key="c", due_on=due_on, **typed)
        assert (twice.status_code, spanish(AS_OF + timedelta(days=5)) in twice.text) == (409, True)
        [made] = (await scene.platform.get("promises", "/v1/promises", contract_id=one["contract_id"]))["items"]
        cancel = path_of(one, f"/promise-cancellation?of={made['promise_id']}")
        assert (await scene.send(client, cancel, cancel, _key="d", reason="se oyó mal")).status_code == 303

        plan = path_of(one, "/plan")
        first = str(AS_OF + timedelta(days=8))
        typed = {"total": one["total_balance"], "parts": "3", "first_due_on": first, "every": "fortnight"}
        assert (await scene.send(client, plan, plan, _key="e", **typed)).status_code == 303
        assert "en 3 pagos" in await part(client, one, "promises")
        open_already = await scene.send(client, plan, plan, _key="f", **typed)
        assert (open_already.status_code, "ya tiene un convenio abierto" in open_already.text) == (409, True)


async def test_numbers_that_the_debtor_refuses_are_marked_and_come_back(scene: Scene) -> None:
    one = await contract(scene)
    whole = await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
    point = whole["contact_points"][0]
    async with scene.client() as client:
        for name, fields, shown in (
            ("opt-out", {"medium": ""}, "pidió no ser contactado"),
            ("opt-in", {"medium": "", "reason": "fue un error"}, "se puede usar"),
            ("wrong", {}, "número equivocado"),
            ("verified", {}, "se puede usar"),
        ):
            form = path_of(one, f"/{name}?of={point['contact_id']}")
            assert (await scene.send(client, form, form, _key=name, **fields)).status_code == 303
            assert shown in await part(client, one, "ledger")


async def test_people_beside_the_debtor_are_added_corrected_and_removed(scene: Scene) -> None:
    one = await contract(scene)
    typed = {"role": "guarantor", "name": "Rosa Gil", "tax_id": "", "language": "es", "phone_2": "", "email": ""}
    async with scene.client() as client:
        new = path_of(one, "/party")
        wrong = await scene.send(client, new, new, _key="a", **typed, phone="12")
        assert (wrong.status_code, "Rosa Gil" in wrong.text, 'id="w-phone"' in wrong.text) == (422, True, True)
        assert (await scene.send(client, new, new, _key="b", **typed, phone="55 5512 3456")).status_code == 303
        shown = await part(client, one, "ledger")
        assert "+525555123456" in shown
        assert "se puede contactar" in shown
        twice = await scene.send(client, new, new, _key="c", **typed, phone="")
        assert (twice.status_code, "ya tiene a esta persona" in twice.text) == (409, True)

        whole = await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
        [party] = whole["parties"]
        point = party["contact_points"][0]
        refusal = path_of(one, f"/opt-out?of={point['contact_id']}")
        assert (await scene.send(client, refusal, refusal, _key="d", medium="")).status_code == 303
        correction = path_of(one, f"/party-correction?of={party['party_id']}")
        fields = typed | {"role": "reference", "name": "Rosa Gil Pérez", "phone": point["value"]}
        assert (await scene.send(client, correction, correction, _key="e", **fields)).status_code == 303
        shown = await part(client, one, "ledger")
        assert "no contactar" in shown
        assert "pidió no ser contactado" in shown

        removal = path_of(one, f"/party-removal?of={party['party_id']}")
        assert (await scene.send(client, removal, removal, _key="f", reason="por error")).status_code == 303
        assert "Rosa" not in await part(client, one, "ledger")
        assert (await client.get(removal)).status_code == 404


async def test_a_supervisor_erases_a_person_who_has_paid(scene: Scene) -> None:
    one = await only_contract(scene)
    whole = await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
    async with scene.client() as client:
        erasure = path_of(one, "/erasure")
        assert "Borrar a la persona" not in await part(client, one, "ledger")
        assert "Un contrato de la persona está abierto." in (await client.get(erasure)).text
        refused = await scene.send(client, erasure, erasure, _key="g", reason="solicitud 7")
        assert (refused.status_code, "está abierto" in refused.text) == (409, True)
        await pay(scene, one, whole["total_balance"])
        assert "Borrar a la persona" in await part(client, one, "ledger")
        assert (await scene.send(client, erasure, erasure, _key="h", reason="solicitud 7")).status_code == 303
        shown = await part(client, one, "ledger")
        assert whole["debtor"]["name"] not in shown
        assert "borrado" in shown


async def test_a_pause_and_a_status_silence_and_a_visit_is_refused_with_the_reason(scene: Scene) -> None:
    one = await contract(scene)
    async with scene.client() as client:
        pause = path_of(one, "/pause")
        assert (
            await scene.send(client, pause, pause, _key="a", reason="huelga", starts_on=str(AS_OF))
        ).status_code == 303
        await scene.platform.settled()
        visit = path_of(one, "/visit")
        day = str(AS_OF + timedelta(days=2))
        refused = await scene.send(client, visit, visit, _key="b", visitor="Óscar Peña", visit_on=day, address_id="")
        assert (refused.status_code, "en pausa" in refused.text, "Óscar Peña" in refused.text) == (409, True, True)
        whole = await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
        resume = path_of(one, f"/resumption?of={whole['pauses'][0]['pause_id']}")
        never = str(AS_OF - timedelta(days=1))
        assert (await scene.send(client, resume, resume, _key="c", ends_on=never)).status_code == 303
        status = path_of(one, "/debtor-status")
        fields = {"status": "represented", "reported_by": "su abogada", "detail": ""}
        assert (await scene.send(client, status, status, _key="d", **fields)).status_code == 303
        assert "con representante" in await part(client, one, "ledger")


async def test_what_is_inconvenient_is_entered_shown_and_taken_back(scene: Scene) -> None:
    one = await contract(scene)
    async with scene.client() as client:
        form = path_of(one, "/inconvenient")
        fields = {
            "from": "12:00",
            "until": "14:00",
            "day": "sun",
            "medium": "",
            "place": "",
            "reason": "trabaja de noche",
        }
        half = await scene.send(client, form, form, _key="a", **fields | {"until": ""})
        assert (half.status_code, 'id="w-from"' in half.text, "trabaja de noche" in half.text) == (422, True, True)
        assert (await scene.send(client, form, form, _key="b", **fields)).status_code == 303
        shown = await part(client, one, "ledger")
        assert all(word in shown for word in ("12:00-14:00", "domingo", "trabaja de noche"))
        told = await part(client, one, "timeline")
        assert "Inconveniente para el deudor: días domingo; horas 12:00-14:00. trabaja de noche" in told
        whole = await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
        [kept] = whole["conveniences"]
        end = path_of(one, f"/convenient?of={kept['convenience_id']}")
        assert (await scene.send(client, end, end, _key="c", reason="ya no")).status_code == 303
        assert "trabaja de noche" not in await part(client, one, "ledger")
        assert (await client.get(end)).status_code == 404


async def test_the_timeline_has_the_lists_between_the_lines_of_the_history(scene: Scene) -> None:
    platform = scene.platform
    campaign = await platform.post("dialer-feed", "/v1/campaigns", {"name": "Recordatorio", "min_overdue": "0"})
    wanted = {"campaign_id": campaign["campaign_id"], "business_date": str(AS_OF)}
    list_id = (await platform.post("dialer-feed", "/v1/lists", wanted))["list_id"]
    published = "SELECT status = 'published' FROM dialing_list WHERE list_id = $1::text::uuid"
    await platform.until("dialer-feed", published, list_id)
    entry = (
        "SELECT contract_id::text FROM list_entry WHERE list_id = $1::text::uuid ORDER BY contract_number DESC LIMIT 1"
    )
    [listed] = await platform.rows("dialer-feed", entry, list_id)
    one = dict(listed)
    # Lines stand in the order in which portfolio hears of them.
    known = "SELECT EXISTS (SELECT FROM listing WHERE contract_ids @> ARRAY[$1::text::uuid])"
    await platform.until("portfolio", known, one["contract_id"])
    await pay(scene, one)
    left = "SELECT count(*) = 1 FROM list_entry WHERE contract_id = $1::text::uuid AND status = 'withdrawn'"
    await platform.until("dialer-feed", left, one["contract_id"])
    # Portfolio hears of the list and of the withdrawal after dialer-feed has stated them.
    heard = """
        SELECT EXISTS (SELECT FROM listing WHERE contract_ids @> ARRAY[$1::text::uuid]) AND EXISTS (
            SELECT FROM contract_history WHERE contract_id = $1::text::uuid AND kind = 'list_withdrawn')
    """
    await platform.until("portfolio", heard, one["contract_id"])
    async with scene.client() as client:
        told = await part(client, one, "timeline")
        lines = [
            told.index(line)
            for line in (
                "Salió de una lista: pago",
                "Pago de ",
                "Entró a una lista de la campaña",
                "Llegó en el archivo",
            )
        ]
        assert sorted(lines[1:]) == lines[1:]
        assert lines[0] < lines[2]
        shown = await part(client, one, "lists")
        assert "Recordatorio" in shown
        assert f"/lists/{list_id}/why?contract_id={one['contract_id']}" in shown
        elsewhere = (await platform.get("portfolio", "/v1/contracts", stage="current", limit=1))["items"][0]
        absent = await part(client, elsewhere, "lists")
        assert ("Recordatorio" in absent, "no está" in absent, "ya no cumple las reglas" in absent) == (
            True,
            True,
            True,
        )
        only = await part(client, one, "timeline", show="lists")
        assert ("Entró a una lista" in only, "Llegó en el archivo" in only) == (True, False)


async def test_an_auditor_changes_nothing(scene: Scene) -> None:
    one = await contract(scene)
    payment = await pay(scene, one)
    async with scene.client("auditor") as client:
        shown = (await client.get(path_of(one))).text + await part(client, one, "ledger")
        assert path_of(one, "/payment") not in shown
        assert payment["payment_id"] not in shown
        for form in ("/payment", "/promise", "/visit", f"/reversal?of={payment['payment_id']}"):
            assert (await client.get(path_of(one, form))).status_code == 403


async def test_an_agency_sees_its_contracts_and_only_what_its_token_may_do(scene: Scene) -> None:
    one = await contract(scene)
    own = await placed(scene)
    stranger = (await scene.platform.post("assignment", "/v1/agencies", {"name": "Otra"}))["agency_id"]
    async with scene.client("agency", agency_id=own) as client, scene.client("agency", agency_id=stranger) as other:
        page = await client.get(path_of(one))
        assert path_of(one, "/promise") in page.text
        assert path_of(one, "/payment") not in page.text
        for name in ("ledger", "promises", "lists", "agencies", "visits", "timeline"):
            assert "notice bad" not in await part(client, one, name)
        assert (await client.get(path_of(one, "/payment"))).status_code == 403
        form = path_of(one, "/promise")
        typed = {"amount": "1.00", "due_on": str(AS_OF + timedelta(days=5))}
        assert (await scene.send(client, form, form, _key="agency", **typed)).status_code == 303
        assert (await other.get(path_of(one))).status_code == 404
        assert one["contract_number"] not in (await other.get("/contracts")).text


async def test_what_is_not_there_is_said(scene: Scene) -> None:
    one = await contract(scene)
    nothing = "00000000-0000-0000-0000-000000000000"
    async with scene.client() as client:
        for path in (f"/contracts/{nothing}", path_of(one, "/nonsense"), path_of(one, f"/resolution?of={nothing}")):
            answer = await client.get(path)
            assert (answer.status_code, "no existe" in answer.text) == (404, True)


async def test_a_payment_by_keyboard_alone_is_seen_in_another_window(scene: Scene, browser: Browser) -> None:
    one = await contract(scene)
    async with scene.browser_page(browser) as watcher, scene.browser_page(browser) as clerk:
        await watcher.goto(scene.url + path_of(one))
        line = watcher.locator(".timeline strong", has_text="Pago de 2.50 MXN")
        await expect(watcher.locator(".timeline")).to_be_visible(timeout=_PATIENT)
        assert await line.count() == 0

        await clerk.keyboard.press("/")
        await clerk.keyboard.type(one["contract_number"])
        await clerk.keyboard.press("Enter")
        await clerk.wait_for_url(f"**{path_of(one)}")
        link = clerk.get_by_role("link", name="Registrar un pago")
        for _ in range(60):
            await clerk.keyboard.press("Tab")
            if await link.evaluate("link => link === document.activeElement"):
                break
        await clerk.keyboard.press("Enter")
        # The browser moves the focus at the first drawing of the page, which may come after its load.
        await expect(clerk.get_by_label("Importe")).to_be_focused(timeout=_PATIENT)
        await clerk.keyboard.type("2.50")
        await clerk.keyboard.press("Enter")
        await clerk.wait_for_url(f"**{path_of(one)}")
        await expect(clerk.get_by_text("El pago de 2.50 MXN quedó registrado")).to_be_visible(timeout=_PATIENT)
        await expect(line).to_be_visible(timeout=_PATIENT)


async def test_a_dispute_is_resolved_in_the_browser(scene: Scene, browser: Browser) -> None:
    one = await contract(scene)
    path = f"/v1/contracts/{one['contract_id']}/clarifications"
    await scene.platform.post("portfolio", path, {"reason": "ya pagó", "opened_by": "debtor"})
    async with scene.browser_page(browser, language="pt-BR") as page:
        await page.goto(scene.url + path_of(one))
        await page.get_by_role("link", name="Resolver").click()
        await page.get_by_label("Desfecho", exact=True).select_option(label="improcedente")
        await page.get_by_label("Resposta ao devedor").fill("o pagamento não chegou")
        await page.get_by_role("button", name="Resolver").click()
        await expect(page.get_by_text("A contestação está resolvida")).to_be_visible(timeout=_PATIENT)
        await expect(page.get_by_text("improcedente").first).to_be_visible(timeout=_PATIENT)


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
async def test_axe_finds_nothing_on_a_contract_and_its_forms(
    scene: Scene, browser: Browser, width: int, theme: str
) -> None:
    one = await contract(scene)
    await pay(scene, one)
    path = f"/v1/contracts/{one['contract_id']}"
    await scene.platform.post("portfolio", f"{path}/clarifications", {"reason": "ya pagó", "opened_by": "debtor"})
    await scene.platform.post("portfolio", f"{path}/pauses", {"reason": "huelga", "starts_on": str(AS_OF)})
    async with scene.browser_page(browser, width=width) as page:
        for shown in (path_of(one), path_of(one, "/payment"), path_of(one, "/plan"), path_of(one, "/attempt")):
            await page.goto(f"{scene.url}/preferences?theme={theme}&back={shown}")
            await expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=_PATIENT)
            assert await findings(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("language", "typed", "read"),
    [
        (Language.ES, "$ 1,234.50", "1234.50"),
        (Language.ES, "100,50", "100,50"),
        (Language.PT, "1.234,50", "1234.50"),
        (Language.PT, "R$ 99,9", "99.9"),
        (Language.EN, "12", "12"),
        (Language.EN, "1.234,50", "1.234,50"),
    ],
)
def test_an_amount_is_read_as_the_reader_writes_it_or_left_to_be_refused(
    language: Language, typed: str, read: str
) -> None:
    assert amount_of(Reader(language), typed) == read


def test_a_plan_is_cut_into_equal_payments_and_loses_no_cent() -> None:
    months = list(schedule("100.00", 3, date(2027, 1, 31), "month"))
    assert months == [
        {"due_on": "2027-01-31", "amount": "33.33"},
        {"due_on": "2027-02-28", "amount": "33.33"},
        {"due_on": "2027-03-31", "amount": "33.34"},
    ]
    assert [each["due_on"] for each in schedule("10.00", 2, date(2026, 12, 24), "week")] == ["2026-12-24", "2026-12-31"]


def test_a_refusal_keeps_its_figures_in_the_users_words() -> None:
    said = "must lie between 2026-11-22 and 2026-12-22"
    assert Reader(Language.ES).explained(said) == "debe estar entre 22/11/2026 y 22/12/2026"
    assert Reader(Language.PT).explained("must not be above 1234.50") == "não deve passar de 1.234,50"
    assert Reader(Language.ES).explained("something new") == "something new"
    assert (
        Reader(Language.ES).explained("vence el 2026-11-27, no el 2026-02-31")
        == "vence el 27/11/2026, no el 2026-02-31"
    )
    assert Reader(Language.EN).explained(said) == said


async def test_customers_are_joined_to_one_person_and_parted_again(scene: Scene) -> None:
    one, other = await contract(scene), await contract(scene)
    async with scene.client("operator") as client:
        join = path_of(one, "/join")
        nobody = await scene.send(client, join, join, number="", reason="lo dijo")
        done = await scene.send(client, join, join, number=other["contract_number"], reason="lo dijo")
        assert done.status_code == 303, done.text
        ledger = await part(client, one, "ledger")
        assert other["contract_number"] in ledger
        away = path_of(one, f"/part?of={other['contract_id']}")
        parted = await scene.send(client, away, away, reason="es su hermano")
        assert parted.status_code == 303, parted.text
        assert other["contract_number"] not in await part(client, one, "ledger")
        assert (await client.get(away)).status_code == 404
    assert (nobody.status_code, "No hay ningún contrato" in nobody.text) == (404, True)
