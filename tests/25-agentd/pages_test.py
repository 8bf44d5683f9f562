"""Pages with listings and sessions, followed as a reader does: against the installed library, and with the answers that they print."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import agentd
import harness


def listings(page):
    """{file name: text} of the page's ```c blocks, each of which begins with its name."""
    return dict((re.match(r"/\* (\S+) \*/", text)[1], text) for text in re.findall(r"^```c\n(.*?)^```", page, re.S | re.M))


def sessions(page):
    """[[(command, what it prints)]] of the page's ```console blocks."""
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.S | re.M)
    return [re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", block, re.M) for block in blocks]


class Installed(agentd.AgentdTest):
    """`meson install` into a directory, where no loader looks: what is built against it needs nothing of it at run time."""

    def setUp(self):
        super().setUp()
        if not all(map(shutil.which, ("meson", "ninja", "pkg-config", "cc"))):
            self.skipTest("meson, ninja, pkg-config or cc is missing")
        root = pathlib.Path(self.directory) / "root"
        self.run_tool("meson", "install", "-C", str(harness.BUILD), "--no-rebuild", "--quiet", "--destdir", str(root))
        pc = next(root.glob("**/troupe.pc"))
        self.build_env = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(root)}

    def run_tool(self, *words, cwd=None):
        done = subprocess.run(words, capture_output=True, text=True, cwd=cwd or self.directory, env=getattr(self, "build_env", None), check=False)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout


class Followed(agentd.AgentdTest):
    """Runs a session: what begins with troupe-agentd goes on running, what begins with troupe must print what the page says,
    where `...` is anything."""

    def follow(self, session, env=None):
        for command, prints in session:
            words = shlex.split(command.removesuffix("&"))
            if words[0] == "troupe-agentd":
                self.agentd(*words[1:], env=env)
                continue
            self.assertEqual(words[0], "troupe", command)
            done = self.troupe(*words[1:], env={"TROUPE_CONNECT": self.at.endpoint, "TROUPE_STATE": self.directory + "/state", **(env or {})})
            self.assertRegex(done.out + done.err, "^" + re.escape(prints).replace(re.escape("..."), ".*") + "$", command)


class Programs(Followed):
    """examples/exec: the sessions of its README, in its folder."""

    HOME = harness.ROOT / "examples" / "exec"

    def setUp(self):
        super().setUp()
        shutil.copytree(self.HOME, self.directory, dirs_exist_ok=True)

    def session(self, mark, *programs):
        for program in programs:
            if not shutil.which(program):
                self.skipTest(f"{program} is missing")
        found = [session for session in sessions((self.HOME / "README.md").read_text()) if mark in session[0][0]]
        self.assertEqual(len(found), 1)
        self.follow(found[0])

    def test_python(self):
        self.session("words.py")
        self.assertEqual(self.ask("words", "{}", "--act", "query-ref"), {"to": 3, "be": 2, "or": 1, "not": 1})

    def test_shell(self):
        self.session("disk.sh", "jq")
        done = self.ask("svc:disk", '{"path": "/"}')
        self.assertTrue(0 <= done["percent"] <= 100 and done["path"] == "/", done)

    def test_node(self):
        """Those that ask later and wait less are answered first."""
        self.session("wait.mjs", "node")
        slow = self.spawn_verb("ask", "svc:wait", '{"ms": 600000}')
        leased = lambda: [service["leased"] for service in self.ask("ams", '{"action": "services"}')["services"]]
        harness.wait_until(lambda: leased() == [1], "the slow one in work")
        self.assertEqual(self.ask("wait", '{"ms": 1}'), {"waited": 1})
        self.assertIsNone(slow.process.poll())

    def test_the_fleet_file(self):
        if not all(map(shutil.which, ("node", "jq"))):
            self.skipTest("node or jq is missing")
        done = self.troupe("up", "--dry-run", "exec.yaml")
        self.assertEqual(done.code, 0, done)


class Tutorial(Installed, Followed):
    """docs/tutorial.md: all listings are compiled with the page's own flags, all sessions run."""

    def test_it(self):
        page = (harness.ROOT / "docs" / "tutorial.md").read_text()
        command = re.search(r"^    (cc .*)$", page, re.M)[1]
        files = listings(page)
        self.assertGreater(len(files), 7)
        for name, text in files.items():
            stem = name.removesuffix(".c")
            self.write(name, text)
            self.run_tool("sh", "-c", command.replace("echo", stem).replace("cc ", "cc -Werror ", 1))
        followed = sessions(page)
        self.assertEqual(len(followed), 7)
        for session in followed:
            self.follow(session)


class Template(Installed, Followed):
    """docs/behaviour, the template: copied, built by the commands of its README, and attached."""

    def setUp(self):
        super().setUp()
        self.home = pathlib.Path(self.directory) / "mine"
        shutil.copytree(harness.ROOT / "docs" / "behaviour", self.home)
        self.readme = (self.home / "README.md").read_text()

    def build(self):
        self.run_tool("sh", "-c", re.search(r"^    (meson .*)$", self.readme, re.M)[1], cwd=self.home)

    def test_it(self):
        self.build()
        self.addCleanup(self.troupe, "detach", "counter", env={"TROUPE_CONNECT": self.at.endpoint, "TROUPE_STATE": self.directory + "/state"})
        for session in sessions(self.readme):
            self.follow([(command.replace("build/counter.so", str(self.home / "build/counter.so")), prints) for command, prints in session])
        self.assertEqual(self.ask("ams", '{"action": "search", "name": "counter"}')["total"], 0)

    def test_one_that_was_built_for_another_version(self):
        source = self.home / "counter.c"
        source.write_text(source.read_text().replace(".abi = TR_BEHAVIOUR_ABI", ".abi = TR_BEHAVIOUR_ABI + 7"))
        self.build()
        done = self.run_program("agentd", "--connect", self.at.endpoint, "--name", "c", "--load", self.home / "build" / "counter.so")
        self.assertEqual(done.code, 3, done)
        self.assertRegex(done.err, r"counter\.so: built for version \d+ of the behaviour ABI, this troupe-agentd has version \d+: build it again")
        self.assertEqual(self.ask("ams", '{"action": "search", "name": "c"}')["total"], 0)


if __name__ == "__main__":
    harness.main()
