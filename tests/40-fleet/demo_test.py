"""The main job as tools/demo runs it: documents of all kinds, a reader that is killed, nothing lost and nothing left."""
import os
import pathlib

import fleet
import harness

TEXT = ("The harbour of {0} was rebuilt in 18{1:02}. Ships from Antwerp and Lisbon come to {0} each week. "
        "The city council of {0} pays for the harbour, and the harbour pays for the city.\n")


class Demo(fleet.FleetTest):
    def documents(self, count):
        home = pathlib.Path(self.directory) / "documents"
        home.mkdir()
        for i in range(count):
            (home / f"town-{i}.txt").write_text(TEXT.format(f"Port{chr(65 + i % 26)}ton", i) * 20)
        return home

    def demo(self, *arguments, code=0):
        """In the tree, as tools/demo does; its state is a directory of its own."""
        command = ["/usr/bin/env", "python3", str(harness.ROOT / "tools" / "demo_job.py"), "--bin", str(harness.BUILD), *map(str, arguments)]
        child = self.keep(harness.Child(command[0], command[1:], harness.ROOT, harness.environment(TMPDIR=self.directory)))
        done = child.wait(120)
        self.assertEqual(done.code, code, done)
        self.assertEqual(list(pathlib.Path(self.directory).glob("troupe-demo-*")), [])
        return done

    def test_a_reader_is_killed_and_nothing_is_lost(self):
        home = self.documents(48)
        (home / "page.html").write_text("<html><title>A page</title><body><p>Ships come to the harbour.</p></body></html>")
        (home / "program").write_bytes(pathlib.Path("/bin/true").read_bytes())
        (home / "empty.md").write_text("")
        os.mkfifo(home / "pipe")
        (home / "nowhere").symlink_to("/no/such/file")
        out = self.demo(home).out
        self.assertRegex(out, r"==> digest of 53 documents")
        self.assertIn("digest.progress #1 editor statistics 0/53", out)
        self.assertIn("==> attaching two more readers", out)
        self.assertRegex(out, r"==> killed reader-\d \(pid \d+\) with -9 while it had \S+ in hand")
        self.assertIn("(delivered again)", out)
        self.assertRegex(out, r"documents +49 read, 4 skipped")
        self.assertRegex(out, r"redeliveries +[1-9]")
        for why in "program: binary", "empty.md: empty", "nowhere: cannot be opened", "pipe: is not a regular file":
            self.assertIn(f"{home}/{why}", " ".join(out.split()))
        self.assertRegex(out, r"harbour: .*town-\d")
        self.assertIn("==> done; nothing is left running", out)

    def test_what_cannot_be_read_at_all(self):
        home = self.documents(0)
        (home / "program").write_bytes(pathlib.Path("/bin/true").read_bytes())
        out = self.demo(home / "program").out
        self.assertIn("none: nothing of it could be read", out)
        self.assertNotIn("Overview", out)
        self.assertIn("no such file", self.demo(home / "none", code=1).err)
        (home / "program").unlink()
        self.assertIn("no files there", self.demo(home, code=1).err)


if __name__ == "__main__":
    harness.main()
