"""The published catalogue is current and consistent, and takes only compatible changes."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from recobro_events._log.envelope import headers_of
from recobro_events.catalogue.__main__ import main
from recobro_events.catalogue.asyncapi import document_of
from recobro_events.catalogue.schemas import DIALECT, Schema, contracts
from recobro_events.contracts.base import REGISTRY, ContractEvent, Envelope

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs/events"
REVISIONS = ROOT / "libs/events/tests/snapshots"


def test_the_catalogue_is_current() -> None:
    assert main([str(DOCS), str(REVISIONS), "--check"]) == 0


class Undocumented(ContractEvent, type="tailor.undocumented.v1"):
    """A type that a test declares, outside of ``recobro_events.contracts``."""


def test_types_declared_outside_the_contracts_are_left_out() -> None:
    assert Undocumented.type in REGISTRY
    assert Undocumented.type not in contracts()


@pytest.fixture
def catalogue(tmp_path: Path) -> list[str]:
    """The command's arguments for a catalogue in a temporary folder, which has just been written."""
    arguments = [str(tmp_path / "docs"), str(tmp_path / "revisions")]
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 0
    return arguments


def test_stale_missing_and_superfluous_files_are_named_and_corrected(
    catalogue: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    docs = Path(catalogue[0])
    (docs / "schemas/portfolio.payment-received.v1.json").write_text("{}")
    (docs / "asyncapi.json").unlink()
    (docs / "schemas/portfolio.payment-lost.v1.json").write_text("{}")
    assert main([*catalogue, "--check"]) == 1
    how = "Run `make contracts`, and commit what it writes."
    assert capsys.readouterr().err.splitlines() == [
        f"{docs}/schemas/portfolio.payment-lost.v1.json belongs to no contract. {how}",
        f"{docs}/asyncapi.json is missing. {how}",
        f"{docs}/schemas/portfolio.payment-received.v1.json differs from the contracts. {how}",
    ]
    assert not (docs / "asyncapi.json").exists()
    assert main(catalogue) == 0
    assert main([*catalogue, "--check"]) == 0


def revise(path: Path, change: Callable[[Schema], object]) -> None:
    schema = json.loads(path.read_text())
    change(schema)
    path.write_text(json.dumps(schema))


def test_a_contract_that_grew_is_kept_as_its_next_revision(
    catalogue: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(catalogue[1]) / "portfolio.payment-received.v1"
    revise(folder / "1.json", lambda schema: schema["properties"].pop("reference"))
    assert main([*catalogue, "--check"]) == 1
    assert f"{folder}/2.json is missing" in capsys.readouterr().err
    assert main(catalogue) == 0
    assert "reference" not in json.loads((folder / "1.json").read_text())["properties"]
    assert "reference" in json.loads((folder / "2.json").read_text())["properties"]
    assert main(catalogue) == 0
    assert {path.name for path in folder.iterdir()} == {"1.json", "2.json"}


def test_nothing_is_written_when_a_contract_changed_incompatibly(
    catalogue: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    docs, revisions = map(Path, catalogue)
    revise(
        revisions / "portfolio.payment-received.v1/1.json",
        lambda schema: schema["properties"].update(teller={"type": "string"}),
    )
    (revisions / "portfolio.payment-lost.v1").mkdir()
    (revisions / "portfolio.payment-lost.v1/1.json").write_text("{}")
    (docs / "asyncapi.json").write_text("{}")
    assert main(catalogue) == 1
    assert capsys.readouterr().err.splitlines() == [
        "portfolio.payment-lost.v1: the event type was removed; its messages may still be on a topic. Bring it back.",
        'portfolio.payment-received.v1: the field "teller" was removed; readers of revision 1 need it.'
        " Add a new type, portfolio.payment-received.v2, instead.",
    ]
    assert (docs / "asyncapi.json").read_text() == "{}"


@pytest.mark.process
def test_make_lint_fails_on_a_broken_contract(tmp_path: Path) -> None:
    lint = subprocess.run(["make", "--dry-run", "lint"], cwd=ROOT, capture_output=True, text=True, check=True)
    [command] = [line for line in lint.stdout.splitlines() if "events.catalogue" in line]
    for folder in ("libs/events/recobro_events", "libs/events/tests/snapshots", "docs/events"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    assert main([str(tmp_path / "docs/events"), str(tmp_path / "libs/events/tests/snapshots")]) == 0

    def run() -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, *shlex.split(command)[1:]]
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "libs/events")}
        return subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert run().returncode == 0
    (tmp_path / "docs/events/asyncapi.json").unlink()
    assert run().returncode == 1
    contract = tmp_path / "libs/events/recobro_events/contracts/portfolio.py"
    intact = contract.read_text()
    assert intact.count("    settled: bool\n") == 1
    contract.write_text(intact.replace("    settled: bool\n", ""))
    broken = run()
    assert broken.returncode == 1
    assert broken.stderr == (
        'portfolio.payment-received.v1: the field "settled" was removed; readers of revision 1 need it.'
        " Add a new type, portfolio.payment-received.v2, instead.\n"
    )


def references_in(node: Any) -> list[str]:
    if isinstance(node, dict):
        here = [node["$ref"]] if "$ref" in node else []
        return here + [found for value in node.values() for found in references_in(value)]
    return [found for value in node for found in references_in(value)] if isinstance(node, list) else []


def resolved(reference: str, document: Any, folder: Path) -> Any:
    """The target of a reference, in the document itself or in a file below ``folder``."""
    file, _, pointer = reference.partition("#")
    target = json.loads((folder / file).read_text()) if file else document
    for step in pointer.split("/")[1:]:
        target = target[step]
    return target


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.json")), ids=lambda path: path.stem)
def test_every_reference_resolves(path: Path) -> None:
    document = json.loads(path.read_text())
    for reference in references_in(document):
        assert resolved(reference, document, path.parent)


@pytest.mark.parametrize("name", contracts())
def test_a_schema_has_title_description_and_key(name: str) -> None:
    schema = json.loads((DOCS / f"schemas/{name}.json").read_text())
    assert schema["$schema"] == DIALECT
    assert schema["title"] == contracts()[name].__name__
    assert schema["description"]
    assert schema["x-key"] in schema["required"]
    assert all(reference.startswith("#/$defs/") for reference in references_in(schema))


def test_the_asyncapi_document_has_every_event_on_its_topics() -> None:
    document = json.loads((DOCS / "asyncapi.json").read_text())
    channels, messages = document["channels"], document["components"]["messages"]
    assert document["asyncapi"] == "3.0.0"
    assert document["info"].keys() >= {"title", "version"}
    assert messages.keys() == contracts().keys()
    for name, message in messages.items():
        assert message["name"] == name
        assert message["description"]
        assert resolved(message["payload"]["$ref"], document, DOCS)["title"] == message["title"]
    topics = {
        name: sorted(channel["address"] for channel in channels.values() if name in channel["messages"])
        for name in messages
    }
    services = ["assignment", "dialer-feed", "field-visits", "portfolio", "promises"]
    every_topic = sorted(
        [
            *(f"{name}.bulk" for name in ("assignment", "dialer-feed", "portfolio")),
            *(f"{name}.events" for name in services),
        ]
    )
    for name, event in contracts().items():
        service = name.split(".")[0]
        if service != "runtime":
            assert topics[name] == ["agency.{agency_id}.events" if service == "agency" else f"{service}.{event.lane}"]
    assert topics["portfolio.contract-revised.v1"] == ["portfolio.bulk"]
    assert topics["runtime.barrier-reached.v1"] == every_topic
    assert {channel["address"] for channel in channels.values()} == {*every_topic, "agency.{agency_id}.events"}
    for channel in channels.values():
        assert channel["description"]
        assert ("{agency_id}" in channel["address"]) == ("agency_id" in channel.get("parameters", {}))


def test_services_send_everywhere_and_listen_to_all_but_the_topics_of_agencies() -> None:
    document = json.loads((DOCS / "asyncapi.json").read_text())
    done = sorted(
        (o["action"], o["channel"]["$ref"].removeprefix("#/channels/")) for o in document["operations"].values()
    )
    internal = [("receive", name) for name in document["channels"] if not name.startswith("agency.")]
    assert done == sorted([*internal, *(("send", name) for name in document["channels"])])


def test_the_documented_headers_are_those_of_a_record() -> None:
    headers = document_of(contracts())["components"]["messageTraits"]["cloudevent"]["headers"]
    envelope = Envelope(
        event_id=uuid4(),
        type="a.b.v1",
        source="a",
        occurred_at=datetime(2026, 11, 22, 16, tzinfo=UTC),
        key="k",
        traceparent="00-1-1-00",
        audience="portfolio",
    )
    assert headers_of(envelope).keys() == headers["properties"].keys()
    bare = envelope._replace(traceparent=None, audience=None)
    assert headers_of(bare).keys() == set(headers["required"])


def test_only_these_events_carry_personal_data() -> None:
    messages = document_of(contracts())["components"]["messages"]
    assert {name for name, message in messages.items() if message["x-personal-data"]} == {
        "field-visits.address-collected.v1",
        "field-visits.contact-data-collected.v1",
        "portfolio.contact-point-changed.v1",
        "portfolio.contract-registered.v1",
        "portfolio.contract-revised.v1",
        "portfolio.party-changed.v1",
    }
