#!/usr/bin/env python3
"""Makes enricher/data/personal-mail-domains.txt from the published lists of free mail and from what is kept by hand.

usage, from the repository's root: python3 scripts/personal-mail-domains.py

Needs npm and pip. The lists are fetched at the versions below and thrown away; what is kept is which domains most of them hold.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

DATA = Path("enricher/data")

# Registry, package, version, licence, and the file that holds the list. Packages that copy one of these are left out, so
# that no list counts twice.
SOURCES = [
    ("npm", "free-email-domains", "1.12.6", "MIT", "domains.json"),
    ("npm", "freemail", "1.7.0", "ISC", "data/free.txt"),
    ("npm", "email-providers", "2.26.0", "ISC", "all.json"),
    ("npm", "personal-email-domains", "0.0.2", "MIT", "index.json"),
    ("npm", "company-email-validator", "1.2.7", "Unlicense", "free_email_provider_domains.js"),
    ("npm", "free-email-domains-typescript", "1.0.13", "MIT", "index.js"),
    ("PyPI", "isfreemail", "0.1.5", "BSD", "isfreemail/freeservers.py"),
]
# On how many of the lists a domain must be.
MOST = len(SOURCES) // 2 + 1

DOMAIN = re.compile(r"(?<![\w.@/-])((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,})(?![\w.-]|/)")


def fetched(folder, registry, package, version):
    """The files of a package, by path."""
    if registry == "npm":
        command = ["npm", "pack", "--silent", "--pack-destination", folder, f"{package}@{version}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            files = [member for member in archive.getmembers() if member.isfile()]
            return {file.name.removeprefix("package/"): archive.extractfile(file).read() for file in files}
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "--dest", folder, f"{package}=={version}"], check=True)
    with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def published(registry, package, version, _licence, file):
    with tempfile.TemporaryDirectory() as folder:
        text = fetched(folder, registry, package, version)[file].decode("utf-8", "replace")
    domains = set(DOMAIN.findall(text.lower()))
    if len(domains) < 1000:
        sys.exit(f"{package} {version}: only {len(domains)} domains in {file}")
    return domains


def by_hand(name):
    lines = (line.split("#")[0].strip() for line in (DATA / name).read_text().splitlines())
    return {line for line in lines if line}


def write(name, head, domains):
    lines = [f"# {line}".rstrip() for line in head] + sorted(domains)
    (DATA / name).write_text("\n".join(lines) + "\n")
    print(f"{DATA / name}: {len(domains)} domains")


def main():
    lists = [published(*source) for source in SOURCES]
    on_how_many = Counter(domain for domains in lists for domain in domains)
    majority = {domain for domain, number in on_how_many.items() if number >= MOST}
    exceptions = by_hand("personal-mail-exceptions.txt")
    exact = {domain.removeprefix("*.") for domain in exceptions if domain.startswith("*.")}
    additions = by_hand("personal-mail-additions.txt")
    useless = {domain.removeprefix("*.") for domain in exceptions} - majority - additions
    if useless:
        sys.exit(f"personal-mail-exceptions.txt: exceptions from nothing: {sorted(useless)}")

    sources = [f"  {registry}: {package} {version} ({licence})" for registry, package, version, licence, _ in SOURCES]
    write(
        "personal-mail-majority.txt",
        ["Made by scripts/personal-mail-domains.py: the domains that are on at least", f"{MOST} of these {len(SOURCES)} published lists:", *sources],
        majority,
    )
    personal = ((majority | additions) - exceptions) - exact
    write(
        "personal-mail-domains.txt",
        [
            "Made by scripts/personal-mail-domains.py: the domains of personal mailboxes, each with every domain below it, or",
            "where `=` stands before it, without. They are in personal-mail-majority.txt or personal-mail-additions.txt, and not",
            "in personal-mail-exceptions.txt.",
        ],
        personal | {f"={domain}" for domain in exact},
    )


if __name__ == "__main__":
    main()
