"""The strategy in the console: rules are tried, changed and shown, and a contract shows why it stands where it does."""

import hashlib
import re
from functools import partial
from typing import Any

import pytest
from console_scene import Scene
from contracts_scene import contract, part
from in_browser import findings
from playwright.async_api import Browser
from services_in_process import AS_OF

RULES = {
    "place-0": "2",
    "segment-0": "others",
    "place-1": "1",
    "segment-1": "behind",
    "fact-1-0": "days_past_due",
    "min-1-0": "1",
    "es-1": "Atrasado",
}


@pytest.fixture(scope="module")
async def portfolio_id(scene: Scene) -> str:
    return str((await contract(scene))["portfolio_id"])


async def test_rules_are_tried_without_effect_and_then_hold_in_the_order_of_their_places(
    scene: Scene, portfolio_id: str
) -> None:
    path = f"/strategy/{portfolio_id}/segments"
    rules = f"/v1/portfolios/{portfolio_id}/segment-rules"
    async with scene.client("operator") as client:
        tried = await scene.send(client, path, path, **RULES, **{"try": "1"})
        assert tried.status_code == 200
        assert "Lo que cambiarían estas reglas" in tried.text
        assert "Atrasado" in tried.text
        assert (await scene.platform.get("portfolio", rules))["version"] == 0
        refused = await scene.send(client, path, path, **RULES | {"min-1-0": "many"})
        assert refused.status_code == 422
        assert 'value="many"' in refused.text
        saved = await scene.send(client, path, path, **RULES)
        assert saved.status_code == 303
        page = await client.get(f"/strategy/{portfolio_id}")
    held = await scene.platform.get("portfolio", rules)
    assert [rule["segment"] for rule in held["rules"]] == ["behind", "others"]
    assert held["words"]["behind"] == {"es": "Atrasado", "pt": "behind", "en": "behind"}
    assert "Días de atraso: 1 o más" in page.text


@pytest.mark.parametrize(
    ("form", "service_path", "fields", "said"),
    [
        ("segments", "segment-rules", RULES, "Otra persona cambió las reglas mientras tanto."),
        ("ladder", "ladder", {"used-0": "1", "contacts-0": "call"}, "Otra persona cambió la escalera mientras tanto."),
    ],
)
async def test_of_two_people_who_change_the_same_at_once_the_second_is_told(
    scene: Scene, portfolio_id: str, form: str, service_path: str, fields: dict[str, str], said: str
) -> None:
    path, at = f"/strategy/{portfolio_id}/{form}", f"/v1/portfolios/{portfolio_id}/{service_path}"
    seen = (await scene.platform.get("portfolio", at))["version"]
    async with scene.client("operator") as ana, scene.client("operator", person="Eva Ruiz") as eva:
        assert f'name="version" value="{seen}"' in (await ana.get(path)).text
        tried = await scene.send(ana, path, path, **fields, version=seen, **{"try": "1"})
        assert f'name="version" value="{seen}"' in tried.text
        first = await scene.send(eva, path, path, **fields, version=seen)
        assert first.status_code == 303, first.text
        held = await scene.platform.get("portfolio", at)
        second = await scene.send(ana, path, path, **fields, version=seen)
        assert (second.status_code, said in second.text) == (422, True)
        assert f'name="version" value="{seen}"' in second.text, "sent again, it is refused again"
        assert (await scene.platform.get("portfolio", at))["version"] == held["version"] == seen + 1


async def test_a_ladder_is_changed_and_a_notice_is_recorded_on_the_contract(scene: Scene, portfolio_id: str) -> None:
    path = f"/strategy/{portfolio_id}/ladder"
    ladder: dict[str, Any] = {"used-0": "1", "contacts-0": "call", "used-2": "1", "segments-2": ["behind", "others"]}
    async with scene.client("operator") as client:
        form = (await client.get(path)).text
        assert all(f'value="{code}"' in form for code in ("behind", "others", "no_answer", "predictive"))
        assert "Atrasado" in form, "a segment has its name"
        saved = await scene.send(client, path, path, **ladder)
        assert saved.status_code == 303
        held = await scene.platform.get("portfolio", f"/v1/portfolios/{portfolio_id}/ladder")
        assert [step["step"] for step in held["steps"]] == ["reminder", "extrajudicial_notice"]
        assert held["steps"][1]["when"]["segments"] == ["behind", "others"]
        known = await contract(scene)
        acts = f"/contracts/{known['contract_id']}/notice"
        notice = {"kind": "extrajudicial", "channel": "correo certificado", "sent_on": str(AS_OF), "_key": "n-1"}
        early = await scene.send(client, acts, acts, **notice, registered_number="RR1")
        assert early.status_code == 409
        assert "Falta registrar antes" in early.text
        first = await scene.send(
            client, acts, acts, **notice | {"kind": "reminder", "_key": "n-2"}, registered_number="RR1"
        )
        assert first.status_code == 303, first.text
        shown = await part(client, known, "strategy")
    assert "RR1" in shown
    assert "Recordatorio" in shown


async def test_a_ladder_is_tried_with_a_share_of_the_people_and_compared(scene: Scene, portfolio_id: str) -> None:
    path, at = f"/strategy/{portfolio_id}/ladder", f"/v1/portfolios/{portfolio_id}/ladder"
    before = await scene.platform.get("portfolio", at)
    challenger = {"used-0": "1", "contacts-0": "message", "campaigns-0": "manual", "percent": "30"}
    async with scene.client("operator") as client:
        wrong = await scene.send(client, path, path, **challenger | {"percent": "many"})
        assert wrong.status_code == 422
        assert 'value="many"' in wrong.text
        tried = await scene.send(client, path, path, **challenger, **{"try": "1"})
        assert tried.status_code == 200, tried.text
        saved = await scene.send(client, path, path, **challenger)
        assert saved.status_code == 303, saved.text
        shown = await client.get(f"/strategy/{portfolio_id}")
        compared = await client.get(f"/strategy/{portfolio_id}/parts/comparison")
        now = await client.get(f"/strategy/{portfolio_id}/parts/steps")
        again = await client.get(f"{path}?of=challenger")
    held = await scene.platform.get("portfolio", at)
    assert (held["steps"], held["words"]) == (before["steps"], before["words"])
    assert (held["challenger"]["percent"], held["challenger"]["steps"][0]["allows"]) == (
        30,
        {"contacts": ["message"], "campaigns": ["manual"]},
    )
    assert "El retador, para el 30 % de las personas" in shown.text
    assert "Tasa de cura" in compared.text
    assert "retador" in now.text
    assert 'value="30"' in again.text


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("page", ["", "/segments", "/ladder"])
async def test_axe_finds_nothing_on_the_pages_of_a_portfolio(
    scene: Scene, browser: Browser, portfolio_id: str, page: str, width: int, theme: str
) -> None:
    path = f"/strategy/{portfolio_id}{page}"
    async with scene.browser_page(browser, width=width) as shown:
        await shown.goto(f"{scene.url}/preferences?theme={theme}&back={path}")
        await shown.wait_for_selector("[aria-busy=true]", state="detached")
        assert await findings(shown) == []
        assert await shown.evaluate("document.documentElement.scrollWidth") <= width


async def test_a_notice_is_recorded_with_its_receipt_and_one_is_added_later(scene: Scene) -> None:
    known = await contract(scene)
    at = f"/contracts/{known['contract_id']}"
    files = f"/v1/contracts/{known['contract_id']}/notices"
    pdf = b"%PDF-1.7 acuse"
    notice = {"kind": "reminder", "channel": "mensajería", "sent_on": str(AS_OF)}
    async with scene.client("operator") as client:
        page = (await client.get(f"{at}/notice")).text
        [token] = set(re.findall(r"_csrf=([\w-]+)", page))
        send = partial(client.post, params={"_csrf": token})
        empty = await send(f"{at}/notice", data=notice | {"_key": "f-0"})
        assert empty.status_code == 422, "a proof is needed"
        text = await send(f"{at}/notice", data=notice | {"_key": "f-1"}, files={"file": ("a.txt", b"hola")})
        assert (text.status_code, 'id="w-file"' in text.text) == (422, True)
        large = await send(f"{at}/notice", data=notice | {"_key": "f-2"}, files={"file": ("a.pdf", pdf * 800_000)})
        assert (large.status_code, "El archivo pasa de 10 MB." in large.text) == (422, True)
        before = await scene.platform.get("portfolio", files)
        for _ in range(2):  # Sent twice, it takes effect once.
            done = await send(f"{at}/notice", data=notice | {"_key": "f-3"}, files={"file": ("a.pdf", pdf)})
            assert done.status_code == 303, done.text
        [made] = (await scene.platform.get("portfolio", files))[len(before) :]
        assert (made["receipt_type"], made["receipt_sha256"]) == ("application/pdf", hashlib.sha256(pdf).hexdigest())
        kept = await client.get(f"/contracts/notices/{made['notice_id']}/receipt")
        assert (kept.content, kept.headers["content-type"]) == (pdf, "application/pdf")
        bare = await send(f"{at}/notice", data=notice | {"_key": "f-4", "registered_number": "RR77"})
        assert bare.status_code == 303, bare.text
        later = (await scene.platform.get("portfolio", files))[-1]
        assert f"{at}/receipt?of={later['notice_id']}" in await part(client, known, "strategy")
        form = await client.get(f"{at}/receipt", params={"of": later["notice_id"]})
        assert "Agregar el acuse" in form.text
        add = partial(client.post, f"{at}/receipt", params={"_csrf": token, "of": later["notice_id"]})
        none = await add(data={"_key": "f-5"})
        assert (none.status_code, "Primero elija un archivo." in none.text) == (422, True)
        added = await add(data={"_key": "f-6"}, files={"file": ("b.png", b"\x89PNG\r\n\x1a\n.")})
        assert added.status_code == 303, added.text
    async with scene.client("auditor") as client:
        assert (await client.get(f"{at}/notice")).status_code == 403
        assert (await client.get(f"/contracts/notices/{made['notice_id']}/receipt")).status_code == 200
