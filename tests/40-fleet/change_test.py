"""A fleet while it runs: what dies comes back, agents come and go, and nobody else may change it."""
import os
import pathlib
import re
import signal

import fleet
import harness


class Restarts(fleet.FleetTest):
    def test_a_killed_agent_is_back_and_registered(self):
        up = self.up()
        before = self.rows()["echo-2"]
        os.kill(before["pid"], signal.SIGKILL)
        up.wait_err("echo-2 is back")
        row = self.wait_row("echo-2", lambda r: r["state"] == "running" and r["pid"] != before["pid"], "echo-2 to be back")
        self.assertEqual((row["restarts"], row["last_exit"]), (1, "killed by signal 9 (SIGKILL)"))
        self.assert_answers("echo-2")
        self.assertIn("killed by signal 9 (SIGKILL); starting it again", up.err)

    def test_a_killed_broker_is_back_where_it_was_and_agents_reconnect(self):
        up = self.up()
        rows, state = self.rows(), self.state()
        os.kill(rows["broker"]["pid"], signal.SIGKILL)
        up.wait_err("broker is back")
        for name in "echo-1", "echo-2", "echo-3", "solo", "fleet":
            harness.wait_until(lambda n=name: self.troupe("ask", n, '{"action": "status"}').code == 0, f"{name} on the new broker")
        after = self.rows()
        self.assertEqual(self.state(), state)
        self.assertEqual({n: r["pid"] for n, r in after.items() if n != "broker"},
                         {n: r["pid"] for n, r in rows.items() if n != "broker"})
        self.assertEqual(after["broker"]["restarts"], 1)
        self.ok("down")
        self.assertEqual(up.wait().code, 0)
        self.assert_nothing_left()

    def test_restart_on_request(self):
        self.up_detached()
        before = self.rows()["solo"]["pid"]
        ticket = "0123456789abcdef" * 2
        directory = pathlib.Path(self.directory) / ".troupe/trio/tickets"
        directory.mkdir(exist_ok=True)
        (directory / ticket).touch()
        done = self.ok("ask", "fleet", '{"action": "restart", "name": "solo", "ticket": "%s"}' % ticket, "--trace")
        order = next(line for line in (directory.parent / "logs/up.log").read_text().splitlines() if " U010 " in line)
        self.assertIn(f"trace={re.search('troupe trace ([0-9a-f]+)', done.err)[1]}", order)
        self.assertRegex(order, "conversation=[^ ]+")
        row = self.rows()["solo"]
        self.assertNotEqual(row["pid"], before)
        self.assertEqual(row["state"], "running")
        self.assert_answers("solo")

    def test_mailboxes_are_held_to_the_protocols(self):
        """Also those of members that come later, and by a broker that is another one."""
        up = self.up(text=fleet.BROKER + "agents:\n  - {name: strict, behaviour: echo, count: 2, protocol: enforce}\n  - {name: free, behaviour: echo}\n")
        self.wait_policies(strict_1="enforce", strict_2="enforce", free="off")
        self.ok("scale", "strict=3")
        self.wait_policies(strict_3="enforce")
        os.kill(self.rows()["broker"]["pid"], signal.SIGKILL)
        up.wait_err("broker is back")
        self.wait_policies(strict_1="enforce", strict_3="enforce", free="off")

    def wait_policies(self, **policies):
        def there():
            done = self.troupe("ask", "ams", '{"action": "search"}', "-o", "json")
            agents = {a["name"].split("@")[0]: a["protocol"] for a in done.json()["agents"]} if done.code == 0 else {}
            return all(agents.get(name.replace("_", "-")) == policy for name, policy in policies.items())
        harness.wait_until(there, f"the policies {policies}")

    def test_what_is_kept_outlives_a_process(self):
        """`state: true` is in the fleet's own directory; what `describe` says is in the DF."""
        self.up(text=fleet.BROKER + "agents:\n  - {name: echo, behaviour: echo, state: true, describe: {labels: {env: prod}}}\n")
        self.assert_answers("echo")
        self.assertTrue(list(pathlib.Path(self.directory).glob(".troupe/trio/agents/echo.db")))
        self.assertEqual([row["name"] for row in self.troupe("df", "search", "--selector", "env=prod", "-o", "json").json()], ["echo@trio"])

    def test_who_is_idle_rests_by_the_fleet_file(self):
        """Its state is saved, what it had is freed, and its next message brings it back with what it knew."""
        counter = harness.program("tests/25-agentd/counter.so")
        agents = f"agents:\n  - {{name: many, load: {counter}, count: 200, processes: one, state: true, passive-after: 300ms}}\n"
        self.up_detached(text=fleet.BROKER + agents)
        ask = lambda name, content="{}": self.ok("ask", name, content, "-o", "json").json()
        self.assertEqual(ask("many-7", '{"n": 5}')["total"], 5)
        row = self.wait_row("many", lambda r: r["state"] == "passive", "all of them to rest")
        self.assertEqual((row["passive"], row["agents"]), (200, 200))
        self.assertEqual(self.ok("why", "many-7", "-o", "json").json()[0]["told"]["status"], "passive")
        self.assertEqual(ask("many-7", '{"n": 6}')["total"], 11)
        self.wait_row("many", lambda r: r["state"] == "passive", "it to rest again")
        os.kill(row["pid"], signal.SIGKILL)
        self.wait_row("many", lambda r: r["restarts"] == 1 and r["state"] in ("running", "passive"), "the process to be back")
        self.assertEqual(ask("many-7")["total"], 11)

    def moved_fleet(self):
        agents = "agents:\n  - {name: echo, behaviour: echo, state: true, count: 2}\n  - {name: brief, behaviour: echo}\n"
        self.up_detached(text=fleet.BROKER + agents + "  - {name: depot, behaviour: station, state: true}\n")

    def moved_to(self, name, station):
        self.ok("move", name, "--to", station)
        home = self.rows()[station]["pid"]
        return self.wait_row(name, lambda r: (r["state"], r["pid"]) == ("moved", home), f"{name} to be shown where it is")

    def test_who_was_moved_stays_a_member(self):
        """Its own process rests; it is shown where it is, is begun nowhere else, and is there again after `down` and `up`."""
        self.moved_fleet()
        self.moved_to("echo-1", "depot")
        self.assert_answers("echo-1")
        os.kill(self.rows()["depot"]["pid"], signal.SIGKILL)
        self.wait_row("echo-1", lambda r: r["state"] == "moved" and r["pid"] == self.rows()["depot"]["pid"], "the station to have it again")
        self.assert_answers("echo-1")
        self.refused("detach", "echo-1", says="was moved to another process")
        self.refused("scale", "echo=0", says="was moved to another process")
        self.refused("restart", "echo-1", says="it was moved to another process")
        self.assertEqual(self.rows()["echo-1"]["state"], "moved")
        self.ok("scale", "echo=1")
        self.assertEqual(sorted(name for name in self.rows() if name.startswith("echo")), ["echo-1"])
        self.ok("scale", "echo=2")
        self.ok("down")
        self.moved_fleet()
        self.wait_row("echo-1", lambda r: r["state"] == "moved" and r["pid"] == self.rows()["depot"]["pid"], "it to be where it was")
        self.assert_answers("echo-1")

    def test_who_was_moved_without_a_store_can_begin_again(self):
        self.moved_fleet()
        self.moved_to("brief", "depot")
        self.refused("restart", "brief", says="brief")
        self.assertEqual(self.rows()["brief"]["state"], "moved")
        self.assert_answers("brief")
        os.kill(self.rows()["depot"]["pid"], signal.SIGKILL)
        row = self.wait_row("brief", lambda r: r["state"] == "lost", "it to be missed")
        self.assertIn("which has ended", row["reason"])
        self.ok("restart", "brief")
        self.wait_row("brief", lambda r: r["state"] == "running", "it to be back")
        self.assert_answers("brief")

    def test_who_comes_back_is_the_policy_s_to_say(self):
        """Three ways to end, under each policy."""
        policies, moody = ("always", "on-failure", "never"), harness.program("tests/25-agentd/moody.so")
        ends = {"zero": "exited with 0", "one": "exited with 1", "killed": "killed by signal 9 (SIGKILL)"}
        back = {"always-zero", "always-one", "always-killed", "on-failure-one", "on-failure-killed"}
        self.up(text=fleet.BROKER + "agents:\n" + "".join(
            f"  - {{name: {policy}-{end}, load: {moody}, restart: {{policy: {policy}, backoff: 10ms}}}}\n" for policy in policies for end in ends))
        before = self.rows()
        for policy in policies:
            self.ok("send", f"{policy}-zero", "inform", '{"exit": 0}')
            self.ok("send", f"{policy}-one", "inform", '{"exit": 1}')
            os.kill(before[f"{policy}-killed"]["pid"], signal.SIGKILL)
        for name in (f"{policy}-{end}" for policy in policies for end in ends):
            with self.subTest(name):
                said = ends[name.rsplit("-", 1)[1]]
                if name in back:
                    row = self.wait_row(name, lambda r: r["state"] == "running" and r["pid"] != before[name]["pid"], f"{name} to be back")
                    self.assertEqual((row["restarts"], row["last_exit"]), (1, said))
                else:
                    row = self.wait_row(name, lambda r: r["state"] in ("stopped", "failed"), f"{name} to stay down")
                    self.assertEqual((row["pid"], row["restarts"]), (None, 0))
                    self.assertIn(said, row["last_exit"])

    def test_one_that_gives_up_degrades_the_fleet(self):
        text = fleet.BROKER + "agents:\n  - {name: weak, behaviour: echo, restart: {intensity: 0}}\n"
        up = self.up(text=text)
        os.kill(self.rows()["weak"]["pid"], signal.SIGKILL)
        up.wait_err("weak has failed")
        self.assertIn("the fleet is degraded", up.err)
        row = self.rows()["weak"]
        self.assertEqual((row["state"], row["pid"]), ("failed", None))
        self.assertIn("killed by signal 9", row["reason"])
        status = self.ok("ask", "fleet", '{"action": "status"}', "-o", "json")
        self.assertIn('"degraded"', status.out)
        self.ok("detach", "weak")
        self.ok("attach", "weak")
        self.wait_row("weak", lambda r: r["state"] == "running", "weak to be back")


class ComeAndGo(fleet.FleetTest):
    def names(self, done, state=None):
        return [row["name"] for row in done.json() if state is None or row["state"] == state]

    def test_attach_adds_members_by_the_next_free_numbers(self):
        self.up_detached()
        done = self.ok("attach", "echo", "-o", "json")
        self.assertEqual(self.names(done), ["echo-4"])
        self.assertEqual(self.rows()["echo-4"]["pid"], done.json()[0]["pid"])
        self.assert_answers("echo-4")
        self.ok("detach", "echo-2")
        self.assertNotIn("echo-2", self.rows())
        self.assertEqual(sorted(self.names(self.ok("attach", "echo", "--count", "2", "-o", "json"))), ["echo-2", "echo-5"])
        self.assertEqual(self.names(self.ok("attach", "solo", "-o", "json")), ["solo-2"])

    def test_attach_a_new_kind_of_agent_and_detach_it(self):
        self.up_detached()
        done = self.ok("attach", "clerk", "--behaviour", "echo", "--service", "clerk=4", "--count", "2", "-o", "json")
        self.assertEqual(sorted(self.names(done)), ["clerk-1", "clerk-2"])
        self.assert_answers("svc:clerk")
        row = self.rows()["clerk-1"]
        self.assertEqual((row["group"], row["attached"], row["behaviour"]), ("clerk", True, "echo"))
        os.kill(row["pid"], signal.SIGKILL)
        self.wait_row("clerk-1", lambda r: r["state"] == "running" and r["restarts"] == 1, "clerk-1 to be supervised")
        self.ok("detach", "clerk-1", "clerk-2")
        self.assertEqual([n for n in self.rows() if n.startswith("clerk")], [])
        self.assertEqual(self.names(self.ok("attach", "clerk", "--behaviour", "echo", "-o", "json")), ["clerk"])

    def test_a_program_runs_in_the_directory_of_its_user(self):
        self.up_detached()
        self.write("agent.py", "import sys\nopen('ran', 'w').close()\nsys.stdin.read()\n")
        self.ok("attach", "py", "--behaviour", "exec", "--", "python3", "agent.py")
        self.assert_not_failed("py")
        harness.wait_until((pathlib.Path(self.directory) / "ran").exists, "the program to run")

    def assert_not_failed(self, name):
        self.assertEqual(self.rows()[name]["state"], "running")

    def test_scale_up_and_down_newest_first(self):
        self.up_detached()
        up = self.ok("scale", "echo=5", "solo=2", "-o", "json")
        self.assertEqual(sorted(self.names(up, "running")), ["echo-4", "echo-5", "solo-2"])
        down = self.ok("scale", "echo=2", "-o", "json")
        self.assertEqual(sorted(self.names(down, "ended")), ["echo-3", "echo-4", "echo-5"])
        self.assertEqual(sorted(n for n in self.rows() if n.startswith("echo")), ["echo-1", "echo-2"])
        self.ok("scale", "echo=0")
        self.assertEqual(self.names(self.ok("scale", "echo=1", "-o", "json")), ["echo-1"])
        self.assertEqual(self.ok("scale", "echo=3", "--no-wait").out, "")
        self.wait_row("echo-3", lambda r: r["state"] == "running", "echo-3")

    def test_what_cannot_be_done_is_told(self):
        one = fleet.ECHO + "  - {name: many, behaviour: echo, count: 5, processes: one}\n"
        self.up_detached(text=one)
        self.refused("attach", "ehco", says='did you mean "echo"')
        self.refused("attach", "echo", "--behaviour", "echo", says="there is a group")
        self.refused("attach", "echo-1", "--behaviour", "echo", says='there is an agent "echo-1" already')
        self.refused("attach", "broker", "--behaviour", "echo", says="the platform's own")
        self.refused("attach", "many", says="processes: one")
        self.refused("attach", "x", "--behaviour", "nonsense", says="unknown behaviour")
        self.refused("attach", "x", "--load", "nothing.so", says="nothing.so")
        self.refused("attach", "x", says='no group "x"')  # those before have left nothing
        self.refused("attach", "x", "--behaviour", "echo", "--args", "[1]", code=1, says="expected a JSON object")
        self.refused("attach", "x y", "--behaviour", "echo", code=1, says="is no name")
        self.refused("detach", "echo-7", says='did you mean "echo-')
        self.refused("detach", "echo", says="is a group of 3")
        self.refused("detach", "broker", says='there is no agent "broker"')
        self.refused("scale", "ehco=2", says='did you mean "echo"')
        self.refused("scale", "echo", code=1, says="expected GROUP=N")
        self.refused("scale", "echo=-1", code=1)
        self.refused("scale", "many=2", says="processes: one")
        self.assertEqual(set(self.rows()), {"broker", "echo-1", "echo-2", "echo-3", "solo", "many", "fleet"})
        self.assertEqual(self.rows()["many"]["agents"], 5)

    def test_only_its_user_changes_a_fleet(self):
        self.up_detached()
        for request in '{"action": "down"}', '{"action": "detach", "name": "solo", "ticket": "%s"}' % ("0" * 32):
            done = self.troupe("ask", "fleet", request)
            self.assertEqual(done.code, 3, done)
            self.assertIn("unauthorised", done.err)
        done = self.troupe("ask", "fleet", '{"action": "dwon"}')
        self.assertIn('did you mean \\"down\\"' if "\\" in done.err else 'did you mean "down"', done.err)
        self.assert_answers("solo")
        tickets = pathlib.Path(self.directory) / ".troupe/trio/tickets"
        self.ok("detach", "solo")
        self.assertEqual(list(tickets.iterdir()), [])


class Watch(fleet.FleetTest):
    def test_ps_again_and_again_until_ctrl_c(self):
        self.up_detached()
        child = self.spawn("troupe", "ps", "--watch", "--interval", "100ms", "-o", "name")
        harness.wait_until(lambda: child.out.count("echo-3") >= 3, "three lists")
        self.assertEqual(child.stop(signal.SIGINT).code, 0)

    def test_wide_and_yaml(self):
        self.up_detached()
        wide = self.ok("ps", "-o", "wide").out.splitlines()
        self.assertIn("LAST EXIT", wide[0])
        self.assertIn("- name: echo-1\n  state: running\n", self.ok("ps", "-o", "yaml").out)
        self.refused("ps", "nofleet", code=2, says='no fleet "nofleet" runs here')


class WithoutSupervisor(fleet.FleetTest):
    def test_attach_and_detach_on_a_bare_broker(self):
        broker = self.broker()
        at = ["--connect", broker.endpoint]
        done = self.ok("attach", "far", *at, "--behaviour", "echo", "-o", "json")
        pid = done.json()[0]["pid"]
        self.assert_answers("far", *at)
        rows = self.rows(*at)
        self.assertEqual(set(rows), {"far"})
        self.assertEqual((rows["far"]["pid"], rows["far"]["state"], rows["far"]["restarts"]), (pid, "active", None))
        self.refused("attach", "far", *at, "--behaviour", "echo", says="attached from here already")
        self.refused("attach", "far2", *at, "--behaviour", "nonsense", says="unknown behaviour")
        self.refused("attach", "far2", *at, code=1, says="expected --behaviour")
        self.refused("detach", "fra", code=3, says="there are far")
        self.ok("detach", "far")
        self.assertEqual(self.rows(*at), {})
        self.refused("scale", "far=2", "--timeout", "5s", code=2)

    def test_several_and_one_whose_program_is_killed(self):
        broker = self.broker()
        at = ["--connect", broker.endpoint]
        done = self.ok("attach", "far", *at, "--behaviour", "echo", "--count", "2", "-o", "json")
        self.assertEqual([row["name"] for row in done.json()], ["far-1", "far-2"])
        os.kill(done.json()[0]["pid"], signal.SIGKILL)
        harness.wait_until(lambda: set(self.rows(*at)) == {"far-2"}, "the broker to see that far-1 has died")
        self.refused("detach", "far-1", code=3, says="there are far-2")
        self.ok("attach", "far-1", *at, "--behaviour", "echo")
        self.ok("detach", "far-1", "far-2")
        self.assertEqual(broker.stop().code, 0)
        self.assert_nothing_left()

    def test_an_agent_that_cannot_start_says_why_in_words(self):
        broker = self.broker()
        at = ["--connect", broker.endpoint]
        self.ok("attach", "far", *at, "--behaviour", "echo")
        elsewhere = ["--state", str(pathlib.Path(self.directory) / "elsewhere")]
        done = self.troupe("attach", "far", *at, "--behaviour", "echo", *elsewhere)
        self.assertEqual((done.code, done.out), (3, ""), done)
        self.assertIn("far cannot start: the name far is taken: choose another", done.err)
        self.assertNotIn("A012", done.err)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        self.ok("detach", "far")

    def test_an_unreachable_broker(self):
        done = self.troupe("attach", "far", "--connect", "tcp://127.0.0.1:1", "--behaviour", "echo", "--timeout", "60s")
        self.assertEqual((done.code, done.out), (2, ""), done)
        self.assertIn("connection refused", done.err)
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
