"""Nobody is dialled at a step of the ladder that allows no calls."""

import httpx
import pytest
from builder_steps import STEPS, run_steps
from dialing_scene import Scene
from permit_requests import clock, granted, question, refused
from recobro_events.contracts.portfolio import ApproachStep

__all__ = ["clock"]
STEP = ApproachStep.JUDICIAL_NOTICE


@pytest.mark.parametrize("held_after", STEPS)
async def test_a_step_without_calls_at_any_moment_of_the_build_leaves_no_entry(scene: Scene, held_after: str) -> None:
    strict, other = await scene.contracts(2)
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", held_after)
    await scene.receives(strict.escalated(STEP, "visit", "letter"), other.escalated(STEP, "call"))
    await run_steps(scene, list_id, held_after, "published")
    assert await scene.listed(list_id) == [other.number]
    expected = [(strict.number, "no_longer_eligible")] if held_after == "published" else []
    assert await scene.withdrawals(list_id) == expected


async def listed_now(scene: Scene) -> list[str]:
    return await scene.listed(await scene.built(campaign_id=await scene.campaign()))


async def test_what_a_step_allows_is_as_new_as_the_event_that_states_it(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    before = contract.escalated(STEP, "letter")
    await scene.receives(contract.escalated(ApproachStep.REMINDER))
    await scene.receives(before)
    assert await listed_now(scene) == [contract.number]
    await scene.receives(contract.escalated(STEP, "letter"))
    await scene.receives(contract.revised())
    assert await listed_now(scene) == []
    await scene.receives(contract.escalated(None))
    assert await listed_now(scene) == [contract.number]


@pytest.mark.parametrize(("allowed", "is_listed"), [(("manual",), False), (("manual", "blaster"), True), ((), False)])
async def test_a_step_allows_campaigns_by_their_kind(
    scene: Scene, allowed: tuple[str, ...], *, is_listed: bool
) -> None:
    [contract] = await scene.contracts(1)
    live = await scene.built()
    await scene.receives(contract.escalated(ApproachStep.REMINDER, campaigns=allowed))
    assert await scene.listed(live) == ([contract.number] if is_listed else [])
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign(kind="manual"))) == (
        [contract.number] if allowed else []
    )


@pytest.mark.usefixtures("clock")
async def test_a_permit_is_refused_and_the_explanation_names_the_step(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await scene.hears()
    await granted(client, question(contract, list_id=list_id))
    await scene.receives(contract.escalated(STEP, "letter"))
    assert await refused(client, question(contract, campaign_id=scene.campaign_id)) == "step"
    assert await refused(client, question(contract, list_id=list_id)) == "step"
    answer = await client.get(f"/v1/lists/{list_id}/explanations?contract_id={contract.contract_id}")
    [rule] = [each for each in answer.json()["rules"] if each["rule"] == "ladder"]
    assert rule == {
        "rule": "ladder",
        "bars": True,
        "facts": {"step": "judicial_notice", "contacts": ["letter"], "campaigns": None},
    }
    preview = await client.get(f"/v1/campaigns/{scene.campaign_id}/preview?business_date=2026-11-23")
    assert "ladder" in preview.text
