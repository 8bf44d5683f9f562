"""A real Prometheus for a test: with the configuration of k8s/observability, over the targets of a fleet that runs."""
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import harness

PLACE = harness.ROOT / "k8s" / "observability"
PROGRAM = shutil.which("prometheus")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Prometheus:
    """Scrapes each second what `targets` (a fleet's directory `metrics`) names, and evaluates the alerts."""

    def __init__(self, test, targets):
        config = (PLACE / "prometheus.yml").read_text().replace("/targets/", f"{targets}/").replace("5s", "1s")
        with open(os.path.join(test.directory, "prometheus.yml"), "w", encoding="utf-8") as file:
            file.write(config)
        shutil.copy(PLACE / "alerts.yml", test.directory)
        self.url = f"http://127.0.0.1:{free_port()}/api/v1/"
        log = open(os.path.join(test.directory, "prometheus.log"), "w", encoding="utf-8")
        test.addCleanup(log.close)
        server = subprocess.Popen([PROGRAM, f"--config.file={test.directory}/prometheus.yml", f"--storage.tsdb.path={test.directory}/tsdb",
                                   f"--web.listen-address={urllib.parse.urlsplit(self.url).netloc}"], stdout=log, stderr=log, cwd=test.directory,
                                  preexec_fn=harness._die_with_parent)
        test.addCleanup(server.wait)
        test.addCleanup(server.kill)

    def ask(self, path, **words):
        """The data of an answer; an error of its says what is wrong with the query; {} until it is there."""
        try:
            with urllib.request.urlopen(self.url + path + "?" + urllib.parse.urlencode(words), timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:
                return {}
            raise AssertionError(f"{words}: {error.read().decode()}") from error
        except OSError:
            return {}

    def series(self, query):
        """[(labels, value)] of what an expression is now."""
        return [(one["metric"], float(one["value"][1])) for one in self.ask("query", query=query).get("result", [])]

    def value(self, query):
        """Of an expression that is one number; None: there is nothing."""
        found = self.series(query)
        return found[0][1] if found else None
