"""Before somebody has proved to be the debtor the page tells nothing, and guesses end soon."""

import asyncio
import uuid

import pytest
from chassis import public
from page_scene import ANSWERS, Visitor, known_contract, link_of, signed_in
from promise_scene import Scene
from promises.debtor_page import rules
from recobro_events.contracts.portfolio import Letterhead

_OF_REQUEST = {"x-request-id", "ratelimit"}
SECRETS = ("Rosa", "Financiera", "Cartera", "1,000", "1000", "C-1", "ROMR", "27000", "deud", "debe", "owe")


async def test_nothing_personal_is_shown_before_the_answers(scene: Scene) -> None:
    await scene.receives(
        scene.business_date(0).model_copy(
            update={"creditor_name": "Financiera Norte", "letterhead": Letterhead(phones=("+52 871 555 0100",))}
        )
    )
    contract = await known_contract(scene, name="Rosa Romero")
    visitor = Visitor(scene)
    asked = await visitor.get((await link_of(scene, contract))["url"])
    wrong = await visitor.identify(tax_id="0000")
    for page in (asked, wrong):
        assert not [secret for secret in SECRETS if secret in page.text]
    shown = await visitor.identify()
    assert {"Financiera Norte", "C-1", "1,000.00", "+52 871 555 0100"} <= {
        word for word in ("Financiera Norte", "C-1", "1,000.00", "+52 871 555 0100") if word in shown.text
    }
    assert "Rosa" not in shown.text, "the page needs no name"


async def test_three_wrong_answers_end_the_link(scene: Scene) -> None:
    link = await link_of(scene, await known_contract(scene))
    visitor = Visitor(scene)
    await visitor.get(link["url"])
    for tries, left in (("0000", "2 veces"), ("0001", "una vez")):
        answer = await visitor.identify(tax_id=tries)
        assert answer.status_code == 422
        assert left in answer.text
    assert (await visitor.identify(postal_code="99999")).status_code == 404
    right = {"token": link["url"].rpartition("/")[2], "form": "x"} | ANSWERS
    assert (await visitor.post("/p/identity", right)).status_code == 404, "right answers come too late"
    found = (await scene.client.get(f"/v1/links/{link['link_id']}")).json()
    assert (found["wrong_answers"], found["ended_because"]) == (3, "wrong_answers")


@pytest.mark.parametrize(
    "answers", [{"tax_id": "1AB1"}, {"postal_code": "27000"}, {}, {"tax_id": "", "postal_code": ""}]
)
async def test_all_that_is_known_has_to_be_answered(scene: Scene, answers: dict[str, str]) -> None:
    visitor = Visitor(scene)
    await visitor.get((await link_of(scene, await known_contract(scene)))["url"])
    assert (await visitor.post("/p/identity", visitor.form("/p/identity") | answers)).status_code == 422


@pytest.mark.parametrize("tax_id", ["1ab1", " 1 AB-1 ", "1AB1"])
async def test_answers_may_be_written_in_many_ways(scene: Scene, tax_id: str) -> None:
    visitor = Visitor(scene)
    await visitor.get((await link_of(scene, await known_contract(scene)))["url"])
    assert (await visitor.identify(tax_id=tax_id, postal_code="27 000")).status_code == 200


async def test_only_what_is_known_is_asked_and_any_of_several_postal_codes_will_do(scene: Scene) -> None:
    contract = await known_contract(scene, tax_id=None, postal_codes=("27000", "SW1A 1AA"))
    visitor = Visitor(scene)
    page = await visitor.get((await link_of(scene, contract))["url"])
    assert 'name="tax_id"' not in page.text
    assert (
        await visitor.post("/p/identity", visitor.form("/p/identity") | {"postal_code": "sw1a1aa"})
    ).status_code == 200


async def test_another_contracts_answers_open_nothing(scene: Scene) -> None:
    other = await known_contract(scene, number="C-2", tax_id="SOVL790202CD2", postal_codes=("64000",))
    await link_of(scene, other)
    visitor = Visitor(scene)
    await visitor.get((await link_of(scene, await known_contract(scene)))["url"])
    assert (await visitor.identify(tax_id="2CD2", postal_code="64000")).status_code == 422


async def test_every_dead_link_shows_the_same_page(scene: Scene) -> None:
    _, contract, used = await signed_in(scene)
    ended = await link_of(scene, await known_contract(scene, number="C-2"))
    await scene.client.post(f"/v1/links/{ended['link_id']}/revocation", json={"reason": "x"})
    addresses = [used["url"], ended["url"], "/p/mine", f"/p/{uuid.uuid4()}", "/p/x", f"/p/{'a' * 3000}", "/p/%00"]
    addresses += [f"/p/{contract.contract_id}", "/p/..%2fmine"]
    pages = [await Visitor(scene).get(address) for address in addresses]
    assert {(page.status_code, page.content) for page in pages} == {(404, pages[0].content)}
    fixed = {"x-request-id", "ratelimit"}
    assert (
        len({tuple((name, value) for name, value in page.headers.items() if name not in fixed) for page in pages}) == 1
    )
    posts = [
        await Visitor(scene).post("/p/identity", {"token": token, "form": "f"} | ANSWERS)
        for token in (used["url"].rpartition("/")[2], ended["url"].rpartition("/")[2], "x", "")
    ]
    assert {(page.status_code, page.content) for page in posts} == {(404, pages[0].content)}


@pytest.mark.parametrize(("language", "word"), [("es-MX", "disponible"), ("pt-BR", "disponível"), ("en", "available")])
async def test_a_dead_link_speaks_the_language_of_the_browser(scene: Scene, language: str, word: str) -> None:
    assert word in (await Visitor(scene, **{"Accept-Language": language}).get("/p/x")).text
    assert "available" in (await Visitor(scene).get("/p/x?lang=en")).text


async def test_the_same_form_twice_is_one_sign_in_and_the_same_wrong_answers_count_once(scene: Scene) -> None:
    link = await link_of(scene, await known_contract(scene))
    visitor = Visitor(scene)
    await visitor.get(link["url"])
    form = visitor.form("/p/identity")
    for _ in range(5):
        assert (await visitor.post("/p/identity", form | ANSWERS | {"tax_id": "0000"})).status_code == 422
    both = await asyncio.gather(*(visitor.http.post("/p/identity", data=form | ANSWERS) for _ in range(2)))
    assert [answer.status_code for answer in both] == [303, 303]
    assert len({answer.headers["set-cookie"] for answer in both}) == 1
    stranger = await Visitor(scene).http.post("/p/identity", data=form | ANSWERS | {"form": "another"})
    assert stranger.status_code == 404, "right answers on another form do not open it again"
    assert "set-cookie" not in stranger.headers


async def test_a_page_may_not_be_kept_framed_or_run_a_script(scene: Scene) -> None:
    visitor, _, _ = await signed_in(scene)
    headers = visitor.page.headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'; style-src 'self'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert "noindex" in headers["x-robots-tag"]
    assert not [
        found for found in ("<script", "style=", "http://", "https://", "onclick") if found in visitor.page.text
    ]
    set_cookie = (await Visitor(scene).get("/p/x")).headers.get("set-cookie")
    assert set_cookie is None


async def test_the_cookie_is_strict_and_over_tls_bound_to_its_host(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = scene.client._transport.app.state  # type: ignore[attr-defined]
    changed = state.settings.model_copy(update={"debtor_page_url": "https://pagos.example"})
    monkeypatch.setitem(state._state, "settings", changed)
    link = await link_of(scene, await known_contract(scene))
    assert link["url"].startswith("https://pagos.example/p/")
    visitor = Visitor(scene)
    await visitor.get(link["url"])
    answer = await visitor.http.post("/p/identity", data=visitor.form("/p/identity") | ANSWERS)
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-page=")
    assert {"httponly", "secure", "path=/", "samesite=strict"} <= set(cookie.split("; "))
    assert link["url"].rpartition("/")[2] not in answer.headers["location"], "no further address has the token"


async def test_whoever_asks_too_often_is_refused_and_a_forwarding_header_does_not_help(scene: Scene) -> None:
    visitor = Visitor(scene)
    scene.client._transport.app.state.public_limiter = public.limiter()  # type: ignore[attr-defined]
    asked = (
        visitor.http.get(f"/p/guess-{n}", headers={"X-Forwarded-For": f"203.0.113.{n}"})
        for n in range(public.PUBLIC_LIMIT.open_at_once + 6)
    )
    answers = await asyncio.gather(*asked)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all("text/html" in answer.headers["content-type"] and "espere" in answer.text.lower() for answer in refused)
    assert {answer.status_code for answer in answers} == {404, 429}


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
    ],
)
def test_only_a_trusted_proxy_names_the_address(client: str, forwarded: list[str], address: str) -> None:
    scope = {"client": (client, 1), "headers": [(b"x-forwarded-for", one.encode()) for one in forwarded]}
    assert public.address_of(scope, public.networks("10.0.0.0/8")) == address


def test_amounts_are_read_as_people_write_them() -> None:
    mexican = {"1500": "1500", "1,500.50": "1500.50", "$ 1,500": "1500", "1500,5": "1500.5", "1.500": "1500"}
    for typed, amount in mexican.items():
        assert str(rules.amount_typed(typed, has_decimal_point=True)) == amount, typed
    for typed, amount in {"1.500,50": "1500.50", "R$ 1.500": "1500", "1,500": "1500", "1500.5": "1500.5"}.items():
        assert str(rules.amount_typed(typed, has_decimal_point=False)) == amount, typed
    for typed in ("", "abc", "1.2.3", "-5", "1e5", "1,50,0", "½"):
        assert rules.amount_typed(typed, has_decimal_point=True) is None, typed
