"""What the tests of the command line share: a broker, and agents of known manners (cli_agent.c)."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


class CliTest(harness.SystemTest):
    def start(self, *broker_arguments):
        """A broker with the agents of cli_agent.c; `troupe` finds it by TROUPE_CONNECT."""
        self.at = self.broker(*broker_arguments)
        self.agents = self.spawn("tests/30-cli/cli_agent", self.at.endpoint)
        harness.wait_until(lambda: "ready" in self.agents.out, "the agents")

    def env(self, **more):
        return {"TROUPE_CONNECT": self.at.endpoint, **more}

    def run_verb(self, *arguments, text=None, **more):
        return self.troupe(*arguments, env=self.env(**more), text=text)

    def spawn_verb(self, *arguments, **more):
        return self.spawn("troupe", *arguments, env=self.env(**more))

    def expect(self, done, code, out=None, err=""):
        """Exit code, the whole of stdout, and a part of stderr ("" = nothing may be there)."""
        self.assertEqual(done.code, code, done)
        if out is not None:
            self.assertEqual(done.out, out, done)
        if err:
            self.assertIn(err, done.err)
        else:
            self.assertEqual(done.err, "", done)
        return done
