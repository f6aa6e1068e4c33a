"""Settlements, restructures and forgiveness: proposed, approved by a second person, accepted, and kept or broken."""

import hashlib
import uuid
from decimal import Decimal

import pytest
from agreement_scene import ANA, EVA, LUZ, RECORDING, act, active, done, person, proposed, read, request, schedule
from promise_scene import Json, Scene, code_of, day, pointers
from promises.agreements.settling import end_expired, settle_final
from recobro_events.contracts.portfolio import DebtorStatus
from recobro_events.contracts.promises import (
    AgreementBroken,
    AgreementCancelled,
    AgreementFulfilled,
    AgreementReached,
    AgreementReopened,
    AgreementSettled,
    PromiseCancelled,
    PromiseMade,
    ProposalChanged,
)

SEVENTY: Json = {"schedule": schedule((5, "300.00"), (20, "400.00"))}
"""700 of the 1,000 that a contract of the scene owes."""


async def test_a_settlement_is_proposed_approved_by_another_person_and_accepted(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await proposed(scene, contract, **SEVENTY)
    assert agreement == agreement | {
        "state": "proposed",
        "total": "700.00",
        "discount": "300.00",
        "settles_in_full": True,
        "needs_approval": True,
        "needs_acceptance": True,
        "valid_until": str(day(5)),
        "proposed_by": "ana",
        "decided_by": None,
    }
    assert [(i["promise_id"], i["due_on"], i["amount"]) for i in agreement["instalments"]] == [
        (None, str(day(5)), "300.00"),
        (None, str(day(20)), "400.00"),
    ]
    assert await scene.published(PromiseMade) == [], "nobody is silent before it is in force"
    approved = await done(scene, agreement, "approval")
    assert (approved["state"], approved["decided_by"]) == ("awaiting_acceptance", "eva")
    accepted = await done(
        scene, agreement, "acceptance", {"by": "code", "proof": agreement["acceptance_code"].lower()}, ANA
    )
    assert (accepted["state"], accepted["accepted_by"], accepted["settled_on"]) == ("active", "code", None)
    assert await read(scene, agreement) == accepted
    [reached] = await scene.published(AgreementReached)
    assert (reached.kind, reached.discount, len(reached.schedule)) == ("settlement", Decimal("300.00"), 2)
    states = [(event.version, event.state) for event in await scene.published(ProposalChanged)]
    assert states == [(1, "proposed"), (2, "awaiting_acceptance"), (4, "reached")]
    rows = await scene.rows("SELECT DISTINCT actor ->> 'subject' AS name FROM promise")
    assert [row["name"] for row in rows] == ["ana"], "its promises are those of the person who proposed it"
    listed = (await scene.client.get("/v1/agreements", params={"state": "active", "kind": "settlement"})).json()
    assert listed["items"] == [accepted]


async def test_the_debtor_may_say_yes_in_a_call_before_a_second_person_approves(scene: Scene) -> None:
    agreement = await proposed(scene, await scene.registered(), **SEVENTY)
    for by in ("code", "signature"):
        early = await act(scene, agreement, "acceptance", {"by": by, "proof": agreement["acceptance_code"]}, ANA)
        assert (early.status_code, code_of(early)) == (409, "second-person-needed")
    waits = await done(scene, agreement, "acceptance", RECORDING, ANA)
    assert waits["state"] == "awaiting_approval"
    assert (await done(scene, agreement, "approval"))["state"] == "active"


async def test_an_acceptance_keeps_the_hash_of_the_recording_or_of_the_signed_document(scene: Scene) -> None:
    sha256 = "ab" * 32
    for number, by, proof in (("C-1", "recording", "s3://calls/2026/11/17.wav"), ("C-2", "signature", "folder 12/4")):
        agreement = await proposed(scene, await scene.registered(number=number), **SEVENTY)
        await done(scene, agreement, "approval")
        for wrong in (
            {"by": by, "proof": proof, "sha256": "AB" * 32},
            {"by": by, "proof": "https://eva:secret@calls.example/17"},
            {"by": "code", "proof": agreement["acceptance_code"], "sha256": sha256},
        ):
            assert (await act(scene, agreement, "acceptance", wrong)).status_code == 422
        accepted = await done(scene, agreement, "acceptance", {"by": by, "proof": proof, "sha256": sha256})
        assert (accepted["state"], accepted["proof"], accepted["proof_sha256"]) == ("active", proof, sha256)
        assert (await read(scene, agreement))["proof_sha256"] == sha256


async def test_a_signature_may_name_the_terms_that_were_signed_and_other_terms_are_refused(scene: Scene) -> None:
    agreement = await proposed(scene, await scene.registered(), **SEVENTY)
    [first] = await scene.published(ProposalChanged)
    assert first.terms is not None
    assert (first.awaits_second_person, first.terms.sha256) == (True, agreement["terms_sha256"])
    assert (first.terms.balance, first.terms.discount) == (Decimal("1000.00"), Decimal("300.00"))
    assert [(str(part.due_on), str(part.amount)) for part in first.terms.schedule] == [
        (str(day(5)), "300.00"),
        (str(day(20)), "400.00"),
    ]
    approved = await done(scene, agreement, "approval")
    assert approved["terms_sha256"] == agreement["terms_sha256"]
    [_, second] = await scene.published(ProposalChanged)
    assert (second.awaits_second_person, second.terms) == (False, first.terms)
    signed = {"by": "signature", "proof": "folder 12/4", "terms_sha256": agreement["terms_sha256"]}
    for wrong in (signed | {"terms_sha256": "ab" * 32}, signed | {"by": "recording"}):
        refused = await act(scene, agreement, "acceptance", wrong)
        assert refused.status_code == 422, refused.text
    assert pointers(await act(scene, agreement, "acceptance", signed | {"terms_sha256": "ab" * 32})) == [
        "/terms_sha256"
    ]
    accepted = await done(scene, agreement, "acceptance", signed)
    assert accepted["state"] == "active"
    assert (accepted["terms_sha256"], accepted["accepted_terms_sha256"]) == (None, agreement["terms_sha256"])


async def test_the_hash_of_the_terms_is_that_of_their_json_and_stays_when_the_debt_grows(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await proposed(scene, contract, **SEVENTY)
    stated = (
        f'{{"agreement_id":"{agreement["agreement_id"]}","balance":"1000.00","contract_id":"{contract.contract_id}",'
        f'"currency":"MXN","discount":"300.00","kind":"settlement","schedule":[{{"amount":"300.00","due_on":"{day(5)}"}},'
        f'{{"amount":"400.00","due_on":"{day(20)}"}}],"settles_in_full":true,"valid_until":"{day(5)}"}}'
    )
    assert agreement["terms_sha256"] == hashlib.sha256(stated.encode()).hexdigest()
    await scene.receives(contract.revised(overdue=Decimal("1050.00")))
    approved = await done(scene, agreement, "approval")
    assert (approved["discount"], approved["terms_sha256"]) == ("350.00", agreement["terms_sha256"])


async def test_agreements_in_force_are_listed_as_active_and_a_plan_among_them_says_open(scene: Scene) -> None:
    settled = await active(scene, await scene.registered(), **SEVENTY)
    plan = await proposed(
        scene, await scene.registered(number="C-2"), "plan", schedule=schedule((5, "300.00"), (9, "9.00"))
    )
    listed = (await scene.client.get("/v1/agreements", params={"state": "active"})).json()["items"]
    assert {(each["agreement_id"], each["state"]) for each in listed} == {
        (settled["agreement_id"], "active"),
        (plan["agreement_id"], "open"),
    }
    assert (await scene.client.get("/v1/agreements", params={"state": "open"})).json()["items"] == [plan]


async def test_what_a_second_person_has_to_decide_is_listed_until_it_is_decided(scene: Scene) -> None:
    accepted, approved, refused = [await proposed(scene, await scene.registered(), **SEVENTY) for _ in range(3)]

    async def undecided() -> list[str]:
        items = (await scene.client.get("/v1/agreements", params={"undecided": True})).json()["items"]
        others = (await scene.client.get("/v1/agreements", params={"undecided": False})).json()["items"]
        assert len(items) + len(others) == 3
        return [each["agreement_id"] for each in items]

    assert await undecided() == [each["agreement_id"] for each in (accepted, approved, refused)]
    await done(scene, accepted, "acceptance", RECORDING, ANA)
    await done(scene, approved, "approval")
    await done(scene, refused, "refusal", {"reason": "no"})
    assert await undecided() == [accepted["agreement_id"]], "that the debtor said yes decides nothing"
    await done(scene, accepted, "approval")
    assert await undecided() == []


async def test_a_proposal_on_a_contract_that_is_closed_waits_for_nobody(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await proposed(scene, contract, **SEVENTY)
    await scene.receives(contract.closed())
    ended = await read(scene, agreement)
    assert (ended["state"], ended["cancellation_reason"]) == ("cancelled", "contract_closed")
    assert (await scene.client.get("/v1/agreements", params={"undecided": True})).json()["items"] == []
    states = [(event.version, event.state) for event in await scene.published(ProposalChanged)]
    assert states == [(1, "proposed"), (2, "cancelled")]


async def test_nobody_approves_or_refuses_what_they_have_proposed(scene: Scene) -> None:
    agreement = await proposed(scene, await scene.registered(), headers=EVA, **SEVENTY)
    for name, body in (("approval", None), ("refusal", {"reason": "no"})):
        answer = await act(scene, agreement, name, body, EVA)
        assert (answer.status_code, code_of(answer)) == (409, "same-person")
    assert (await read(scene, agreement))["state"] == "proposed"
    assert (await done(scene, agreement, "approval", headers=LUZ))["decided_by"] == "luz"


async def test_a_discount_above_a_persons_authority_is_refused_and_the_answer_says_the_most(scene: Scene) -> None:
    contract = await scene.registered()
    answer = await request(scene, contract, schedule=schedule((5, "699.99")))
    assert (answer.status_code, code_of(answer), answer.json()["most"]) == (403, "discount-above-authority", "300.00")
    agreement = await proposed(scene, contract, headers=LUZ, schedule=schedule((5, "499.99")))
    answer = await act(scene, agreement, "approval")
    assert (answer.status_code, code_of(answer), answer.json()["most"]) == (403, "discount-above-authority", "500.00")
    plain = await act(scene, agreement, "approval", headers=ANA)
    assert (plain.status_code, plain.json()["most"]) == (403, "0.00"), "an operator approves nothing"
    assert (await done(scene, agreement, "approval", headers=person("max", "director")))["decided_by"] == "max"


async def test_an_agency_discounts_only_what_the_rules_allow_it(scene: Scene) -> None:
    contract, agency_id = await scene.registered(), uuid.uuid4()
    await scene.placed(contract, agency_id)
    headers = scene.agency(agency_id)
    answer = await request(scene, contract, headers=headers, **SEVENTY)
    assert (answer.status_code, code_of(answer)) == (403, "discount-above-authority")
    assert "most" not in answer.json(), "an agency learns no balance"
    await allow(scene, {"role": "agency", "kind": "settlement", "propose_percent": "30"}, *SUPERVISOR)
    agreement = await proposed(scene, contract, headers=headers, **SEVENTY)
    assert (agreement["state"], agreement["proposed_by"], agreement["acceptance_code"]) == ("proposed", None, None)
    refused = await act(scene, agreement, "approval", headers=headers)
    assert (refused.status_code, code_of(refused)) == (403, "agency-refused")
    other = scene.agency(uuid.uuid4())
    assert (await act(scene, agreement, "acceptance", RECORDING, other)).status_code == 404
    await done(scene, agreement, "approval")
    assert (await done(scene, agreement, "acceptance", RECORDING, headers))["state"] == "active"


SUPERVISOR = ({"role": "supervisor", "kind": "settlement", "propose_percent": "30", "approve_percent": "30"},)


async def allow(scene: Scene, *rules: Json) -> None:
    written = await scene.client.put("/v1/authority-rules", json={"rules": list(rules)}, headers=EVA)
    assert written.status_code == 200, written.text
    path = f"/v1/authority-rules/{written.json()['version']}/approval"
    assert (await scene.client.post(path, headers=LUZ)).status_code == 201


async def test_rules_of_authority_hold_once_another_person_has_approved_them(scene: Scene) -> None:
    alone = {"role": "operator", "kind": "settlement", "propose_percent": "30", "alone_percent": "30"}
    put: Json = {"json": {"rules": [alone]}}
    assert code_of(await scene.client.put("/v1/authority-rules", **put, headers=ANA)) == "role-needed"
    written = (await scene.client.put("/v1/authority-rules", **put, headers=EVA)).json()
    path = f"/v1/authority-rules/{written['version']}/approval"
    assert code_of(await scene.client.post(path, headers=EVA)) == "same-person"
    assert (await scene.client.get("/v1/authority-rules/in-force")).json()["version"] == 0
    assert (await proposed(scene, await scene.registered(), **SEVENTY))["needs_approval"]
    assert (await scene.client.post(path, headers=LUZ)).json()["state"] == "approved"
    assert code_of(await scene.client.post(path, headers=LUZ)) == "rules-decided"
    assert (await scene.client.get("/v1/authority-rules/in-force")).json() == written | {
        "state": "approved",
        "decided_by": "luz",
    }
    agreement = await proposed(scene, await scene.registered(number="C-2"), **SEVENTY)
    assert not agreement["needs_approval"]
    assert (await done(scene, agreement, "acceptance", RECORDING, ANA))["state"] == "active"


async def test_a_refusal_says_why_and_ends_the_proposal(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await proposed(scene, contract, **SEVENTY)
    refused = await done(scene, agreement, "refusal", {"reason": "pays 80 % elsewhere"})
    assert (refused["state"], refused["refused"], refused["cancellation_reason"]) == (
        "cancelled",
        True,
        "pays 80 % elsewhere",
    )
    for name, body in (("approval", None), ("acceptance", RECORDING), ("refusal", {"reason": "x"})):
        assert code_of(await act(scene, agreement, name, body, LUZ)) == "agreement-not-pending"
    assert (await proposed(scene, contract, **SEVENTY))["state"] == "proposed"


async def test_a_contract_has_one_agreement_that_has_not_ended(scene: Scene) -> None:
    contract = await scene.registered()
    first = await proposed(scene, contract, **SEVENTY)
    again = await request(scene, contract, **SEVENTY)
    assert (code_of(again), again.json()["agreement_id"]) == ("agreement-pending", first["agreement_id"])
    assert code_of(await scene.request_plan(contract, (5, "10.00"), (6, "10.00"))) == "agreement-pending"
    assert (await done(scene, first, "cancellation", {"reason": "wants a plan"}, ANA))["state"] == "cancelled"
    await scene.plan(contract, (5, "10.00"), (6, "10.00"))
    assert code_of(await request(scene, contract, **SEVENTY)) == "plan-open"


@pytest.mark.parametrize(
    ("kind", "body", "pointer"),
    [
        ("settlement", {}, ""),
        ("settlement", {"schedule": schedule((5, "1000.01"))}, "/schedule"),
        ("settlement", {"schedule": schedule((5, "1000.00"))}, "/discount"),
        ("settlement", {"schedule": schedule((5, "900.00")), "discount": "100.01"}, "/discount"),
        ("settlement", {"schedule": schedule((5, "700.00"), (5, "1.00"))}, "/schedule"),
        ("settlement", {"schedule": schedule((-1, "700.00"))}, "/schedule/0/due_on"),
        ("settlement", {"instalments": 2, "first_due_on": str(day(5)), "discount": "300.00"}, ""),
        ("settlement", {"instalments": 61, "first_due_on": str(day(5)), "frequency": "weekly"}, "/instalment_count"),
        ("settlement", {"instalments": 1, "first_due_on": str(day(5)), "discount": "1000.00"}, "/instalment_count"),
        (
            "settlement",
            {
                "instalments": 2,
                "first_due_on": str(day(5)),
                "frequency": "weekly",
                "discount": "1.00",
                "first_payment": "999.00",
            },
            "/first_payment",
        ),
        ("restructure", {"schedule": schedule((5, "500.00")), "discount": "100.00"}, "/schedule"),
        ("forgiveness", {}, "/discount"),
        ("plan", {"schedule": schedule((5, "500.00"))}, "/schedule"),
    ],
)
async def test_bad_terms_are_refused_and_change_nothing(scene: Scene, kind: str, body: Json, pointer: str) -> None:
    answer = await request(scene, await scene.registered(), kind, LUZ, **body)
    assert (answer.status_code, pointers(answer)) == (422, [pointer]), answer.text
    assert await scene.rows("SELECT FROM proposal") == []
    assert await scene.event_names() == []


async def test_instalments_are_rounded_down_and_the_last_one_takes_the_rest(scene: Scene) -> None:
    body: Json = {"instalments": 3, "first_due_on": "2026-11-30", "frequency": "monthly", "discount": "100.00"}
    agreement = await proposed(scene, await scene.registered(), first_payment="200.01", **body)
    assert [(i["due_on"], i["amount"]) for i in agreement["instalments"]] == [
        ("2026-11-30", "200.01"),
        ("2026-12-30", "349.99"),
        ("2027-01-30", "350.00"),
    ]
    plan = await proposed(
        scene,
        await scene.registered(number="C-2"),
        "plan",
        instalments=3,
        first_due_on=str(day(5)),
        frequency="fortnightly",
    )
    assert [i["amount"] for i in plan["instalments"]] == ["333.33", "333.33", "333.34"]
    assert plan["state"] == "open"


async def test_a_settlement_in_force_replaces_the_promises_before_it(scene: Scene) -> None:
    contract = await scene.registered()
    await scene.promise(contract, "100.00", due=5)
    agreement = await active(scene, contract, **SEVENTY)
    [cancelled] = await scene.published(PromiseCancelled)
    assert cancelled.reason == "agreement_reached"
    await scene.receives(contract.paid("300.00"))
    assert [i["paid"] for i in (await read(scene, agreement))["instalments"]] == ["300.00", "0.00"]


async def test_a_debt_that_has_shrunk_is_proposed_again_and_one_that_has_grown_is_given_up_too(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await proposed(scene, contract, **SEVENTY)
    await scene.receives(contract.paid("100.00"))
    for name, body in (("approval", None), ("acceptance", RECORDING)):
        answer = await act(scene, agreement, name, body)
        assert (answer.status_code, code_of(answer)) == (409, "balance-changed")
    grown = await scene.registered(number="C-2")
    agreement = await proposed(scene, grown, **SEVENTY)
    grown.owe(Decimal("50.00"))
    await scene.receives(grown.revised())
    assert (await done(scene, agreement, "approval"))["discount"] == "350.00"
    grown.owe(Decimal("400.00"))
    await scene.receives(grown.revised())
    accepted = await done(scene, agreement, "acceptance", RECORDING)
    assert (accepted["state"], accepted["discount"]) == ("active", "750.00")


async def test_a_proposal_cannot_be_decided_after_its_first_payment_was_due(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await proposed(scene, contract, **SEVENTY)
    await done(scene, agreement, "approval")
    await scene.receives(scene.business_date(6))
    late = await act(scene, agreement, "acceptance", RECORDING)
    assert (late.status_code, code_of(late)) == (409, "offer-expired")
    assert await end_expired(scene.database) == 1
    assert (await read(scene, agreement))["cancellation_reason"] == "offer_expired"
    assert await end_expired(scene.database) == 0


async def test_a_proposal_without_payments_can_be_decided_for_fifteen_days(scene: Scene) -> None:
    in_time, late = [
        await proposed(scene, await scene.registered(number=number), "forgiveness", discount="300.00")
        for number in ("C-1", "C-2")
    ]
    assert late["valid_until"] == str(day(15))
    scene.today(15)
    await scene.receives(scene.business_date(15))
    assert (await done(scene, in_time, "approval"))["state"] == "fulfilled"
    scene.today(16)
    await scene.receives(scene.business_date(16))
    refused = await act(scene, late, "approval")
    assert (refused.status_code, code_of(refused)) == (409, "offer-expired")


async def test_nothing_comes_into_force_on_a_disputed_contract_or_for_a_deceased_debtor(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await proposed(scene, contract, **SEVENTY)
    await scene.receives(contract.disputed())
    assert code_of(await act(scene, agreement, "approval")) == "clarification"
    deceased = await scene.registered(number="C-2")
    agreement = await proposed(scene, deceased, **SEVENTY)
    await done(scene, agreement, "approval")
    await scene.receives(deceased.reported(DebtorStatus.DECEASED))
    assert code_of(await act(scene, agreement, "acceptance", RECORDING)) == "debtor-deceased"
    refused = await done(scene, agreement, "refusal", {"reason": "the debtor has died"}, LUZ)
    assert refused["state"] == "cancelled"


async def test_a_paid_settlement_is_settled_when_its_last_payment_is_final(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await active(scene, contract, **SEVENTY)
    assert await settle_final(scene.database) == 0, "nothing is paid, so nothing is given up"
    await scene.receives(contract.paid("700.00", paid_on=day(0)))
    assert (await read(scene, agreement))["state"] == "fulfilled"
    await scene.receives(scene.business_date(5))
    assert await settle_final(scene.database) == 0, "the bank may still take the payment back"
    await scene.receives(scene.business_date(6))
    assert await settle_final(scene.database) == 1
    assert await settle_final(scene.database) == 0
    [settled] = await scene.published(AgreementSettled)
    assert (settled.discount, settled.settles_in_full, settled.settled_on) == (Decimal("300.00"), True, day(6))
    assert (await read(scene, agreement))["settled_on"] == str(day(6))


async def test_a_payment_that_a_file_has_absorbed_is_final_at_once(scene: Scene) -> None:
    contract = await scene.registered()
    await active(scene, contract, **SEVENTY)
    await scene.receives(contract.paid("700.00", paid_on=day(0)))
    contract.change(payments_on_top=1)
    await scene.receives(contract.revised())
    assert await settle_final(scene.database) == 0
    contract.change(payments_on_top=0)
    await scene.receives(contract.revised())
    assert await settle_final(scene.database) == 1


async def test_a_reversal_opens_a_settled_agreement_again_and_its_payment_settles_it_again(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await active(scene, contract, **SEVENTY)
    paid = contract.paid("700.00", paid_on=day(0))
    await scene.receives(paid)
    await scene.receives(scene.business_date(6))
    await settle_final(scene.database)
    await scene.receives(contract.payment_reversed(paid))
    now = await read(scene, agreement)
    assert (now["state"], now["settled_on"]) == ("active", None)
    assert len(await scene.published(AgreementReopened)) == 1
    await scene.receives(contract.paid("700.00", paid_on=day(5)))
    await scene.receives(scene.business_date(11))
    assert await settle_final(scene.database) == 1
    settled = await scene.published(AgreementSettled)
    assert len({event.version for event in settled}) == 2
    await scene.receives(scene.business_date(30))
    assert len(await scene.published(AgreementFulfilled)) == 2


async def test_a_late_payment_breaks_a_settlement_and_nothing_is_given_up(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await active(scene, contract, **SEVENTY)
    await scene.receives(contract.paid("250.00", paid_on=day(4)))
    await scene.move_business_date(8)
    broken = await read(scene, agreement)
    assert (broken["state"], [i["state"] for i in broken["instalments"]]) == ("broken", ["partly_kept", "cancelled"])
    assert len(await scene.published(AgreementBroken)) == 1
    await scene.receives(contract.paid("450.00", paid_on=day(8)))
    await scene.receives(scene.business_date(60))
    assert await settle_final(scene.database) == 0
    assert await scene.published(AgreementSettled) == []


async def test_an_agreement_in_force_is_cancelled_and_says_so(scene: Scene) -> None:
    contract = await scene.registered()
    agreement = await active(scene, contract, **SEVENTY)
    cancelled = await done(scene, agreement, "cancellation", {"reason": "agreed otherwise"}, ANA)
    assert (cancelled["state"], [i["state"] for i in cancelled["instalments"]]) == ("cancelled", ["cancelled"] * 2)
    [event] = await scene.published(AgreementCancelled)
    assert (event.reason, event.version) == ("agreed otherwise", 2)
    assert code_of(await act(scene, agreement, "cancellation", {"reason": "again"})) == "agreement-not-open"


async def test_forgiveness_without_a_payment_needs_no_debtor_and_is_settled_at_once(scene: Scene) -> None:
    agreement = await proposed(scene, await scene.registered(), "forgiveness", discount="50.00")
    assert (agreement["needs_acceptance"], agreement["settles_in_full"]) == (False, False)
    done_ = await done(scene, agreement, "approval")
    assert (done_["state"], done_["settled_on"], done_["instalments"]) == ("fulfilled", str(day(0)), [])
    assert code_of(await act(scene, agreement, "acceptance", RECORDING)) == "agreement-not-pending"
    [settled] = await scene.published(AgreementSettled)
    assert (settled.kind, settled.discount, settled.settles_in_full) == ("forgiveness", Decimal("50.00"), False)
    [fulfilled] = await scene.published(AgreementFulfilled)
    assert (fulfilled.version, settled.version) == (2, 3)


async def test_a_restructure_states_all_that_is_owed(scene: Scene) -> None:
    contract = await scene.registered()
    body: Json = {"instalments": 48, "first_due_on": "2026-12-31", "frequency": "monthly"}
    agreement = await active(scene, contract, "restructure", **body)
    assert (agreement["state"], agreement["total"], agreement["discount"]) == ("active", "1000.00", "0.00")
    assert agreement["instalments"][-1]["due_on"] == "2030-11-30"
    [reached] = await scene.published(AgreementReached)
    assert sum(part.amount for part in reached.schedule) == Decimal("1000.00")
