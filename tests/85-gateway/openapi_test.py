#!/usr/bin/env python3
"""The OpenAPI document and the code say the same: each operation is there, wants the role and the fields that it says, and no others."""
import re

import web
from web import harness

ROLES = ["anybody", "viewer", "operator", "admin"]
WRONG = {"string": 7, "integer": "seven", "number": "seven", "boolean": "perhaps", "array": {}, "object": []}
RIGHT = {"string": "a", "integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}


class OpenApi(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin("--anonymous", "none", "--rate", "0", "--wait-time", "2s")
        self.line = self.connection()
        self.document = self.good(self.get("/api/v1/openapi.json", role=None))

    def problem(self, answer, status, reason):
        """Under /v1 as OpenAI says it, of JSON-RPC as that does."""
        if answer.headers.get("content-type") == "application/problem+json":
            return super().problem(answer, status, reason)
        if "jsonrpc" in answer.json():
            self.assertEqual((answer.status, answer.json()["error"]["data"]["reason"]), (status, reason), answer)
            return answer.json()
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (status, reason), answer)
        return answer.json()

    def operations(self):
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield method.upper(), path, operation

    def path_of(self, path, operation):
        """The path with a value in place of each of its fields."""
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                value = "7" if parameter["schema"]["type"] == "integer" else "news.a"
                path = path.replace("{%s}" % parameter["name"], value)
        return path

    def required_query(self, operation):
        return "&".join(f"{p['name']}=1" for p in operation["parameters"] if p["in"] == "query" and p["required"])

    def call(self, method, path, operation, role, query="", body=None):
        both = "&".join(part for part in (self.required_query(operation), query) if part)
        return self.ask(method, self.path_of(path, operation) + ("?" + both if both else ""), body, role=role, connection=self.line)

    def test_it_is_a_document(self):
        self.assertEqual(self.document["openapi"], "3.1.0")
        ids = [operation["operationId"] for _, _, operation in self.operations()]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertGreater(len(ids), 40)
        for name in ("process_input", "update_knowledge", "system_status"):
            self.assertIn(name, ids)
        for _, path, operation in self.operations():
            self.assertEqual({p["name"] for p in operation["parameters"] if p["in"] == "path"}, set(re.findall(r"\{([^}]+)\}", path)), path)
            self.assertTrue(operation["summary"])
            for parameter in operation["parameters"]:
                self.assertTrue(parameter["schema"]["description"], (path, parameter))

    def test_each_operation_wants_its_role(self):
        for method, path, operation in self.operations():
            needed = ROLES.index(operation["x-role"])
            self.assertEqual(operation["security"] == [], needed == 0, path)
            with self.subTest(f"{method} {path}"):
                answer = self.call(method, path, operation, None)
                self.assertEqual(answer.status == 401, needed > 0, answer)
                for role in ("viewer", "operator"):
                    if ROLES.index(role) < needed:
                        self.problem(self.call(method, path, operation, role), 403, "unauthorised")

    def test_other_methods_are_refused(self):
        for path, methods in self.document["paths"].items():
            some = next(iter(methods.values()))
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                if method.lower() not in methods:
                    answer = self.ask(method, self.path_of(path, some), role="admin", connection=self.line)
                    self.problem(answer, 405, "unsupported-function")
                    allowed = {m.upper() for m in methods} | ({"HEAD"} if "get" in methods else set())
                    self.assertEqual(set(answer.headers["allow"].split(", ")), allowed)

    def test_fields_that_it_does_not_name_are_refused(self):
        for method, path, operation in self.operations():
            with self.subTest(f"{method} {path}"):
                if "x-other-parameters" not in operation:
                    self.problem(self.call(method, path, operation, "admin", "zzzzzz=1"), 400, "unexpected-argument")
                schema = self.schema_of(operation)
                if schema and not schema["additionalProperties"]:
                    self.problem(self.call(method, path, operation, "admin", body={"zzzzzz": 1}), 400, "unexpected-argument")
                if not schema and method == "POST" and "requestBody" not in operation:
                    self.problem(self.call(method, path, operation, "admin", body={"zzzzzz": 1}), 400, "unexpected-argument")

    def schema_of(self, operation):
        return operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")

    def test_fields_have_the_types_that_it_says(self):
        for method, path, operation in self.operations():
            for parameter in operation["parameters"]:
                if parameter["in"] == "query" and parameter["schema"]["type"] == "integer":
                    with self.subTest(f"{method} {path} {parameter['name']}"):
                        self.problem(self.call(method, path, operation, "admin", parameter["name"] + "=x"), 400, "unrecognised-parameter-value")
            for name, schema in (self.schema_of(operation) or {}).get("properties", {}).items():
                if "type" in schema:
                    with self.subTest(f"{method} {path} {name}"):
                        answer = self.call(method, path, operation, "admin", body={name: WRONG[schema["type"]]})
                        self.problem(answer, 400, "unrecognised-parameter-value")
                        self.assertIn(name, answer.body.decode())

    def test_fields_that_are_required_are_missed(self):
        for method, path, operation in self.operations():
            schema = self.schema_of(operation)
            for name in (schema or {}).get("required", []):
                body = {other: RIGHT[schema["properties"][other].get("type", "string")] for other in schema["required"] if other != name}
                with self.subTest(f"{method} {path} {name}"):
                    answer = self.call(method, path, operation, "admin", body=body)
                    self.problem(answer, 400, "missing-argument")
                    self.assertIn(name, answer.body.decode())
            for parameter in operation["parameters"]:
                if parameter["in"] == "query" and parameter["required"]:
                    answer = self.ask(method, self.path_of(path, operation), role="admin", connection=self.line)
                    self.problem(answer, 400, "missing-argument")

    def test_without_the_services_it_says_503(self):
        for method, path, operation in self.operations():
            if method == "GET" and re.match(r"/api/v1/(tasks|decisions|knowledge|task_numbers)", path):
                with self.subTest(path):
                    answer = self.call(method, path, operation, "admin")
                    self.problem(answer, 503, "no-provider")
                    self.assertIn("503", operation["responses"])
                    self.assertTrue(answer.headers["retry-after"])


if __name__ == "__main__":
    harness.main()
