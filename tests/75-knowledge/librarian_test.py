#!/usr/bin/env python3
"""A librarian: answers with citations, searches that a mind has helped with, and the fleet of examples/knowledge.yaml."""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "40-fleet"), str(HERE.parent / "60-model")]
import fleet
import harness
import model

EXAMPLES = HERE.parents[1] / "examples"
DOCUMENTS = [
    {"id": "broker", "title": "The broker", "text": "The broker routes the messages of all agents. It was rewritten in spring.", "taint": "web"},
    {"id": "boats", "title": "Boats", "text": "A ship is a large boat. Ships carry goods over the sea, and boats do so on rivers."},
    {"id": "cars", "title": "Cars", "text": "An automobile is expensive to keep. It carries few persons."},
    {"id": "wings", "title": "Wings", "text": "Wings carry machines through the air, and get hot."},
]


class Librarian(model.ModelTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()
        self.env = {"TROUPE_CONNECT": self.at.endpoint, "TROUPE_EMBEDDINGS": "ngrams"}
        kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/kb", env=self.env)
        kbd.wait_err("K001 ready")
        self.ask("svc:kb", action="add", namespace="n", documents=DOCUMENTS)
        harness.wait_until(lambda: self.ask("svc:kb", action="namespaces")["namespaces"][0]["pending"] == 0, "the vectors")

    def ask(self, to, text=None, code=0, **content):
        done = self.troupe("ask", to, text or json.dumps(content), env=self.env)
        self.assertEqual(done.code, code, done)
        return json.loads(done.out) if done.out.startswith("{") else done

    def agent(self, *more, **args):
        agentd = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "librarian", "--behaviour", "librarian", "--service", "librarian",
                            "--args", json.dumps({"namespace": "n", **args}), *more, env={**self.env, "TEST_MODEL_KEY": model.KEY})
        agentd.wait_err("A001")

    def search(self, *arguments, code=0):
        done = self.troupe("kb", "search", "-n", "n", *arguments, env=self.env)
        self.assertEqual(done.code, code, done)
        return done

    def test_it_answers_with_citations(self):
        self.agent()
        told = self.ask("librarian", "Who routes the messages of agents?")
        self.assertEqual(told["text"].split("]")[0], "The broker routes the messages of all agents. [1")
        first = told["citations"][0]
        self.assertEqual((first["number"], first["id"], first["taint"], first["quote"]),
                         (1, "broker", "web", "The broker routes the messages of all agents."))
        self.assertEqual((told["by"], "results" in told), ("built-in", False))
        self.assertEqual(self.ask("librarian", query="xyzzy", mode="lexical")["text"], "")
        for wrong, why in ({"action": "dance", "query": "x"}, "answer or search"), ({"sentences": 0, "query": "x"}, "sentences"), ({"k": 1}, "a question"):
            self.assertIn(why, self.ask("librarian", code=3, **wrong).err)
        done = self.ask("librarian", code=3, query="x", namespace="none")
        self.assertIn("there is no namespace none", done.err)

    def test_a_search_is_helped(self):
        self.assertIn("librarian", self.search("ships", "--rewrite", "--timeout", "300ms", code=3).err)
        self.agent()
        ids = [row["id"] for row in self.search("car", "--mode", "lexical", "-o", "json").json()]
        self.assertEqual(ids, ["cars"])
        told = self.ask("librarian", action="search", query="vehicle", rewrite=True, mode="lexical")
        self.assertEqual([r["id"] for r in told["results"]], ["cars"])
        self.assertIn("automobile", [t["term"] for t in told["terms"]])
        told = self.ask("librarian", action="search", query="what carries goods over the sea", rerank=True, k=2)
        self.assertEqual((told["results"][0]["id"], len(told["results"]), told["by"]), ("boats", 2, "built-in"))
        shown = self.search("--summary", "-k", "2", "who", "routes", "messages").out
        self.assertIn("The broker routes the messages of all agents. [1]", shown)
        self.assertIn("[1] broker, chunk 0", shown)
        self.assertEqual(self.search("--summary", "who", "routes", "messages", "-o", "json").json()["citations"][0]["id"], "broker")

    def test_what_stands_there_tells_what_words_are_used_for(self):
        documents = [
            {"id": "depot", "title": "Depot", "text": "The driver parked the lorry here. A heavy lorry blocked the bridge. He washed the lorry. "
             "The driver parked the truck there. A heavy truck blocked the tunnel. He washed the truck."},
            {"id": "yard", "title": "Yard", "text": "One truck stands in the yard."},
            {"id": "union", "title": "Union", "text": "The Haulage Workers Union (HWU) meets on Mondays."},
        ]
        self.ask("svc:kb", action="add", namespace="m", documents=documents)
        self.agent()
        for rewrite, ids in (False, ["depot"]), (True, ["depot", "yard"]):
            told = self.ask("librarian", action="search", namespace="m", query="lorry", rewrite=rewrite, mode="lexical")
            self.assertEqual([r["id"] for r in told["results"]], ids)
        self.assertIn("truck", [t["term"] for t in told["terms"]])
        told = self.ask("librarian", action="search", namespace="m", query="who is in the HWU", rewrite=True, mode="lexical")
        self.assertIn("Haulage Workers Union", [t["term"] for t in told["terms"]])

    def test_more_like_this(self):
        rows = self.search("--like", "boats", "-o", "json").json()
        self.assertNotIn("boats", [row["id"] for row in rows])
        self.assertEqual(self.search("--like", "boats", "--mode", "lexical", "-o", "json").json()[0]["id"], "wings")
        self.assertEqual(self.search("--like", "boats#0", "-o", "json").json(), rows)
        self.assertIn("no such document", self.search("--like", "boats#7", code=3).err)
        self.search("--like", "boats", "more", code=1)
        self.search(code=1)

    def test_age_counts(self):
        row = self.search("broker", "--half-life", "1h", "--explain", "-o", "json").json()[0]
        self.assertTrue(0.9 < row["age-part"] <= 1, row)
        self.assertAlmostEqual(row["score"], (row["lexical-part"] + row["vector-part"] + row["lead-part"]) * row["age-part"])
        rows = self.search("carries", "--half-life", "1ms", "--mode", "lexical", "-o", "json").json()
        self.assertTrue(all(row["score"] < 1e-6 for row in rows), rows)

    def test_with_a_model(self):
        server = self.server()
        self.agent("--mind", json.dumps({"base-url": server.url, "model": "m", "key-env": "TEST_MODEL_KEY", **model.QUICK}))
        rows = self.search("boats", "and", "wings", "--mode", "lexical", "-o", "json").json()
        self.assertEqual([row["id"] for row in rows], ["wings", "boats"])
        server.does(model.chat(json.dumps({"scores": [0.1, 0.9]})), model.chat(json.dumps({"text": "Both float [1][2]."})))
        told = self.ask("librarian", action="search", query="boats and wings", mode="lexical", rerank=True, summary=True)
        self.assertEqual([r["id"] for r in told["results"]], ["boats", "wings"])
        self.assertEqual((told["text"], [c["id"] for c in told["citations"]], told["by"][:5]), ("Both float [1][2].", ["boats", "wings"], "model"))


class Example(fleet.FleetTest):
    def test_the_example_reads_this_machine(self):
        (pathlib.Path(self.directory) / "knowledge").mkdir()
        load = pathlib.Path(self.directory) / "knowledge/load"
        load.write_text((EXAMPLES / "knowledge/load").read_text())
        load.chmod(0o755)
        text = (EXAMPLES / "knowledge.yaml").read_text()
        kept = "".join(line for line in text.splitlines(True) if "=/usr/share/" not in line or "licence=" in line)
        self.assertIn("licence=", kept)
        page = pathlib.Path(self.directory) / "pages/sail.1"
        page.parent.mkdir()
        page.write_text(".TH SAIL 1\n.SH NAME\nsail \\- make boats go\n.SH OPTIONS\n.TP\n.B \\-q\nSays nothing while sailing.\n")
        self.write("knowledge.yaml", kept + "        - man=" + str(page.parent) + "\n")
        env = {"TROUPE_EMBEDDINGS": "ngrams"}
        self.assertEqual(self.troupe("up", "-d", "knowledge.yaml", env=env).code, 0)
        harness.wait_until(lambda: self.troupe("kb", "search", "-n", "machine", "sailing boats", "--filter", '{"kind": "man"}', "-o", "name", env=env).out
                           == "sail.1\n", "the documents")
        row = self.troupe("kb", "search", "-n", "machine", "-k", "1", "copy and distribute verbatim copies of this license document", "-o", "json",
                          env=env).json()[0]
        self.assertTrue(row["source"].startswith("/usr/share/common-licenses/"), row)
        told = json.loads(self.troupe("ask", "librarian", "which option says nothing while sailing?", env=env).out)
        self.assertIn("-q: Says nothing while sailing.", told["text"])
        self.assertEqual(told["citations"][0]["title"], "SAIL(1)")
        self.assertEqual(self.troupe("down", "knowledge").code, 0)
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
