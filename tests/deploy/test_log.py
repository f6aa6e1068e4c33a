"""Topics, users and scaling agree with the code: who publishes to which topic, who reads which topic."""

import re

import pytest
from deploy.cluster import named, of_kind
from recobro.log_settings import program_of
from recobro_events import MAX_RECORD_BYTES, SERVICE_LANES, Consumer, Lane, bulk_sources
from recobro_events.contracts import agency
from recobro_events.kafka import RETENTION_MS
from recobro_platform import PROGRAMS, SERVICE_NAMES, service_named

pytestmark = pytest.mark.process

OVERLAYS = {"overlays/production": (3, 2), "overlays/local": (1, 1)}
Right = tuple[str, str, str, str]


def lanes_of(service: str) -> list[Lane]:
    return list(SERVICE_LANES) if service in bulk_sources() else [Lane.EVENTS]


def consumer_of(service: str) -> Consumer:
    return program_of(service_named(service)).consumer


def rights_of(user: str, target: str = "overlays/production") -> set[Right]:
    """Return a user's rights: the kind of resource, its name, the type of pattern, the operation."""
    spec = named("KafkaUser", user, target)["spec"]
    assert spec["authentication"] == {"type": "scram-sha-512"}
    assert spec["authorization"]["type"] == "simple"
    return {
        (
            rule["resource"]["type"],
            rule["resource"].get("name", ""),
            rule["resource"].get("patternType", "literal"),
            operation,
        )
        for rule in spec["authorization"]["acls"]
        for operation in rule["operations"]
    }


@pytest.mark.parametrize("target", OVERLAYS)
def test_the_topics_are_exactly_those_of_the_code(target: str) -> None:
    topics = {topic["spec"]["topicName"]: topic for topic in of_kind("KafkaTopic", target)}
    assert set(topics) == {f"{service}.{lane}" for service in SERVICE_NAMES for lane in lanes_of(service)}
    replicas, in_sync = OVERLAYS[target]
    for topic in topics.values():
        spec = topic["spec"]
        assert (spec["partitions"], spec["replicas"]) == (12, replicas)
        limits = {"retention.ms": RETENTION_MS, "max.message.bytes": MAX_RECORD_BYTES}
        assert spec["config"] == {**limits, "min.insync.replicas": in_sync}
        assert topic["metadata"]["labels"]["strimzi.io/cluster"] == "recobro"


@pytest.mark.parametrize("target", OVERLAYS)
@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_service_has_exactly_the_rights_that_its_code_needs(service: str, target: str) -> None:
    consumer = consumer_of(service)
    wanted = {("topic", f"{service}.{lane}", "literal", "Write") for lane in lanes_of(service)}
    for lane in SERVICE_LANES:
        wanted |= {("topic", topic, "literal", "Read") for topic in consumer.topics(lane)}
        wanted |= {("group", f"{service}.{lane}", "literal", "Read")} if consumer.topics(lane) else set()
    if service == "assignment":
        wanted |= {("topic", "agency.", "prefix", operation) for operation in ("Create", "Write")}
    assert rights_of(f"{service}-kafka", target) == wanted


@pytest.mark.parametrize("target", OVERLAYS)
def test_the_console_reads_every_topic_and_writes_none(target: str) -> None:
    wanted = {
        ("topic", f"{service}.{lane}", "literal", "Read") for service in SERVICE_NAMES for lane in lanes_of(service)
    }
    assert rights_of("console-kafka", target) == wanted | {("group", "recobro.console.", "prefix", "Read")}


def test_all_other_users_may_only_read_metadata() -> None:
    assert rights_of("kafka-scaler") == {("topic", "*", "literal", "Describe"), ("group", "*", "literal", "Describe")}
    lag_group = ("group", "recobro.lag.", "prefix", "Read")
    settings = {("topic", "*", "literal", "DescribeConfigs"), ("cluster", "", "literal", "DescribeConfigs")}
    assert rights_of("operations-kafka") == {("topic", "*", "literal", "Describe"), lag_group, *settings}
    known = {f"{program.name}-kafka" for program in PROGRAMS} | {"kafka-scaler", "operations-kafka"}
    assert {user["metadata"]["name"] for user in of_kind("KafkaUser")} == known


def test_only_the_relay_of_assignment_makes_topics() -> None:
    [settings] = [one["data"] for one in of_kind("ConfigMap") if one["metadata"]["name"].startswith("settings-")]
    assert settings["RECOBRO_CREATE_TOPICS"] == "false"
    making = {
        deployment["metadata"]["name"]
        for deployment in of_kind("Deployment")
        for variable in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"] == "RECOBRO_CREATE_TOPICS"
    }
    assert making == {"assignment-relay"}


def test_an_agency_reads_its_own_stream_and_nothing_else() -> None:
    [user] = of_kind("KafkaUser", "examples/agency")
    name = user["metadata"]["name"]
    assert re.fullmatch(r"agency\.[0-9a-f-]{36}", name)
    stream = agency.AgencyRegistered(agency_id=name.removeprefix("agency.")).topic
    # All ids have the same length, so no other agency's group begins with this one.
    wanted = {("topic", stream, "literal", "Read"), ("group", name, "prefix", "Read")}
    assert rights_of(name, "examples/agency") == wanted


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_consumers_are_scaled_by_the_lag_of_both_their_groups(service: str) -> None:
    scaled = named("ScaledObject", f"{service}-consumer")["spec"]
    groups = [trigger["metadata"]["consumerGroup"] for trigger in scaled["triggers"]]
    assert groups == [f"{service}.events", f"{service}.bulk"]
    assert scaled["scaleTargetRef"] == {"name": f"{service}-consumer"}
    assert 1 < scaled["minReplicaCount"] <= scaled["maxReplicaCount"] <= 12


def test_the_brokers_replicate_everything_and_authenticate_every_client() -> None:
    kafka = named("Kafka", "recobro")["spec"]["kafka"]
    assert kafka["authorization"] == {"type": "simple"}
    for listener in kafka["listeners"]:
        assert listener["tls"] is True
        assert listener["authentication"]["type"] == "scram-sha-512"
        assert listener["networkPolicyPeers"]
    assert kafka["config"]["auto.create.topics.enable"] is False
    assert kafka["config"]["unclean.leader.election.enable"] is False
    for limit in ("message.max.bytes", "replica.fetch.max.bytes"):
        assert kafka["config"][limit] == MAX_RECORD_BYTES
    assert (kafka["config"]["default.replication.factor"], kafka["config"]["min.insync.replicas"]) == (3, 2)
    pools = {pool["metadata"]["name"]: pool["spec"] for pool in of_kind("KafkaNodePool")}
    assert {name: (pool["replicas"], pool["roles"]) for name, pool in pools.items()} == {
        "controllers": (3, ["controller"]),
        "brokers": (3, ["broker"]),
    }
