"""Checks docker-compose.yml without Docker: every flag is passed or left out on purpose, and .env.example is complete.

usage, from the repository's root, after `cargo build --workspace --bins`: .venv/bin/python deploy/compose/check.py
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

COMPOSE = Path("docker-compose.yml")
EXAMPLE = Path(".env.example")
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "debug"
SERVICES = {name: [name] for name in ("ingestor", "enricher", "gateway", "notifier", "collector")}
SERVICES |= {name: ["simulator", name] for name in ("emitter", "deanonymizer")}

# Addresses and folders inside a container, which its image sets.
OF_THE_IMAGE = {"LISTEN", "HTTP_LISTEN", "EMITTER_LISTEN", "ASSETS", "TRACKER"}
# For tests of the page and of providers.
OF_TESTS = {"HOSTILE_NAMES", "SIMULATOR_KEY"}
# Read by every process, and no flags.
NO_FLAGS = {"RUST_LOG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
# Flags with a new name, which --help no longer lists.
FORMER = {"HIDDEN_COMPANIES"}

problems = []


def check(holds, problem):
    if not holds:
        problems.append(problem)


def flags(command):
    """The environment variables of the flags in a process's help."""
    program = [BINARIES / command[0], *command[1:], "--help"]
    text = subprocess.run(program, capture_output=True, text=True, check=True, env={}).stdout
    return set(re.findall(r"\[env: ([A-Z_]+)", text))


def main():
    text = COMPOSE.read_text()
    services = yaml.safe_load(text)["services"]
    for name, command in SERVICES.items():
        passed = set(services[name]["environment"])
        known = flags(command)
        check(known, f"{name}: no flag has an environment variable")
        for flag in sorted(known - passed - OF_THE_IMAGE - OF_TESTS):
            problems.append(f"{name}: {flag} is not passed")
        for variable in sorted(passed - known - NO_FLAGS - FORMER):
            problems.append(f"{name}: it has no flag {variable}")

    read = set(re.findall(r"\$\{([A-Z_]+)", text))
    read |= {key for service in services.values() for key, value in service.get("environment", {}).items() if value is None}
    offered = re.findall(r"^#?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)
    check(len(offered) == len(set(offered)), f"{EXAMPLE} has a variable twice")
    for variable in sorted(read ^ set(offered) - {"COMPOSE_PROFILES"}):
        problems.append(f"{variable} is only in {COMPOSE if variable in read else EXAMPLE}")

    for name, service in services.items():
        ports = [port for port in service.get("ports", []) if not port.startswith("${BIND_ADDRESS:-127.0.0.1}:")]
        check(not ports, f"{name}: publishes {ports} without BIND_ADDRESS")
        check(service.get("read_only") and service.get("cap_drop") == ["ALL"], f"{name}: has more rights than it needs")

    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{COMPOSE}: {len(services)} services, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
