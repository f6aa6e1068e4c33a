"""Builds every overlay and checks the resources against their schemas and checkov's rules."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

HERE = Path(__file__).parent
TOOLS = HERE / ".tools"
BUILT = TOOLS / "built"
RULES = HERE.parent / "monitoring" / "rules"
PROMETHEUS_RULE = HERE / "base" / "monitoring" / "rules.yaml"
TARGETS = ("overlays/production", "overlays/local", "examples/agency", "examples/restore")
VERSIONS = tomllib.loads((HERE / "versions.toml").read_text())

Schemas = dict[tuple[str, str], dict[str, Any]]


def main() -> int:
    """Print all mistakes and return the exit code."""
    if "--write" in sys.argv[1:]:
        PROMETHEUS_RULE.write_text(prometheus_rule())
    kustomize = install_kustomize()
    schemas = load_schemas()
    mistakes = [] if PROMETHEUS_RULE.read_text() == prometheus_rule() else ["base/monitoring/rules.yaml: run --write"]
    BUILT.mkdir(parents=True, exist_ok=True)
    files = {target: BUILT / f"{target.replace('/', '-')}.yaml" for target in TARGETS}
    for target, file in files.items():
        file.write_bytes(run(str(kustomize), "build", str(HERE / target)))
        documents = list(yaml.safe_load_all(file.read_text()))
        found = [f"{target}: {mistake}" for document in documents for mistake in mistakes_of(document, schemas)]
        print(f"{target}: {len(documents)} resources, {len(found)} mistakes")
        mistakes += found
    print(*mistakes, sep="\n")
    strimzi_accepts = strimzi_reads([*files.values()])
    # Name the files, because checkov silently skips a folder whose name begins with a dot.
    checkov = [
        str(TOOLS / "venv" / "bin" / "checkov"),
        "--config-file",
        "checkov.yaml",
        "--file",
        *map(str, files.values()),
    ]
    return subprocess.run(checkov, cwd=HERE, check=False).returncode or bool(mistakes) or not strimzi_accepts


def prometheus_rule() -> str:
    """Return the rules of deploy/monitoring as the resource that Prometheus's operator reads."""
    groups = [
        group for file in sorted(RULES.glob("*.yaml")) for group in yaml.safe_load(file.read_text()).get("groups", [])
    ]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "recobro"},
        "spec": {"groups": groups},
    }
    head = "# Written by deploy/k8s/check --write from deploy/monitoring/rules.\n"
    return head + yaml.safe_dump(rule, sort_keys=False, width=110)


def install_kustomize() -> Path:
    """Return the pinned kustomize, which Go builds into .tools once. tests/deploy uses it too."""
    tool = VERSIONS["kustomize"]
    binary = TOOLS / "bin" / "kustomize"
    if not binary.exists() or tool["version"] not in run(str(binary), "version").decode():
        run("go", "install", f"{tool['module']}@{tool['version']}", GOBIN=str(binary.parent))
    return binary


def load_schemas() -> Schemas:
    """Return the schemas of resources by API version and kind, without those of Kubernetes itself and Strimzi."""
    schemas: Schemas = {}
    for file in go_definitions():
        for document in yaml.safe_load_all(file.read_text()):
            if document and document.get("kind") == "CustomResourceDefinition":
                schemas |= schemas_in(document)
    return schemas


def go_definitions() -> Iterator[Path]:
    """Yield the files of the pinned Go modules that define resources."""
    for module, wanted in VERSIONS["definitions"].items():
        answer = json.loads(run("go", "mod", "download", "-json", f"{module}@{wanted['version']}"))
        if answer["Sum"] != wanted["sum"]:
            sys.exit(f"{module} {wanted['version']} has another sum than the pinned one: {answer['Sum']}")
        files = list(Path(answer["Dir"]).glob(wanted["files"]))
        if not files:
            sys.exit(f"{module} {wanted['version']} has no {wanted['files']}")
        yield from files


def strimzi_reads(files: list[Path]) -> bool:
    """Return whether Strimzi's own classes can read its resources in these files. They print what they cannot read."""
    version = VERSIONS["strimzi"]["version"]
    jars = TOOLS / f"strimzi-{version}"
    if not jars.exists():
        maven = ["mvn", "--batch-mode", "--quiet", "--file", str(HERE / "strimzi-pom.xml"), f"-Dstrimzi={version}"]
        arriving = jars.with_suffix(".arriving")
        run(*maven, "dependency:copy-dependencies", f"-DoutputDirectory={arriving}")
        arriving.rename(jars)
    command = ["java", "-cp", f"{jars}/*", str(HERE / "Strimzi.java"), *map(str, files)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def schemas_in(definition: dict[str, Any]) -> Schemas:
    """Return the schemas of a definition's served versions, made strict: an unknown field is a mistake."""
    spec = definition["spec"]
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): strict(version["schema"]["openAPIV3Schema"])
        for version in spec["versions"]
        if version["served"]
    }


def strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: value if key == "enum" else strict(value) for key, value in schema.items()}
    if made.pop("x-kubernetes-int-or-string", False):
        made.pop("type", None)
        made["type"] = ["integer", "string"]
    if made.pop("nullable", False) and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if "properties" in made and isinstance(made["properties"], dict) and made.get("type") == "object":
        loose = made.get("x-kubernetes-preserve-unknown-fields") or made.get("x-kubernetes-embedded-resource")
        made.setdefault("additionalProperties", bool(loose))
    return made


def mistakes_of(document: dict[str, Any], schemas: Schemas) -> Iterator[str]:
    """Yield the mistakes in a resource, except in Strimzi's resources."""
    if document["apiVersion"].startswith("kafka.strimzi.io/"):
        return
    where = f"{document['kind']} {document['metadata']['name']}"
    schema = schemas.get((document["apiVersion"], document["kind"]))
    if schema is None:
        try:
            kubernetes_validate.validate(document, VERSIONS["kubernetes"]["version"], strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{where}: {'.'.join(map(str, error.path))}: {error.message}"
        except (kubernetes_validate.InvalidSchemaError, kubernetes_validate.SchemaNotFoundError) as error:
            yield f"{where}: no schema: {error}"
        return
    # A definition does not describe the metadata, which are the same for every resource.
    schema = schema | {"properties": schema["properties"] | {"metadata": {"type": "object"}}}
    for mistake in jsonschema.Draft202012Validator(schema).iter_errors(document):
        yield f"{where}: {mistake.json_path}: {mistake.message}"


def run(*command: str, **environment: str) -> bytes:
    """Return the output of a command. Exits if the command fails."""
    done = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {' '.join(command)}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
