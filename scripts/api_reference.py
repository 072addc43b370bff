"""Renders the API reference of the site from the gateway's OpenAPI and AsyncAPI documents, as Markdown.

It refuses what it cannot render, so that the reference never leaves out a part of a document without notice.
"""

import json

# Keywords of a schema and of a request's description that the functions below read.
OBJECT = {"type", "description", "properties", "required", "additionalProperties"}
VALUE = {"type", "description", "minimum", "maximum", "default", "const", "enum", "anyOf", "$ref"}
ARRAY = {"type", "description", "items", "prefixItems", "minItems", "maxItems"}
OPERATION = {"summary", "description", "parameters", "responses"}
SCHEMA = "#/components/schemas/"


class Unknown(Exception):
    """A part of a document that the reference cannot render."""


def rest(openapi: dict) -> str:
    """The page of the HTTP API: its requests, then the objects that it answers with."""
    known(openapi, {"openapi", "info", "servers", "security", "paths", "components"}, "OpenAPI document")
    known(openapi["components"], {"schemas", "securitySchemes"}, "components")
    lines = ["# HTTP API", "", "Rendered from the document that `GET /api/openapi.json` serves. It describes the same API",
             "for programs. The WebSocket and NATS have [a page of their own](messages.md).", ""]
    lines += ["## Access", ""]
    lines += [f"- {access(scheme)}" for scheme in openapi["components"]["securitySchemes"].values()]
    lines += ["", "Without a token at the gateway, every request is allowed.", "", "## Requests", ""]
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            lines += request(path, method, operation, openapi)
    lines += ["## Objects", ""]
    for name, schema in openapi["components"]["schemas"].items():
        lines += section(name, schema, openapi)
    return "\n".join(lines) + "\n"


def messages(asyncapi: dict, openapi: dict) -> str:
    """The page of the WebSocket and of the subjects of NATS."""
    known(asyncapi, {"asyncapi", "info", "channels", "operations"}, "AsyncAPI document")
    lines = ["# WebSocket and NATS", "", "Rendered from [asyncapi.yaml](asyncapi.yaml). The objects are those of the "
             "[HTTP API](api.md#objects).", "", asyncapi["info"]["description"], ""]
    for name, channel in asyncapi["channels"].items():
        known(channel, {"address", "description", "messages", "parameters"}, name)
        lines += [f"## `{channel['address']}`", "", channel["description"].strip(), ""]
        parameters = channel.get("parameters", {})
        if parameters:
            rows = [[f"`{key}`", parameter["description"]] for key, parameter in parameters.items()]
            lines += [*table(["part of the subject", "meaning"], rows), ""]
        for key, message in channel.get("messages", {}).items():
            reference = message["payload"]["$ref"]
            schema = reference.rpartition("#")[2].rpartition("/")[2]
            resolve("#" + reference.rpartition("#")[2], openapi)
            senders = [op for op in asyncapi["operations"].values() if sends(op, name, key)]
            if not senders:
                raise Unknown(f"no operation of the AsyncAPI document has the message {key} of {name}")
            sender = "The gateway sends" if senders[0]["action"] == "send" else "A client sends"
            lines += [f"- {sender} `{key}`: {link(schema, 'api.md')}"]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def sends(operation: dict, channel: str, message: str) -> bool:
    wanted = f"#/channels/{channel}/messages/{message}"
    return any(reference["$ref"] == wanted for reference in operation["messages"])


def access(scheme: dict) -> str:
    if scheme["type"] == "http" and scheme["scheme"] == "bearer":
        return f"`Authorization: Bearer TOKEN`. {scheme['description']}"
    if scheme["type"] == "apiKey" and scheme["in"] == "cookie":
        return f"The cookie `{scheme['name']}`. {scheme['description']}"
    raise Unknown(f"a security scheme of another type: {scheme}")


def request(path: str, method: str, operation: dict, openapi: dict) -> list:
    known(operation, OPERATION, path)
    lines = [f"### `{method.upper()} {path}`", "", f"{operation['summary']}.", ""]
    if "description" in operation:
        lines += [operation["description"], ""]
    if operation.get("parameters"):
        rows = []
        for parameter in operation["parameters"]:
            known(parameter, {"name", "in", "description", "schema", "required"}, f"a parameter of {path}")
            kind = kind_of(parameter["schema"], openapi)
            rows.append([f"`{parameter['name']}` ({parameter['in']})", kind, parameter["description"]])
        lines += [*table(["parameter", "type", "meaning"], rows), ""]
    rows = []
    for status, response in operation["responses"].items():
        known(response, {"description", "content"}, f"response {status} of {path}")
        bodies = response.get("content", {}).items()
        body = ", ".join(f"{kind_of(content['schema'], openapi)} (`{media}`)" for media, content in bodies)
        rows.append([status, body or "–", response["description"]])
    return [*lines, *table(["status", "body", "meaning"], rows), ""]


def section(name: str, schema: dict, openapi: dict) -> list:
    known(schema, OBJECT, name)
    lines = [f"### {name}", ""]
    if "description" in schema:
        lines += [schema["description"], ""]
    return [*lines, *table(["field", "type", "meaning"], fields(schema, openapi)), ""]


def fields(schema: dict, openapi: dict, prefix: str = "") -> list:
    """A row for each field; the fields of objects without a name follow theirs."""
    rows = []
    for name, field in schema["properties"].items():
        optional = "" if name in schema.get("required", []) else " (optional)"
        path = f"{prefix}{name}"
        rows.append([f"`{path}`{optional}", kind_of(field, openapi), field.get("description", "")])
        inner, suffix = (field["items"], "[].") if "items" in field else (field, ".")
        if "properties" in inner:
            known(inner, OBJECT, path)
            rows += fields(inner, openapi, path + suffix)
    return rows


def kind_of(schema: dict, openapi: dict) -> str:
    """What a value may be, in words."""
    if schema.get("type") == "array":
        known(schema, ARRAY, "an array")
        if "items" in schema:
            return f"array of {kind_of(schema['items'], openapi)}"
        return f"[{', '.join(kind_of(item, openapi) for item in schema['prefixItems'])}]"
    if schema.get("type") == "object":
        known(schema, OBJECT, "an object")
        return "object"
    known(schema, VALUE, "a value")
    if "$ref" in schema:
        resolve(schema["$ref"], openapi)
        return link(schema["$ref"].removeprefix(SCHEMA), "")
    if "anyOf" in schema:
        return " or ".join(kind_of(choice, openapi) for choice in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema.get("enum", [schema.get("const")]))
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    limits = [f"{word} {schema[key]}" for key, word in [("minimum", "at least"), ("maximum", "at most")] if key in schema]
    if "default" in schema:
        limits.append(f"default {schema['default']}")
    return ", ".join([" or ".join(kinds), *limits])


def resolve(reference: str, openapi: dict) -> None:
    name = reference.removeprefix(SCHEMA)
    if not reference.startswith(SCHEMA) or name not in openapi["components"]["schemas"]:
        raise Unknown(f"{reference} does not exist")


def link(schema: str, page: str) -> str:
    return f"[{schema}]({page}#{schema.lower()})"


def table(head: list, rows: list) -> list:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *cells]]


def known(part: dict, keywords: set, where: str) -> None:
    unknown = sorted(set(part) - keywords)
    if unknown:
        raise Unknown(f"{where} has {', '.join(unknown)}, which scripts/api_reference.py does not render")
