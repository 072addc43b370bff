#!/usr/bin/env python3
"""Makes collector/data/crawlers.txt from the npm package crawler-user-agents.

usage, from the repository's root: python3 scripts/crawler-user-agents.py

Needs npm. The package holds regular expressions. The collector compares plain text, so each expression becomes the texts
that it matches: `^` at the start of a line stands for the start of the user agent. Expressions with a gap become what
stands after it, since that identifies the crawler.
"""

import itertools
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE, VERSION, LICENCE = "crawler-user-agents", "1.60.0", "MIT"
DATA = Path("collector/data/crawlers.txt")
# The build number of an Android release, which in-app browsers of ordinary telephones send.
LEFT_OUT = {"AP3A.240617.008"}
HEADER = f"""\
# User agents of crawlers and of programs that are no browser. A line that begins with ^ is the start of a user agent,
# any other line a part of one. Made by scripts/crawler-user-agents.py, not by hand.
# Source: npm {PACKAGE} {VERSION}, licence {LICENCE}, see LICENSE-crawler-user-agents.
"""


def fetched():
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, f"{PACKAGE}@{VERSION}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
            return json.load(package.extractfile("package/crawler-user-agents.json"))


def texts(pattern):
    """The texts that a pattern stands for."""
    pattern = pattern.split("[\\s\\S]*")[-1]
    pattern = pattern.replace("([^-]|$)", "").replace("(^| )", "")
    pattern = re.sub(r"\\d\\\.\\d\+.*", "", pattern).removesuffix("$")
    start, pattern = ("^", pattern[1:]) if pattern.startswith("^") else ("", pattern)
    tokens = re.findall(r"\\.|\[[^\]]*\]|\([^)]*\)|.", pattern)
    if "|" in tokens:
        return [text for part in pattern.split("|") for text in texts(start + part)]
    choices = []
    for token in tokens:
        if token[0] == "\\":
            choices.append([token[1]])
        elif token[0] == "[" and len(token) > 1:
            choices.append(list(token[1:-1]))
        elif token[0] == "(" and len(token) > 1:
            choices.append(token[1:-1].split("|"))
        elif token in "*+?{}^$()[]":
            raise SystemExit(f"{PACKAGE}: do not know what to make of {token} in {pattern}")
        else:
            choices.append([token])
    return [start + "".join(choice) for choice in itertools.product(*choices)]


found = {text for crawler in fetched() for text in texts(crawler["pattern"])} - LEFT_OUT
# Less than three letters would match browsers as well.
short = [text for text in found if len(text.lstrip("^")) < 3 and not text.startswith("^")]
if short:
    raise SystemExit(f"{PACKAGE}: too short: {short}")
DATA.write_text(HEADER + "".join(f"{text}\n" for text in sorted(found)))
print(f"{len(found)} texts in {DATA}")
