"""`troupe sim`: the given scenarios do what they are known to do, the same seed gives the same run, and what is wrong is told with its place."""
import csv
import filecmp
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import harness

# Twenty who never tire of telling: longer than any test waits.
LONG = "simulation: long\nsteps: 60000\nagents:\n  - {name: p, behaviour: gossip, count: 20, args: {first: 20, stifle: 0}}\n"
GIVEN = ROOT / "examples" / "sim"


class Simulation(harness.SystemTest):
    def sim(self, scenario, *arguments, out="out", code=0):
        done = subprocess.run([harness.program("troupe"), "sim", str(scenario), "--out", os.path.join(self.directory, out), *arguments],
                              text=True, capture_output=True, env=harness.environment(), timeout=120, check=False)
        self.assertEqual(done.returncode, code, done)
        return done

    def run_json(self, scenario, *arguments, out="out"):
        return json.loads(self.sim(scenario, "-o", "json", *arguments, out=out).stdout)

    def path(self, name, out="out"):
        return os.path.join(self.directory, out, name)

    def rows(self, out="out"):
        with open(self.path("measures.csv", out), encoding="utf-8", newline="") as file:
            return [{key: float(value) if value else None for key, value in row.items()} for row in csv.DictReader(file)]

    def lines(self, name, out="out"):
        with open(self.path(name, out), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def write(self, text, name="scenario.yaml"):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_a_rumour_reaches_four_fifths(self):
        """Daley and Kendall: with stifle 1 the part that never hears of it tends to 0.203."""
        report = self.run_json(GIVEN / "rumour.yaml", "--no-plots")
        last = report["measures"]
        self.assertEqual(last["ignorant"] + last["spreader"] + last["stifler"], 2000)
        self.assertEqual(last["spreader"], 0)
        self.assertTrue(0.17 < last["ignorant"] / 2000 < 0.24, last)
        states = self.lines("states.jsonl")
        self.assertEqual(len({line["agent"] for line in states}), 2000)
        self.assertEqual(sum(line["state"]["is"] == "ignorant" for line in states), last["ignorant"])

    def test_the_same_seed_gives_the_same_run(self):
        first, second = self.run_json(GIVEN / "fleet.yaml", "-n", "100", out="a"), self.run_json(GIVEN / "fleet.yaml", "-n", "100", out="b")
        other = self.run_json(GIVEN / "fleet.yaml", "-n", "100", "--seed", "2", out="c")
        self.assertEqual(first["trace"], second["trace"])
        self.assertNotEqual(first["trace"], other["trace"])
        for name in "measures.csv", "measures.json", "events.jsonl", "states.jsonl":
            self.assertTrue(filecmp.cmp(self.path(name, "a"), self.path(name, "b"), shallow=False), name)
        self.assertFalse(filecmp.cmp(self.path("measures.csv", "a"), self.path("measures.csv", "c"), shallow=False))

    def test_a_fleet_gets_its_work_done_while_workers_die(self):
        report = self.run_json(GIVEN / "fleet.yaml", "--no-plots")
        last, rows = report["measures"], self.rows()
        died = sum("died" in line["event"] for line in self.lines("events.jsonl"))
        self.assertGreater(died, 30)
        self.assertGreater(max(row["down"] for row in rows), 1)
        self.assertEqual(last["submitted"], 300 * 40)
        self.assertNotIn("unanswered", last)
        self.assertNotIn("failed", last)
        # What is not done yet is in the last workers' hands: at most two pieces each, and what came in the last step.
        self.assertLessEqual(last["submitted"] - last["done"], 20 * 2 + 40)
        self.assertGreater(max(row["latency.max"] for row in rows if row["latency.max"]), 700)

    def test_a_market_finds_its_price(self):
        last, rows = self.run_json(GIVEN / "market.yaml", "--no-plots")["measures"], self.rows()
        early = [row["price.mean"] for row in rows[:10] if row["price.mean"]]
        late = [row["price.mean"] for row in rows[-20:] if row["price.mean"]]
        self.assertGreater(sum(early) / len(early), 1.3 * sum(late) / len(late))  # competition takes the margin
        self.assertGreater(min(late), 40)  # but nobody sells below the lowest cost
        self.assertGreater(last["deals"], 1000)
        self.assertGreater(last["sold"], 5)
        self.assertGreaterEqual(last["revenue"], 40 * last["sold"])  # the reserve

    def test_a_population_votes(self):
        last, rows = self.run_json(GIVEN / "election.yaml", "--no-plots")["measures"], self.rows()
        for row in rows:
            self.assertEqual(sum(row[f"favours-{i}"] for i in range(4)), 1001)
        polls = [line for line in self.lines("events.jsonl") if "poll" in line["event"]]
        self.assertEqual(len(polls), 10)
        self.assertEqual(last["polls"], 10)
        for poll in polls:
            self.assertEqual(poll["event"]["ballots"], 1001)
            favours = [rows[poll["step"] - 1][f"favours-{i}"] for i in range(4)]
            # The poll is within the step: who is ahead at its end by a good deal has won it by plurality.
            best = max(range(4), key=lambda i: favours[i])
            if sorted(favours)[-1] - sorted(favours)[-2] > 60:
                self.assertEqual(poll["event"]["plurality"], [best], (poll, favours))
            rankings = poll["event"]["rankings"]
            self.assertEqual(sum(count for count, _ in rankings), 1001)
            self.assertEqual({m: poll["event"][m] for m in ("plurality", "borda", "schulze")}, self.winners(rankings, 4), poll)
        self.assertGreater(len({json.dumps(poll["event"]["rankings"]) for poll in polls}), 1)

    def winners(self, rankings, options):
        """Counted once more, by the definitions of the methods; 0 is below all places."""
        over = lambda places, i, j: places[i] and (not places[j] or places[i] < places[j])
        every = range(options)
        beats = [[sum(count for count, places in rankings if over(places, i, j)) for j in every] for i in every]
        firsts = [sum(count for count, places in rankings if places[i] == 1) for i in every]
        borda = [sum(count * (2 if over(places, i, j) else 0 if over(places, j, i) else 1) for count, places in rankings for j in every if j != i) for i in every]

        def strongest(i, j, seen=()):  # of all chains from i to j that come to none twice
            direct = beats[i][j] if beats[i][j] > beats[j][i] else 0
            return max([direct] + [min(beats[i][k], strongest(k, j, (*seen, i))) for k in every if k not in (*seen, i, j) and beats[i][k] > beats[k][i]])
        return {"plurality": [i for i in every if firsts[i] == max(firsts)], "borda": [i for i in every if borda[i] == max(borda)],
                "schulze": [i for i in every if all(strongest(i, j) >= strongest(j, i) for j in every if j != i)]}

    def test_measures_are_the_same_in_both_forms(self):
        self.sim(GIVEN / "market.yaml", "-n", "20", "--no-plots")
        with open(self.path("measures.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), self.rows())

    def test_plots(self):
        report = self.run_json(GIVEN / "market.yaml", "-n", "30")
        self.assertEqual(report["plots"], 3)
        for number in 1, 2, 3:
            with open(self.path(f"plot-{number}.png"), "rb") as file:
                png = file.read()
            self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
            self.assertEqual(png[-8:-4], b"IEND")
            self.assertGreater(min(int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")), 300)  # width, height
            svg = pathlib.Path(self.path(f"plot-{number}.svg")).read_text(encoding="utf-8")
            self.assertTrue(xml.etree.ElementTree.fromstring(svg).tag.endswith("}svg"))
            wanted = re.findall(r"title: ([^,]+), measures: \[([^]]+)\]", (GIVEN / "market.yaml").read_text(encoding="utf-8"))[number - 1]
            for text in (wanted[0], *wanted[1].split(", ")):
                self.assertIn(text, svg)
            self.assertEqual(len(re.findall(r'id="gnuplot_plot_\d+"', svg)), len(wanted[1].split(",")))  # a curve of each

    def test_a_plot_of_what_nobody_told(self):
        path = self.write("simulation: s\nsteps: 3\nagents:\n  - {name: p, behaviour: gossip, count: 3}\n"
                          "plots:\n  - {title: T, measures: [spreader, sprader]}\n")
        self.assertIn("T: no agent has told the measure sprader", self.sim(path).stderr)
        self.assertTrue(os.path.exists(self.path("plot-1.svg")))

    def test_a_behaviour_of_ones_own(self):
        walker = ROOT / "tests" / "80-simulation"
        built = harness.program("tests/80-simulation/walker.so")
        path = self.write(f"simulation: walk\nsteps: 100\nagents:\n  - {{name: walker, load: {built}, count: 500, args: {{seed: 3}}}}\n")
        self.run_json(path)
        rows = self.rows()
        self.assertEqual({row["square.n"] for row in rows}, {500})
        # The mean square of a random walk is the number of its steps.
        self.assertEqual(rows[0]["square.mean"], 1)
        self.assertTrue(70 < rows[-1]["square.mean"] < 130, rows[-1])
        self.assertTrue(walker.exists())

    def test_event_time(self):
        path = self.write("simulation: timed\nuntil: 10s\nstep: 2s\nagents:\n  - {name: w, behaviour: worker, count: 2}\n"
                          "failures:\n  - {agents: w, every: 2s, down: 1s}\n")
        self.run_json(path)
        self.assertEqual([row["time"] for row in self.rows()], [2, 4, 6, 8, 10])
        self.assertTrue(any("died" in line["event"] for line in self.lines("events.jsonl")))

    def test_what_is_wrong_is_told_with_its_place(self):
        head = "simulation: s\nsteps: 3\nagents:\n  - "
        for text, expected in (
                (head + "{name: p, behaviour: gosip}\n", ":4:26: agents[0].behaviour: there is no behaviour \"gosip\", did you mean \"gossip\"?"),
                (head + "{name: p, behaviour: gossip, args: {contact: 2}}\n", "args.contact: unknown argument, did you mean \"contacts\"?"),
                (head + "{name: p, behaviour: gossip, args: {stifle: 2}}\n", "args.stifle: expected a number from 0 to 1, found 2"),
                (head + "{name: p, behaviour: buyer}\n", "expected the name of a group of agents"),
                (head + "{name: p, behaviour: gossip}\n  - {name: p, behaviour: gossip}\n", "agents[1].name: p is there twice"),
                (head + "{name: p, load: nowhere.so}\n", "agents[0].load:"),
                (head + "{name: p}\n", "expected exactly one of the keys behaviour and load"),
                (head + "{name: p, behaviour: gossip}\nfailures:\n  - {agents: q, every: 1s}\n", "there is no group of agents q"),
                ("simulation: s\nagents:\n  - {name: p, behaviour: gossip}\n", "expected exactly one of the keys steps and until"),
                (head + "{name: p, behaviour: gossip, count: 3}\n  - {name: p-1, behaviour: gossip}\n", "an agent of it may be called p-1"),
                (head + "{name: p, behaviour: gossip}\nfailures:\n  - {agents: p, every: 1s}\n  - {agents: p, every: 9s}\n", "p has failures already"),
                (head + "{name: %s, behaviour: gossip}\n" % ("x" * 101), "expected a name of 100 bytes at most"),
                (head.replace("steps: 3", "steps: 1000000\nstep: 300d") + "{name: p, behaviour: gossip}\n", "a world of 100 years at most"),
                (head + "{name: p, behaviour: gossip, args: 5}\n", "args"),
                (head + "{name: p, behaviour: gossip, count: 2000000}\n  - {name: q, behaviour: gossip}\n", "2000001 agents in 2 processes"),
        ):
            self.assertIn(expected, self.sim(self.write(text), code=3).stderr)
        self.assertIn("scenario", self.sim(os.path.join(self.directory, "none.yaml"), code=3).stderr)
        blocked = self.write("", "file")
        self.assertIn("cannot make the directory", self.sim(GIVEN / "rumour.yaml", out="file/x", code=3).stderr)
        self.assertTrue(os.path.exists(blocked))

    def test_a_signal_ends_it_and_leaves_what_there_is(self):
        path = self.write("simulation: long\nsteps: 1000000\nagents:\n  - {name: w, behaviour: worker, count: 5, processes: per-agent}\n"
                          "failures:\n  - {agents: w, every: 5s, down: 1s}\n")
        out = os.path.join(self.directory, "out")
        child = subprocess.Popen([harness.program("troupe"), "sim", path, "--out", out], stdout=subprocess.PIPE, text=True,
                                 env=harness.environment())
        harness.wait_until(lambda: os.path.exists(self.path("events.jsonl")) and os.path.getsize(self.path("events.jsonl")) > 0,
                           "an event to be written")
        child.send_signal(signal.SIGINT)
        told, _ = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130)
        self.assertIn("down", told)
        self.assertGreater(len(self.rows()), 1)

    def begin(self, *arguments, on):
        return harness.Terminal(self, "troupe", "sim", self.write(LONG), "--out", self.path(""), *arguments, env={}, on=on)

    def end(self, terminal):
        """Has it stopped, and reads what is still on the terminal."""
        if terminal.child.process.poll() is None:
            terminal.child.send_signal(signal.SIGINT)
        harness.wait_until(lambda: (terminal.read(), terminal.child.process.poll())[1] is not None, "it to end", 180)
        terminal.read()
        done = terminal.child.wait()
        self.assertIn(done.code, (0, 130), done)  # 0: a fast machine, and it was done already
        return done

    def test_progress_on_a_terminal(self):
        terminal = self.begin("-o", "json", on=("stderr",))
        def seen():
            return "[#" in terminal.read() and len(set(re.findall(r"step (\d+) of", terminal.text))) > 1
        harness.wait_until(seen, "a bar that grows", 180)
        report = json.loads(self.end(terminal).out)  # nothing else is on stdout
        self.assertEqual(report["agents"], 20)
        shown = terminal.text.split("\r\x1b[K")
        self.assertEqual((shown[0], shown[-1]), ("", ""))  # each takes the place of the one before; the last is wiped away
        for line in shown[1:-1]:
            self.assertRegex(line, r"^(starting 20 agents \.\.\.|step \d+ of 60000 \[#*\.*\] \d+\.\d s(, about \d+ s left)?)$")
            self.assertLess(len(line), 80)
        steps = [int(step) for step in re.findall(r"step (\d+) of", terminal.text)]
        self.assertEqual(steps, sorted(steps))
        bars = re.findall(r"\[(#*\.*)\]", terminal.text)
        self.assertEqual([bar.count("#") for bar in bars], [(step - 1) * len(bar) // 60000 for step, bar in zip(steps, bars)])

    def works_a_while(self, child):
        """Until it has computed for so long that progress would be shown."""
        def computed():
            if child.process.poll() is not None:
                return True
            fields = pathlib.Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") >= 0.6
        harness.wait_until(computed, "it to work", 180)

    def test_no_progress_elsewhere(self):
        for arguments, on in ((("--quiet",), ("stderr",)), ((), ("stdout",)), ((), ())):
            terminal = self.begin(*arguments, on=on)
            self.works_a_while(terminal.child)
            done = self.end(terminal)
            told = terminal.text.replace("\r\n", "\n") if "stdout" in on else done.out
            self.assertEqual(done.err + ("" if "stdout" in on else terminal.text), "")
            self.assertRegex(told, r"^long: 20 agents in 1 process, seed 1, \d+ steps of 1 s\n")
            self.assertRegex(told, r"\nMEASURE +LAST +LEAST +MOST\nspreader +20 +20 +20\n")
            self.assertNotRegex(told, r"[\x1b\r]")

    def test_behaviours_are_listed(self):
        done = subprocess.run([harness.program("troupe"), "sim", "--list-behaviours"], text=True, capture_output=True, check=True,
                              env=harness.environment(), timeout=60)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()],
                         ["auctioneer", "bidder", "buyer", "citizen", "dispatcher", "gossip", "seller", "teller", "worker"])


if __name__ == "__main__":
    harness.main()
