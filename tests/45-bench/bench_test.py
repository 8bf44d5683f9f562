"""`troupe bench`: every workload runs on real processes, is told in full, and leaves nothing behind."""
import glob
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

SMALL = ("--runs", "1", "--count", "1000", "--agents", "12")
KEYS = {"workload", "metric", "transport", "pin", "size", "value", "unit", "raw", "ratio", "ratio_min", "ratio_max", "cpu_us",
        "raw_cpu_us", "p50_us", "p99_us", "bytes_each", "target", "pass"}
RAW = {"federation", "route", "oneway", "tracing", "exporters", "rtt", "fanout"}
PATIENCE = 800


class Bench(harness.SystemTest):
    def left(self):
        """What benches have left in this test's own TMPDIR: others may be running ones."""
        return glob.glob(os.path.join(self.directory, "troupe-bench-*"))

    def bench(self, *arguments, code=0):
        done = self.troupe("bench", *arguments, patience=PATIENCE, env={"TMPDIR": self.directory})
        self.assertEqual(done.code, code, done.err)
        return done

    def check_row(self, row):
        self.assertLessEqual(KEYS, set(row))
        self.assertEqual(row["transport"], "tcp")
        self.assertIsNotNone(row["value"])
        if row["workload"] in RAW and row["metric"] != "share":
            self.assertGreater(row["value"], 0)
            self.assertGreater(row["raw"], 0)
            self.assertAlmostEqual(row["ratio"], row["value"] / row["raw"], places=6)
            self.assertGreater(row["cpu_us"], 0)
            self.assertGreater(row["raw_cpu_us"], 0)
        if row["workload"] == "rtt":
            self.assertLess(0, row["p50_us"])
            self.assertLessEqual(row["p50_us"], row["p99_us"])
        if row["unit"] == "B":
            self.assertEqual(row["bytes_each"], row["value"])

    def test_one_message_in_a_hundred_is_really_traced(self):
        """Counted by the spans that came, however fast the messages were: where nothing else is said, a second has a thousand."""
        rows = self.bench("tracing", "--json", "--runs", "1", "--count", "100000").lines()
        shares = [row["value"] for row in rows if row["metric"] == "share"]
        self.assertEqual(len(shares), 2)
        self.assertLess(0.009, shares[0])
        self.assertLess(shares[0], 0.011)
        self.assertLess(0, shares[1])

    def test_all_of_it(self):
        rows = self.bench("all", "--json", *SMALL).lines()
        for row in rows:
            self.check_row(row)
        by = {(row["workload"], row["metric"]): row for row in rows}
        self.assertEqual({row["workload"] for row in rows}, RAW | {"launch", "attach", "idle", "churn", "contract-net", "durable", "backlog", "tasks", "decisions", "kb", "kb-archive", "kb-kernels", "minds", "gateway"})
        self.assertEqual((by["idle", "held"]["value"], by["gateway", "held"]["value"]), (12, 12))
        for metric in ("requests", "p99", "echoes", "echo-p99", "event-p50", "event-p95", "page"):
            self.assertGreater(by["gateway", metric]["value"], 0, metric)
        self.assertLess(by["gateway", "page"]["value"], 300 * 1024)
        self.assertGreaterEqual(by["gateway", "files"]["value"], 8)
        self.assertEqual((by["kb", "recall"]["value"], by["kb", "recall"]["raw"]), (1, 1))
        self.assertGreater(by["kb", "alone"]["raw"], 0)
        self.assertGreater(by["kb-archive", "queries"]["raw"], 0)
        self.assertGreaterEqual(by["kb-archive", "recall"]["raw"], 0.99)
        for row in rows:
            if row["workload"] == "durable":
                self.assertGreater(row["fsync_per_s"], 0, row)
        self.assertEqual([row["size"] for row in rows if row["workload"] == "oneway"], [64, 1024])
        self.assertEqual([row["pin"] for row in rows if row["workload"] == "rtt"], ["0", "0", "free", "free"])
        self.assertEqual(by["launch", "agentd-rss"]["target"], "<= 9.00 MiB")
        self.assertIsNone(by["route", "records"]["pass"])  # too few records to tell
        self.assertEqual(self.left(), [])

    def test_what_takes_long_is_named(self):
        by = {row["metric"]: row for row in self.bench("kb-large", "--json", *SMALL).lines()}
        self.assertEqual((by["recall"]["value"], by["memory"]["unit"]), (1, "B"))
        self.assertGreater(by["memory"]["value"], 1 << 20)

    def test_a_world_of_agents(self):
        rows = self.bench("sim", "--json", "--agents", "50", "--count", "20").lines()
        by = {row["metric"]: row for row in rows}
        self.assertEqual(set(by), {"took", "memory", "messages"})
        for row in rows:
            self.assertEqual((row["agents"], row["count"], row["runs"], row["pass"]), (50, 20, 1, None))  # too few to tell
            self.assertGreater(row["cpu_us"], 0)
        self.assertGreaterEqual(by["messages"]["value"] * by["took"]["value"], 2 * 50 * 20)
        self.assertGreater(by["memory"]["value"], 1 << 20)
        self.assertEqual(self.left(), [])
        self.assertIn("two agents or more", self.bench("sim", "--agents", "1", code=2).err)

    def test_durable_says_where_no_disk_is(self):
        memory = tempfile.mkdtemp(prefix="troupe-bench-", dir="/dev/shm")
        self.addCleanup(shutil.rmtree, memory, ignore_errors=True)
        done = self.troupe("bench", "durable", "--json", *SMALL, patience=PATIENCE, env={"TMPDIR": memory})
        self.assertEqual(done.code, 0, done.err)
        rows = done.lines()
        self.assertEqual({row["metric"] for row in rows}, {"acknowledged", "p50", "p99", "delivered", "alone"})
        for row in rows:
            self.assertGreater(row["fsync_per_s"], 0, row)
            self.assertIn("in memory (tmpfs)", row["note"])
        self.assertIn("in memory (tmpfs)", done.err)
        self.assertEqual(os.listdir(memory), [])

    def test_a_long_directory_is_refused(self):
        directory = os.path.join(self.directory, "d" * 60)  # not made: it is not even tried
        done = self.troupe("bench", "rtt", *SMALL, patience=PATIENCE, env={"TMPDIR": directory})
        self.assertEqual((done.code, done.out), (2, ""))
        self.assertIn(f"TMPDIR has {len(directory)} bytes, ", done.err)
        self.assertIn("set it to a shorter directory", done.err)

    def test_over_ipc(self):
        rows = self.bench("rtt", "oneway", "--transport", "ipc", "--json", "--size", "200", "--pin", "0", *SMALL).lines()
        self.assertEqual([(row["workload"], row["transport"], row["size"]) for row in rows],
            [("oneway", "ipc", 200), ("rtt", "ipc", 200), ("rtt", "ipc", 200)])
        self.assertEqual(self.left(), [])

    def test_the_ratio_is_of_neighbours(self):
        row = self.bench("oneway", "--json", "--runs", "2", "--count", "2000").lines()[0]
        self.assertEqual(row["runs"], 2)
        self.assertLessEqual(row["ratio_min"], row["ratio"])
        self.assertLessEqual(row["ratio"], row["ratio_max"])
        self.assertIn("ratio_range", self.bench("oneway", "-o", "wide", *SMALL).out.lower().replace(" ", "_"))

    def test_the_raw_limits_alone(self):
        rows = self.bench("route", "launch", "--raw-only", "--json", *SMALL).lines()
        self.assertEqual([row["workload"] for row in rows], ["route"])
        self.assertIsNone(rows[0]["value"])
        self.assertGreater(rows[0]["raw"], 0)

    def test_with_certificates(self):
        rows = self.bench("route", "oneway", "rtt", "--curve", "--json", *SMALL).lines()
        self.assertEqual({row["workload"] for row in rows}, {"route", "oneway", "rtt"})
        for row in rows:
            self.check_row(row)
            self.assertIsNone(row["target"])  # those are for what everybody has
        self.assertEqual(self.left(), [])
        self.assertIn("watchers without certificates", self.bench("fanout", "--curve", code=1).err)

    def test_the_list_names_the_targets(self):
        out = self.bench().out
        for text in ("fanout", ">= 4 x raw (5.00 M/s)", "<= 1.1 x raw", "<= 32.0 KiB"):
            self.assertIn(text, out)
        rows = [line.split() for line in out.splitlines()]
        for workload, metric, target in (("contract-net", "rounds", ">= 1000 /s"), ("contract-net", "p99", "<= 50000.0 us"),
                                         ("contract-net", "initiator", "<= 500 B"), ("contract-net", "participant", "<= 500 B"),
                                         ("idle", "agent", "<= 400 B"), ("idle", "registered", "<= 1.00 s"), ("idle", "answered", "<= 10.00 s"),
                                         ("idle", "link", "<= 32.0 KiB"), ("attach", "p50", "<= 50000.0 us"), ("sim", "took", "<= 60.00 s")):
            with self.subTest(workload=workload, metric=metric):
                row = next(words for words in rows if words[:2] == [workload, metric])
                self.assertIn(f" {target} ", " ".join(row) + " ")
        self.assertRegex(out, "attach +p50 .*the target is the median's")

    def test_wrong_usage(self):
        self.assertIn("did you mean fanout?", self.bench("fanuot", code=1).err)
        self.assertIn("expected CPU numbers", self.bench("rtt", "--pin", "x", code=1).err)
        self.assertIn("fanout takes at most 64", self.bench("fanout", "--agents", "65", code=1).err)
        self.assertIn("expected 8 or more", self.bench("rtt", "--size", "7", code=1).err)

    def test_an_interrupt_ends_all(self):
        bench = self.spawn("troupe", "bench", "rtt", "--count", "100000000", env={"TMPDIR": self.directory})
        children = harness.wait_until(lambda: children_of(bench.pid), "its children")
        self.assertEqual(len(self.left()), 1)
        bench.send_signal(signal.SIGINT)
        self.assertEqual(bench.wait().code, 130)
        self.assertEqual([pid for pid in children if pathlib.Path(f"/proc/{pid}").exists()], [])
        self.assertEqual(self.left(), [])


def children_of(pid):
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.split()


if __name__ == "__main__":
    harness.main()
