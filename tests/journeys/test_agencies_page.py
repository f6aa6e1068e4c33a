"""Runs the code blocks of the page for agencies' programmers against a platform over a real Kafka."""

import asyncio
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from payments import agency, publish, withdrawals
from recobro import keys
from recobro.client import Client
from recobro.data import DataFolder
from recobro_platform import SCOPES, SERVICES
from running_platform import PATIENCE_SECONDS, Program, started_platform, started_program

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(600)]

PAGE = Path(__file__).parents[2] / "docs" / "agencies.md"
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
MOST_LINES = {"aiokafka": 20, "httpx": 40}
AS_OF = date(2026, 11, 22)
PARTITIONS = 12
PERSONAL_COLUMNS = ("Nombre / Razón social", "RFC", "Teléfono 1", "Teléfono 2", "Correo electrónico", "Calle")
EXPECTED_EVENTS = [
    "agency.contact-silenced.v1",
    "agency.list-entry-withdrawn.v1",
    "agency.payment-received.v1",
    "agency.placement-started.v1",
]


def block(language: str, word: str) -> str:
    """Return the page's only block in this language that contains ``word``."""
    [text] = [text for written_in, text in BLOCKS if written_in == language and word in text]
    return text


def shown_after(text: str) -> str:
    """Return the output that the page shows below a block."""
    return next(shown for (_, before), (_, shown) in pairwise(BLOCKS) if before == text)


def names(output: str) -> set[str]:
    """Return the names of fields and headers in an output. They are the same on the page and in every run."""
    return {name for found in re.findall(r'"(\w+)"\s*:|\b(ce_\w+)=', output) for name in found if name}


def without_numbers(output: str) -> str:
    """Return an output without its numbers, its ids and the breaches of calling hours, which differ from run to run."""
    return re.sub(r"[0-9a-f-]{36}|\d+|(?<='breaches': )\['outside_hours'\]|(?<='breaches': )\[\]", "#", output)


def skip_or_fail(reason: str) -> NoReturn:
    if os.environ.get("RECOBRO_REQUIRE_KAFKA") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Stage:
    """An agency with a list of the day, the environment of its programs, and the loaded portfolio file."""

    client: Client
    portfolio_id: UUID
    list_id: UUID
    environment: dict[str, str]
    portfolio: Path

    @property
    def topic(self) -> str:
        return f"agency.{self.environment['RECOBRO_AGENCY']}.events"

    def listed(self) -> list[Any]:
        with self.client.lines("dialer-feed", f"/v1/lists/{self.list_id}/entries") as lines:
            return [json.loads(line) for line in lines]

    def pay(self, contract_number: str) -> str:
        """Record a payment for this contract, and return the contract's id."""
        contract_id = str(uuid.uuid5(self.portfolio_id, contract_number))
        payment = {"amount": "250.00", "paid_on": AS_OF.isoformat(), "channel": "bank", "reference": uuid.uuid4().hex}
        self.client.post("portfolio", f"/v1/contracts/{contract_id}/payments", payment)
        return contract_id

    def personal_data(self) -> set[str]:
        """Return names, tax ids, phones and addresses, as the creditor wrote them and as the list has them."""
        rows = csv.DictReader(self.portfolio.read_text(encoding="cp1252").splitlines())
        written = {value for row in rows for column in PERSONAL_COLUMNS if len(value := row[column] or "") >= 8}
        listed = {value for entry in self.listed() for value in (entry["name"], *entry["phones"])}
        assert min(len(written), len(listed)) > 50
        return written | listed

    @contextmanager
    def script(self, text: str, folder: Path) -> Iterator[Program]:
        (folder / "script.py").write_text(text)
        with started_program([sys.executable, "script.py"], self.environment, folder) as program:
            yield program


@pytest.fixture(scope="module")
async def broker(kafka_bootstrap: str) -> AsyncIterator[str]:
    """The address of a Kafka that has no other platform's events. Its topics are deleted afterwards."""
    services = {service.name for service in SERVICES}
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        if taken := [topic for topic in await admin.list_topics() if topic.split(".")[0] in services]:
            skip_or_fail(f"the Kafka at {kafka_bootstrap} holds another platform's events: {taken}")
        yield kafka_bootstrap
        # An agency's topic may stay, because the agency's id is in its name.
        await admin.delete_topics([topic for topic in await admin.list_topics() if topic.split(".")[0] in services])
    finally:
        await admin.close()


@pytest.fixture(scope="module")
def stage(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    few = tmp_path_factory.mktemp("portfolio") / "few.csv"
    sample = files("recobro").joinpath("sample", "cartera_mx.csv").read_bytes()
    few.write_bytes(b"".join(sample.splitlines(keepends=True)[:400]))
    with started_platform(broker) as platform, platform.client() as client:
        listing = publish(client, few, AS_OF)
        mine = agency(client)
        data = DataFolder(platform.data)
        token = keys.token(data, subject="dialer-1", scopes=SCOPES, agency_id=UUID(mine), ttl_seconds=3600)
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "RECOBRO_AGENCY": mine,
            "RECOBRO_TOKEN": token,
            "RECOBRO_FEED": client.address("dialer-feed"),
            "RECOBRO_BROKERS": broker,
            "RECOBRO_DAY": AS_OF.isoformat(),
        }
        yield Stage(client, listing.portfolio_id, listing.list_id, environment, few)


@pytest.fixture(scope="module")
def paid(stage: Stage) -> str:
    """The id of a contract that was placed, then paid for, and withdrawn because of the payment."""
    contract_id = stage.pay(stage.listed()[-1]["contract_number"])
    assert [item["contract_id"] for item in withdrawals(stage.client, stage.list_id, 1)] == [contract_id]
    return contract_id


def test_every_block_of_the_page_is_run_or_is_an_output() -> None:
    languages = [language for language, _ in BLOCKS]
    assert len(languages) * 2 == PAGE.read_text().count("```")
    assert languages.count("python") == len(MOST_LINES)
    assert set(languages) == {"bash", "python", "json", "text"}


def test_the_page_lists_every_event_type_for_agencies() -> None:
    types = {schema.stem for schema in PAGE.with_name("events").glob("schemas/agency.*.json")}
    assert set(re.findall(r"^\| `(agency\.[a-z.0-9-]+)`", PAGE.read_text(), re.M)) == types != set()


@pytest.mark.parametrize("library", MOST_LINES)
def test_the_programs_are_as_short_as_promised(library: str) -> None:
    lines = [line for line in block("python", library).splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES[library]


def test_kcat_shows_a_contract_s_events_and_no_personal_data(stage: Stage, paid: str, tmp_path: Path) -> None:
    if shutil.which("kcat") is None:
        skip_or_fail("kcat not on PATH")
    command, deadline = block("bash", "kcat"), time.monotonic() + PATIENCE_SECONDS
    types: list[str] = []
    while types != EXPECTED_EVENTS and time.monotonic() < deadline:
        output = subprocess.check_output(
            ["bash", "-c", command], env=stage.environment, cwd=tmp_path, text=True, timeout=PATIENCE_SECONDS
        )
        facts = [fact.splitlines() for fact in output.strip().split("\n\n")]
        types = sorted(re.findall(r"ce_type=([^,]*)", headers)[0] for key, headers, _ in facts if key == paid)
    assert types == EXPECTED_EVENTS
    assert all(f"ce_subject={key}," in headers and json.loads(body) for key, headers, body in facts)
    assert [value for value in stage.personal_data() if value in output] == []
    assert names(shown_after(command)) == names(output)


async def test_twenty_lines_of_python_store_each_event_once(stage: Stage, paid: str, tmp_path: Path) -> None:
    """Also events that arrive twice while the program does not run. After a restart it continues at its position."""
    program = block("python", "aiokafka")
    with stage.script(program, tmp_path) as reader:
        for fact in EXPECTED_EVENTS:
            reader.until(fact, paid)
        await until_read(stage)
        before = reader.interrupt()
    twice = next(record for record in await records(stage) if record.key == paid.encode())
    unknown = [("ce_id", b"1"), ("ce_type", b"agency.not-known-yet.v1"), ("ce_subject", twice.key)]
    async with AIOKafkaProducer(bootstrap_servers=stage.environment["RECOBRO_BROKERS"]) as producer:
        for headers in ([*twice.headers], unknown):
            await producer.send_and_wait(stage.topic, twice.value, twice.key, twice.partition, headers=headers)
    contract_id = stage.pay(stage.listed()[-1]["contract_number"])
    with stage.script(program, tmp_path) as reader:
        reader.until("agency.not-known-yet.v1")
        reader.until("agency.payment-received.v1", contract_id)
        reader.until("agency.list-entry-withdrawn.v1", contract_id)
        await until_read(stage)
        after = reader.interrupt()
    kept = [line.split()[0] for line in (*before, *after)]
    assert sorted(kept) == sorted({dict(record.headers)["ce_id"].decode() for record in await records(stage)})
    assert [value for value in stage.personal_data() if value in "".join(before + after)] == []
    assert names(shown_after(program)) <= names("".join(before + after))


@asynccontextmanager
async def observing_the_group(stage: Stage) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
    """Yield a consumer that reads the group's positions without being a member of the group."""
    places = [TopicPartition(stage.topic, partition) for partition in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stage.environment["RECOBRO_BROKERS"],
        group_id=stage.topic.removesuffix(".events"),
        enable_auto_commit=False,
    )
    consumer.assign(places)
    async with consumer:
        yield consumer, places


async def until_read(stage: Stage) -> None:
    """Return when the group's stored positions are at the end of every partition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    async with observing_the_group(stage) as (consumer, places):
        while (ends := await consumer.end_offsets(places)) != (
            stored := {place: await consumer.committed(place) or 0 for place in places}
        ):
            assert time.monotonic() < deadline, f"the group has stored {stored} of {ends}"
            await asyncio.sleep(0.1)


async def records(stage: Stage) -> list[ConsumerRecord]:
    found: list[ConsumerRecord] = []
    async with observing_the_group(stage) as (consumer, places), asyncio.timeout(PATIENCE_SECONDS):
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        while len(found) < sum(ends.values()):
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                found += batch
    return found


def test_a_day_with_curl_works_as_the_page_shows(stage: Stage, tmp_path: Path) -> None:
    steps = [(text, shown) for (language, text), (_, shown) in pairwise(BLOCKS) if language == "bash"][1:]
    first, second, *_, last = stage.listed()
    answers = []
    with started_program(["bash"], stage.environment, tmp_path) as shell:
        for n, (text, shown) in enumerate(steps):
            start = len(shell.printed)
            shell.type(f"{text}\necho; echo end of block {n}")
            if "wait=" in text:
                stage.pay(last["contract_number"])
            shell.until(f"end of block {n}")
            answers.append("".join(shell.printed[start:-1]))
            assert names(answers[-1]) == names(shown), text
    assert [json.loads(line) for line in answers.pop(1).strip().splitlines()] == [first, second]
    lists, feed, acknowledged, calls, own, report, refused = map(json.loads, answers)
    assert [one["list_id"] for one in lists["items"]] == [str(stage.list_id)]
    assert [(one["contract_number"], one["reason"]) for one in feed["items"]] == [(last["contract_number"], "payment")]
    assert acknowledged["cursor"] == feed["next_cursor"]
    assert (calls["accepted"], calls["without_effect"], calls["rejected"]) == (1, 0, [])
    assert [(item["unlisted"], item["wrongful"]) for item in calls["items"]] == [(False, False)]
    assert (own["contract_number"], own["reason"]) == (first["contract_number"], "payment_claimed")
    assert report["seconds_to_acknowledgement"]["max"] is not None
    assert report["wrongful_calls"] == 0
    assert (refused["status"], refused["errors"][0]["pointer"]) == (422, "/reason")
    assert {first["contract_number"], last["contract_number"]}.isdisjoint(
        entry["contract_number"] for entry in stage.listed()
    )


def test_forty_lines_of_python_call_no_withdrawn_contract(stage: Stage, tmp_path: Path) -> None:
    program = block("python", "httpx")
    first, second, third = (entry["contract_number"] for entry in stage.listed()[:3])
    with stage.script(program, tmp_path) as dialer:
        dialer.until(first, "how did it end?")
        stage.pay(second)
        dialer.until(second, "do not call, payment")
        dialer.type("no_answer")
        dialer.until(third, "how did it end?")
        dialer.type("payment_claimed")
        dialer.until(third, "do not call, payment_claimed")
        feed = stage.client.get("dialer-feed", f"/v1/lists/{stage.list_id}/withdrawals")
        dialer.until(f"'cursor': {feed['next_cursor']}, 'newly_acknowledged'")
        output = "".join(dialer.printed)
    assert f"{second}: call" not in output
    # Two threads print, so a line of one may end within a line of the other.
    printed = without_numbers(output)
    missing = [line for line in without_numbers(shown_after(program)).splitlines() if line not in printed]
    assert missing == ["no_answer"], "the page shows this line because the user types it"
