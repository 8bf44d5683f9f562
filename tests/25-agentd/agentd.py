"""What the tests of troupe-agentd share: a broker, and agentd processes on it."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


class AgentdTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()

    def agentd(self, *arguments, env=None):
        """One that is registered."""
        child = self.spawn("agentd", "--connect", self.at.endpoint, *arguments, env=env)
        child.wait_err("A001 registered")
        return child

    def refused(self, *arguments, code=3, says=""):
        """One that ends by itself, and why."""
        done = self.run_program("agentd", "--connect", self.at.endpoint, *arguments)
        self.assertEqual(done.code, code, done)
        self.assertIn(says, done.err)
        return done

    def run_verb(self, *arguments, text=None):
        return self.troupe(*arguments, env={"TROUPE_CONNECT": self.at.endpoint}, text=text)

    def spawn_verb(self, *arguments):
        return self.spawn("troupe", *arguments, env={"TROUPE_CONNECT": self.at.endpoint})

    def ask(self, agent, content, *arguments):
        """The answer's content."""
        done = self.run_verb("ask", agent, content, "-o", "json", *arguments)
        self.assertEqual(done.code, 0, done)
        return done.json()

    def write(self, name, text):
        path = pathlib.Path(self.directory) / name
        path.write_text(text)
        return str(path)
