#!/usr/bin/env python3
"""The programs of examples/protocols print what the comment at their head says, over a real broker, and each fits one screen."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/protocols"
PROTOCOLS = re.findall(r'\.name = "(fipa-[a-z-]+)"', "".join(
    path.read_text() for path in (EXAMPLES.parents[1] / "lib/agent/protocol").glob("fipa_*.c")))
LINES = 50  # of one program, both sides and its comments


class Demos(harness.SystemTest):
    def test_each_prints_what_it_says(self):
        broker = self.broker("--platform", "demo")
        sources = [path for path in sorted(EXAMPLES.glob("*.c")) if path.stem != "demo"]
        for protocol in PROTOCOLS:  # each has its program
            name = protocol.removeprefix("fipa-").replace("-", "_")
            self.assertIn(name, [path.stem for path in sources])
            self.assertIn(f'"{protocol}"', (EXAMPLES / f"{name}.c").read_text())
        for path in sources:
            with self.subTest(path.stem):
                text = path.read_text()
                self.assertLessEqual(text.count("\n"), LINES)
                wanted = re.findall(r"^ \*   (.*)$", text.split("*/")[0], re.M)
                child = self.spawn(f"examples/protocols/demo_{path.stem}", broker.endpoint)
                code = child.wait().code
                self.assertEqual(child.out.splitlines(), wanted, child.err)
                self.assertEqual(code, 0)


if __name__ == "__main__":
    harness.main()
