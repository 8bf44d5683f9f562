#!/usr/bin/env python3
"""The index of vectors: built behind the searches, kept in files, made anew when they are damaged or gone; filters through it."""
import json
import pathlib
import random
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

DOCUMENTS = 2600
QUERIES = ("turquoise aeroplanes", "granite harbours", "a violin in winter", "cheap maps")
WORDS = ("aeroplane violin harbour granite winter map turquoise lantern pepper cathedral orchard tunnel saddle compass barrel mirror ribbon thunder "
         "needle bridge candle marble feather anchor velvet copper meadow glacier").split()


class Index(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()
        self.env = {"TROUPE_CONNECT": self.at.endpoint, "TROUPE_EMBEDDINGS": "ngrams"}
        self.data = pathlib.Path(self.directory) / "kb"
        self.start()

    def start(self, **env):
        self.kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", str(self.data), "--index-delta", "1024", "--search-threads", "2",
                              env={**self.env, **env})
        self.kbd.wait_err("K001 ready")

    def kill_and_start(self, without_files=False):
        self.kbd.process.kill()
        self.kbd.wait()
        for name in self.files() if without_files else ():
            (self.data / "index" / name).unlink()
        harness.wait_until(lambda: self.troupe("df", "search", "--service", "kb", "-o", "name", env=self.env).out == "", "it to be gone")
        self.start()

    def ask(self, **content):
        done = self.troupe("ask", "svc:kb", json.dumps(content), env=self.env)
        self.assertEqual(done.code, 0, done)
        return json.loads(done.out)

    def fill(self, ns, count):
        chance = random.Random(5)
        documents = [{"id": f"{n}", "text": " ".join(chance.choice(WORDS) + str(chance.randrange(9)) for _ in range(9)),
                      "metadata": {"part": n % 100, "half": n % 2}} for n in range(count)]
        for at in range(0, count, 250):
            self.ask(action="add", namespace=ns, documents=documents[at:at + 250])
        harness.wait_until(lambda: self.stat(ns)["pending"] == 0, "the vectors", 120)

    def stat(self, ns):
        return {row["namespace"]: row for row in self.ask(action="namespaces")["namespaces"]}[ns]

    def search(self, query, ns="n", **more):
        return self.ask(action="search", namespace=ns, query=query, mode="vectors", text=False, **more)

    def found(self, query, **more):
        return [row["id"] for row in self.search(query, **more)["results"]]

    def settled(self, segments=None):
        def is_so():
            row = self.stat("n")
            return row["index"] == "ready" and (segments is None or (row["segments"], row["delta"]) == (segments, 0))
        harness.wait_until(is_so, "the index", 120)

    def files(self):
        return sorted(path.name for path in (self.data / "index").iterdir())

    def agree(self, expected, least=8):
        """With what is nearest of all: a graph may miss one."""
        for query in QUERIES:
            self.assertGreaterEqual(len(set(self.found(query)) & set(expected[query])), least, query)

    def test_all_of_it(self):
        self.fill("n", DOCUMENTS)
        every = {"part": {"gte": 0}}  # all of them pass: compared one by one, where the index gives too few
        self.search("x")
        harness.wait_until(lambda: self.stat("n")["index"] in ("reading", "building", "ready"), "the index to be begun")
        self.settled(segments=1)
        self.assertEqual(len(self.files()), 1)
        expected = {query: self.found(query, filter={"part": {"gte": 0}, "or": [{"half": 0}, {"half": 1}]}) for query in QUERIES}
        self.agree(expected)
        self.assertEqual({q: self.found(q, filter=every) for q in QUERIES}, expected)

        with self.subTest("few pass: all of these are compared"):
            answer = self.search("granite", k=50, filter={"part": 7})
            self.assertEqual({int(row["id"]) % 100 for row in answer["results"]}, {7})
            self.assertEqual(len(answer["results"]), DOCUMENTS // 100)
            self.assertEqual(len(self.found("granite", k=5, filter={"half": 1, "part": {"lt": 90}})), 5)
            self.assertEqual(self.found("granite", filter={"part": 1000}), [])

        with self.subTest("what is removed is gone, what is added is there"):
            gone = expected[QUERIES[0]][0]
            self.ask(action="remove", namespace="n", ids=[gone])
            self.assertNotIn(gone, self.found(QUERIES[0]))
            self.assertEqual(len(self.found(QUERIES[0])), 10)
            self.assertNotIn(gone, self.found(QUERIES[0], filter=every))
            self.ask(action="add", namespace="n", documents=[{"id": "new", "text": "xylophones"}])
            harness.wait_until(lambda: self.found("xylophones")[0] == "new", "the new one")
            self.ask(action="remove", namespace="n", ids=["new"])

        expected = {query: self.found(query, filter=every) for query in QUERIES}
        with self.subTest("after kill -9, from its file"):
            self.kill_and_start()
            self.search("x")
            self.settled()
            self.agree(expected)
            self.assertNotIn("K012", self.kbd.err)

        with self.subTest("a damaged file: made anew, while another namespace answers"):
            self.ask(action="add", namespace="other", documents=[{"id": "o", "text": "oranges"}])
            self.kbd.stop(signal.SIGTERM)
            path = self.data / "index" / self.files()[0]
            bytes_ = bytearray(path.read_bytes())
            bytes_[len(bytes_) // 2] ^= 1
            path.write_bytes(bytes_)
            (self.data / "index" / "1-99.seg.part").write_text("half")
            (self.data / "index" / "README").write_text("no segment")
            self.start()
            self.search("x")
            self.assertEqual(self.found("oranges", ns="other"), ["o"])
            self.kbd.wait_err("K012 index made anew")
            self.settled(segments=1)
            self.agree(expected)
            self.assertNotIn("1-99.seg.part", self.files())

        with self.subTest("no files at all"):
            self.kill_and_start(without_files=True)
            self.search("x")
            self.settled(segments=1)
            self.agree(expected)

        with self.subTest("who asks for one segment while it is built gets that one, and no other"):
            self.kill_and_start(without_files=True)
            self.search("x")

            def is_one():
                self.ask(action="compact", namespace="n")
                row = self.stat("n")
                return (row["index"], row["segments"], row["delta"]) == ("ready", 1, 0)
            harness.wait_until(is_one, "one segment", 120)
            built = self.files()
            for _ in range(3):
                self.assertTrue(is_one(), self.stat("n"))
            self.assertEqual(self.files(), built)
            self.assertLessEqual(int(built[0].partition("-")[2].partition(".")[0]), 2, "of the delta, and of all")

        with self.subTest("a namespace that is dropped takes its files along"):
            self.ask(action="drop", namespace="n")
            self.assertEqual(self.files(), [])

    def test_many_that_are_gone(self):
        """Where much was removed the index is made anew without it."""
        self.fill("n", DOCUMENTS)
        self.search("x")
        self.settled(segments=1)
        self.ask(action="remove", namespace="n", filter={"part": {"lt": 60}})
        self.assertEqual({int(i) % 100 >= 60 for i in self.found("granite harbour", k=200)}, {True})

        def is_smaller():
            self.search("x")
            row = self.stat("n")
            return row["vectors"] == row["chunks"]
        harness.wait_until(is_smaller, "the index without them", 60)
        self.assertEqual(len(self.found("granite harbour", k=200)), 200)

    def test_a_disk_that_is_full_for_a_file(self):
        """The index is in memory then, and told to be; what a later file has is not read twice."""
        self.fill("n", 1500)
        self.search("x")
        self.settled(segments=1)
        self.kbd.stop(signal.SIGTERM)
        self.start(LD_PRELOAD=harness.program("tests/faults/fail.so"), ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0",
                   TROUPE_FAIL="pwrite:1:28:.seg", TROUPE_FAIL_ONCE="1")
        self.fill("n", DOCUMENTS)
        self.search("x")
        self.kbd.wait_err("K013")
        self.settled()
        self.assertEqual((self.files(), self.stat("n")["vectors"]), ([], DOCUMENTS))
        self.assertEqual(len(self.found("granite", k=50, filter={"part": 7})), DOCUMENTS // 100)
        self.fill("n", DOCUMENTS + 1100)
        self.search("x")
        harness.wait_until(lambda: len(self.files()) == 1 and self.stat("n")["index"] == "ready", "the next file", 60)
        self.kill_and_start()
        self.search("x")
        self.settled()
        self.assertEqual(self.stat("n")["vectors"], DOCUMENTS + 1100)

    def test_vectors_of_its_own(self):
        """They come with the documents; words are searched beside them."""
        documents = [{"id": "east", "vector": [2, 0, 0], "text": "the rising sun"}, {"id": "north", "vector": [0, 3, 0], "metadata": {"cold": True}},
                     {"id": "up", "vector": [0, 0, 1]}]
        self.assertEqual([d["added"] for d in self.ask(action="add", namespace="v", documents=documents)["documents"]], [1, 1, 1])
        self.assertEqual(self.stat("v")["pending"], 0)

        def nearest(vector, **more):
            return [row["id"] for row in self.ask(action="search", namespace="v", vector=vector, k=2, brief=True, **more)["results"]]
        self.assertEqual(nearest([1, .5, 0]), ["east", "north"])
        self.assertEqual(nearest([1, .5, 0], filter={"cold": True}), ["north"])
        self.assertEqual(nearest([0, .5, 1], query="sun", mode="hybrid")[0], "east")
        self.assertEqual([r["id"] for r in self.ask(action="search", namespace="v", query="suns")["results"]], ["east"])
        self.ask(action="add", namespace="v", documents=[{"id": "east", "vector": [0, 0, -1], "text": "the rising sun"}])
        self.assertEqual(nearest([1, .5, 0])[0], "north")
        self.kill_and_start()
        self.assertEqual(nearest([0, 0, -2])[0], "east")
        refused = self.ask(action="add", namespace="v", documents=[{"id": "a", "text": "x"}, {"id": "b", "vector": [1, 2]}, {"id": "c", "vector": [0, 0, 0]},
                                                                   {"id": "d", "vector": "what"}])["documents"]
        self.assertEqual([("error" in d) for d in refused], [True] * 4)
        done = self.troupe("ask", "svc:kb", json.dumps({"action": "search", "namespace": "v", "vector": [1, 2]}), env=self.env)
        self.assertEqual((done.code, "of the namespace v have 3" in done.err), (3, True))
        self.ask(action="add", namespace="w", documents=[{"id": "a", "text": "x"}])
        self.assertIn("error", self.ask(action="add", namespace="w", documents=[{"id": "b", "vector": [1, 2]}])["documents"][0])

    def test_news(self):
        """How far it is, on a topic; and a restored snapshot brings its own vectors."""
        watch = self.spawn("troupe", "tap", "kb.index.>", "-o", "json", env=self.env)
        self.fill("n", DOCUMENTS)
        self.ask(action="snapshot", name="s")
        self.search("x")
        harness.wait_until(lambda: '"ready"' in watch.out and '"kb.index.n"' in watch.out, "the news")
        watch.stop(signal.SIGTERM)
        self.settled(segments=1)
        self.ask(action="drop", namespace="n")
        self.fill("m", 1500)
        self.kbd.stop(signal.SIGTERM)
        self.kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", str(self.data), "--restore",
                              str(self.data / "snapshots" / "s.db"), env=self.env)
        self.kbd.wait_err("K001 ready")
        self.search("x")
        self.settled()
        self.assertEqual(self.stat("n")["vectors"], DOCUMENTS)
        self.assertEqual(len(self.found("granite", k=50, filter={"part": 7})), DOCUMENTS // 100)


if __name__ == "__main__":
    harness.main()
