"""The API reference shows every field, and refuses what it cannot show."""

import copy
import unittest

import api_reference

OPENAPI = {
    "openapi": "3.1.0",
    "info": {},
    "paths": {
        "/api/things": {
            "get": {
                "summary": "All things",
                "parameters": [
                    {"name": "limit", "in": "query", "description": "How many.", "schema": {"type": "integer", "minimum": 1}}
                ],
                "responses": {
                    "200": {
                        "description": "They.",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    },
                    "401": {"description": "No."},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["kind"],
                "properties": {
                    "kind": {"enum": ["a", "b"]},
                    "next": {"anyOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]},
                    "parts": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"at": {"type": "integer", "description": "When."}}},
                    },
                },
            }
        },
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "The token."}},
    },
}
ASYNCAPI = {
    "asyncapi": "3.0.0",
    "info": {"description": "Read it."},
    "channels": {
        "socket": {
            "address": "ws",
            "description": "A thing at a time.",
            "messages": {"thing": {"payload": {"$ref": "openapi.json#/components/schemas/Thing"}}},
        }
    },
    "operations": {"watch": {"action": "send", "messages": [{"$ref": "#/channels/socket/messages/thing"}]}},
}


class Reference(unittest.TestCase):
    def test_shows_requests_and_fields(self):
        page = api_reference.rest(OPENAPI)
        for line in [
            "### `GET /api/things`",
            "| `limit` (query) | integer, at least 1 | How many. |",
            "| 200 | [Thing](#thing) (`application/json`) | They. |",
            "| 401 | – | No. |",
            '| `kind` | `"a"` or `"b"` |  |',
            "| `next` (optional) | [Thing](#thing) or null |  |",
            "| `parts[].at` (optional) | integer | When. |",
        ]:
            self.assertIn(line, page.splitlines())

    def test_shows_messages_with_their_sender(self):
        page = api_reference.messages(ASYNCAPI, OPENAPI)
        self.assertIn("- The gateway sends `thing`: [Thing](api.md#thing)", page.splitlines())

    def test_refuses_a_keyword_that_it_does_not_render(self):
        changed = copy.deepcopy(OPENAPI)
        changed["components"]["schemas"]["Thing"]["properties"]["kind"]["pattern"] = "[ab]"
        with self.assertRaisesRegex(api_reference.Unknown, "pattern"):
            api_reference.rest(changed)

    def test_refuses_a_reference_to_nothing(self):
        changed = copy.deepcopy(OPENAPI)
        changed["paths"]["/api/things"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"] += "s"
        with self.assertRaisesRegex(api_reference.Unknown, "Things does not exist"):
            api_reference.rest(changed)

    def test_refuses_a_message_that_nobody_sends(self):
        changed = copy.deepcopy(ASYNCAPI)
        changed["operations"] = {}
        with self.assertRaisesRegex(api_reference.Unknown, "thing of socket"):
            api_reference.messages(changed, OPENAPI)


if __name__ == "__main__":
    unittest.main()
