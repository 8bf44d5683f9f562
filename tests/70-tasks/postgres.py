"""A PostgreSQL server of a test's own: Debian's programs, a directory in /tmp, a Unix socket in it, no TCP port."""
import ctypes
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import harness

PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
FOUND = bool(PROGRAMS)


class Server:
    """server.conninfo_file: for --conninfo. As root it runs as the user postgres. It ends with the tests of the class."""

    def __init__(self, tests):
        self.directory = tempfile.mkdtemp(prefix="troupe-postgres-")
        tests.addClassCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self.user:
            os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        self._run("initdb", "-D", self.directory + "/data", "-U", "troupe", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        self.conninfo_file = self.directory + "/conninfo"
        with open(os.open(self.conninfo_file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"host={self.directory} dbname=postgres user=troupe\n")
        self.process = None
        tests.addClassCleanup(self.stop)
        self.start()

    def _become(self):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # with its parent
        if self.user:
            os.setgid(self.user.pw_gid)
            os.setgroups([])
            os.setuid(self.user.pw_uid)

    def _run(self, name, *arguments):
        subprocess.run([f"{PROGRAMS[-1]}/{name}", *arguments], check=True, preexec_fn=self._become, cwd="/",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        self.log = open(self.directory + "/log", "ab")
        self.process = subprocess.Popen(
            [f"{PROGRAMS[-1]}/postgres", "-D", self.directory + "/data", "-k", self.directory, "-c", "listen_addresses=",
             "-c", "shared_buffers=16MB", "-c", "max_connections=20", "-c", "dynamic_shared_memory_type=mmap"],
            preexec_fn=self._become, cwd="/", stdout=self.log, stderr=self.log)
        harness.wait_until(self._is_ready, "PostgreSQL to be ready")

    def _is_ready(self):
        try:
            lines = pathlib.Path(self.directory, "data/postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].startswith("ready")

    def sql(self, text):
        """What a query says: a list of lines."""
        done = subprocess.run([f"{PROGRAMS[-1]}/psql", "-XAtq", "-h", self.directory, "-U", "troupe", "-d", "postgres", "-c", text],
                              check=True, capture_output=True, text=True)
        return done.stdout.split("\n")[:-1]

    def try_sql(self, text):
        """The same; whoever ends it is right."""
        try:
            return self.sql(text)
        except subprocess.CalledProcessError as error:
            return error.stderr

    def stop(self):
        """An immediate shutdown: as a crash, but nothing is left behind."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        self.log.close()


class Tables:
    """With a test's class, before its other ones: `database` is the class's server, `table` a table of each test's own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database = Server(cls)

    def setUp(self):
        super().setUp()
        if self.database.process.poll() is not None:
            self.database.start()  # the test before this one has failed
        self.table = self.id().rpartition(".")[2][:60].lower()
