"""A real llama-server with a tiny model, for tests.

The server: TROUPE_LLAMA_SERVER, or that of the path, or that in the Debian sid at TROUPE_SID (debootstrap --variant=minbase
--include=llama.cpp-tools sid DIR; needs root). The model: TROUPE_LLAMA_MODEL, or ../shared/models/stories260K.gguf. Where they are not there,
`missing` says why, and a test is skipped.
"""
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

import harness

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODEL = os.environ.get("TROUPE_LLAMA_MODEL", os.path.join(ROOT, "../shared/models/stories260K.gguf"))
SID = os.environ.get("TROUPE_SID")
SERVER = os.environ.get("TROUPE_LLAMA_SERVER") or shutil.which("llama-server")
START = 120.0


def missing():
    if not os.path.exists(MODEL):
        return f"no model {os.path.normpath(MODEL)}"
    if SERVER or SID and os.geteuid() == 0 and os.path.exists(os.path.join(SID, "usr/bin/llama-server")):
        return None
    return "no llama-server: set TROUPE_LLAMA_SERVER or TROUPE_SID"


def command():
    if SERVER:
        return [SERVER], MODEL
    inside = "/tmp/" + os.path.basename(MODEL)
    shutil.copy(MODEL, SID + inside)
    return ["chroot", SID, "llama-server"], inside


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def serve(test):
    """One that answers, until the test ends: its base URL."""
    program, path = command()
    port = free_port()
    log = open(os.path.join(test.directory, "llama.log"), "wb")
    test.addCleanup(log.close)
    server = subprocess.Popen([*program, "-m", path, "--host", "127.0.0.1", "--port", str(port), "-c", "8192", "-np", "2", "--jinja",
                               "--override-kv", "llama.context_length=int:4096", "--embeddings", "--pooling", "mean", "--offline", "--metrics"],
                              stdout=log, stderr=log)
    test.addCleanup(server.wait)
    test.addCleanup(server.kill)

    def healthy():
        test.assertIsNone(server.poll(), "llama-server ended")
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False
    harness.wait_until(healthy, "llama-server is up", START)
    return f"http://127.0.0.1:{port}/v1"


def predicted(base_url):
    """How many tokens the model of this server has written so far, as the server itself counts."""
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("llamacpp:tokens_predicted_total "))


def main():
    reason = missing()
    if reason:
        print(f"skipped: {reason}")
        raise SystemExit(77)
    harness.main()
