#!/usr/bin/env python3
"""Keeps the versions of the images that come from other projects: deploy/images.txt names each one once.

Without an option, it asks the registry for the newest tags and writes them to deploy/images.txt and to the files that
name the images. --apply writes those of deploy/images.txt without asking; --check compares and changes nothing.

usage: renew_images.py [--apply | --check]
"""

import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = Path("deploy/images.txt")
# Where images are named.
PATTERNS = (
    "docker-compose.yml",
    "Dockerfile",
    ".devcontainer/Dockerfile",
    ".github/workflows/*.yml",
    "deploy/kubernetes/**/*.yaml",
)
# An image with its tag, which the values of a chart have in the next line. Our own begin with a variable or visitors-.
NAMED = re.compile(r"((?:image:|container:|FROM|repository:)[ ]+)((?!visitors-)[a-z][\w./-]*)(:|\n +tag: )([\w.-]+)")
LINE = re.compile(r"^(?P<name>[\w./-]+)(?P<gap> +)(?P<tag>\S+)(?P<rest> +(?P<wanted>\S+))$")
REGISTRY = os.environ.get("REGISTRY", "https://registry-1.docker.io")
TIMEOUT = 30


def listed(text):
    """The images of the list by name, each as (tag, pattern of its tags)."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    matches = [LINE.match(line) or sys.exit(f"{LIST}: cannot read the line: {line}") for line in lines]
    return {match["name"]: (match["tag"], match["wanted"]) for match in matches}


def newest(tags, wanted):
    """The tag with the highest numbers among those that match the pattern, or None."""
    pattern = re.compile(r"(\d+)".join(re.escape(part) for part in wanted.split("#")))
    matches = filter(None, map(pattern.fullmatch, tags))
    return max(matches, key=lambda match: [int(number) for number in match.groups()], default=[None])[0]


def with_tags(text, tags):
    """The text of a file, with the given tag for each image."""
    return NAMED.sub(lambda match: f"{match[1]}{match[2]}{match[3]}{tags.get(match[2], match[4])}", text)


def differences(text, tags):
    """What a file says about images and the list does not."""
    for _, name, _, tag in NAMED.findall(text):
        if name not in tags:
            yield f"{name} is not in {LIST}"
        elif tag != tags[name]:
            yield f"{name}:{tag}, but {LIST} has {tags[name]}; scripts/renew_images.py --apply writes it"


def with_newest(text, asked):
    """The text of the list, with the newest tag of each image. `asked` gives the tags of an image."""

    def renewed(line):
        match = LINE.match(line)
        if not match or line.startswith("#"):
            return line
        tag = newest(asked(match["name"]), match["wanted"]) or sys.exit(f"{match['name']}: no tag like {match['wanted']}")
        # Keeps the columns, where the tag has room.
        width = len(match["tag"]) + len(match["rest"]) - len(match["wanted"])
        return f"{match['name']}{match['gap']}{tag.ljust(width - 1)} {match['wanted']}"

    return "".join(f"{renewed(line)}\n" for line in text.splitlines())


def get(url, token=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    return urllib.request.urlopen(request, timeout=TIMEOUT)


def token_for(challenge):
    """A token of the service that a registry's challenge names."""
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urllib.parse.urlencode({name: fields[name] for name in ("service", "scope") if name in fields})
    with get(f"{fields['realm']}?{query}") as answer:
        return json.load(answer)["token"]


def tags_of(name):
    """All tags of an image in the registry."""
    url, token, tags = f"{REGISTRY}/v2/{name if '/' in name else f'library/{name}'}/tags/list?n=1000", None, []
    while url:
        try:
            answer = get(url, token)
        except urllib.error.HTTPError as error:
            if error.code != 401 or token:
                raise
            token = token_for(error.headers["WWW-Authenticate"])
            continue
        with answer:
            tags += json.load(answer)["tags"]
            following = re.match(r"<([^>]+)>", answer.headers.get("Link") or "")
        url = following and urllib.parse.urljoin(url, following[1])
    return tags


def main(options):
    os.chdir(ROOT)
    if options not in ([], ["--apply"], ["--check"]):
        sys.exit(__doc__)
    if not options:
        try:
            LIST.write_text(with_newest(LIST.read_text(), tags_of))
        except OSError as error:
            sys.exit(f"The registry {REGISTRY} cannot be asked, and nothing is changed: {error}")
    tags = {name: tag for name, (tag, _) in listed(LIST.read_text()).items()}
    files = sorted({path for pattern in PATTERNS for path in Path().glob(pattern)})
    if options != ["--check"]:
        for path in files:
            text = path.read_text()
            if with_tags(text, tags) != text:
                path.write_text(with_tags(text, tags))
                print(f"changed {path}")
    problems = [f"{path}: {problem}" for path in files for problem in differences(path.read_text(), tags)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
