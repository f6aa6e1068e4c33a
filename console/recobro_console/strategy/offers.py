"""What may be offered to whom: the rules in words, one rule as a form, and a trial before rules hold."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.forms import KEY, mistakes, seen_version
from recobro_console.pages import STAFF, CurrentPage, Page, Router
from recobro_console.strategy import offer_words, offering

_SERVICE, _PATH = "promises", "/v1/offer-rules"
_HERE = "/strategy/offers"
router = Router(STAFF)


@router.get(_HERE)
async def offers(page: CurrentPage) -> Response:
    """The rules of offers that hold, each in words, and what an offer has to be worth."""
    return await _offers(page)


async def _offers(page: Page, wrong: Trouble | None = None) -> Response:
    held = await page.attempt(page.services.get(_SERVICE, _PATH))
    rules = [] if isinstance(held, Trouble) else held["rules"]
    segments = await names.segments(page) if rules else {}
    return page.show(
        "strategy/offers.html",
        409 if wrong else 200,
        held=held,
        terms={rule["code"]: offer_words.terms(rule, page.reader) for rule in rules},
        conditions={rule["code"]: offer_words.conditions(rule, page.reader, segments) for rule in rules},
        wrong=wrong,
        may=page.session.may(f"{_SERVICE}:write"),
    )


@router.get(f"{_HERE}/rule")
async def edit(page: CurrentPage, code: str = "") -> Response:
    """The form of one offer; without ``code`` of a new one."""
    held = await page.services.get(_SERVICE, _PATH)
    rule = _named(held, code) if code else offering.NEW
    return await _form(page, held["version"], code, rule)


@router.post(f"{_HERE}/rule")
async def change(page: CurrentPage) -> Response:
    """Try the offer of the form, or let it hold. The other offers stay as they are."""
    form = await page.form()
    posted = await page.request.form()
    rule = offering.rule_from(form, lambda name: [str(one) for one in posted.getlist(name)], page.reader)
    held = await page.services.get(_SERVICE, _PATH)
    of = form.get("of", "")
    codes = [each["code"] for each in held["rules"]]
    place = codes.index(of) if of in codes else len(codes)
    rules = [*held["rules"][:place], rule, *held["rules"][place + 1 :]]
    version = form.get("version", "")

    async def again(**found: Any) -> Response:
        return await _form(page, version, of, rule, form, places=offering.places_of(form, f"/rules/{place}"), **found)

    try:
        if "try" in form:
            return await again(trial=await _tried(page, form, rules, held["pricing"]))
        await _put(page, form, rules, held["pricing"])
    except Trouble as trouble:
        return await again(wrong=trouble)
    return page.done(_HERE, "The offer {code} holds from now on.", code=rule["code"])


@router.post(f"{_HERE}/retire")
async def retire(page: CurrentPage) -> Response:
    """End an offer. Offers that were made keep their terms."""
    form = await page.form()
    held = await page.services.get(_SERVICE, _PATH)
    rule = _named(held, form.get("code", ""))
    left = [each for each in held["rules"] if each is not rule]
    try:
        await _put(page, form, left, held["pricing"])
    except Trouble as trouble:
        return await _offers(page, trouble)
    return page.done(_HERE, "The offer {code} is made no more.", code=rule["code"])


@router.get(f"{_HERE}/pricing")
async def edit_pricing(page: CurrentPage) -> Response:
    """The form of what money is worth later, and what is expected without an offer."""
    held = await page.services.get(_SERVICE, _PATH)
    return await _pricing(page, held["version"], held["pricing"])


@router.post(f"{_HERE}/pricing")
async def change_pricing(page: CurrentPage) -> Response:
    """Try the pricing of the form, or let it hold. The offers stay as they are."""
    form = await page.form()
    pricing = offering.pricing_from(form, page.reader)
    held = await page.services.get(_SERVICE, _PATH)
    version = form.get("version", "")
    try:
        if "try" in form:
            trial = await _tried(page, form, held["rules"], pricing)
            return await _pricing(page, version, pricing, form, trial=trial)
        await _put(page, form, held["rules"], pricing)
    except Trouble as trouble:
        return await _pricing(page, version, pricing, form, wrong=trouble)
    return page.done(_HERE, "The pricing holds from now on.")


def _named(held: Mapping[str, Any], code: str) -> Mapping[str, Any]:
    for rule in held["rules"]:
        if rule["code"] == code:
            return rule  # type: ignore[no-any-return]
    raise HTTPException(404)


async def _put(page: Page, form: Mapping[str, str], rules: list[Any], pricing: Any) -> None:
    """Replace the rules, if they are still those that the form has shown."""
    body = {"rules": rules, "pricing": pricing, "replaces": seen_version(form)}
    await page.services.put(_SERVICE, _PATH, body)


async def _tried(page: Page, form: Mapping[str, str], rules: list[Any], pricing: Any) -> Any:
    body = {
        "rules": rules,
        "pricing": pricing,
        "portfolio_id": form.get("portfolio_id") or None,
        "channel": form.get("channel") or None,
    }
    return await page.services.post(_SERVICE, f"{_PATH}/trial", body, key=form.get(KEY))


async def _form(
    page: Page,
    version: object,
    of: str,
    rule: Mapping[str, Any],
    form: Mapping[str, str] | None = None,
    *,
    places: Mapping[str, str] | None = None,
    wrong: Trouble | None = None,
    trial: Any = None,
) -> Response:
    """The form of a rule. What was typed stays as it was."""
    said, beside = mistakes(page, wrong, set((places or {}).values()) - offering.BOXES, places)
    return page.show(
        "strategy/offer.html",
        422 if wrong else 200,
        version=version,
        of=of,
        rule=rule,
        typed=form or {},
        steps=offering.steps_shown(rule["steps"], form or {}, page.reader),
        kinds=offering.KINDS,
        frequencies=offering.FREQUENCIES,
        stages=offering.STAGES,
        channels=offering.CHANNELS,
        segments=await names.segments(page),
        portfolios=await names.portfolios(page),
        said=said,
        wrong=beside,
        trial=trial,
    )


async def _pricing(
    page: Page,
    version: object,
    pricing: Mapping[str, Any],
    form: Mapping[str, str] | None = None,
    *,
    wrong: Trouble | None = None,
    trial: Any = None,
) -> Response:
    places = offering.pricing_places(form or {})
    said, beside = mistakes(page, wrong, set(places.values()), places)
    return page.show(
        "strategy/pricing.html",
        422 if wrong else 200,
        version=version,
        pricing=pricing,
        typed=form or {},
        bands=offering.bands_shown(pricing["recovery"], form or {}, page.reader),
        channels=offering.CHANNELS,
        portfolios=await names.portfolios(page),
        said=said,
        wrong=beside,
        trial=trial,
    )
