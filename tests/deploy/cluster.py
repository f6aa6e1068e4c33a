"""Reads the manifests as kustomize builds them."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy" / "k8s"

Resource = Mapping[str, Any]


def kustomize() -> list[str]:
    """Return the command that builds: the kustomize of deploy/k8s/check, else that on PATH, else kubectl's.

    Without any the test is skipped, or fails if RECOBRO_REQUIRE_KUSTOMIZE=1.
    """
    built = K8S / ".tools" / "bin" / "kustomize"
    if found := str(built) if built.exists() else shutil.which("kustomize"):
        return [found, "build"]
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    reason = "there is no kustomize; deploy/k8s/check installs it"
    if os.environ.get("RECOBRO_REQUIRE_KUSTOMIZE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def built(target: str) -> Sequence[Resource]:
    """Return every resource of a folder below deploy/k8s."""
    command = [*kustomize(), str(K8S / target)]
    text = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout
    return tuple(yaml.load_all(text, Loader=yaml.CSafeLoader))


def of_kind(kind: str, target: str = "overlays/production") -> list[Resource]:
    return [resource for resource in built(target) if resource["kind"] == kind]


def named(kind: str, name: str, target: str = "overlays/production") -> Resource:
    [found] = [resource for resource in of_kind(kind, target) if resource["metadata"]["name"] == name]
    return found


def pod_templates(target: str = "overlays/production") -> Iterator[tuple[str, Resource]]:
    """Yield every pod template, with the kind and name of its resource."""
    for resource in built(target):
        name = f"{resource['kind']} {resource['metadata']['name']}"
        if resource["kind"] in {"Deployment", "Job"}:
            yield name, resource["spec"]["template"]
        if resource["kind"] == "CronJob":
            yield name, resource["spec"]["jobTemplate"]["spec"]["template"]


def containers(pod: Resource) -> Sequence[Resource]:
    spec = pod["spec"]
    return [*spec["containers"], *spec.get("initContainers", ())]
