"""Checks deploy/kubernetes without a cluster: each object against Kubernetes's schemas, and how they go together.

usage, from the repository's root: .venv/bin/python deploy/kubernetes/check.py
"""

import re
import sys
from pathlib import Path

import kubernetes_validate
import yaml

FOLDER = Path("deploy/kubernetes")
# Not there unless it is asked for; its objects are checked all the same.
COMPONENT = FOLDER / "collector"
STREAMS = Path("protocol/src/stream.rs")
# The oldest and the newest Kubernetes that it must run on.
VERSIONS = ("1.30", "1.37")
# Described by KEDA, not by Kubernetes.
FOREIGN = {"ScaledObject"}
LABEL = "app.kubernetes.io/name"

problems = []


def check(holds, problem):
    if not holds:
        problems.append(problem)


def objects():
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    check(files == set(kustomization["resources"]), "kustomization.yaml does not list every file")
    component = yaml.safe_load((COMPONENT / "kustomization.yaml").read_text())
    for path in [FOLDER / name for name in sorted(files)] + [COMPONENT / name for name in component["resources"]]:
        yield from yaml.safe_load_all(path.read_text())


def check_schema(thing, name):
    if thing["kind"] in FOREIGN:
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            problems.append(f"{name}, Kubernetes {version}: {error.message}")


def check_container(container, name):
    name = f"{name}, container {container['name']}"
    locked = container.get("securityContext", {})
    check(locked.get("readOnlyRootFilesystem") is True, f"{name}: its files can be written")
    check(locked.get("allowPrivilegeEscalation") is False, f"{name}: it can gain privileges")
    check(locked.get("capabilities") == {"drop": ["ALL"]}, f"{name}: it has capabilities")
    check("memory" in container.get("resources", {}).get("limits", {}), f"{name}: no memory limit")
    check("livenessProbe" in container and "readinessProbe" in container, f"{name}: a probe is missing")
    check(not container["image"].endswith(":latest"), f"{name}: its image is not pinned")


def selected(selector, labels):
    """Whether a label selector selects those labels."""
    equal = selector.get("matchLabels", {}).items() <= labels.items()
    among = all(labels.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", []))
    return equal and among


def main():
    everything = {(thing["kind"], thing["metadata"]["name"]): thing for thing in objects()}
    workloads = {name: thing for (kind, name), thing in everything.items() if kind in ("Deployment", "StatefulSet")}
    labels = {name: thing["spec"]["template"]["metadata"]["labels"] for name, thing in workloads.items()}
    check(set(workloads) == {"nats", "ingestor", "enricher", "gateway", "notifier", "collector"}, f"workloads: {sorted(workloads)}")

    for (kind, name), thing in everything.items():
        check_schema(thing, f"{kind} {name}")
    for name, thing in workloads.items():
        pod = thing["spec"]["template"]["spec"]
        check(pod["securityContext"].get("runAsNonRoot") is True, f"{name}: runs as root")
        check(pod.get("automountServiceAccountToken") is False, f"{name}: may talk to Kubernetes")
        check(labels[name].get(LABEL) == name, f"{name}: its pods are labelled otherwise")
        for container in pod["containers"]:
            check_container(container, name)
    for (kind, name), thing in everything.items():
        selector = {
            "PodDisruptionBudget": lambda spec: spec["selector"],
            "NetworkPolicy": lambda spec: spec["podSelector"],
            "Service": lambda spec: {"matchLabels": spec["selector"]},
        }.get(kind)
        if selector:
            found = [other for other in labels if selected(selector(thing["spec"]), labels[other])]
            check(found, f"{kind} {name} selects nothing")
    for name in ("ingestor", "enricher", "gateway", "notifier"):
        check(("PodDisruptionBudget", name) in everything, f"{name}: no PodDisruptionBudget")

    scaled = everything["ScaledObject", "enricher"]["spec"]
    trigger = scaled["triggers"][0]["metadata"]
    names = dict(re.findall(r'pub const (RAW|ENRICHER): &str = "(.+)";', STREAMS.read_text()))
    check(scaled["scaleTargetRef"]["name"] in workloads, "the ScaledObject scales nothing")
    check("replicas" not in workloads["enricher"]["spec"], "the enrichers' number is KEDA's to say")
    check((trigger["stream"], trigger["consumer"]) == (names["RAW"], names["ENRICHER"]), f"another queue: {trigger}")

    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"deploy/kubernetes: {len(everything)} objects, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
