#!/usr/bin/env python3
"""What people think of answers: in whose name, over whose documents, for whose eyes, and what becomes an example to others."""
import json

import login_test
from web import harness

TRACE = "0123456789abcdef" * 2
SPACE = "/api/v1/knowledge/feedback"


class Feedback(login_test.People):
    arguments = ()  # on loopback one may look without a token

    def setUp(self):
        super().setUp()
        self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/kb", env={"TROUPE_EMBEDDINGS": "ngrams"}).wait_err("K001 ready")

    def word(self, answer, **more):
        return {"rating": "good", "question": "when does the ferry leave?", "answer": answer, "agent": "assistant", "trace": TRACE, **more}

    def give(self, headers, answer, **more):
        return self.by(headers, "POST", "/api/v1/feedback", self.word(answer, **more))

    def kept(self, headers=None, role="operator"):
        found = self.get(SPACE + "/documents", role=role) if headers is None else self.by(headers, "GET", SPACE + "/documents")
        return {one["id"]: one["metadata"] for one in self.good(found)["documents"]}

    def both(self):
        """Ann's and ben's word on the same trace; the ids of the two."""
        return [self.good(self.give(headers, f"It leaves when {name} says."))["id"] for headers, name in ((self.ann, "ann"), (self.ben, "ben"))]

    def kept_out(self, answer):
        self.assertIn("/api/v1/feedback", self.problem(answer, 403, "unauthorised")["detail"])

    def test_in_his_own_name_and_not_over_anothers(self):
        ids = self.both()
        self.assertEqual(ids, [f"feedback-{TRACE}-{name}" for name in ("ann", "ben")])
        kept = self.kept()
        self.assertEqual({one["user"]: one["answer"] for one in kept.values()}, {name: f"It leaves when {name} says." for name in ("ann", "ben")})
        self.assertEqual(kept[ids[0]]["trace"], TRACE)
        self.refused(self.give(self.ann, "No.", user="ben"))
        self.good(self.give(self.ann, "Never.", rating="bad", user="ann", remark="it does"))
        again = self.kept()
        self.assertEqual((len(again), again[ids[0]]["rating"], again[ids[0]]["remark"], again[ids[1]]), (2, "bad", "it does", kept[ids[1]]))
        text = self.good(self.by(self.ann, "GET", f"{SPACE}/document?id={ids[0]}"))["text"]
        self.assertIn("Never.", text)
        self.assertIn("it does", text)
        self.good(self.post("/api/v1/feedback", self.word("By a program.", user="carl")))
        self.assertEqual(self.kept()[f"feedback-{TRACE}-carl"]["user"], "carl")
        for wrong, field in (({"rating": "great"}, "rating"), ({"trace": "x"}, "trace"), ({"trace": TRACE.upper()}, "trace"), ({"user": "x" * 65}, "user"), ({"user": ""}, "user")):
            self.assertIn(field, self.problem(self.post("/api/v1/feedback", self.word("x", **wrong)), 400, "unrecognised-parameter-value")["detail"])
        self.problem(self.post("/api/v1/feedback", self.word("x"), role="viewer"), 403, "unauthorised")

    def mcp(self, headers, method, params):
        answer = self.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, role=None,
                           headers={**headers, "MCP-Protocol-Version": "2025-06-18", "Accept": "application/json, text/event-stream"})
        return answer.json()

    def test_no_other_way_leads_there(self):
        ids = self.both()
        documents = {"documents": [{"id": ids[1], "text": "x", "metadata": {"user": "ann", "rating": "good", "approved": "ann"}}]}
        adds = {"action": "add", "namespace": "feedback", **documents}
        program = {"Authorization": "Bearer " + self.tokens["operator"]}
        for headers in (self.ann, program):
            for space in ("feedback", "%66eedback"):
                self.kept_out(self.by(headers, "POST", f"/api/v1/knowledge/{space}/documents", documents))
                self.kept_out(self.by(headers, "POST", f"/api/v1/knowledge/{space}/remove", {"ids": [ids[1]]}))
            for content in (adds, {"action": "search", "namespace": "feedback", "query": "ferry"}, {"action": "get", "namespace": "feedback", "id": ids[1]}):
                self.kept_out(self.by(headers, "POST", "/api/v1/messages", {"receiver": "svc:kb", "content": content}))
                self.kept_out(self.by(headers, "POST", "/api/v1/tasks", {"skills": ["kb"], "input": content}))
                self.kept_out(self.by(headers, "POST", "/api/v1/tasks", {"tasks": [{"skills": ["kb"], "input": content}]}))
                self.kept_out(self.by(headers, "POST", "/api/v1/schedules/s", {"cron": "@daily", "task": {"skills": ["kb"], "input": content}}))
                for tool, arguments in (("service_kb", {"content": content}), ("submit_task", {"skills": ["kb"], "input": content})):
                    self.assertIn("/api/v1/feedback", self.mcp(headers, "tools/call", {"name": tool, "arguments": arguments})["error"]["message"])
                message = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": content}]}}
                self.assertEqual(self.post("/a2a/svc:kb/message:send", message, role=None, headers={**headers, "A2A-Version": "1.0"}).status, 403)
        self.assertEqual([one["answer"] for one in self.kept().values()], ["It leaves when ann says.", "It leaves when ben says."])
        self.good(self.by(self.ann, "POST", "/api/v1/knowledge/notes/documents", documents))  # another namespace
        self.good(self.by(self.admin, "POST", SPACE + "/remove", {"ids": [ids[1]]}))
        self.assertEqual(list(self.kept()), ids[:1])

    def test_for_whose_eyes(self):
        ids = self.both()
        self.assertEqual(list(self.kept(self.ann)), ids[:1])
        self.assertEqual(list(self.kept(self.admin)), ids)
        self.assertEqual((list(self.kept()), list(self.kept(role="viewer"))), (ids, []))
        paged = self.good(self.by(self.ann, "GET", SPACE + "/documents?max-results=1&after=&filter=" + json.dumps({"rating": "good"}).replace(" ", "")))
        self.assertEqual([one["id"] for one in paged["documents"]], ids[:1])

        def found(headers, **more):
            return [one["id"] for one in self.good(self.by(headers, "POST", SPACE + "/search", {"query": "ferry leaves", **more}))["results"]]
        self.assertEqual((found(self.ann), sorted(found(self.admin))), (ids[:1], ids))
        for filter_ in ({"user": "ben"}, {"or": [{"user": "ben"}]}, {"not": {"user": "ann"}}):
            self.assertEqual((found(self.ann, filter=filter_), found(self.admin, filter=filter_)), ([], ids[1:]))
        self.good(self.by(self.ann, "GET", f"{SPACE}/document?id={ids[0]}"))
        self.good(self.by(self.admin, "GET", f"{SPACE}/document?id={ids[1]}"))
        self.assertEqual(*(self.problem(self.by(self.ann, "GET", f"{SPACE}/document?id={one}"), 404, "not-registered")["detail"].replace(one, "ID") for one in (ids[1], "nothing")))
        for path in ("/documents", f"/document?id={ids[0]}"):  # who has no name
            self.problem(self.get(SPACE + path, role=None), 401, "no-token")

        def told(headers, method, params):
            return json.dumps(self.mcp(headers, method, params))
        asked = {"name": "search_knowledge", "arguments": {"namespace": "feedback", "query": "ferry leaves"}}
        for method, params in (("tools/call", asked), ("resources/read", {"uri": "troupe://knowledge/feedback"})):
            self.assertIn("when ann says", told(self.ann, method, params))
            self.assertNotIn("when ben says", told(self.ann, method, params))
            self.assertIn("when ben says", told(self.admin, method, params))
            self.assertNotIn("says", told({}, method, params))
        for space in ("feedback", "%66eedback"):
            self.assertIn("there is no such resource", told(self.ann, "resources/read", {"uri": f"troupe://knowledge/{space}/{ids[1]}"}))
            self.assertIn("when ann says", told(self.ann, "resources/read", {"uri": f"troupe://knowledge/{space}/{ids[0]}"}))

    def test_what_becomes_an_example(self):
        ids = self.both()
        path, asked = "/api/v1/feedback/approve", {"id": ids[0], "approved": True}
        for headers in (self.ann, self.ben, {"Authorization": "Bearer " + self.tokens["operator"]}):
            self.problem(self.by(headers, "POST", path, asked), 403, "unauthorised")
        self.good(self.by(self.admin, "POST", path, asked))
        kept = self.kept()
        self.assertEqual((kept[ids[0]]["approved"], kept[ids[0]]["user"], "approved" in kept[ids[1]]), ("admin", "ann", False))
        self.assertIn("when ann says", self.good(self.by(self.ann, "GET", f"{SPACE}/document?id={ids[0]}"))["text"])
        self.good(self.by(self.admin, "POST", path, {**asked, "approved": False}))
        self.assertNotIn("approved", self.kept()[ids[0]])
        self.good(self.by(self.admin, "POST", path, asked))
        self.good(self.give(self.ann, "It leaves no more."))  # other words than those that were approved
        self.assertNotIn("approved", self.kept()[ids[0]])
        self.good(self.give(self.ann, "It leaves no more.", rating="bad"))
        self.problem(self.by(self.admin, "POST", path, asked), 409, "not-good")
        self.problem(self.by(self.admin, "POST", path, {"id": "nothing", "approved": True}), 404, "not-registered")


if __name__ == "__main__":
    harness.main()
