"""Write the manifests that follow from the code. With ``--check`` only print which files differ, and write nothing.

The manifests are the users of Kafka, each with its service's rights on topics, and the targets of Prometheus for
deploy/compose.

python deploy/manifests.py [--check]
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from recobro.log_settings import program_of
from recobro_events import SERVICE_LANES, Lane, bulk_sources
from recobro_platform import CONSOLE, PROGRAMS, SERVICE_NAMES, SERVICES, Service

HERE = Path(__file__).parent
_USER = """\
# Written by deploy/manifests.py from the service's code.
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata:
  name: kafka
  labels: {strimzi.io/cluster: recobro}
spec:
  authentication: {type: scram-sha-512}
  authorization:
    type: simple
    acls:
"""
_PROMETHEUS = """\
# Written by deploy/manifests.py.
# Every service is a job of its name. The alert rules expect that the runtime's label `service` is kept.
global:
  scrape_interval: 15s
  evaluation_interval: 15s
rule_files: [/etc/prometheus/rules/*.yaml]
scrape_configs:
"""


def kafka_user(service: Service) -> str:
    """Return the service's Kafka user with its rights."""
    return _USER + "".join(f"      {line}\n" for line in _rights(service))


def _lanes_of(service: str) -> list[Lane]:
    return list(SERVICE_LANES) if service in bulk_sources() else [Lane.EVENTS]


def _rights(service: Service) -> Iterator[str]:
    program = program_of(service)
    for lane in _lanes_of(service.name):
        yield f"- {{resource: {{type: topic, name: {service.name}.{lane}}}, operations: [Write]}}"
    if program.agencies:
        yield "# The events for agencies, on one topic for each agency."
        yield "- {resource: {type: topic, name: agency., patternType: prefix}, operations: [Create, Write]}"
    read = {lane: program.consumer.topics(lane) for lane in SERVICE_LANES}
    for lane, topics in read.items():
        for name in (f"{other.name}.{lane}" for other in SERVICES):
            if name in topics:
                yield f"- {{resource: {{type: topic, name: {name}}}, operations: [Read]}}"
    for lane, topics in read.items():
        if topics:
            yield f"- {{resource: {{type: group, name: {service.name}.{lane}}}, operations: [Read]}}"


def console_user() -> str:
    """Return the console's Kafka user. Each of its processes reads every topic, in a group of its own."""
    topics = [f"{name}.{lane}" for name in SERVICE_NAMES for lane in _lanes_of(name)]
    rights = [f"- {{resource: {{type: topic, name: {topic}}}, operations: [Read]}}" for topic in topics]
    rights.append("- {resource: {type: group, name: recobro.console., patternType: prefix}, operations: [Read]}")
    return _USER + "".join(f"      {right}\n" for right in rights)


def prometheus() -> str:
    """Return Prometheus' settings for deploy/compose."""
    return _PROMETHEUS + "".join(
        f"  - {{job_name: {service.name}, honor_labels: true, "
        f'static_configs: [{{targets: ["{service.name}:{service.port}"]}}]}}\n'
        for service in PROGRAMS
    )


def files() -> dict[Path, str]:
    """Return the content of every file."""
    users = {HERE / "k8s" / "base" / service.name / "kafka-user.yaml": kafka_user(service) for service in SERVICES}
    users[HERE / "k8s" / "base" / CONSOLE.name / "kafka-user.yaml"] = console_user()
    return users | {HERE / "compose" / "prometheus.yml": prometheus()}


def main() -> int:
    contents = files()
    if sys.argv[1:] == ["--check"]:
        stale = [path for path, text in contents.items() if not path.is_file() or path.read_bytes() != text.encode()]
        for path in stale:
            print(f"{path.relative_to(HERE.parent)} differs from what `make manifests` writes", file=sys.stderr)
        return 1 if stale else 0
    for path, text in contents.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
