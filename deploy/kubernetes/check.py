"""Checks deploy/kubernetes without a cluster: builds it with each component, compares every object with Kubernetes's
schemas, and checks how they go together.

usage, from the repository's root: .venv/bin/python deploy/kubernetes/check.py
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import nats_chart
import yaml

FOLDER = Path("deploy/kubernetes")
COMPONENTS = sorted(path.name for path in (FOLDER / "components").iterdir())
STREAMS = Path("protocol/src/stream.rs")
COPIES = {"nats.conf": Path("nats.conf"), "containers.conf": Path("deploy/nats/containers.conf")}
# The oldest and the newest Kubernetes that it must run on.
VERSIONS = ("1.30", "1.37")
# Described by operators, not by Kubernetes.
FOREIGN = {"ScaledObject", "PodMonitor", "HTTPRoute"}
LABEL = "app.kubernetes.io/name"
BASE = {"nats", "ingestor", "enricher", "gateway"}
# Variables that are no flags of the processes.
PROXY_VARIABLES = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}

problems = []


def check(holds, problem):
    if not holds and problem not in problems:
        problems.append(problem)


class Variant:
    """The objects of the base with some components."""

    def __init__(self, components):
        self.components = components
        self.name = "base" + "".join(f" + {name}" for name in components)
        self.objects = {(thing["kind"], thing["metadata"]["name"]): thing for thing in build(components)}
        self.workloads = {name: thing for (kind, name), thing in self.objects.items() if kind in ("Deployment", "StatefulSet")}
        self.pods = {name: thing["spec"]["template"]["spec"] for name, thing in self.workloads.items()}
        self.labels = {name: thing["spec"]["template"]["metadata"]["labels"] for name, thing in self.workloads.items()}
        if "nats-chart" in components:
            self.labels["nats"] = nats_chart.LABELS

    def of_kind(self, kind):
        return {name: thing for (other, name), thing in self.objects.items() if other == kind}

    def settings(self):
        return next(thing["data"] for name, thing in self.of_kind("ConfigMap").items() if name.startswith("settings"))


def kustomize(folder):
    built = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    if built.returncode != 0:
        sys.exit(f"kubectl kustomize {folder}: {built.stderr.strip()}")
    return list(yaml.safe_load_all(built.stdout))


def build(components):
    with tempfile.TemporaryDirectory() as folder:
        here = os.path.relpath(FOLDER.resolve(), Path(folder).resolve())
        kustomization = {
            "namespace": "visitors",
            "resources": [here],
            "components": [f"{here}/components/{name}" for name in components],
        }
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return kustomize(folder)


def check_example():
    """The kustomization in the documentation builds, and opens the ports of the addresses that it sets."""
    text = re.search(r"```yaml\n(# kustomization.yaml\n.*?)```", Path("docs/kubernetes.md").read_text(), re.S)[1]
    with tempfile.TemporaryDirectory() as folder:
        here = os.path.relpath(Path().resolve(), Path(folder).resolve())
        (Path(folder) / "kustomization.yaml").write_text(text.replace("- visitors/", f"- {here}/"))
        built = kustomize(folder)
    settings = next(thing["data"] for thing in built if thing["metadata"]["name"].startswith("settings"))
    policy = next(thing["spec"] for thing in built if thing["metadata"]["name"] == "to-third-parties")
    opened = {port["port"] for port in policy["egress"][0]["ports"]}
    for key in ("EMITTER_URL", "HTTPS_PROXY"):
        port = int(re.search(r":(\d+)", settings[key])[1])
        check(port in opened, f"docs/kubernetes.md: the port of {key} is closed")


def check_schema(thing):
    for version in VERSIONS if thing["kind"] not in FOREIGN else ():
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            check(False, f"{thing['kind']} {thing['metadata']['name']}, Kubernetes {version}: {error.message}")


def check_container(container, name):
    name = f"{name}, container {container['name']}"
    locked = container.get("securityContext", {})
    check(locked.get("readOnlyRootFilesystem") is True, f"{name}: its files can be written")
    check(locked.get("allowPrivilegeEscalation") is False, f"{name}: it can gain privileges")
    check(locked.get("capabilities") == {"drop": ["ALL"]}, f"{name}: it has capabilities")
    check("memory" in container.get("resources", {}).get("limits", {}), f"{name}: no memory limit")
    check("livenessProbe" in container and "readinessProbe" in container, f"{name}: a probe is missing")
    check(re.search(r":\d", container["image"]), f"{name}: its image is not pinned")


def check_secrets_are_files(pod, name):
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    for container in pod["containers"]:
        mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
        check(set(mounts) <= volumes, f"{name}: mounts {sorted(set(mounts) - volumes)}, which are no volumes")
        check("secretRef" not in str(container.get("envFrom")), f"{name}: a whole secret is in the environment")
        for variable in container.get("env", []):
            check("secretKeyRef" not in str(variable), f"{name}: the secret {variable['name']} is in the environment")
            if variable["name"].endswith("_FILE"):
                folder = variable["value"].rpartition("/")[0]
                check(folder in mounts.values(), f"{name}: {variable['name']} is in no volume")


def check_pods(variant):
    for name, pod in variant.pods.items():
        check(pod["securityContext"].get("runAsNonRoot") is True, f"{name}: runs as root")
        check(pod.get("automountServiceAccountToken") is False, f"{name}: may talk to Kubernetes")
        check(variant.labels[name].get(LABEL) == name, f"{name}: its pods are labelled otherwise")
        check_secrets_are_files(pod, name)
        for container in pod["containers"]:
            check_container(container, name)
    for name in set(variant.workloads) - {"nats", "collector"}:
        check(name in variant.of_kind("PodDisruptionBudget"), f"{name}: no PodDisruptionBudget")


def selected(selector, labels):
    """Whether a label selector selects those labels."""
    equal = selector.get("matchLabels", {}).items() <= labels.items()
    among = all(labels.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", []))
    return equal and among


def check_selectors(variant):
    selectors = {
        "PodDisruptionBudget": lambda spec: spec["selector"],
        "PodMonitor": lambda spec: spec["selector"],
        "NetworkPolicy": lambda spec: spec["podSelector"],
        "Service": lambda spec: {"matchLabels": spec["selector"]},
    }
    for (kind, name), thing in variant.objects.items():
        if kind in selectors:
            selector = selectors[kind](thing["spec"])
            found = any(selected(selector, labels) for labels in variant.labels.values())
            check(found, f"{variant.name}: {kind} {name} selects nothing")


def egress(variant, process):
    """The ports of others that the network policies open to a process."""
    policies = [thing["spec"] for thing in variant.of_kind("NetworkPolicy").values() if "egress" in thing["spec"]]
    mine = [spec for spec in policies if selected(spec["podSelector"], variant.labels[process])]
    return {port["port"] for spec in mine for rule in spec["egress"] for port in rule["ports"]}


def check_network(variant):
    for process in set(variant.workloads) - {"nats", "collector"}:
        third_parties = set() if process == "gateway" else {80, 443}
        missing = {53, 4222, 4318} | third_parties
        check(missing <= egress(variant, process), f"{variant.name}: {process} does not reach all of {sorted(missing)}")


def flags():
    """The environment variables of the processes' flags."""
    files = [Path("service/src/process/flags.rs"), Path("service/src/telemetry/trace/mod.rs"), *Path().glob("*/src/flags.rs")]
    return {name.upper() for file in files for name in re.findall(r"^    pub (\w+):", file.read_text(), re.M)}


def check_settings(variant):
    """Every setting is a flag, and none of them is secret."""
    texts = [(FOLDER / "kustomization.yaml").read_text()]
    texts += [(FOLDER / "components" / name / "kustomization.yaml").read_text() for name in variant.components]
    offered = {key for text in texts for key in re.findall(r"^ *#? +- ([A-Z_]+)=", text, re.M)}
    unknown = (offered | set(variant.settings())) - flags() - PROXY_VARIABLES
    check(not unknown, f"{variant.name}: no process has the settings {sorted(unknown)}")
    for key, value in variant.settings().items():
        check(key not in ("NATS_PASSWORD", "ACCESS_TOKEN"), f"{variant.name}: {key} is secret")
        check(not re.search(r"://[^/]*@", value), f"{variant.name}: {key} has a password")


def check_entrance(variant):
    """The page is behind the Ingress or the HTTPRoute."""
    service = variant.objects["Service", "gateway"]["spec"]["ports"][0]
    if "ingress" in variant.components:
        rule = variant.objects["Ingress", "gateway"]["spec"]["rules"][0]
        backend = rule["http"]["paths"][0]["backend"]["service"]
        check(backend == {"name": "gateway", "port": {"name": service["name"]}}, f"the Ingress leads to {backend}")
    if "gateway-api" in variant.components:
        backend = variant.objects["HTTPRoute", "gateway"]["spec"]["rules"][0]["backendRefs"][0]
        check(backend == {"name": "gateway", "port": service["port"]}, f"the HTTPRoute leads to {backend}")
    opened = {name for name in variant.of_kind("NetworkPolicy") if name.startswith("page-")}
    expected = {f"page-from-{name.removesuffix('-api')}" for name in variant.components if name in ("ingress", "gateway-api")}
    check(opened == expected, f"{variant.name}: the page is open to {sorted(opened)}")


def check_monitors(variant):
    for name, monitor in variant.of_kind("PodMonitor").items():
        port = monitor["spec"]["podMetricsEndpoints"][0]["port"]
        for workload, pod in variant.pods.items():
            if selected(monitor["spec"]["selector"], variant.labels[workload]):
                ports = {port["name"] for container in pod["containers"] for port in container["ports"]}
                check(port in ports, f"{workload}: PodMonitor {name} reads the port {port}, which it does not have")


def check_scaling(variant):
    scaled = variant.of_kind("ScaledObject")
    check(("replicas" in variant.workloads["enricher"]["spec"]) != bool(scaled), f"{variant.name}: the enrichers' number")
    if not scaled:
        return
    trigger = scaled["enricher"]["spec"]["triggers"][0]["metadata"]
    names = dict(re.findall(r'pub const (RAW|ENRICHER): &str = "(.+)";', STREAMS.read_text()))
    account = re.search(r"^  (\w+) \{(?:\n    .*)*?\n    jetstream: enabled", Path("nats.conf").read_text(), re.M)
    expected = (account[1], names["RAW"], names["ENRICHER"])
    check((trigger["account"], trigger["stream"], trigger["consumer"]) == expected, f"KEDA reads another queue: {trigger}")
    check(scaled["enricher"]["spec"]["scaleTargetRef"]["name"] in variant.workloads, "KEDA scales nothing")


def required_secrets(variant):
    """Secret and key of everything that a pod needs to start."""
    for pod in variant.pods.values():
        sources = [volume.get("secret") for volume in pod.get("volumes", [])]
        for volume in pod.get("volumes", []):
            sources += [source.get("secret") for source in volume.get("projected", {}).get("sources", [])]
        for source in filter(None, sources):
            if not source.get("optional"):
                name = source.get("secretName") or source["name"]
                yield from ((name, item["key"]) for item in source.get("items", [{"key": None}]))


def check_created_secrets(variant):
    """`create-secrets` creates each of them, and the server knows the processes' passwords."""
    printed = subprocess.run([FOLDER / "create-secrets"], capture_output=True, text=True, check=True).stdout
    secrets = {thing["metadata"]["name"]: thing["stringData"] for thing in yaml.safe_load_all(printed)}
    for name, key in required_secrets(variant):
        there = name in secrets and (key is None or key in secrets[name])
        check(there, f"create-secrets does not create {name}, key {key}")
    passwords = dict(secrets["nats-passwords"])
    server = dict(re.findall(r"^(\w+)_PASSWORD: '(.+)'$", passwords.pop("passwords.conf"), re.M))
    check({user.upper(): password for user, password in passwords.items()} == server, "the server has other passwords")
    variables = set(re.findall(r"\$(\w+)_PASSWORD", Path("nats.conf").read_text()))
    check(variables == set(server), f"nats.conf needs the passwords of {sorted(variables)}")


def check_files():
    for name, original in COPIES.items():
        copy = FOLDER / "base" / name
        check(copy.read_bytes() == original.read_bytes(), f"{copy} differs: cp {original} {copy}")
    offered = re.findall(r"^  # - components/(\S+)", (FOLDER / "kustomization.yaml").read_text(), re.M)
    check(sorted(offered) == COMPONENTS, f"kustomization.yaml offers {offered}, there are {COMPONENTS}")


def check_variant(variant):
    expected = BASE | ({"notifier", "collector"} & set(variant.components))
    expected -= {"nats"} & {name.removesuffix("-chart") for name in variant.components}
    check(set(variant.workloads) == expected, f"{variant.name}: workloads {sorted(variant.workloads)}")
    for part in (check_pods, check_selectors, check_network, check_settings, check_entrance, check_monitors, check_scaling):
        part(variant)


def main():
    check_files()
    for problem in nats_chart.problems(FOLDER / "nats-values.yaml"):
        check(False, problem)
    built = {}
    if shutil.which("kubectl"):
        kustomize(FOLDER)
        check_example()
        single = [[name] for name in COMPONENTS]
        without_chart = [name for name in COMPONENTS if name != "nats-chart"]
        for components in [[], *single, without_chart, COMPONENTS]:
            variant = Variant(components)
            check_variant(variant)
            if not components:
                check_created_secrets(variant)
            for thing in variant.objects.values():
                built[json.dumps(thing, sort_keys=True)] = thing
    else:
        print("\n*** SKIPPED: kubectl is not installed, deploy/kubernetes was not built ***\n")
        for path in sorted(FOLDER.glob("*/*.yaml")) + sorted(FOLDER.glob("components/*/*.yaml")):
            things = yaml.safe_load_all(path.read_text()) if path.name != "kustomization.yaml" else ()
            built.update((json.dumps(thing), thing) for thing in things)
    for thing in built.values():
        check_schema(thing)

    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"deploy/kubernetes: {len(built)} objects, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
