"""The catalogue of dispositions, and agencies' own codes: mapped, unknown, and never lost."""

from typing import Any

import httpx
import pytest
from agencies_at_work import Agency, two_agencies
from dialer_feed.calls.dispositions import MEANINGS
from dialing_requests import Json, call, code_of, report_calls
from dialing_scene import Scene
from recobro_events.contracts.dialer_feed import CallCompleted, Disposition
from recobro_events.testing import published


@pytest.fixture
async def agencies(scene: Scene, client: httpx.AsyncClient) -> tuple[Agency, Agency]:
    return await two_agencies(scene, client)


def coded(agency: Agency, code: str, **changes: Any) -> Json:
    reported = call(agency.list_id, agency.contract, disposition_code=code, **changes)
    del reported["disposition"]
    return reported


async def put(client: httpx.AsyncClient, agency: Agency, **codes: str) -> None:
    given = [{"code": code, "disposition": disposition} for code, disposition in codes.items()]
    answer = await client.put("/v1/disposition-codes", json={"agency_id": str(agency.agency_id), "codes": given})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"codes": len(codes)}


async def codes(client: httpx.AsyncClient, headers: Json | None = None, **wanted: Any) -> list[tuple[Any, ...]]:
    answer = await client.get("/v1/disposition-codes", params=wanted, headers=headers)
    assert answer.status_code == 200, answer.text
    return [(one["agency_id"], one["code"], one["disposition"], one["calls"]) for one in answer.json()["items"]]


async def test_the_catalogue_says_what_each_disposition_means(client: httpx.AsyncClient) -> None:
    found = (await client.get("/v1/dispositions", headers={"Accept-Language": "es-MX"})).json()
    assert [one["disposition"] for one in found] == [str(one) for one in Disposition] == [str(one) for one in MEANINGS]
    meanings = {one["disposition"]: (one["meaning"], one["right_party"], one["acts_like"]) for one in found}
    assert meanings["wrong_number"] == ("El número no es del deudor.", False, "wrong_number")
    assert meanings["promise"] == ("El deudor prometió pagar.", True, None)


async def test_a_code_means_what_the_operator_has_said_for_its_agency(
    scene: Scene, client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, other = agencies
    await put(client, own, CPC="right_party", F="deceased")
    await put(client, other, CPC="busy")
    await report_calls(client, coded(own, "CPC", call_id="a"), coded(other, "CPC", call_id="b"))
    await report_calls(client, coded(own, "F", call_id="c"))
    rows = await scene.rows(
        "SELECT call_id, disposition, disposition_code, right_party FROM call_result ORDER BY call_id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("a", "right_party", "CPC", True),
        ("b", "busy", "CPC", False),
        ("c", "deceased", "F", False),
    ]
    assert await scene.withdrawals(own.list_id) == [(own.contract.number, "deceased")]
    known = (await client.get("/v1/calls/a")).json()
    assert (known["call"]["disposition"], known["disposition_code"]) == ("right_party", "CPC")
    assert await codes(client, mapped="false") == []


async def test_an_unknown_code_counts_as_an_attempt_and_is_listed_until_somebody_explains_it(
    scene: Scene, client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, other = agencies
    first = coded(own, "X9", call_id="a")
    await report_calls(client, first, coded(own, "X9", call_id="b"))
    await report_calls(client, first)
    unknown = [(str(own.agency_id), "X9", None, 2)]
    assert await codes(client, mapped="false") == unknown
    assert await codes(client, own.headers) == unknown
    assert await codes(client, other.headers, agency_id=own.agency_id) == []
    assert {event.disposition for event in await published(scene.database, CallCompleted)} == {Disposition.NO_ANSWER}
    [counted] = await scene.rows("SELECT count(*) FILTER (WHERE attempt) FROM call_result")
    assert counted[0] == 2
    assert await scene.withdrawals(own.list_id) == []
    await put(client, own, X9="third_party")
    await report_calls(client, coded(own, "X9", call_id="c"))
    assert await codes(client) == [(str(own.agency_id), "X9", "third_party", 2)]
    await put(client, own)
    assert await codes(client, mapped="false") == unknown


async def test_a_disposition_decides_where_the_call_has_both(
    scene: Scene, client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, _ = agencies
    await report_calls(client, call(own.list_id, own.contract, "promise", disposition_code="X1"))
    [row] = await scene.rows("SELECT disposition, disposition_code FROM call_result")
    assert tuple(row.values()) == ("promise", "X1")
    assert await codes(client) == []


async def test_bad_codes_are_refused(client: httpx.AsyncClient, agencies: tuple[Agency, Agency]) -> None:
    own, _ = agencies
    neither = call(own.list_id, own.contract)
    del neither["disposition"]
    assert code_of(await client.post("/v1/calls", json=[neither])) == "invalid"
    assert code_of(await client.post("/v1/calls", json=[coded(own, "x" * 65)])) == "invalid"
    one = {"code": "A", "disposition": "busy"}
    for wrong in ([one, one], [one | {"disposition": "ill"}], [one | {"code": ""}]):
        answer = await client.put("/v1/disposition-codes", json={"agency_id": str(own.agency_id), "codes": wrong})
        assert (answer.status_code, code_of(answer)) == (422, "invalid"), wrong
    mine = await client.put("/v1/disposition-codes", json={"codes": []}, headers=own.headers)
    assert mine.status_code == 403


async def test_two_persons_explain_codes_and_neither_undoes_the_other(
    client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, _ = agencies
    await put(client, own, A="busy", B="busy")

    async def change(*codes: Json) -> httpx.Response:
        body = {"agency_id": str(own.agency_id), "codes": list(codes)}
        return await client.patch("/v1/disposition-codes", json=body)

    def to(code: str, disposition: str | None, was: str | None) -> Json:
        return {"code": code, "disposition": disposition, "was": was}

    first = await change(to("A", "promise", "busy"), to("C", "refused", None))
    assert (first.status_code, first.json()) == (200, {"codes": 3})
    late = await change(to("B", None, "busy"), to("A", "deceased", "busy"))
    assert (late.status_code, code_of(late), late.json()["codes"]) == (409, "codes-changed", ["A"])
    again = await change(to("A", "promise", "busy"))
    assert again.status_code == 200, "it means already what it shall mean"
    unmapped = await change(to("B", None, "busy"))
    assert unmapped.json() == {"codes": 2}
    known = [(code, meaning) for _, code, meaning, _ in await codes(client, mapped="true")]
    assert known == [("A", "promise"), ("C", "refused")]
    twice = await change(to("A", "busy", None), to("A", "busy", None))
    assert code_of(twice) == "invalid"
    many = await change(*(to(f"N{n}", "busy", None) for n in range(999)))
    assert (many.status_code, code_of(many)) == (409, "too-many-codes")
    theirs = await client.patch("/v1/disposition-codes", json={"codes": [to("A", None, None)]}, headers=own.headers)
    assert theirs.status_code == 403
