#!/usr/bin/env python3
"""The knowledge base from the command line: what is put is found, at once and after any kill -9; files that change; what is refused."""
import json
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness
import screen


PYTHON = "/usr/bin/python3"  # the one that Debian's packages are for
BUSY = """
import collections, json, troupe
with troupe.connect() as process:
    agent = process.register("eager")
    questions = [agent.ask("svc:kb", {"action": "search", "namespace": "n", "query": "wings", "mode": "lexical"}) for n in range(600)]
    print("asked", flush=True)
    told = collections.Counter()
    for question in questions:
        content = question.answer().content
        told[content.get("reason") or ("found" if content["results"] else "lost")] += 1
    print(json.dumps(told), flush=True)
"""


def pdf_of(text):
    """The smallest PDF with a line of text on a page."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
               f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    out, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    return out + f"xref\n0 6\n0000000000 65535 f \n{table}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"


class KnowledgeTest(harness.SystemTest):
    broker_options = ()

    def setUp(self):
        super().setUp()
        self.at = self.broker(*self.broker_options)
        self.env = {"TROUPE_CONNECT": self.at.endpoint, "TROUPE_EMBEDDINGS": "ngrams"}
        self.files = pathlib.Path(self.directory) / "files"
        (self.files / "sub").mkdir(parents=True)
        self.start()

    def start(self, *arguments):
        self.kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/kb", "--http", "127.0.0.1:0",
                              "--http-file", self.directory + "/http", *arguments, env=self.env)
        self.kbd.wait_err("K001 ready")

    def kb(self, *arguments, code=0, text=None):
        done = self.troupe("kb", *arguments, env=self.env, text=text)
        self.assertEqual(done.code, code, done)
        return done

    def add(self, *arguments, code=0):
        row, = self.kb("add", str(self.files), "-n", "n", "-o", "json", *arguments, code=code).json()
        return row

    def found(self, query, *arguments):
        """By words, unless a mode is given: vectors find what is nearest, however far that is."""
        mode = () if "--mode" in arguments else ("--mode", "lexical")
        return [row["id"] for row in self.kb("search", query, "-n", "n", "-o", "json", *mode, *arguments).json()]

    def ask(self, **content):
        done = self.troupe("ask", "svc:kb", json.dumps(content), env=self.env)
        self.assertEqual(done.code, 0, done)
        return json.loads(done.out)


class Busy(KnowledgeTest):
    broker_options = ("--lease", "120s")  # it stands still for as long as the asker takes, and is not given up

    def test_who_asks_too_much_is_told_so(self):
        """More searches than may wait: refused as busy, and the others answered."""
        (self.files / "a.txt").write_text("wings")
        self.add()
        if subprocess.run([PYTHON, "-c", "import google.protobuf, msgpack, zmq"], capture_output=True, check=False).returncode:
            self.skipTest("tools/setup --check installs python3-zmq, python3-msgpack and python3-protobuf")
        self.kbd.process.send_signal(signal.SIGSTOP)
        asker = self.spawn(PYTHON, "-c", BUSY, env={**self.env, "PYTHONPATH": str(harness.ROOT / "docs/clients/python")})
        harness.wait_until(lambda: "asked" in asker.out, "the questions")
        self.kbd.process.send_signal(signal.SIGCONT)
        self.assertEqual(asker.wait().code, 0, asker.err)
        told = json.loads(asker.out.splitlines()[1])
        self.assertGreater(told.pop("busy"), 0)
        self.assertGreaterEqual(told.pop("found"), 256)
        self.assertEqual(told, {})


class Knowledge(KnowledgeTest):
    def test_a_document_on_a_terminal_is_obeyed_nowhere(self):
        (self.files / "a.md").write_text("Wings of \u202emachines")
        self.add()
        terminal = screen.Shown(self, "troupe", "kb", "get", "a.md", "-n", "n", env=self.env)
        self.assertEqual(terminal.child.wait().code, 0)
        self.assertEqual(terminal.rows()[0], "Wings of ?machines")

    def test_files_are_found(self):
        (self.files / "a.md").write_text("# Wings\n\nWings of machines get hot.\n\n```\nint heat(void);\n```\n")
        (self.files / "sub" / "b.html").write_text("<title>Boats</title><body><p>Sails &amp; masts.</p><script>no()</script></body>")
        (self.files / "c.bin").write_bytes(b"\0\1\2wings")
        (self.files / "empty.txt").write_text("")
        self.assertEqual(self.add("-m", "year=1990", "-m", "kind=note"),
                         {"added": 2, "replaced": 0, "unchanged": 0, "failed": 0, "skipped": 2, "chunks": 2})
        self.assertEqual(self.found("wing"), ["a.md"])
        row = self.kb("search", "-n", "n", "sails", "-o", "json").json()[0]
        self.assertEqual((row["id"], row["title"], row["text"], row["metadata"]),
                         ("sub/b.html", "Boats", "Sails & masts.", {"kind": "note", "year": 1990}))
        self.assertEqual(row["source"], str((self.files / "sub" / "b.html").resolve()))
        self.assertEqual(self.found("wings", "--filter", '{"year": {"lt": 1990}}'), [])
        self.assertEqual(self.found("wings", "--filter", '{"year": {"lte": 1990}}'), ["a.md"])
        self.assertIn("int heat(void);", self.kb("get", "a.md", "-n", "n").out)
        self.assertEqual(self.kb("get", "a.md", "-n", "n", "-o", "json").json()["format"], "markdown")
        self.assertEqual(self.kb("ls", "-n", "n", "-o", "name").out.split(), ["a.md", "sub/b.html"])
        self.assertEqual([(r["namespace"], r["documents"]) for r in self.kb("stat", "-o", "json").json()], [("n", 2)])

    def test_what_changes_is_replaced(self):
        (self.files / "a.txt").write_text("apples")
        self.add()
        self.assertEqual(self.add()["unchanged"], 1)
        (self.files / "a.txt").write_text("pears")
        self.assertEqual(self.add()["replaced"], 1)
        self.assertEqual((self.found("apples"), self.found("pears")), ([], ["a.txt"]))
        self.assertEqual(self.kb("rm", "a.txt", "none", "-n", "n", "-o", "json").json(), [{"removed": 1}])
        self.assertEqual(self.found("pears"), [])
        self.add()
        self.assertEqual(self.kb("rm", "-n", "n", "--filter", '{"$id": {"prefix": "a."}}', "-o", "json").json(), [{"removed": 1}])
        self.kb("rm", "--all", "-n", "n")
        self.assertIn("there is no namespace n", self.kb("ls", "-n", "n", code=3).err)

    def test_files_are_watched(self):
        (self.files / "a.txt").write_text("apples")
        watcher = self.spawn("troupe", "kb", "add", str(self.files), "-n", "n", "--watch", env=self.env)
        harness.wait_until(lambda: "n" in self.kb("stat", "-o", "name").out.split(), "the first round")
        harness.wait_until(lambda: self.found("apples") == ["a.txt"], "the file to be found")
        (self.files / "b.txt").write_text("pears")
        harness.wait_until(lambda: self.found("pears") == ["b.txt"], "the new file to be found")
        (self.files / "a.txt").unlink()
        harness.wait_until(lambda: self.found("apples") == [], "the file to be gone")
        self.assertEqual(watcher.stop(signal.SIGINT).code, 0)

    def test_pdf(self):
        (self.files / "a.pdf").write_text(pdf_of("A page about heated wings"))
        (self.files / "b.pdf").write_text("%PDF-1.4\nnothing that could be read")
        (self.files / "c.txt").write_text("and wings")
        done = self.kb("add", str(self.files), "-n", "n", code=3)
        self.assertIn("b.pdf: PDF: it is broken or encrypted", done.err)
        self.assertEqual(sorted(self.found("wings")), ["a.pdf", "c.txt"])
        self.assertEqual(self.kb("get", "a.pdf", "-n", "n", "-o", "json").json()["format"], "pdf")

    def test_an_agent_asks(self):
        told = self.ask(action="add", namespace="n", documents=[
            {"id": "1", "text": "of apples", "title": "One", "metadata": {"k": [1, 2]}, "taint": "web"}, {"text": "no id"},
            {"id": "2", "text": "<p>of pears", "format": "html"}, {"id": "3", "text": "x", "format": "what"}])["documents"]
        self.assertEqual([("error" in d) for d in told], [False, True, False, True])
        answer = self.ask(action="search", namespace="n", query="apples", filter={"k": 2})
        self.assertEqual([(r["id"], r["title"], r["taint"]) for r in answer["results"]], [("1", "One", "web")])
        self.assertTrue(answer["results"][0]["agent"].startswith("cli-"))
        self.assertEqual(self.ask(action="get", namespace="n", id="2")["text"], "of pears")
        for wrong, why in (({"action": "search", "namespace": "n"}, "query"), ({"action": "what"}, "search, add"), ({"x": 1}, "an action"),
                           ({"action": "search", "namespace": "n", "query": "a", "k": 0}, "k: expected"),
                           ({"action": "search", "namespace": "n", "query": "a", "filter": {"a": {"b": 1}}}, "filter"),
                           ({"action": "search", "namespace": "../x", "query": "a"}, "namespace: expected")):
            done = self.troupe("ask", "svc:kb", json.dumps(wrong), env=self.env)
            self.assertEqual(done.code, 3, done)
            self.assertIn(why, done.err)

    def test_the_same_question_again(self):
        """It is answered as before, until anything has changed in the namespace."""
        def hits():
            return {row["namespace"]: row["hits"] for row in self.kb("stat", "-o", "json").json()}["n"]
        (self.files / "a.txt").write_text("The aerodynamics of wings.")
        self.add()
        harness.wait_until(lambda: self.kb("stat", "-o", "json").json()[0]["pending"] == 0, "the vectors")
        first = self.ask(action="search", namespace="n", query="wings")
        self.assertEqual(hits(), 0)
        self.assertEqual(self.ask(action="search", namespace="n", query="wings"), first)
        self.assertEqual(hits(), 1)
        self.ask(action="search", namespace="n", query="wings", k=3)
        self.ask(action="search", namespace="n", query="wings", **{"half-life-ms": 60000})
        self.ask(action="search", namespace="n", query="wings", **{"half-life-ms": 60000})  # older by now
        self.assertEqual(hits(), 1)
        (self.files / "b.txt").write_text("More wings.")
        self.add()
        second = self.ask(action="search", namespace="n", query="wings")
        self.assertEqual(sorted(row["id"] for row in second["results"]), ["a.txt", "b.txt"])
        harness.wait_until(lambda: self.kb("stat", "-o", "json").json()[0]["pending"] == 0, "the vectors")
        self.kb("rm", "a.txt", "-n", "n")
        self.assertEqual([row["id"] for row in self.ask(action="search", namespace="n", query="wings")["results"]], ["b.txt"])
        self.assertEqual(hits(), 1)
        self.ask(action="add", namespace="m", documents=[{"id": "1", "text": "other wings"}])
        self.ask(action="search", namespace="n", query="wings")  # nothing has changed here
        self.assertEqual(hits(), 2)
        told = json.loads(next((pathlib.Path(self.directory) / "http").glob("*.json")).read_text())
        with urllib.request.urlopen(f"http://{told[0]['targets'][0]}/metrics") as answer:
            said = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
        self.assertEqual(said['troupe_knowledge_searches_total{cache="hit"}'], "2")
        self.assertGreater(int(said["troupe_knowledge_cache_bytes"]), 0)
        self.kb("rm", "--all", "-n", "n")
        self.add()  # a new one of that name: its own count, and nothing of the old one
        self.assertEqual(sorted(row["id"] for row in self.ask(action="search", namespace="n", query="wings")["results"]), ["a.txt", "b.txt"])
        self.assertEqual(self.kbd.stop(signal.SIGTERM).code, 0)
        self.start("--cache", "0")
        for _ in range(2):
            self.ask(action="search", namespace="n", query="wings")
        self.assertEqual(hits(), 0)

    def test_words_and_vectors(self):
        (self.files / "a.txt").write_text("The aerodynamics of wings.")
        (self.files / "b.txt").write_text("Sails of boats.")
        (self.files / "c.txt").write_text("Apples and pears.")
        self.add()
        harness.wait_until(lambda: self.kb("stat", "-o", "json").json()[0]["pending"] == 0, "the vectors")
        self.assertEqual(self.found("aerodinamics wimgs", "--mode", "lexical"), [])
        self.assertEqual(self.found("aerodinamics wimgs", "--mode", "hybrid")[0], "a.txt")  # misspelt: by its letters
        self.assertEqual(self.found("aerodinamics wimgs", "--mode", "vectors", "-k", "1"), ["a.txt"])
        self.assertEqual(self.found("wings", "--mode", "hybrid", "--filter", '{"$id": "b.txt"}'), ["b.txt"])
        row = self.kb("search", "sails", "-n", "n", "--explain", "-o", "json").json()[0]
        self.assertEqual(row["id"], "b.txt")
        self.assertAlmostEqual(row["score"], row["lexical-part"] + row["vector-part"] + row["lead-part"])
        self.kb("rm", "a.txt", "-n", "n")
        self.assertNotIn("a.txt", self.found("aerodinamics wimgs", "--mode", "vectors"))
        self.kbd.process.kill()  # vectors are in the store: nothing is made anew
        self.kbd.wait()
        self.until_gone()
        self.start()
        self.assertEqual(self.kb("stat", "-o", "json").json()[0]["pending"], 0)
        self.assertEqual(self.found("sailing boatz", "--mode", "vectors", "-k", "1"), ["b.txt"])

    def test_another_model(self):
        (self.files / "a.txt").write_text("wings")
        self.add()
        harness.wait_until(lambda: self.kb("stat", "-o", "json").json()[0]["pending"] == 0, "the vectors")
        self.kbd.stop(signal.SIGTERM)
        with sqlite3.connect(self.directory + "/kb/knowledge.db") as db:
            db.execute("UPDATE setting SET value = 'other-7/3' WHERE name = 'model'")
            db.execute("UPDATE vector SET vector = x'0000'")
        db.close()
        self.start()
        self.assertEqual(self.found("wings", "--mode", "lexical"), ["a.txt"])
        harness.wait_until(lambda: self.found("wings", "--mode", "vectors") == ["a.txt"], "vectors of the model that is there")

    def test_snapshot_and_restore(self):
        (self.files / "a.txt").write_text("apples")
        self.add()
        path = self.kb("snapshot", "first", "-o", "name").out.strip()
        (self.files / "a.txt").write_text("pears")
        (self.files / "b.txt").write_text("plums")
        self.add()
        self.kb("snapshot", "second")
        self.assertEqual(self.kbd.stop(signal.SIGTERM).code, 0)
        self.start("--restore", path)
        self.assertEqual((self.found("apples"), self.found("pears"), self.found("plums")), (["a.txt"], [], []))
        self.assertEqual(self.add()["replaced"], 1)
        self.assertEqual(self.found("pears"), ["a.txt"])
        self.assertEqual(self.kbd.stop(signal.SIGTERM).code, 0)
        broken = pathlib.Path(path).with_name("broken.db")
        broken.write_bytes(pathlib.Path(path).read_bytes()[:-8192] + b"\xff" * 8192)
        for file, why in ((str(broken), "damaged"), (self.directory + "/none", "unable to open"), (str(self.files / "a.txt"), "not a snapshot")):
            done = self.run_program("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/kb", "--restore", file)
            self.assertEqual(done.code, 3)
            self.assertIn(why, done.err)
        self.start()
        self.assertEqual(self.found("plums"), ["b.txt"])  # nothing was touched
        self.assertIn("name: expected", self.kb("snapshot", "../x", code=3).err)

    def test_a_second_process_is_refused(self):
        done = self.run_program("kbd", "--connect", self.at.endpoint, "--name", "k2", "--data", self.directory + "/kb")
        self.assertEqual(done.code, 3)
        self.assertIn("another process has it", done.err)

    def test_nothing_that_was_acknowledged_is_lost(self):
        """kill -9 while documents come: each is there, whole, in the last version that was acknowledged or one that came after it."""
        chance = random.Random(3)
        possible = {}  # of each file: the version that was acknowledged, and what was sent since
        acknowledged = set()
        for n in range(8):
            for number in chance.sample(range(30), 12):
                path = self.files / f"{number}.txt"
                path.write_text(f"version{n} " + f"word{number} " * 30)
                possible.setdefault(path.name, []).append(path.read_text().strip())
            adder = self.spawn("troupe", "kb", "add", str(self.files), "-n", "n", "--timeout", "1s", env=self.env)
            harness.wait_until(lambda: adder.process.poll() is not None or chance.random() < .3, "a moment")
            self.kbd.process.kill()
            self.kbd.wait()
            if adder.wait().code == 0:
                possible = {name: texts[-1:] for name, texts in possible.items()}
                acknowledged = set(possible)
            self.until_gone()
            self.start()
            have = set(self.kb("ls", "-n", "n", "-o", "name").out.split()) if self.is_there() else set()
            self.assertLessEqual(acknowledged, have)
            for name in have:
                self.assertIn(self.kb("get", name, "-n", "n").out.strip(), possible[name])
        self.add()
        for path in self.files.glob("*.txt"):
            self.assertEqual(self.kb("get", path.name, "-n", "n").out.strip(), path.read_text().strip())
            self.assertEqual(self.found(f"word{path.stem}"), [path.name])
        self.assertEqual(self.kbd.stop(signal.SIGTERM).code, 0)

    def until_gone(self):
        harness.wait_until(lambda: self.troupe("df", "search", "--service", "kb", "-o", "name", env=self.env).out == "",
                           "the knowledge base to be gone")

    def is_there(self):
        return "n" in self.kb("stat", "-o", "name").out.split()

    def test_eval(self):
        with open(self.files / "docs.jsonl", "w") as f:
            for n, text in enumerate(("hot wings fly", "boats sail", "wings"), 1):
                f.write(json.dumps({"id": str(n), "title": f"t{n}", "text": text}) + "\n")
        (self.files / "queries.jsonl").write_text('{"id": "q", "text": "a hot wing"}\n{"id": "r", "text": "boat"}\n{"id": "s", "text": "x"}\n')
        (self.files / "qrels.tsv").write_text("q\t1\t3\nq\t3\t1\nr\t2\t1\n")
        told = self.kb("eval", str(self.files), "-o", "json").json()
        self.assertEqual((told["ndcg@10"], told["recall@10"], told["mrr"], told["queries"]), (1, 1, 1, 2))
        self.assertEqual(self.kb("stat", "-o", "json").json(), [])
        # Where no fleet runs, it asks a knowledge base of its own, of which nothing is left.
        here = {**self.env, "TMPDIR": str(self.files)}
        here.pop("TROUPE_CONNECT", None)
        alone = self.troupe("kb", "eval", str(self.files), "--state", str(self.files / "none"), "-o", "json", env=here)
        self.assertEqual((alone.json()["ndcg@10"], alone.json()["queries"]), (1, 2))
        self.assertIn("no fleet runs here", alone.err)
        self.assertEqual(list(self.files.glob("troupe-eval-*")), [])
        for there in "troupe-eval-*", "troupe-eval-*/state/eval/lock", "troupe-eval-*/state/eval/fleet.json", "troupe-eval-*/state/eval/knowledge/*":  # whenever it is ended
            ended = self.spawn("troupe", "kb", "eval", str(self.files), "--state", str(self.files / "none"), env=here)
            ended.wait_err("no fleet runs here")
            harness.wait_until(lambda pattern=there: ended.process.poll() is not None or next(self.files.glob(pattern), None), there)
            ended.send_signal(signal.SIGTERM)
            self.assertIn(ended.wait(60).code, (0, 128 + signal.SIGTERM))
            self.assertEqual(list(self.files.glob("troupe-eval-*")), [])
        (self.files / "qrels.tsv").write_text("q 1 3\n")
        self.assertIn("qrels.tsv: line 1 cannot be used", self.kb("eval", str(self.files), code=3).err)


if __name__ == "__main__":
    harness.main()
