"""What the examples of the OpenAPI documents show: a small portfolio, from its first file to the commission."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from api_recording import Json, Recording
from dialer_feed.permits import asking
from portfolio.desk import working
from services_in_process import AS_OF

DAY = AS_OF.isoformat()
_HEADERS = (
    "contract_number,debtor_number,debtor_name,debtor_kind,tax_id,product,instalment_number,due_date,amount_due,"
    "phone_1,email,address_kind,street,exterior,neighbourhood,postal_code,city,state"
)
_DEBTORS = (
    ("CLR-1001", "K-1", "Rosa Romero Díaz", "ROMR800101AB1"),
    ("CLR-1002", "K-2", "Luis Soto Vega", "SOVL790202CD2"),
    ("CLR-1003", "K-3", "Ana Peña Cruz", "PECA810303EF3"),
    ("CLR-1004", "K-4", "Juan Mora Gil", "MOGJ820404GH4"),
    ("CLR-1005", "K-5", "Eva Luna Paz", "LUPE830505IJ5"),
    ("CLR-1006", "K-6", "Raúl Ríos Sol", "RISR840606KL6"),
    ("CLR-1007", "K-7", "Inés Vara Ruiz", "VARI850707MN7"),
    ("CLR-1008", "K-8", "Omar Leal Cano", "LECO860808OP8"),
    ("CLR-1009", "K-9", "José Nava Ortiz", "NAOJ870909QR9"),
    ("CLR-1010", "K-10", "José Nava O.", "NAOJ870909QR9"),
)


_STEPS: list[Json] = [
    {
        "step": "reminder",
        "when": {"days_past_due": {"min": 1}},
        "allows": {"contacts": ["message", "call", "visit"], "campaigns": ["blaster", "predictive", "manual"]},
    },
    {"step": "direct_contact", "when": {"days_past_due": {"min": 8}, "attempts": {"min": 3}}},
    {"step": "extrajudicial_notice", "when": {"days_past_due": {"min": 31}, "segments": ["chronic"]}},
]


def portfolio_file() -> bytes:
    """Return ten contracts with two overdue instalments each, no two of one amount, and one row with a mistake."""
    rows = [
        f"{number},{customer},{name},Física,{tax_id},tarjeta,{n},2026-{month}-05,{500 + n}.{place}0,"
        f"+52 871 555 1{place:03},,Particular,Calle 60,{480 + place},Centro,27000,Torreón,Coahuila"
        for place, (number, customer, name, tax_id) in enumerate(_DEBTORS)
        for n, month in ((1, "09"), (2, "10"))
    ]
    mistaken = rows[0].replace("2026-09-05", "5 de sept").replace(",1,", ",3,", 1)
    return "\n".join([_HEADERS, *rows, mistaken, ""]).encode()


async def play(recording: Recording) -> None:
    """Play all of it."""
    contracts = await _load(recording)
    agency = await _place(recording, contracts)
    await _debtors(recording, contracts)
    await _corrections(recording, contracts)
    await _promises(recording, contracts)
    await _dial(recording, contracts, agency)
    await _recalls(recording, contracts, agency)
    await _visit(recording, contracts)
    await _operate(recording)
    await _links(recording, contracts[4]["contract_id"])
    await _erase(recording, contracts)
    await _challenge(recording, contracts[0]["portfolio_id"])


async def _challenge(recording: Recording, portfolio: str) -> None:
    """Comes last: chance decides on which side a person is, and so what may be done with their contracts."""
    ask = recording.ask
    challenger = {"percent": 20, "steps": [{"step": "reminder", "when": {"days_past_due": {"min": 5}}}]}
    ladder = {"steps": _STEPS, "challenger": challenger}
    await ask("portfolio", "change_ladder", ladder, portfolio_id=portfolio)
    await recording.platform.until("portfolio", "SELECT count(*) = 0 FROM judging_anew")
    await ask("portfolio", "read_ladder", portfolio_id=portfolio)
    await ask("portfolio", "compare_ladder", portfolio_id=portfolio)


async def _load(recording: Recording) -> list[Json]:
    ask, platform = recording.ask, recording.platform
    new: Json = {"name": "Financiera La Laguna", "kind": "financial", "country": "MX"}
    creditor = (await ask("portfolio", "add_creditor", new))["creditor_id"]
    letterhead = {
        "legal_name": "Crédito La Laguna, S.A. de C.V.",
        "address": "Bulevar Independencia 100, 27000 Torreón, Coahuila",
        "phones": ["+52 871 555 0100"],
        "complaints_unit": "UNE, +52 871 555 0199",
        "payment_instructions": "CLABE 012345678901234567",
    }
    await ask("portfolio", "change_creditor", letterhead, creditor_id=creditor)
    await ask("portfolio", "read_creditor", creditor_id=creditor)
    new = {"creditor_id": creditor, "name": "Tarjetas", "currency": "MXN", "jurisdiction": "MX", "product": "tarjeta"}
    portfolio = (await ask("portfolio", "add_portfolio", new))["portfolio_id"]
    limits = {"promise_limits": {"min_share_percent": "0"}}
    await ask("portfolio", "change_portfolio", limits, portfolio_id=portfolio)
    await ask("portfolio", "read_portfolio", portfolio_id=portfolio)
    bands = {"from": DAY, "bands": [{"stage": "early", "from_days": 1}, {"stage": "late", "from_days": 31}]}
    await ask("portfolio", "change_bands", bands, portfolio_id=portfolio)
    await ask("portfolio", "read_bands", portfolio_id=portfolio)
    await _profiles(recording, creditor, portfolio)
    given = {"portfolio_id": portfolio, "filename": "cartera.csv", "as_of": DAY, "confirm_future": "true"}
    sent = await ask("portfolio", "upload_file", portfolio_file(), mode="delta", **given)
    file_id = sent["file_id"]
    await platform.until("portfolio", "SELECT bool_and(status = 'loaded') FROM file")
    await ask("portfolio", "read_file", file_id=file_id)
    smaller = b"".join(portfolio_file().splitlines(keepends=True)[:3])
    given["filename"] = "cartera-completa.csv"
    asks = (await ask("portfolio", "upload_file", smaller, mode="snapshot", **given))["file_id"]
    await platform.until("portfolio", "SELECT bool_or(status = 'needs_confirmation') FROM file")
    await ask("portfolio", "confirm_file", {"accept": False}, file_id=asks)
    await ask("portfolio", "read_rejects", file_id=file_id)
    await ask("portfolio", "read_file_template", format="csv", lang="es")
    new["name"] = "Tarjetas 2025"
    ended = (await ask("portfolio", "add_portfolio", new))["portfolio_id"]
    await ask("portfolio", "return_portfolio", {"reason": "fin del mandato"}, portfolio_id=ended)
    for operation in ("list_creditors", "list_portfolios", "list_all_files", "list_address_reviews"):
        await ask("portfolio", operation)
    await ask("portfolio", "list_files", portfolio_id=portfolio)
    await ask("portfolio", "list_findings", file_id=file_id)
    found = (await ask("portfolio", "find_contracts", portfolio_id=portfolio))["items"]
    await ask("portfolio", "run_staging", {"as_of": DAY, "portfolio_id": portfolio, "confirm_future": True})
    await ask("portfolio", "read_stages", portfolio_id=portfolio)
    await _segments(recording, portfolio, found[0]["contract_id"])
    await platform.settled()
    return list(found)


async def _bank_file(recording: Recording, contracts: list[Json]) -> None:
    ask, contract = recording.ask, contracts[0]
    portfolio = contract["portfolio_id"]
    names = {"payment_reference": "FLL 0001", "virtual_account": "646180111800000001"}
    await ask("portfolio", "state_payment_names", names, contract_id=contract["contract_id"])
    await ask("portfolio", "read_payment_names", contract_id=contract["contract_id"])
    rows = (
        "Fecha de pago,Importe,Clave de rastreo,Referencia de pago,Concepto,Ordenante",
        f"{DAY},100.00,BNX-7001,FLL 0001,,",
        f"{DAY},80.00,BNX-7002,,pago tarjeta,Inés Vara",
        f"{DAY},70.00,BNX-7003,,abono,",
        f"{DAY},doscientos,BNX-7004,FLL 0001,,",
    )
    given = {"portfolio_id": portfolio, "filename": "pagos.csv", "dry_run": "true"}
    sent = await ask("portfolio", "upload_payment_file", "\n".join((*rows, "")).encode(), **given)
    file_id = sent["file_id"]
    loaded = "SELECT bool_and(status = 'loaded') FROM payment_file"
    await recording.platform.until("portfolio", loaded)
    await ask("portfolio", "book_tried_file", file_id=file_id)
    await recording.platform.until("portfolio", loaded)
    for operation in ("read_payment_file", "read_payment_rejects", "list_rejected_payments"):
        await ask("portfolio", operation, file_id=file_id)
    await ask("portfolio", "list_all_payment_files")
    await ask("portfolio", "list_payment_files", portfolio_id=portfolio)
    waiting = (await ask("portfolio", "list_unidentified_payments", portfolio_id=portfolio, state="open"))["items"]
    first, second = (one["unidentified_id"] for one in waiting)
    part = {"portfolio_id": portfolio, "contract_number": contract["contract_number"], "amount": "50.00"}
    await ask("portfolio", "allocate_unidentified_payment", part, unidentified_id=first)
    await ask("portfolio", "return_unidentified_payment", {"reason": "no es cliente"}, unidentified_id=second)
    await ask("portfolio", "read_unidentified_payment", unidentified_id=first)


async def _profiles(recording: Recording, creditor: str, portfolio: str) -> None:
    ask = recording.ask
    strange = b"Reporte mensual\nk1;Cliente;k3;k4\nCLR-1001;In\xc3\xa9s Vara Ruiz;11/30/26;1.500,00\n"
    shown = await ask("portfolio", "preview_file", strange, portfolio_id=portfolio, filename="enero.csv")
    fields = {"k1": "contract_number", "k3": "due_date", "k4": "amount_due"}
    columns = [{**one, "field": fields.get(one["source"], one["field"])} for one in shown["profile"]["columns"]]
    profile = {**shown["profile"], "columns": columns, "dates": "mdy"}
    kept = await ask("portfolio", "add_file_profile", profile, creditor_id=creditor)
    changed = {**profile, "constants": {"product": "tarjeta"}}
    ids = {"creditor_id": creditor, "profile_id": kept["profile_id"]}
    await ask("portfolio", "change_file_profile", changed, **ids)
    await ask("portfolio", "read_file_profile", **ids)
    await ask("portfolio", "list_file_profiles", creditor_id=creditor)


async def _segments(recording: Recording, portfolio: str, contract: str) -> None:
    ask = recording.ask
    rules = {
        "rules": [
            {"segment": "evasive", "when": {"days_since_contact": {"min": 30}, "days_past_due": {"min": 60}}},
            {"segment": "chronic", "when": {"instalments_behind": {"min": 3}}},
            {"segment": "first_default", "when": {"episodes": {"max": 1}, "days_past_due": {"min": 1}}},
        ],
        "words": {"evasive": {"es": "Evasivo", "pt": "Evasivo", "en": "Evasive"}},
    }
    await ask("portfolio", "try_segment_rules", rules, portfolio_id=portfolio)
    await ask("portfolio", "change_segment_rules", rules, portfolio_id=portfolio)
    await ask("portfolio", "read_segment_rules", portfolio_id=portfolio)
    await recording.platform.until("portfolio", "SELECT count(*) = 0 FROM judging_anew")
    await ask("portfolio", "read_segment_trial", portfolio_id=portfolio)
    await ask("portfolio", "read_segment", contract_id=contract)
    ladder = {"steps": _STEPS}
    await ask("portfolio", "try_ladder", ladder, portfolio_id=portfolio)
    path = f"/v1/portfolios/{portfolio}/ladder"
    (await recording.platform.clients["portfolio"].put(path, json=ladder)).raise_for_status()
    await recording.platform.until("portfolio", "SELECT count(*) = 0 FROM judging_anew")
    await ask("portfolio", "read_ladder_trial", portfolio_id=portfolio)
    proof = {"registered_number": "RR123456789MX"}
    notice = {"kind": "reminder", "channel": "registered letter", "sent_on": DAY, "proof": proof}
    await ask("portfolio", "add_notice", notice, contract_id=contract)
    await ask("portfolio", "list_notices", contract_id=contract)
    await ask("portfolio", "read_step", contract_id=contract)


async def _place(recording: Recording, contracts: list[Json]) -> str:
    ask = recording.ask
    agency = str((await ask("assignment", "create_agency", {"name": "Contacto Laguna"}))["agency_id"])
    letterhead = {
        "legal_name": "Contacto Laguna, S.C.",
        "address": "Avenida Juárez 5, 27000 Torreón, Coahuila",
        "phones": ["+52 871 555 0300"],
    }
    await ask("assignment", "change_agency", letterhead, agency_id=agency)
    await ask("assignment", "read_agency", agency_id=agency)
    contract = {
        "kinds": ["dialing", "visits"],
        "starts_on": "2026-01-01",
        "fees": [
            {"kind": "dialing", "from_days": 1, "percent": "10"},
            {"kind": "visits", "from_days": 1, "percent": "12"},
        ],
        "recall_grace_days": 5,
    }
    await ask("assignment", "create_service_contract", contract, agency_id=agency)
    await ask("assignment", "list_service_contracts", agency_id=agency)
    for kind in ("dialing", "visits"):
        when = {"stages": ["early", "late"], "min_overdue": "100.00"}
        rule = {"name": f"Todo, {kind}", "priority": 1, "kind": kind, "when": when}
        shares = [{"agency_id": agency, "weight": 1}]
        created = await ask("assignment", "create_rule", rule | {"shares": shares})
        await ask("assignment", "read_rule", rule_id=created["rule_id"])
    await ask("assignment", "add_precedence", {"kinds": ["visits", "collection", "dialing"], "starts_on": "2099-01-01"})
    await ask("assignment", "run_placement", {})
    for operation in ("list_agencies", "list_rules", "list_precedences"):
        await ask("assignment", operation)
    await recording.platform.settled()
    placed = await ask("assignment", "list_placements", kind="dialing", contract_id=contracts[0]["contract_id"])
    await ask("assignment", "read_placement", placement_id=placed["items"][0]["placement_id"])
    return agency


async def _debtors(recording: Recording, contracts: list[Json]) -> None:
    ask, contract = recording.ask, contracts[0]["contract_id"]
    new = {"kind": "phone", "value": "+52 871 555 2000", "provenance": "debtor"}
    point = (await ask("portfolio", "add_contact_point", new, contract_id=contract))["contact_id"]
    await ask("portfolio", "change_contact_point", {"change": "opted_out", "medium": "call"}, contact_id=point)
    await ask("portfolio", "read_contact_point", contact_id=point)
    guarantor: Json = {"role": "guarantor", "name": "Marta Díaz Lara", "tax_id": "DILM700101AB1", "language": "es"}
    guarantor["contact_points"] = [{"kind": "phone", "value": "+52 871 555 2100"}]
    party = (await ask("portfolio", "add_party", guarantor, contract_id=contract))["party_id"]
    await ask("portfolio", "change_party", {"name": "Marta Díaz de Lara"}, party_id=party)
    await ask("portfolio", "read_party", party_id=party)
    await ask("portfolio", "list_parties", contract_id=contract)
    wrong = {"role": "reference", "name": "Pedro Ruiz"}
    mistaken = (await ask("portfolio", "add_party", wrong, contract_id=contract))["party_id"]
    await ask("portfolio", "remove_party", {"reason": "capturada por error"}, party_id=mistaken)
    payment = {"amount": "200.00", "paid_on": DAY, "channel": "branch", "reference": "R-1001"}
    paid = (await ask("portfolio", "receive_payment", payment, contract_id=contract))["payment_id"]
    await ask("portfolio", "read_payment", payment_id=paid)
    await ask("portfolio", "reverse_payment", {"reason": "sin fondos", "reversed_on": DAY}, payment_id=paid)
    charge = {"kind": "fee", "amount": "30.00", "charged_on": DAY, "reason": "gastos de cobranza", "reference": "G-1"}
    fee = (await ask("portfolio", "take_charge", charge, contract_id=contract))["charge_id"]
    await ask("portfolio", "reverse_charge", {"reason": "cobrado por error"}, charge_id=fee)
    await ask("portfolio", "list_charges", contract_id=contract)
    batch = [payment | {"contract_id": contract, "reference": f"R-{n}"} for n in (1002, 1003)]
    await ask("portfolio", "receive_payments", {"payments": batch})
    await ask("portfolio", "list_payments", contract_id=contract)
    await _bank_file(recording, contracts)
    await ask("portfolio", "read_contract", contract_id=contract)
    await ask("portfolio", "read_stage", contract_id=contract, on=DAY)
    await ask("portfolio", "read_day_totals", day=DAY)
    both = [one["contract_id"] for one in contracts[-2:]]
    await ask("portfolio", "list_candidates")
    person = (await ask("portfolio", "read_contract", contract_id=both[0]))["debtor"]["debtor_id"]
    decision = {"contract_id": both[1], "reason": "misma persona, vista su identificación"}
    linked = await ask("portfolio", "link_customer", decision, person_id=person)
    await ask("portfolio", "read_person", person_id=linked["person_id"])
    said = {"not_hours": ["12:00-14:00"], "not_days": ["sun"], "reason": "trabaja de noche"}
    kept = await ask("portfolio", "add_convenience", said, person_id=linked["person_id"])
    named = {"person_id": linked["person_id"], "convenience_id": kept["items"][0]["convenience_id"]}
    await ask("portfolio", "remove_convenience", {"reason": "ya no trabaja de noche"}, **named)
    await ask("portfolio", "read_convenience", person_id=linked["person_id"])
    decision = {"contract_id": both[1], "reason": "es su hijo"}
    await ask("portfolio", "unlink_customer", decision, person_id=linked["person_id"])
    attempt = {"channel": "call", "outcome": "no_answer", "note": "sin tono"}
    await ask("portfolio", "add_attempt", attempt, contract_id=contracts[0]["contract_id"])
    await ask("portfolio", "list_attempts", contract_id=contracts[0]["contract_id"])
    await _desk(recording)


async def _desk(recording: Recording) -> None:
    """Two people of a worklist: one is called, one goes to the supervisor and back, and to another day."""
    ask = recording.ask
    # Placements reach portfolio as events. The desk leaves alone what an agency collects.
    await recording.platform.settled()
    new: Json = {"name": "Atrasos recientes", "when": {"stages": ["early"], "no_contact_days": 3}}
    worklist = (await ask("portfolio", "add_worklist", new))["worklist_id"]
    change = {"when": {"stages": ["early", "late"], "overdue_balance": {"min": 100}}}
    await ask("portfolio", "change_worklist", change, worklist_id=worklist)
    await recording.platform.until("portfolio", "SELECT count(*) = 0 FROM worklist WHERE wanted_at IS NOT NULL")
    for operation in ("list_worklists", "read_worklist", "list_waiting"):
        await ask("portfolio", operation, **({} if operation == "list_worklists" else {"worklist_id": worklist}))

    async def given() -> str:
        return str((await ask("portfolio", "give_next", worklist_id=worklist))["item"]["item_id"])

    item = await given()
    await ask("portfolio", "add_desk_note", {"note": "llamar después de las 18 h"}, item_id=item)
    await ask("portfolio", "read_desk_item", item_id=item)
    outcome = {"channel": "call", "outcome": "no_answer", "note": "suena y nadie contesta"}
    await ask("portfolio", "finish_desk_item", outcome, item_id=item)
    item = await given()
    await ask("portfolio", "escalate_desk_item", {"reason": "pide una quita"}, item_id=item)
    decision = {"decision": "back", "note": "hasta 10 %"}
    await ask("portfolio", "decide_desk_item", decision, item_id=item, person="supervisor")
    await ask("portfolio", "release_desk_item", item_id=await given())
    again = {"again_at": "2099-01-01T00:00:00Z"}
    with patch.object(working, "LATEST", timedelta(days=36_500)):
        await ask("portfolio", "reschedule_desk_item", again, item_id=await given())
    await ask("portfolio", "list_desk_items", state="worked")
    await ask("portfolio", "read_productivity")


async def _corrections(recording: Recording, contracts: list[Json]) -> None:
    ask, (_, disputed, paused, deceased) = recording.ask, [one["contract_id"] for one in contracts[:4]]
    dispute = {"reason": "amount", "opened_by": "debtor", "detail": "dice que pagó octubre"}
    opened = (await ask("portfolio", "open_clarification", dispute, contract_id=disputed))["clarification_id"]
    await ask("portfolio", "list_clarifications", state="open")
    await ask("portfolio", "read_clarification", clarification_id=opened)
    resolution = {
        "outcome": "upheld",
        "detail": "octubre estaba pagado",
        "corrections": [{"instalment": 2, "amount": "0.00"}],
    }
    await ask("portfolio", "resolve_clarification", resolution, clarification_id=opened)
    pause = {"reason": "hospital", "starts_on": DAY, "ends_on": "2026-12-05"}
    begun = (await ask("portfolio", "start_pause", pause, contract_id=paused))["pause_id"]
    await ask("portfolio", "end_pause", {"ends_on": DAY}, pause_id=begun)
    owner = await ask("portfolio", "read_portfolio", portfolio_id=contracts[0]["portfolio_id"])
    flood = {"creditor_id": owner["creditor_id"], "country": "MX", "postal_code": "97000"}
    new: Json = {"scope": flood, "reason": "inundación", "starts_on": DAY}
    begun = (await ask("portfolio", "start_scoped_pause", new))["pause_id"]
    await ask("portfolio", "list_scoped_pauses")
    await ask("portfolio", "read_scoped_pause", pause_id=begun)
    await ask("portfolio", "end_scoped_pause", {"ends_on": DAY}, pause_id=begun)
    status = {"status": "deceased", "reported_by": "family"}
    await ask("portfolio", "set_debtor_status", status, contract_id=deceased)
    await ask("portfolio", "read_history", contract_id=disputed)


async def _promises(recording: Recording, contracts: list[Json]) -> None:
    ask, (promised, planned) = recording.ask, [one["contract_id"] for one in contracts[4:6]]
    await recording.platform.settled()
    new = {"contract_id": promised, "amount": "501.00", "due_on": "2026-11-27", "made_in": "call"}
    made = (await ask("promises", "make_promise", new))["promise_id"]
    await ask("promises", "read_promise", promise_id=made)
    await ask("promises", "list_promises", due_to="2026-11-27")
    await ask("promises", "cancel_promise", {"reason": "error de captura"}, promise_id=made)
    instalments = [{"due_on": f"2026-{month}", "amount": "400.00"} for month in ("11-27", "12-11")]
    plan = {"contract_id": planned, "kind": "plan", "instalments": instalments, "made_in": "call"}
    reached = (await ask("promises", "reach_agreement", plan))["agreement_id"]
    await ask("promises", "read_agreement", agreement_id=reached)
    await ask("promises", "list_agreements", state="open")
    await ask("promises", "cancel_agreement", {"reason": "se acordó otro plan"}, agreement_id=reached)
    await ask("promises", "read_rates_of", by="agent", **{"from": "2026-11-01", "to": "2026-12-31"})
    await _settlement(recording, planned)
    await ask("promises", "check_promises", {"as_of": DAY, "confirm_future": True})


async def _links(recording: Recording, contract_id: str) -> None:
    ask = recording.ask
    link = (await ask("promises", "make_link", {"language": "es"}, contract_id=contract_id))["link_id"]
    await ask("promises", "revoke_link", {"reason": "se envió a otro número"}, link_id=link)
    await ask("promises", "list_links", contract_id=contract_id)
    await ask("promises", "read_link", link_id=link)


async def _settlement(recording: Recording, contract_id: str) -> None:
    """Offers, and two settlements: one is refused and one is reached. A second person decides about both."""
    ask = recording.ask
    offered = {
        "code": "PRONTO-20",
        "when": {"stages": ["early", "late"], "min_balance": "500.00"},
        "steps": [{"pay_within_days": 5, "discount_percent": "20"}, {"pay_within_days": 12, "discount_percent": "10"}],
        "incentive": "carta de no adeudo el mismo día",
        "valid_days": 3,
    }
    pricing = {
        "yearly_rate_percent": "18",
        "recovery": [{"up_to_days_past_due": 90, "percent": "55"}, {"percent": "20"}],
    }
    portfolio_id = (await ask("portfolio", "read_contract", contract_id=contract_id))["portfolio_id"]
    tried = {"rules": [offered], "pricing": pricing, "portfolio_id": portfolio_id}
    await ask("promises", "try_offer_rules", tried)
    await ask("promises", "put_offer_rules", {"rules": [offered], "pricing": pricing})
    await ask("promises", "read_offer_rules")
    await ask("promises", "list_offers", contract_id=contract_id)
    rules = (await ask("promises", "read_authority_rules"))["rules"]
    written = (await ask("promises", "put_authority_rules", {"rules": rules}, person="director"))["version"]
    await ask("promises", "approve_authority_rules", version=written, person="supervisor")
    other = (await ask("promises", "put_authority_rules", {"rules": rules}, person="director"))["version"]
    await ask("promises", "refuse_authority_rules", version=other, person="supervisor")
    await ask("promises", "list_authority_rules")
    schedule = [{"due_on": "2026-12-04", "amount": "800.00"}]
    new = {"contract_id": contract_id, "kind": "settlement", "schedule": schedule}
    refused = (await ask("promises", "reach_agreement", new))["agreement_id"]
    reason = {"reason": "el cliente puede pagar más"}
    await ask("promises", "refuse_agreement", reason, agreement_id=refused, person="supervisor")
    settled = (await ask("promises", "reach_agreement", new))["agreement_id"]
    await ask("promises", "approve_agreement", agreement_id=settled, person="supervisor")
    accepted = {"by": "recording", "proof": "s3://grabaciones/2026/11/23/0417.wav", "sha256": "3f9a" * 16}
    await ask("promises", "accept_agreement", accepted, agreement_id=settled)
    await ask("promises", "list_agreements", kind="settlement")
    await ask("promises", "cancel_agreement", {"reason": "el cliente pidió un plan"}, agreement_id=settled)


async def _dial(recording: Recording, contracts: list[Json], agency: str) -> None:
    ask = recording.ask
    await recording.platform.settled()
    new: Json = {"name": "Recordatorio", "agency_id": agency, "one_entry_per": "contract", "payment_holdoff_days": 0}
    new |= {"kind": "predictive", "list_order": "balance", "daily_size": 500}
    new |= {"phones_per_entry": 2, "phone_order": ["verified", "mobile"]}
    campaign = (await ask("dialer-feed", "create_campaign", new))["campaign_id"]
    await ask("dialer-feed", "read_campaign", campaign_id=campaign)
    asked = {"campaign_id": campaign, "business_date": DAY}
    listed = (await ask("dialer-feed", "request_list", asked))["list_id"]
    await recording.platform.until("dialer-feed", "SELECT bool_and(status = 'published') FROM dialing_list")
    await ask("dialer-feed", "read_list", list_id=listed)
    await ask("dialer-feed", "stream_entries", list_id=listed, format="jsonl")
    number = contracts[6]["contract_number"]
    withdrawn = {"contract_number": number, "reason": "payment_claimed", "detail": "dice que pagó ayer"}
    await ask("dialer-feed", "withdraw", withdrawn, list_id=listed, agency=agency)
    taken = await ask("dialer-feed", "read_withdrawals", list_id=listed, agency=agency)
    await ask("dialer-feed", "acknowledge", {"cursor": taken["next_cursor"]}, list_id=listed, agency=agency)
    await _ask_for_permits(recording, campaign, listed, contracts[7]["contract_number"], agency)
    call = {
        "call_id": "m1-000001",
        "list_id": listed,
        "contract_number": contracts[7]["contract_number"],
        "phone": "+528715551007",
        "agent": "Ana",
        "started_at": f"{DAY}T16:00:00Z",
        "duration_seconds": 95,
        "disposition": "right_party",
        "recording": {"uri": "s3://grabaciones/2026/11/m1-000001.wav", "sha256": "5a" * 32, "announced": True},
    }
    codes = [{"code": "CPC", "disposition": "right_party"}, {"code": "NC", "disposition": "no_answer"}]
    await ask("dialer-feed", "put_disposition_codes", {"agency_id": agency, "codes": codes})
    busy = [{"code": "OC", "disposition": "busy", "was": None}]
    await ask("dialer-feed", "change_disposition_codes", {"agency_id": agency, "codes": busy})
    await ask("dialer-feed", "report_calls", [call], agency=agency)
    await ask("dialer-feed", "read_call", call_id="m1-000001")
    await ask("dialer-feed", "read_productivity", by="agent", to=DAY)
    for operation in (
        "list_campaigns",
        "list_lists",
        "list_disposition_codes",
        "list_calls",
        "list_breaches",
        "list_payment_claims",
    ):
        await ask("dialer-feed", operation)
    await ask("dialer-feed", "list_reports")
    await ask("dialer-feed", "report_withdrawals", list_id=listed)


async def _ask_for_permits(recording: Recording, campaign: str, listed: str, number: str, agency: str) -> None:
    ask = recording.ask
    demands = {"caller_ids": ["+528715550199"], "permits": "optional"}
    await ask("dialer-feed", "change_demands", demands, campaign_id=campaign)
    asked: Json = {"list_id": listed, "contract_number": number, "phone": "+528715551007", "caller_id": "+528715550199"}
    noon = datetime.combine(AS_OF, time(18), UTC)
    with patch.object(asking, "now", lambda: noon):
        permit = await ask("dialer-feed", "ask_for_permit", asked, agency=agency)
    # A list of permits is by the moment of the question.
    with patch.object(asking, "now", lambda: noon + timedelta(seconds=1)):
        await ask("dialer-feed", "ask_for_permits", [{**asked, "phone": "+528715550000"}], agency=agency)
    begun = {"attempt_id": "m1-000001", "permit_id": permit["permit_id"], "started_at": f"{DAY}T18:00:05Z"}
    await ask("dialer-feed", "begin_attempt", {**begun, "agent": "Ana"}, agency=agency)
    await ask("dialer-feed", "read_permit", permit_id=permit["permit_id"])
    for operation in ("list_permits", "list_attempts"):
        await ask("dialer-feed", operation)


async def _recalls(recording: Recording, contracts: list[Json], agency: str) -> None:
    ask = recording.ask
    given_back, kept = [one["contract_id"] for one in contracts[6:8]]
    for contract, way in ((given_back, "acknowledge"), (kept, "object_to")):
        found = await ask("assignment", "list_placements", contract_id=contract, kind="dialing")
        placement = found["items"][0]["placement_id"]
        await ask("assignment", "recall", {"reason": "pasa a la sucursal"}, placement_id=placement)
        reason = {"reason": "tenemos una cita con el deudor" if way == "object_to" else "de acuerdo"}
        await ask("assignment", way, reason, placement_id=placement, agency=agency)
    await ask("assignment", "list_objections", state="open")
    await ask("assignment", "decide", {"accepted": True, "reason": "tiene cita"}, placement_id=placement)
    await ask("assignment", "recall", {"reason": "pasa a la sucursal"}, placement_id=placement)
    await ask("assignment", "acknowledge_many", {"placement_ids": [placement]}, agency=agency)
    await recording.platform.settled()
    await ask("assignment", "list_commissions", agency_id=agency, from_=DAY, to=DAY)
    await ask("assignment", "list_events", agency_id=agency, agency=agency, limit=1)


async def _visit(recording: Recording, contracts: list[Json]) -> None:
    ask, visited = recording.ask, contracts[7]["contract_id"]
    new = {"contract_id": visited, "visitor": "Luis", "visit_on": DAY}
    visit = (await ask("field-visits", "order_visit", new))["visit_id"]
    await ask("field-visits", "read_visit", visit_id=visit)
    attended = {"attended_by": "debtor", "at": f"{DAY}T16:00:00Z"}
    await ask("field-visits", "record_attendance", attended, visit_id=visit)
    result = attended | {"outcome": "visited", "reason_for_non_payment": "perdió su trabajo"}
    await ask("field-visits", "record_result", result, visit_id=visit)
    other = contracts[8]["contract_id"]
    ordered = (await ask("field-visits", "order_visit", new | {"contract_id": other}))["visit_id"]
    await ask("field-visits", "cancel_visit", {"reason": "llovió todo el día"}, visit_id=ordered)
    await ask("field-visits", "list_visits", day=DAY)
    await ask("field-visits", "list_breaches")
    await ask("field-visits", "list_photos", visit_id=visit)


async def _operate(recording: Recording) -> None:
    ask: Any = recording.ask
    await recording.platform.settled()
    await ask("portfolio", "list_reports", state="open")
    await ask("portfolio", "list_audit_entries")
    for operation in ("list_parked_keys", "list_letters", "list_unsent"):
        await ask("portfolio", operation)
    await ask("portfolio", "replay_letters", {"all": True})
    await ask("portfolio", "retry_unsent", {"all": True})


async def _erase(recording: Recording, contracts: list[Json]) -> None:
    """Somebody who has paid asks for the erasure of the data."""
    ask, paid = recording.ask, contracts[9]
    payment = {"amount": paid["total_balance"], "paid_on": DAY, "channel": "spei", "reference": "MX-000999"}
    platform = recording.platform
    half = (Decimal(paid["total_balance"]) / 2).quantize(Decimal("0.01"))
    rest = Decimal(paid["total_balance"]) - half
    parts = [{"due_on": f"2026-12-{day:02}", "amount": str(amount)} for day, amount in ((1, half), (11, rest))]
    plan = {"contract_id": paid["contract_id"], "kind": "plan", "schedule": parts}
    agreed = (await platform.post("promises", "/v1/agreements", plan))["agreement_id"]
    client = platform.clients["portfolio"]
    answer = await client.post(f"/v1/contracts/{paid['contract_id']}/payments", json=payment)
    assert answer.json()["state"] == "settled", answer.text
    await platform.until("portfolio", "SELECT count(*) = 1 FROM letter")
    printed = await client.get(f"/v1/contracts/{paid['contract_id']}/no-debt.pdf")
    assert printed.status_code == 200, printed.text
    await ask("portfolio", "list_no_debt_letters", to_deliver=True)
    delivery = {"medium": "in_person", "delivered_on": DAY}
    await ask("portfolio", "deliver_no_debt_letter", delivery, agreement_id=agreed)
    await ask("portfolio", "read_no_debt_letter", agreement_id=agreed)
    await ask("portfolio", "read_erasability", person_id=paid["debtor_id"])
    await ask(
        "portfolio", "erase_person", {"reason": "solicitud 118/2026"}, person="supervisor", person_id=paid["debtor_id"]
    )
    await ask("portfolio", "list_erasures")
