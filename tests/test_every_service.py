"""Files that cannot read Python name every service of the platform, and no other name."""

import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from recobro_platform import SERVICE_NAMES, SERVICES, VERSION, Service

ROOT = Path(__file__).parents[1]
NO_SERVICES = {
    "console",
    "console-owner",
    "grafana",
    "postgres",
    "operations",
    *(f"{name}-owner" for name in SERVICE_NAMES),
}
"""Names in similar lines that are not services."""

LINES = {
    "Dockerfile": [
        """
FROM service AS {name}
LABEL org.opencontainers.image.title="Recobro {name}"
COPY --from=service-packages /build/packages/{package} /opt/recobro/service
ENV HEALTH_URL=http://127.0.0.1:{port}/livez
EXPOSE {port}
ENTRYPOINT ["python", "-P", "-m", "{package}"]
CMD ["all"]
"""
    ],
    "docker-compose.yml": [
        """
x-{name}: &{name}
  image: recobro/{name}:${IMAGE_VERSION:-{version}}
  build: {<<: *build, target: {name}}
  environment:
    <<: *settings
    HEALTH_URL: http://127.0.0.1:{port}/readyz
""",
        """
  volumes: ["{name}-secrets:/run/secrets/recobro:ro", "jwks:/run/jwks:ro\"""",
        """
      - {name}-secrets:/secrets/{name}
""",
        """
  migrate-{name}:
    <<: [*migration, *{name}]
    volumes:
      - {name}-secrets:/run/secrets/recobro:ro
      - {name}-owner-secrets:/run/secrets/owner:ro
""",
        """
  {name}:
    <<: [*{name}, *service]
""",
        """
    ports: ["127.0.0.1:{port}:{port}"]
    depends_on:
      migrate-{name}: {condition: service_completed_successfully}
      topics: {condition: service_completed_successfully}
""",
        """
      RECOBRO_{PACKAGE}_DATABASE_URL_FILE: /run/secrets/recobro/{name}-database-url
""",
        """
  {name}-secrets:
""",
    ],
    "deploy/k8s/base/operations/deployment.yaml": [
        """
            - {name: RECOBRO_{PACKAGE}_DATABASE_URL_FILE, value: /run/secrets/recobro/{name}-url}
""",
        """
              - secret: {name: {name}-postgres-service, items: [{key: url, path: {name}-url}]}
""",
    ],
    "deploy/monitoring/rules/recobro.yaml": [
        """
            or absent(consumer_partitions_owned{consumer="{name}.events"})
""",
        """
            or absent(up{job="{name}"})
""",
    ],
    "docs/architecture.md": [
        "[{name}](services/{name}.md)",
        """
| `services/{name}` |""",
    ],
}
"""Lines that a file must have for each service, and for no other name."""

LISTED = {
    "deploy/monitoring/rules/recobro.yaml": ['up{job=~"console|{names}"}', 'deployment=~"(console|{names})(-.+)?"'],
}
"""Lines that list all services in the platform's order."""

IN_ITS_FOLDER = {
    "deploy/k8s/base/{name}/kustomization.yaml": """
namePrefix: {name}-
labels:
  - pairs: {app.kubernetes.io/name: {name}}
    includeSelectors: true
images:
  - {name: recobro/service, newName: recobro/{name}}
configMapGenerator:
  - name: identity
    literals: [name={name}, package={package}, port={port}]
    options: {disableNameSuffixHash: true, annotations: {config.kubernetes.io/local-config: "true"}}
resources:
  - kafka-user.yaml
components:
  - ../../components/service
""",
    "services/{name}/pyproject.toml": """
name = "recobro-{name}"
""",
    "services/{name}/{package}/main.py": "\nPROGRAM = Program(",
    "docs/services/{name}.md": "# {name}\n",
}
"""Text that a file in a service's own folder must have."""

WORKSPACE = {
    "mypy / mypy_path": ["services/{name}", "services/{name}/tests"],
    "pytest / ini_options / pythonpath": ["services/{name}/tests"],
    "importlinter / root_packages": ["{package}"],
    "importlinter / contracts / Services never import each other / modules": ["{package}"],
    "importlinter / contracts / Libraries import no service and no command / forbidden_modules": ["{package}"],
    "importlinter / contracts / Services import neither the command nor the console / source_modules": ["{package}"],
    "importlinter / contracts / Rules do no I/O / source_modules": ["{package}.*rules"],
    "importlinter / contracts / aiokafka appears in one module / source_modules": ["{package}"],
}
"""Entries that a list in pyproject.toml must have for each service."""

_BLANKS = {
    "{name}": r"(?P<name>[a-z][a-z-]*)",
    "{package}": r"[a-z_]+",
    "{PACKAGE}": r"[A-Z_]+",
    "{port}": r"8\d{3}",
    "{version}": r"[\d.]+",
}


def filled(line: str, service: Service) -> str:
    """Return the line with this service's values."""
    values = {
        "{name}": service.name,
        "{package}": service.package,
        "{PACKAGE}": service.package.upper(),
        "{port}": str(service.port),
        "{version}": VERSION,
    }
    for blank, value in values.items():
        line = re.sub(rf"(?<!\$){re.escape(blank)}", value, line)
    return line


def named_in(text: str, line: str) -> Iterator[str]:
    """Yield the name of every such line in the text, whatever the line's other values are."""
    pattern = re.escape(line)
    for blank, matching in _BLANKS.items():
        first, *others = pattern.split(re.escape(blank))
        again = "(?P=name)" if blank == "{name}" else matching
        pattern = first + "".join((matching if n == 0 else again) + other for n, other in enumerate(others))
    for found in re.finditer(pattern, text):
        yield found["name"]


def wanted(file: str, service: Service, line: str) -> str:
    return f"{file} must have, for {service.name}:\n{filled(line, service).strip(chr(10))}"


@pytest.mark.parametrize("file", LINES)
def test_a_file_names_every_service_and_no_other(file: str) -> None:
    text = (ROOT / file).read_text()
    missing = [
        wanted(file, service, line) for line in LINES[file] for service in SERVICES if filled(line, service) not in text
    ]
    assert not missing, "\n\n".join(missing)
    for line in LINES[file]:
        if "{name}" in line:
            strangers = {*named_in(text, line)} - {*SERVICE_NAMES} - NO_SERVICES
            assert not strangers, f"{file} names unknown services: {strangers}"


@pytest.mark.parametrize("file", LISTED)
def test_a_line_that_lists_services_lists_all(file: str) -> None:
    text = (ROOT / file).read_text()
    missing = [line for each in LISTED[file] if (line := each.replace("{names}", "|".join(SERVICE_NAMES))) not in text]
    assert not missing, f"{file} must have: {missing}"


@pytest.mark.parametrize("service", SERVICES, ids=SERVICE_NAMES)
def test_a_service_has_its_own_files(service: Service) -> None:
    missing = []
    for file, line in IN_ITS_FOLDER.items():
        path = ROOT / filled(file, service)
        if not path.is_file() or filled(line, service) not in path.read_text():
            missing.append(wanted(filled(file, service), service, line))
    assert not missing, "\n\n".join(missing)
    resources = (ROOT / "deploy/k8s/base/kustomization.yaml").read_text()
    assert f"\n  - {service.name}\n" in resources, f"deploy/k8s/base/kustomization.yaml must have: - {service.name}"


def test_the_platform_names_every_service_folder() -> None:
    folders = {folder.parent.name for folder in (ROOT / "services").glob("*/pyproject.toml")}
    assert folders == {*SERVICE_NAMES}, "libs/platform/recobro_platform must name exactly these services"


@pytest.mark.parametrize("where", WORKSPACE)
def test_a_list_of_the_workspace_names_every_service(where: str) -> None:
    found: Any = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    for key in where.split(" / "):
        found = next(one for one in found if one["name"] == key) if isinstance(found, list) else found[key]
    items = found.split(":") if isinstance(found, str) else found
    missing = [
        item
        for line in WORKSPACE[where]
        for service in SERVICES
        if not any(fnmatch(one, item := filled(line, service)) for one in items)
    ]
    assert not missing, f"pyproject.toml, {where} must have: {missing}"
