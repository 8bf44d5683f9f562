#!/usr/bin/env python3
"""Programs in a room of their own: what they cannot see, reach, use up, or be talked into."""
import json
import os
import pathlib
import shutil
import subprocess
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
                ("open('/tmp/x', 'wb').write(bytes(4 << 20))", "rror"),
                ("for i in range(20000): open(f'/tmp/{i}', 'w').close()", "No space left on device"),
                ("import os\nopen('/tmp/x', 'w').close()\nfor i in range(20000): os.link('/tmp/x', f'/tmp/{i}')", "No space left on device")]
        # the kernel counts no processes of root: there the room's first process does
        many, all_of = ("BlockingIOError", "BlockingIOError") if os.geteuid() else ("more than the 4 that they may be", "exit status 137")
        uses.append(("import os, time\nfor i in range(40):\n    if os.fork() == 0: time.sleep(60)\ntime.sleep(60)", many))
        uses.append(("import os, time\nfor i in range(8): os.fork()\ntime.sleep(60)", all_of))  # 256 of them, and no more if nobody ended it
        for text, says in uses:
            said = self.run_python(text)
            self.assertEqual(said["status"], "error", (text, said))
            self.assertIn(says, said["data-of-tool"], (text, said))

    def test_what_it_cannot_use_up_with_many(self):
        """Each is within the limit, all together are not."""
        self.command(PYTHON, memory=160 << 20, processes=8)
        many = ("import os\nfor i in range(5):\n    if os.fork() == 0:\n        x = bytearray(os.urandom(1 << 20) * 60)\n        os.read(0, 1)\n"
                "        while True: pass\nfor i in range(5): os.wait()\nprint('fine')")
        said = self.run_python(many)
        self.assertEqual(said["status"], "error", said)
        self.assertIn("exit status 137", said["data-of-tool"])
        self.assertIn("together held more memory than the 167772160 bytes", said["data-of-tool"])
        said = self.run_python("import os\nx = bytearray(60 << 20)\nfor i in range(5):\n    if os.fork() == 0: os._exit(0)\nfor i in range(5): os.wait()\nprint('fine')")
        self.assertEqual(said["data-of-tool"], "fine\n", "what is shared counts once")
        for text in "import os; os.memfd_create('x')", "import ctypes, os; l = ctypes.CDLL(None, use_errno=True); 1 / (l.shmget(0, 4096, 0o1600) + 1)":
            self.assertEqual(self.run_python(text)["status"], "error", text)

    def test_it_runs_no_other_program(self):
        others = ("import os; os.posix_spawn('/usr/bin/true', ['true'], {})", "import os; os.execv('/usr/bin/true', ['true'])",
                  "import os; os.execve(os.open('/usr/bin/true', os.O_RDONLY), ['true'], {})", "import os, sys; sys.exit(os.system('true') != 0)")
        keeper = self.command(PYTHON, "/usr/bin/find")
        for text in others:
            said = self.run_python(text)
            self.assertEqual(said["status"], "error", (text, said))
        said = self.said("run", {"program": "find", "arguments": ["/tmp", "-exec", "/usr/bin/printf", "x", ";"]})
        self.assertNotIn("x\n", said["data-of-tool"])
        self.assertIn("Operation not permitted", said["data-of-tool"])
        keeper.stop()
        self.command(PYTHON, **{"runs-others": True})
        for text in others:
            self.assertEqual(self.run_python(text)["status"], "ok", text)

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
        self.assertEqual(said["status"], "unknown-outcome", said)

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


# A host of its own (unshare), which has an address of the public internet and its loopback, and somebody at each.
HOST = """
import json, socket, subprocess, sys, threading
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["ip", "address", "add", "93.184.216.34/32", "dev", "lo"], check=True)
def greet(server):
    while True:
        with server.accept()[0] as client:
            client.sendall(b"hello")
servers = [socket.create_server((address, 8080)) for address in ("93.184.216.34", "127.0.0.1")]
for server in servers:
    threading.Thread(target=greet, args=[server], daemon=True).start()
sandbox, program, *options = sys.argv[1:]
done = subprocess.run([sandbox, *options, "--", "/usr/bin/python3", "-I", "-c", program], capture_output=True, text=True)
sys.exit(done.stderr) if done.returncode else print(done.stdout)
"""
PROGRAM = """
import errno, json, socket, threading
said = {}
def tried(name, what):
    try:
        said[name] = what()
    except OSError as error:
        said[name] = errno.errorcode[error.errno]
def greeted(address):
    with socket.create_connection((address, 8080), 60) as s:
        return s.recv(10).decode()
def sent(how):
    with socket.socket() as s:
        how(s)
        return "sent"
for address in "93.184.216.34", "127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1":
    tried(address, lambda: greeted(address))
thread = threading.Thread(target=tried, args=["thread", lambda: greeted("93.184.216.34")])
thread.start(); thread.join()
tried("unix", lambda: str(socket.socket(socket.AF_UNIX)))
tried("datagrams", lambda: str(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).family))
tried("mptcp", lambda: str(socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).family))
tried("listening", lambda: sent(lambda s: s.listen(1)))
tried("fast open", lambda: sent(lambda s: s.sendto(b"x", 0x20000000, ("127.0.0.1", 8080))))
tried("fast open, a message", lambda: sent(lambda s: s.sendmsg([b"x"], [], 0x20000000, ("127.0.0.1", 8080))))
print(json.dumps(said))
"""


# A container that hides a part of its /proc: a room within it can have none.
HIDDEN = """
import os, subprocess, sys
subprocess.run(["mount", "--bind", "/dev/null", "/proc/version"], check=True)
done = subprocess.run(sys.argv[1:], capture_output=True, text=True, timeout=60)
print(done.returncode, done.stderr, done.stdout)
"""


@unittest.skipUnless(can_be_alone() and os.path.exists("/proc/version"), "no user namespaces here, or nothing to hide")
class Hidden(unittest.TestCase):
    def said(self, program, *options):
        sandbox = harness.BUILD / "lib/tool/troupe-sandbox"
        done = subprocess.run(["unshare", "-Urm", PYTHON, "-c", HIDDEN, sandbox, *options, "--", PYTHON, "-I", "-c", program],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_memory_counts_where_a_room_has_no_proc(self):
        self.assertIn("[]", self.said("import os; print(os.listdir('/proc'))"), "it has none")
        many = "import os\nfor i in range(5):\n    if os.fork() == 0:\n        x = bytearray(os.urandom(1 << 20) * 60)\n        while True: pass\nfor i in range(5): os.wait()\nprint('fine')"
        said = self.said(many, "--memory", str(160 << 20), "--processes", "8")
        self.assertIn("together held more memory than the 167772160 bytes", said)
        self.assertTrue(said.startswith("137 "), said)
        said = self.said("import os\nif os.fork() == 0: os._exit(0)\nos.wait()\nprint('fine')", "--memory", str(160 << 20), "--processes", "8")
        self.assertTrue(said.startswith("0 ") and "fine" in said, said)


@unittest.skipUnless(can_be_alone() and shutil.which("ip"), "no user namespaces here, or no `ip`")
class Network(unittest.TestCase):
    def said(self, *options):
        sandbox = harness.BUILD / "lib/tool/troupe-sandbox"
        done = subprocess.run(["unshare", "-Urn", PYTHON, "-c", HOST, sandbox, PROGRAM, *options], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_the_public_internet_and_nothing_else(self):
        said = self.said("--network")
        self.assertEqual((said.pop("93.184.216.34"), said.pop("thread")), ("hello", "hello"))
        self.assertEqual(said.pop("unix"), "EAFNOSUPPORT")
        self.assertEqual(set(said.values()), {"EACCES", "EPERM"}, said)

    def test_all_of_the_hosts_network(self):
        said = self.said("--network", "--private")
        self.assertEqual((said["93.184.216.34"], said["127.0.0.1"], said["listening"]), ("hello", "hello", "sent"))
        self.assertEqual(said["unix"], "EAFNOSUPPORT")

    def test_none(self):
        said = self.said()
        self.assertEqual((said["93.184.216.34"], said["datagrams"]), ("EAFNOSUPPORT", "EAFNOSUPPORT"), said)


if __name__ == "__main__":
    harness.main()
