#!/usr/bin/env python3
"""Programs in a room of their own: what they cannot see, reach, use up, or be talked into."""
import os
import pathlib
import unittest

import tools
from tools import harness

PYTHON = "/usr/bin/python3"
SOCKET = 41 if os.uname().machine == "x86_64" else 198  # the system call's number


def can_be_alone():
    try:
        pid = os.fork()
        if pid == 0:
            os._exit(0 if tools.unshare_works() else 1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    except OSError:
        return False


@unittest.skipUnless(can_be_alone(), "no user namespaces here: nothing would be run")
class Command(tools.ToolsTest):
    def command(self, *programs, **more):
        return self.keeper({"run": {"kind": "command", "programs": list(programs), "privileged": False, **more}})

    def run_python(self, text, **more):
        return self.said("run", {"program": "python3", "arguments": ["-I", "-c", text], **more})

    def test_arguments_and_input_and_status(self):
        self.command("/usr/bin/sort", "/usr/bin/printf", "/usr/bin/ls")
        self.assertEqual(self.data("run", {"program": "sort", "arguments": ["-r"], "input": "a\nc\nb\n"}), "c\nb\na\n")
        self.assertEqual(self.data("run", {"program": "printf", "arguments": ["%s|", "$HOME; `id`", "a b", ""]}), "$HOME; `id`|a b||\n")
        said = self.said("run", {"program": "ls", "arguments": ["/nowhere"]})
        self.assertEqual(said["status"], "error", said)
        self.assertIn("exit status 2", said["data-of-tool"])
        self.assertIn("No such file", said["data-of-tool"])
        for arguments in ({"program": "sh"}, {"program": "/usr/bin/sort"}, {"program": "sort", "arguments": "x"}, {}):
            self.assertEqual(self.said("run", arguments)["status"], "invalid")

    def test_what_it_cannot_see_and_reach(self):
        secret = self.write("secret", "sk-1")
        self.command(PYTHON)
        for text, says in (
                (f"open({secret!r})", "FileNotFoundError"),
                ("open('/etc/passwd')", "FileNotFoundError"),
                ("import os; print(sorted(os.environ))", "['HOME', 'LANG', 'PATH', 'TMPDIR']"),
                ("import socket; socket.socket()", "OSError"),
                ("import os; print(os.listdir('/proc') if os.path.exists('/proc/1') else ['1'])", "'1'"),
                ("import os; os.kill(1, 9); print('fine' if os.getpid() < 5 else 'other')", "fine"),  # its first process takes none of that
                ("open('/usr/x', 'w')", "Read-only file system"),
                ("open('/x', 'w')", "Read-only file system"),
                ("open('/tmp/x', 'w').write('y'); print(open('/tmp/x').read())", "y"),
                ("import ctypes; l = ctypes.CDLL(None, use_errno=True); print(l.unshare(0x10000000), ctypes.get_errno())", "-1 1"),
                ("import ctypes; l = ctypes.CDLL(None, use_errno=True); print(l.ptrace(16, 1, 0, 0), ctypes.get_errno())", "-1 1"),
                ("import ctypes; l = ctypes.CDLL(None, use_errno=True); print(l.mount(b'x', b'/tmp', b'tmpfs', 0, 0), ctypes.get_errno())", "-1 1"),
                # the kernel takes an int, so what stands above it must not get past the filter either (2: AF_INET, 16: AF_NETLINK)
                *((f"import ctypes, errno; l = ctypes.CDLL(None, use_errno=True); "
                   f"print(l.syscall(ctypes.c_long({SOCKET}), ctypes.c_long({family + high}), ctypes.c_long(2), ctypes.c_long(0)), "
                   f"ctypes.get_errno() == errno.EAFNOSUPPORT)", "-1 True") for family in (2, 16) for high in (0, 1 << 32)),
                ("import os; print(os.getuid(), os.listdir('/tmp'))", "65534 []")):
            said = self.run_python(text)
            self.assertIn(says, said["data-of-tool"], (text, said))

    def test_what_it_cannot_use_up(self):
        self.command(PYTHON, cpu="1s", memory=200 << 20, processes=4, **{"file-size": 1 << 20})
        uses = [("while True: pass", "exit status 137"), ("x = bytearray(500 << 20)", "MemoryError"),
                ("open('/tmp/x', 'wb').write(bytes(4 << 20))", "rror")]
        if os.geteuid() != 0:  # the kernel counts no processes of root
            uses.append(("import os, time\nfor i in range(40):\n    if os.fork() == 0: time.sleep(60)", "BlockingIOError"))
        for text, says in uses:
            said = self.run_python(text)
            self.assertEqual(said["status"], "error", (text, said))
            self.assertIn(says, said["data-of-tool"], (text, said))

    def test_its_output_is_cut(self):
        self.command(PYTHON, **{"result-max": 1000})
        said = self.run_python("print('x' * 5000)")
        self.assertEqual((said["status"], len(said["data-of-tool"]), said["cut"]), ("ok", 1000, 5001), said)

    def test_what_it_may_read_and_write(self):
        place = pathlib.Path(self.directory) / "place"
        place.mkdir()
        shown = pathlib.Path(self.directory) / "shown"
        shown.mkdir()
        (shown / "a").write_text("to be read\n")
        self.command("/usr/bin/cp", "/usr/bin/cat", read=[str(shown)], write=str(place))
        self.assertEqual(self.data("run", {"program": "cat", "arguments": [str(shown / "a")]}), "to be read\n")
        self.data("run", {"program": "cp", "arguments": [str(shown / "a"), "b"]})
        self.assertEqual((place / "b").read_text(), "to be read\n")
        said = self.said("run", {"program": "cp", "arguments": [str(shown / "a"), str(shown / "c")]})
        self.assertIn("Read-only file system", said["data-of-tool"])

    def test_none_is_left(self):
        keeper = self.command(PYTHON, timeout="500ms")
        mark = f"mark-{os.getpid()}"
        said = self.run_python(f"import os, time\n'{mark}'\nif os.fork() == 0: os.setsid()\ntime.sleep(100)")
        self.assertEqual(said["status"], "timed-out", said)

        def lives():
            return [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in tools.bytes_of(p)]
        harness.wait_until(lambda: not lives(), "what it started to end")
        keeper.stop()

    def test_what_is_wrong_is_told(self):
        for config, says in (("{kind: command}", "programs"), ("{kind: command, programs: [sort]}", "expected the absolute path of a program"),
                             ("{kind: command, programs: [/bin/bash]}", "which is no shell"),
                             ("{kind: command, programs: [/usr/bin/nowhere]}", "/usr/bin/nowhere: No such file")):
            self.write("a.yaml", f"name: a\nbehaviour: toolkeeper\ntools: {{s: {config}}}\n")
            self.assertIn(says, self.refused("--agent", "a.yaml").err)

    def test_it_is_privileged_where_nothing_is_said(self):
        self.keeper({"run": {"kind": "command", "programs": ["/usr/bin/sort"], "approval-time": "300ms"}})
        self.assertEqual(self.said("run", {"program": "sort"})["status"], "denied")


if __name__ == "__main__":
    harness.main()
