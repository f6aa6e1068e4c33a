"""The migration of rules from before the states of the US were known."""

import uuid
from typing import Any

import pytest
from alembic import op
from assignment.migrations.versions import m0012_states
from placing_scene import Scene


async def test_a_rule_for_a_state_of_the_us_holds_for_its_usual_name_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New facts of a contract in TX say Texas. Rules of other states, and without states, stay as they are."""
    written: list[Any] = [["TX", "Atlantis"], ["Sonora"], None]
    async with scene.database.transaction() as tx:
        for states in written:
            await tx.execute(
                "INSERT INTO placement_rule (rule_id, name, priority, kind, states) VALUES ($1, 'r', 1, 'dialing', $2)",
                uuid.uuid4(),
                states,
            )
        statements: list[str] = []
        monkeypatch.setattr(op, "execute", statements.append)
        m0012_states.upgrade()
        await tx.execute(statements[0])
        rows = await tx.fetch("SELECT states FROM placement_rule ORDER BY states")
    assert [row["states"] for row in rows] == [["Atlantis", "TX", "Texas"], ["Sonora"], None]
