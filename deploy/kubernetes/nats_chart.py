"""Checks nats-values.yaml: writes the servers' configuration as the official chart does, and lets nats-server read it."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

# The labels of the chart's pods that others select.
LABELS = {"app.kubernetes.io/name": "nats"}
# Where the chart mounts the configuration that it writes.
CONFIGURATION = Path("etc/nats-config/nats.conf")


def configuration(values):
    """What the chart writes for the first server."""
    config = values["config"]
    name, service = values["fullnameOverride"], values["headlessService"]["name"]
    routes = [f"nats://{name}-{number}.{service}:6222" for number in range(config["cluster"]["replicas"])]
    written = {
        "server_name": "<< $POD_NAME >>",
        "port": 4222,
        "http_port": 8222,
        "cluster": {"name": name, "port": 6222, "no_advertise": True, "routes": routes},
        "jetstream": {
            "max_memory_store": f"<< {config['jetstream']['memoryStore']['maxSize']} >>",
            "max_file_store": f"<< {config['jetstream']['fileStore']['pvc']['size']} >>",
            "store_dir": "/data",
        },
        **config["merge"],
    }
    text = json.dumps(written, indent=2, sort_keys=True)
    text = re.sub(r'"[^"\n]*\$include": "(.*)",?', r"include \1;", text)
    return re.sub(r'"<< (.*) >>"', r"\1", text)


def patched(patches, path):
    return [patch["value"] for patch in patches if (patch["op"], patch["path"]) == ("add", path)]


def install(values, root):
    """Writes the files that the pods mount below a folder."""
    root.joinpath(CONFIGURATION).parent.mkdir(parents=True)
    root.joinpath(CONFIGURATION).write_text(configuration(values))
    mounts = {mount["name"]: mount["mountPath"] for mount in patched(values["container"]["patch"], "/volumeMounts/-")}
    for volume in patched(values["podTemplate"]["patch"], "/spec/volumes/-"):
        folder = root / mounts[volume["name"]].lstrip("/")
        folder.mkdir(parents=True)
        for source in volume["projected"]["sources"]:
            if source.get("configMap") == {"name": "nats"}:
                shutil.copy("nats.conf", folder)
            for item in source.get("secret", {}).get("items", []):
                folder.joinpath(item["path"]).parent.mkdir(parents=True)
                shutil.copy("deploy/nats/passwords.conf", folder / item["path"])


def problems(file):
    """What is wrong with the values in this file."""
    values = yaml.safe_load(file.read_text())
    server = shutil.which(".venv/bin/nats-server") or shutil.which("nats-server")
    if server is None:
        print(f"\n*** SKIPPED: nats-server is not installed, {file} was not tried ***\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        install(values, Path(folder))
        command = [server, "-t", "-c", Path(folder) / CONFIGURATION]
        tried = subprocess.run(command, capture_output=True, text=True, env={"POD_NAME": "nats-0"})
    if tried.returncode != 0:
        yield f"{file}: nats-server refuses its configuration: {tried.stderr.strip()}"
