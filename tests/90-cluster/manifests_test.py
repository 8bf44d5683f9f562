#!/usr/bin/env python3
"""`troupe up --on kubernetes`: the objects that it makes, what kustomize makes of them, and the way through kubectl.

The objects are checked against the published schemas where the npm package is (tools/setup --kubernetes), and rendered by kubectl where
that is. There is no cluster: kubectl_stand_in keeps what is applied.
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

HERE = pathlib.Path(__file__).resolve().parent
K8S = harness.ROOT / "k8s"


def schemas():
    """Where the npm package is, or None."""
    data = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share")
    place = pathlib.Path(os.environ.get("TROUPE_KUBERNETES_MODELS") or data / "troupe" / "kubernetes")
    return place if (place / "node_modules/@kubernetes-models/keda").exists() and shutil.which("node") else None


def documents(text):
    """YAML documents; the commands that print them have no JSON."""
    import yaml
    return [one for one in yaml.safe_load_all(text) if one]


GROWS = "fleet: office\nbroker: {journal: true}\ncoordinator: {}\nagents:\n" \
        "  - {name: reader, behaviour: echo, services: [read], durable: true, autoscale: {min: 2, max: 8}}\n"


class Manifests(harness.SystemTest):
    def generated(self, *more, fleet=K8S / "fleet.yaml"):
        done = self.troupe("up", fleet, "--on", "kubernetes", "--namespace", "troupe", "--image", "troupe:0.1.0", "--dry-run", *more)
        self.assertEqual(done.code, 0, done)
        return done.out

    def assert_valid(self, objects):
        place = schemas()
        if not place:
            self.skipTest("no schemas of Kubernetes: tools/setup --kubernetes")
        done = subprocess.run(["node", str(HERE / "validate.mjs"), str(place)], input=json.dumps(list(objects)), capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def kustomized(self, name):
        if not shutil.which("kubectl"):
            self.skipTest("kubectl is not here")
        done = subprocess.run(["kubectl", "kustomize", str(K8S / name)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return documents(done.stdout)

    def test_the_base_is_what_is_generated(self):
        self.assertEqual((K8S / "base" / "objects.yaml").read_text(), self.generated(),
                         "make k8s/base/objects.yaml anew: the command is in k8s/base/kustomization.yaml")

    def test_whatever_ends_is_started_again(self):
        """The supervisor above an agent that gave up or hung, by its exit code."""
        pods = [one["spec"]["template"]["spec"] for one in documents(self.generated()) if one["kind"] in ("Deployment", "StatefulSet")]
        self.assertGreater(len(pods), 4)
        self.assertEqual({pod.get("restartPolicy", "Always") for pod in pods}, {"Always"})

    def test_who_cannot_go_down_to_none_is_told(self):
        done = self.troupe("up", K8S / "fleet.yaml", "--on", "kubernetes", "--namespace", "troupe", "--image", "troupe:0.1.0", "--dry-run")
        self.assertRegex(done.err, r"fleet.yaml:\d+: reader: autoscale.min is 0, and a HorizontalPodAutoscaler goes down to 1")
        self.assertNotIn("clerk", done.err)

    def test_nothing_secret_is_printed(self):
        kinds = {one["kind"] for one in documents(self.generated())}
        self.assertFalse(kinds & {"Secret", "ConfigMap"}, kinds)
        self.assertIn("NetworkPolicy", kinds)

    def test_each_object_is_as_its_schema_says(self):
        self.assert_valid(documents(self.generated()))
        for fleet in ("digest", "research"):
            self.assert_valid(documents(self.generated(fleet=harness.ROOT / "examples" / f"{fleet}.yaml")))

    def test_a_durable_group_that_grows_is_as_its_schemas_say(self):
        fleet = pathlib.Path(self.directory, "grows.yaml")
        fleet.write_text(GROWS)
        objects = documents(self.generated(fleet=fleet))
        found = {(one["kind"], one["metadata"]["name"]): one for one in objects}
        target = found["HorizontalPodAutoscaler", "reader"]["spec"]["scaleTargetRef"]
        self.assertEqual(found["StatefulSet", "reader"]["apiVersion"], target["apiVersion"])
        self.assertEqual((target["kind"], target["name"]), ("StatefulSet", "reader"))
        self.assertNotIn("replicas", found["StatefulSet", "reader"]["spec"])
        self.assert_valid(objects)

    def test_what_is_wrong_shows_in_the_schemas(self):
        place = schemas()
        if not place:
            self.skipTest("no schemas of Kubernetes: tools/setup --kubernetes")
        wrong = [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"replicas": "many"}},
                 {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": {"name": "x"}, "spec": {"podMetricsEndpoints": "metrics"}},
                 {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "x"}, "spec": {"triggers": [{}]}}]
        done = subprocess.run(["node", str(HERE / "validate.mjs"), str(place)], input=json.dumps(wrong), capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (1, 3), done.stdout)

    def test_overlays(self):
        for name in ("base", "overlays/dev", "overlays/prod"):
            objects = self.kustomized(name)
            self.assert_valid(objects)
            by_name = {(one["kind"], one["metadata"]["name"]): one for one in objects}
            brokers = by_name["StatefulSet", "office"]["spec"]
            self.assertEqual(brokers["replicas"], 1 if name.endswith("dev") else 3)
            self.assertEqual(("PodDisruptionBudget", "office") in by_name, not name.endswith("dev"))
            self.assertEqual(("ServiceMonitor", "office") in by_name, name.endswith("prod"))
            image = brokers["template"]["spec"]["containers"][0]["image"]
            self.assertEqual(image, {"base": "troupe:0.1.0", "overlays/dev": "localhost/troupe:dev", "overlays/prod": "registry.example/troupe:0.1.0"}[name])


class Through(harness.SystemTest):
    """The verbs, by way of kubectl."""

    def setUp(self):
        super().setUp()
        place = pathlib.Path(self.directory)
        (place / "bin").mkdir()
        (place / "bin" / "kubectl").symlink_to(HERE / "kubectl_stand_in")
        self.env = {"STAND_IN": self.directory, "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
        (place / "fleet.yaml").write_text(
            "fleet: office\nagents:\n  - {name: reader, behaviour: echo, count: 3, services: [read]}\n  - {name: editor, behaviour: echo}\n")

    def ok(self, *arguments):
        done = self.troupe(*arguments, env=self.env)
        self.assertEqual(done.code, 0, done)
        return done

    def applied(self):
        return json.loads((pathlib.Path(self.directory) / "applied.json").read_text())

    def asked(self, word):
        lines = (pathlib.Path(self.directory) / "asked").read_text().splitlines()
        return [one for one in map(json.loads, lines) if word in one]

    def test_from_up_to_down(self):
        done = self.ok("up", "fleet.yaml", "--on", "kubernetes", "--context", "there", "--image", "i:1")
        self.assertIn("5 of 5 ready", done.err)
        self.assertIn("ready in", done.err)
        self.assertEqual(self.asked("apply")[0][:4], ["--context", "there", "--namespace", "office"])
        applied = self.applied()
        names = {(one["kind"], one["metadata"]["name"]) for one in applied}
        self.assertTrue({("Namespace", "office"), ("Secret", "office-broker-key"), ("Secret", "office-reader-key"), ("ConfigMap", "office-certs"),
                         ("StatefulSet", "office"), ("Deployment", "reader")} <= names, names)
        # No key is where somebody could read it: in a command line, or in what was said.
        secret = (pathlib.Path(self.directory) / ".troupe/office/certs/secret/broker.yaml").read_text().split("secret-key: '")[1].split("'")[0]
        self.assertNotIn(secret, done.out + done.err + (pathlib.Path(self.directory) / "asked").read_text())

        # The broker of the cluster, and an agent with the certificate that its pod would have.
        state = f"{self.directory}/.troupe/office/certs"
        broker = self.ready("broker", "--listen", "tcp://127.0.0.1:0", "--stream", "tcp://0.0.0.0:0", "--http", "none", "--platform", "office-0",
                            "--cert", f"{state}/secret/broker.yaml", "--certs", state)
        self.forward_to(broker)
        self.spawn("agentd", "--connect", broker.endpoint, "--cert", f"{state}/secret/agent.reader.yaml", "--name", "reader-7c9-xyz",
                   "--behaviour", "echo", "--service", "read")
        harness.wait_until(lambda: self.troupe("ps", "-o", "json", env=self.env).out.count("reader-7c9-xyz"), "the agent")
        self.assertEqual(self.ok("ask", "svc:read", "hello").out, "hello\n")
        self.assertIn("service/office-broker", self.asked("port-forward")[0])

        self.ok("scale", "reader=5", "--no-wait")
        self.assertIn("--replicas=5", self.asked("scale")[0])
        self.ok("attach", "reader", "--count", "2")
        self.assertIn("--replicas=7", self.asked("scale")[1])
        # One more of what runs, whoever scaled it.
        subprocess.run(["kubectl", "scale", "deployment", "--selector", "app.kubernetes.io/instance=office,troupe.dev/group=reader", "--replicas=20"],
                       env={**os.environ, **self.env}, check=True)
        self.ok("attach", "reader")
        self.assertIn("--replicas=21", self.asked("scale")[3])
        self.assertEqual(self.troupe("attach", "nobody", env=self.env).code, 2)
        self.assertEqual(self.troupe("scale", "editor=2", env=self.env).code, 3)
        self.assertIn("registered", self.ok("logs", "reader", "-n", "5").out)
        self.assertIn("app.kubernetes.io/instance=office,troupe.dev/group=reader", self.asked("logs")[0])
        self.ok("down", "office")
        self.assertNotIn("persistentvolumeclaims", self.asked("delete")[0][5])
        self.assertEqual(self.troupe("down", "office", env=self.env).code, 2)

    def forward_to(self, broker):
        for number, endpoint in ((5570, broker.endpoint), (5571, broker.stream)):
            (pathlib.Path(self.directory) / f"port-{number}").write_text(endpoint.rsplit(":", 1)[1])

    def applies(self):
        return [json.loads(line) for line in (pathlib.Path(self.directory) / "applies").read_text().splitlines()]

    def test_a_certificate_is_taken_back_in_the_cluster(self):
        """The brokers' ConfigMap says so, and keys rotate after it without the one that has ended."""
        mounted = pathlib.Path(self.directory) / "mounted"
        mounted.mkdir()
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:1")
        broker = self.ready("broker", "--listen", "tcp://127.0.0.1:0", "--stream", "tcp://0.0.0.0:0", "--http", "none", "--platform", "office-0",
                            "--cert", mounted / "secret/broker.yaml", "--certs", mounted)
        self.forward_to(broker)
        self.spawn("agentd", "--connect", broker.endpoint, "--cert", mounted / "secret/agent.editor.yaml", "--name", "editor", "--behaviour", "echo")
        harness.wait_until(lambda: "editor" in {row["name"] for row in self.ok("ps", "-o", "json").json()}, "the agent")
        done = self.ok("cert", "revoke", "agent.editor", "--fleet", "office", "-o", "json")
        self.assertIn("brokers that have read the certificates: 1 of 1", done.err)
        self.assertEqual({row["name"]: row["state"] for row in done.json()}["agent.editor"], "revoked")
        self.assertEqual(self.applies()[-1], ["ConfigMap/office-certs"])
        self.assertIn("revoked: ", (mounted / "agent.editor.yaml").read_text())
        harness.wait_until(lambda: "B048" in broker.err, "the broker to end its session")
        self.ok("cert", "rotate", "--fleet", "office", "--grace", "1h")
        self.assertEqual(self.applies()[-1], ["Secret/office-reader-key"])

    def test_keys_rotate_with_two_of_them_good(self):
        mounted = pathlib.Path(self.directory) / "mounted"
        mounted.mkdir()
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:1")
        broker = self.ready("broker", "--listen", "tcp://127.0.0.1:0", "--stream", "tcp://0.0.0.0:0", "--http", "none", "--platform", "office-0",
                            "--cert", mounted / "secret/broker.yaml", "--certs", mounted)
        self.forward_to(broker)
        old = {}
        for name in ("reader", "editor"):  # what somebody else may have of it
            old[name] = pathlib.Path(self.directory) / f"old.{name}.yaml"
            old[name].write_text((mounted / f"secret/agent.{name}.yaml").read_text())
            old[name].chmod(0o600)
        reader = self.spawn("agentd", "--connect", broker.endpoint, "--cert", mounted / "secret/agent.reader.yaml", "--name", "reader-1",
                            "--behaviour", "echo", "--service", "read")
        late = self.spawn("agentd", "--connect", broker.endpoint, "--cert", old["editor"], "--name", "editor", "--behaviour", "echo")
        harness.wait_until(lambda: {"reader-1", "editor"} <= {row["name"] for row in self.ok("ps", "-o", "json").json()}, "both agents")

        done = self.ok("cert", "rotate", "--fleet", "office", "--grace", "1h", "-o", "json")
        rows = {row["name"]: row for row in done.json()}
        self.assertEqual({name: row["state"] for name, row in rows.items()},
                         {"broker": "valid", "fleet": "rotating", "operator": "rotating", "agent.reader": "rotating", "agent.editor": "rotating"})
        self.assertEqual(self.applies()[-2:], [["ConfigMap/office-certs"], self.applies()[-1]])
        self.assertEqual(sorted(self.applies()[-1]), ["Secret/office-editor-key", "Secret/office-reader-key"])
        self.assertNotEqual((mounted / "secret/agent.reader.yaml").read_text(), old["reader"].read_text())
        # The old key is as good as the new one, for who goes on and for who comes.
        for whom in ("reader-1", "editor"):
            self.assertEqual(self.ok("ask", whom, "hello").out, "hello\n")
        second = self.spawn("agentd", "--connect", broker.endpoint, "--cert", old["reader"], "--name", "reader-2", "--behaviour", "echo")
        second.wait_err("registered")
        second.stop()
        again = {row["name"]: row for row in self.ok("cert", "rotate", "--fleet", "office", "--grace", "1h", "-o", "json").json()}
        self.assertEqual(again, rows)  # brought again, and nothing new

        # Its time is over: who has the new one goes on, in the same process, and who has not is kept out.
        self.ok("cert", "rotate", "--fleet", "office", "--finish")
        kept_out = lambda: self.troupe("ask", "editor", "x", "--timeout", "2s", env=self.env).code != 0  # noqa: E731
        harness.wait_until(kept_out, "the holder of an old key to be gone")
        harness.wait_until(lambda: self.troupe("ask", "reader-1", "hello", env=self.env).out == "hello\n", "the other one to come again")
        self.assertIsNone(reader.process.poll())
        harness.wait_until(lambda: "B048" in broker.err, "the broker to say so")
        self.assertIsNone(late.process.poll())  # it knocks on
        # Of a key that ends by itself nobody has to say so.
        self.ok("cert", "rotate", "--fleet", "office", "--grace", "1s")
        old["reader"].write_text((mounted / "secret/agent.reader.yaml").read_text())
        harness.wait_until(lambda: not [row for row in self.ok("cert", "ls", "--certs", str(mounted), "-o", "json").json() if row["state"] == "rotating"],
                           "the old keys to end")
        harness.wait_until(lambda: self.troupe("ask", "reader-1", "hello", env=self.env).out == "hello\n", "the reader")

    def two_brokers(self):
        """As pods that are linked; the second one's node takes its time with changed files."""
        place = pathlib.Path(self.directory)
        (place / "fleet.yaml").write_text("fleet: office\nbroker: {placement: {replicas: 2}}\nagents:\n  - {name: reader, behaviour: echo}\n"
                                          "  - {name: editor, behaviour: echo}\n")
        folders = [place / "mounted", place / "mounted-1"]
        for folder in folders:
            folder.mkdir()
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:1")
        (place / "mounted-1.later").touch()
        brokers = [self.ready("broker", "--listen", "tcp://127.0.0.1:0", "--stream", "tcp://0.0.0.0:0", "--http", "none", "--platform", f"office-{i}",
                              "--cert", folder / "secret/broker.yaml", "--certs", folder, "--federation", f"ipc://{place}/{i}.peers",
                              "--peer", f"ipc://{place}/{1 - i}.peers") for i, folder in enumerate(folders)]
        self.forward_to(brokers[0])
        harness.wait_until(lambda: {row["platform"]: row["state"] for row in self.ok("brokers", "-o", "json").json()}.get("office-1") == "up", "the link")
        return brokers

    def waits_for_the_second(self, *words):
        """A call that goes on when the second broker has the files too, and not before."""
        began = len(self.applies())
        call = self.spawn("troupe", *words, "-o", "json", env=self.env)
        call.wait_err("brokers that have read the certificates: 1 of 2; not yet: office-1 (has not read them yet)")
        self.assertIsNone(call.process.poll())
        self.assertEqual(self.applies()[began:], [["ConfigMap/office-certs"]])  # Secrets only after
        subprocess.run(["kubectl", "mount", "mounted-1"], env={**os.environ, **self.env}, check=True)
        self.assertEqual(call.wait().code, 0, call.err)
        self.assertIn("brokers that have read the certificates: 2 of 2", call.err)
        return self.applies()[began + 1:]

    def test_every_broker_is_waited_for(self):
        brokers = self.two_brokers()
        keys = sorted(["Secret/office-editor-key", "Secret/office-reader-key"])
        old = pathlib.Path(self.directory) / "old.yaml"
        old.write_text((pathlib.Path(self.directory) / ".troupe/office/certs/secret/operator.yaml").read_text())
        old.chmod(0o600)
        by_the_old_key = lambda: self.troupe("ps", "--connect", brokers[1].endpoint, "--cert", str(old), "--timeout", "2s").code  # noqa: E731
        self.assertEqual([sorted(one) for one in self.waits_for_the_second("cert", "rotate", "--fleet", "office", "--grace", "1h")], [keys])
        self.assertEqual(by_the_old_key(), 0)
        self.assertEqual([sorted(one) for one in self.waits_for_the_second("cert", "rotate", "--fleet", "office", "--finish")], [keys])
        self.assertNotEqual(by_the_old_key(), 0)
        self.waits_for_the_second("cert", "revoke", "agent.editor", "--fleet", "office")
        # One that is away is named, and what that means.
        brokers[1].stop()
        done = self.troupe("cert", "revoke", "agent.reader", "--fleet", "office", "--timeout", "1s", env=self.env, patience=120)
        self.assertEqual(done.code, 4, done)
        self.assertIn("office-1 (cannot be asked: is it running, and linked with the others?)", done.err)
        self.assertIn("it may be let in there yet", done.err)
        # Nobody is left to ask them.
        done = self.ok("cert", "revoke", "operator", "--fleet", "office")
        self.assertIn("kubectl -n office rollout restart statefulset/office", done.err)

    def test_a_rotation_that_nobody_hears_of_is_not_brought_to_its_end(self):
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:1")
        done = self.troupe("cert", "rotate", "--fleet", "office", "--timeout", "1s", env=self.env, patience=120)
        self.assertEqual(done.code, 4, done)
        self.assertIn("the same again goes on with it", done.err)
        self.assertEqual(self.applies()[-1], ["ConfigMap/office-certs"])
        self.assertEqual(self.troupe("cert", "rotate", "--fleet", "nobody", env=self.env).code, 2)
        self.assertEqual(self.troupe("cert", "rotate", env=self.env).code, 1)

    def test_keys_alone(self):
        done = self.ok("up", "fleet.yaml", "--on", "kubernetes", "--keys")
        kinds = [one["kind"] for one in documents(done.out)]
        self.assertEqual(sorted(kinds), ["ConfigMap", "Secret", "Secret", "Secret"])
        again = self.ok("up", "fleet.yaml", "--on", "kubernetes", "--keys")
        self.assertEqual(again.out, done.out)  # keys stay

    STATE = """
fleet: office
broker: {journal: postgres}
state: {postgres: ./pg, redis: ./redis}
coordinator: {}
agents:
  - {name: counter, behaviour: planner, state: postgres}
  - {name: thinker, behaviour: dialogue, mind: models.yaml}
  - {name: echo, behaviour: echo}
"""

    def test_keys_are_not_made_by_a_dry_run(self):
        for words, said in ((("kubernetes", "--keys", "--dry-run"), "twice, once with each"), (("podman", "--keys"), "--keys is for --on kubernetes")):
            done = self.troupe("up", "fleet.yaml", "--on", *words, env=self.env)
            self.assertEqual((done.code, done.out), (1, ""), done)
            self.assertIn(said, done.err)

    def test_servers_that_keep_state(self):
        place = pathlib.Path(self.directory)
        (place / "state.yaml").write_text(self.STATE)
        for name, text in (("pg", "host=db.example password=hush"), ("redis", "redis://:hush@cache.example/1")):
            (place / name).write_text(text + "\n")
            (place / name).chmod(0o600)
        done = self.ok("up", "state.yaml", "--on", "kubernetes", "--dry-run")
        self.assertNotIn("hush", done.out + done.err)
        objects = {(one["kind"], one["metadata"]["name"]): one for one in documents(done.out)}
        pods = {name: one["spec"]["template"]["spec"] for (_, name), one in objects.items() if "template" in one.get("spec", {})}
        commands = {name: pod["containers"][0]["command"] for name, pod in pods.items()}
        volumes = {name: {volume["name"] for volume in pod["volumes"]} - {"run", "tmp", "key", "certs"} for name, pod in pods.items()}
        job, = [name for name in pods if name.startswith("office-migrate-")]
        self.assertEqual(volumes, {"office": {"postgres"}, "coordinator": {"postgres"}, "counter": {"postgres"}, "thinker": {"redis"}, "echo": set(),
                                   job: {"postgres"}})
        more = self.STATE.replace("coordinator: {}", "coordinator: {placement: {memory: 200Mi}}")
        (place / "more.yaml").write_text(more)
        other, = [one["metadata"]["name"] for one in documents(self.ok("up", "more.yaml", "--on", "kubernetes", "--dry-run").out) if one["kind"] == "Job"]
        self.assertNotEqual(other, job, "a Job cannot be changed")
        self.assertEqual(commands[job], ["troupe-coordinator", "--migrate", "--store", "postgres", "--conninfo", "/etc/troupe/postgres/conninfo",
                                         "--schema", "troupe_office"])
        for name, words in (("office", "--journal postgres --journal-conninfo /etc/troupe/postgres/conninfo --journal-table troupe_journal_*"),
                            ("coordinator", "--store postgres --conninfo /etc/troupe/postgres/conninfo --schema troupe_office"),
                            ("counter", "--state postgres --state-conninfo /etc/troupe/postgres/conninfo --state-table troupe_state_office_*")):
            self.assertIn(words, " ".join(commands[name]))
        self.assertNotIn(str(place), json.dumps(list(pods.values())))
        self.assertIn({"name": "TROUPE_REDIS_FILE", "value": "/etc/troupe/redis/url"}, pods["thinker"]["containers"][0]["env"])
        policies = {name for kind, name in objects if kind == "NetworkPolicy" and name.endswith("-database")}
        self.assertEqual(policies, {f"office-{who}-database" for who in ("broker", "coordinator", "migrate", "counter")})
        keys = {one["metadata"]["name"]: one for one in documents(self.ok("up", "state.yaml", "--on", "kubernetes", "--keys").out)}
        decoded = {name: {key: base64.b64decode(value).decode() for key, value in keys[name]["data"].items()} for name in ("office-postgres", "office-redis")}
        self.assertEqual(decoded, {"office-postgres": {"conninfo": "host=db.example password=hush\n"},
                                   "office-redis": {"url": "redis://:hush@cache.example/1\n"}})
        (place / "redis").chmod(0o644)
        done = self.troupe("up", "state.yaml", "--on", "kubernetes", "--keys", env={"PATH": os.environ["PATH"]})
        self.assertEqual(done.code, 3, done)
        self.assertIn("chmod 600", done.err)
        dry = self.troupe("up", "state.yaml", "--on", "kubernetes", "--dry-run", env={"PATH": os.environ["PATH"]})
        self.assertEqual((dry.code, dry.out), (3, ""), dry)
        self.assertIn(f"chmod 600 {place / 'redis'}", dry.err)

    GATEWAY = """
fleet: office
gateway: {options: {users: ./people, oidc-secret: ./hush, oidc-issuer: "https://id.example", oidc-client: troupe, host: fleet.example, body-max: 16MiB}}
agents:
  - {name: echo, behaviour: echo}
"""

    def test_files_of_the_gateway(self):
        """Users and the provider's secret are in a Secret, and in nothing that is printed."""
        place = pathlib.Path(self.directory)
        (place / "gateway.yaml").write_text(self.GATEWAY)
        made = self.troupe("user", "add", "ann", "--role", "operator", "--users", place / "people", "--password-stdin", text="correct horse battery\n")
        self.assertEqual(made.code, 0, made)
        (place / "hush").write_text("a secret of the client\n")
        (place / "hush").chmod(0o600)
        done = self.ok("up", "gateway.yaml", "--on", "kubernetes", "--dry-run")
        self.assertNotIn("a secret of", done.out + done.err)
        objects = {(one["kind"], one["metadata"]["name"]): one for one in documents(done.out)}
        pod = objects["Deployment", "gateway"]["spec"]["template"]["spec"]
        self.assertEqual(pod["containers"][0]["command"][-6:], ["--users=/etc/troupe/gateway/users", "--oidc-secret=/etc/troupe/gateway/oidc-secret",
                                                              "--oidc-issuer=https://id.example", "--oidc-client=troupe", "--host=fleet.example", "--body-max=16MiB"])
        ingresses = [one["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"] for (kind, _), one in objects.items() if kind == "Ingress"]
        self.assertEqual(ingresses, ["16777216"] * 3)
        self.assertIn({"name": "gateway", "secret": {"secretName": "office-gateway", "defaultMode": 0o440, "optional": False}}, pod["volumes"])
        self.assertIn({"name": "gateway", "mountPath": "/etc/troupe/gateway", "readOnly": True}, pod["containers"][0]["volumeMounts"])
        self.assertIn(("NetworkPolicy", "office-gateway-out"), objects)  # it asks the provider
        keys = {one["metadata"]["name"]: one for one in documents(self.ok("up", "gateway.yaml", "--on", "kubernetes", "--keys").out)}
        decoded = {name: base64.b64decode(value) for name, value in keys["office-gateway"]["data"].items()}
        self.assertEqual(decoded, {"users": (place / "people").read_bytes(), "oidc-secret": (place / "hush").read_bytes()})
        for name in ("hush", "people"):  # what everybody may read is no secret
            (place / name).chmod(0o644)
            done = self.troupe("up", "gateway.yaml", "--on", "kubernetes", "--keys", env=self.env)
            self.assertEqual((done.code, done.out), (3, ""), done)
            self.assertIn(f"chmod 600 {place / name}", done.err)
            dry = self.troupe("up", "gateway.yaml", "--on", "kubernetes", "--dry-run", env=self.env)
            self.assertEqual((dry.code, dry.out), (3, ""), dry)
            self.assertIn(f"chmod 600 {place / name}", dry.err)
            (place / name).chmod(0o600)
        (place / "certificate").write_text("of a certifier\n")  # this one is none
        (place / "certificate").chmod(0o644)
        (place / "open.yaml").write_text(self.GATEWAY.replace("oidc-secret: ./hush", "oidc-secret: ./hush, oidc-ca: ./certificate"))
        keys = {one["metadata"]["name"]: one for one in documents(self.ok("up", "open.yaml", "--on", "kubernetes", "--keys").out)}
        self.assertIn("oidc-ca", keys["office-gateway"]["data"])
        (place / "cache").write_text("redis://:hush@cache.example\n")
        (place / "cache").chmod(0o600)
        (place / "shared.yaml").write_text("fleet: office\ngateway: {options: {redis: ./cache}}\nagents: []\n")
        done = self.ok("up", "shared.yaml", "--on", "kubernetes", "--dry-run")
        self.assertIn("--redis=/etc/troupe/gateway/redis", done.out)
        self.assertNotIn("cache.example", done.out + done.err)
        keys = {one["metadata"]["name"]: one for one in documents(self.ok("up", "shared.yaml", "--on", "kubernetes", "--keys").out)}
        self.assertEqual(base64.b64decode(keys["office-gateway"]["data"]["redis"]), b"redis://:hush@cache.example\n")
        (place / "hush").unlink()
        done = self.troupe("up", "gateway.yaml", "--on", "kubernetes", "--keys", env=self.env)
        self.assertEqual(done.code, 3, done)
        self.assertIn("hush", done.err)

    LATE = ("attach", "late", "--timeout", "20s", "--", "sh", "-c", "echo $$ $(POD_NAME)")

    def certificates(self):
        return next(set(one["data"]) for one in self.applied() if one["metadata"]["name"] == "office-certs")

    def test_who_was_attached_goes_on_after_an_upgrade(self):
        """With its certificate, the new image, and the way out that a program has."""
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:1")
        self.ok(*self.LATE)
        self.assertIn("NetworkPolicy/office-late-out", self.applies()[-1])
        key = pathlib.Path(self.directory) / ".troupe/office/certs/secret/agent.late.yaml"
        before = key.read_text()
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:2")
        self.assertEqual(key.read_text(), before)
        self.assertIn("agent.late.yaml", self.certificates())
        self.assertEqual(len(self.applies()[-1]), len(set(self.applies()[-1])))
        self.assertIn("Deployment/late", self.applies()[-1])
        late, = [one for one in self.applied() if one["kind"] == "Deployment" and one["metadata"]["name"] == "late"]
        container = late["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["image"], "i:2")
        self.assertIn("echo $$$$ $$(POD_NAME)", container["command"])  # it is the agent's, not the cluster's
        self.ok("detach", "late")
        self.assertNotIn("late", {one["metadata"]["labels"].get("troupe.dev/group") for one in self.applied()})
        self.assertEqual(self.troupe("detach", "late", env=self.env).code, 2)
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:2")
        self.assertNotIn("agent.late.yaml", self.certificates())
        self.assertIn('no group "typo"', self.troupe("detach", "typo", env=self.env).err)

    def test_what_no_file_says_any_more_can_be_ended(self):
        """A group that was taken out of the fleet file, and one whose own file is broken."""
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:1")
        self.ok(*self.LATE)
        (pathlib.Path(self.directory) / ".troupe/office/attached/late.yaml").write_text("{")
        (pathlib.Path(self.directory) / "fleet.yaml").write_text("fleet: office\nagents:\n  - {name: editor, behaviour: echo}\n")
        self.assertIn("late.yaml", self.troupe("up", "fleet.yaml", "--on", "kubernetes", "--keys", env=self.env).err)
        self.ok("detach", "late")
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:1")
        self.ok("detach", "reader")
        self.assertEqual({one["metadata"]["name"] for one in self.applied() if one["kind"] == "Deployment"}, {"editor"})

    def test_a_fleet_that_begins_anew_has_nobody_who_was_attached_before(self):
        old = pathlib.Path(self.directory) / ".troupe/office/attached/old.yaml"
        old.parent.mkdir(parents=True)
        old.write_text("fleet: office\nagents:\n  - {name: old, behaviour: echo}\n")
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:1")
        self.assertNotIn("Deployment/old", self.applies()[-1])

    def test_what_was_attached_ends_with_its_fleet(self):
        for _ in range(2):
            self.ok("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:1")
            self.ok(*self.LATE)
            self.ok("down", "office")

    def test_a_fleet_that_runs_elsewhere_is_not_forgotten(self):
        self.ok("up", "fleet.yaml", "--on", "kubernetes", "--context", "prod", "--image", "i:1")
        kept = (pathlib.Path(self.directory) / ".troupe/office/apart.json").read_text()
        for place in (("--context", "dev"), ("--context", "prod", "--namespace", "other"), ()):
            done = self.troupe("up", "fleet.yaml", "--on", "kubernetes", *place, "--image", "i:1", env=self.env)
            self.assertEqual(done.code, 3, done)
            self.assertIn("runs already, in the namespace office of the context prod: `troupe down office` ends it", done.err)
        self.assertIn("runs already", self.troupe("up", "fleet.yaml", "--on", "podman", "--image", "i:1", env=self.env).err)
        self.assertEqual((pathlib.Path(self.directory) / ".troupe/office/apart.json").read_text(), kept)

    def test_what_no_cluster_takes_is_refused_here(self):
        place = pathlib.Path(self.directory)
        (place / "more.yaml").write_text("fleet: office\nagents:\n  - {name: reader, behaviour: echo, placement: {memory: 1Gi}}\n")
        pod, = [one for one in documents(self.ok("up", "more.yaml", "--on", "kubernetes", "--dry-run").out) if one["kind"] == "Deployment"]
        self.assertEqual(pod["spec"]["template"]["spec"]["containers"][0]["resources"],
                         {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}})
        for line, why in (("{name: reader, behaviour: echo, placement: {memory: 1Gi, memory-limit: 1000Mi}}", "a memory-limit (1000Mi) of at least the memory"),
                          ("{name: reader, behaviour: echo, placement: {cpu: 2, cpu-limit: 1900m}}", "a cpu-limit (1900m) of at least the cpu"),
                          ("{name: reader, behaviour: echo, placement: {memory-limit: 32Mi}}", "(64Mi where none is said)"),
                          ("{name: office, behaviour: echo, durable: true}", "what the brokers of this fleet are called"),
                          ("{name: office-broker, behaviour: echo}", "what the brokers of this fleet are called")):
            (place / "wrong.yaml").write_text(f"fleet: office\nbroker: {{journal: true}}\nagents:\n  - {line}\n")
            done = self.troupe("up", "wrong.yaml", "--on", "kubernetes", "--dry-run", env=self.env)
            self.assertEqual((done.code, done.out), (3, ""), done)
            self.assertRegex(done.err, r"wrong.yaml:4:\d+")
            self.assertIn(why, done.err)

    def test_of_much_that_kubectl_says_the_error_is_told(self):
        kubectl = pathlib.Path(self.directory) / "bin" / "kubectl"
        kubectl.unlink()
        kubectl.write_text("#!/bin/sh\necho 'Error: the place is taken' >&2\nyes 'a Go struct' | head -n 200 >&2\nexit 1\n")
        kubectl.chmod(0o755)
        done = self.troupe("up", "fleet.yaml", "--on", "kubernetes", "--image", "i:1", env=self.env)
        self.assertEqual(done.code, 3, done)
        self.assertIn("Error: the place is taken", done.err)
        self.assertLess(len(done.err), 1000)

    def test_podman_forgets_what_runs_no_more(self):
        place = pathlib.Path(self.directory)
        (place / "bin" / "podman").symlink_to(HERE / "podman_stand_in")
        (place / "pods.json").write_text("[]")
        (place / ".troupe/office/attached").mkdir(parents=True)
        (place / ".troupe/office/attached/late.yaml").write_text("{}")
        (place / ".troupe/office/apart.json").write_text(json.dumps({"fleet": "office", "on": "podman", "image": "i:1"}))
        self.ok("detach", "late")
        self.assertEqual(self.troupe("detach", "late", env=self.env).code, 2)

    def test_podman_attaches_to_what_runs(self):
        """One more than there are, whoever began them; no pod goes."""
        place = pathlib.Path(self.directory)
        (place / "bin" / "podman").symlink_to(HERE / "podman_stand_in")
        (place / "pods.json").write_text(json.dumps([f"office-reader-{number}" for number in (1, 2, 3, 4, 5)]))
        state = place / ".troupe" / "office"
        state.mkdir(parents=True)
        (state / "apart.json").write_text(json.dumps({"fleet": "office", "on": "podman", "image": "i:1"}))
        (state / "fleet.yaml").write_text((place / "fleet.yaml").read_text())
        self.ok("attach", "reader", "--timeout", "20s")
        self.assertEqual(json.loads((place / "pods.json").read_text()), [f"office-reader-{number}" for number in range(1, 7)])
        self.assertEqual(self.asked("rm"), [])
        self.assertEqual(self.troupe("attach", "nobody", env=self.env).code, 2)

    def test_podman_refuses_what_nobody_would_scale(self):
        place = pathlib.Path(self.directory)
        (place / "grows.yaml").write_text("fleet: office\ncoordinator: {}\nagents:\n"
                                          "  - {name: reader, behaviour: echo, services: [read], autoscale: {min: 2, max: 4}}\n")
        done = self.troupe("up", "grows.yaml", "--on", "podman", "--dry-run", env=self.env)
        self.assertEqual(done.code, 3, done)
        self.assertRegex(done.err, r"grows.yaml:4:\d+: agents\[0\].autoscale: in containers of one machine nobody sees to it")

    def test_podman_volumes_of_another_fleet_stay(self):
        """One whose name begins alike, in podman itself: its volumes as `up` would have it make them."""
        if not shutil.which("podman") or subprocess.run(["podman", "info"], capture_output=True, check=False).returncode != 0:
            self.skipTest("podman is missing, or does not work here")
        place, fleet = pathlib.Path(self.directory), f"t{os.getpid()}"
        names = {fleet: {f"{fleet}-broker-data", f"{fleet}-clerk-data"}, f"{fleet}-b": {f"{fleet}-b-broker-data", f"{fleet}-b-clerk-data"}}
        everything = sorted(set.union(*names.values()))
        self.addCleanup(subprocess.run, ["podman", "volume", "rm", "-f", *everything], capture_output=True, check=False)
        for name in names:
            (place / f"{name}.yaml").write_text(
                f"fleet: {name}\nbroker: {{journal: true}}\nagents: [{{name: clerk, behaviour: planner, state: true}}]\n")
            made = documents(self.ok("up", f"{name}.yaml", "--on", "podman", "--dry-run").out)
            claims = "\n---\n".join(json.dumps(one) for one in made if one["kind"] == "PersistentVolumeClaim")
            subprocess.run(["podman", "kube", "play", "-"], input=claims, text=True, capture_output=True, check=True)
            (place / ".troupe" / name).mkdir(parents=True)
            (place / ".troupe" / name / "apart.json").write_text(json.dumps({"fleet": name, "on": "podman"}))

        def left():
            done = subprocess.run(["podman", "volume", "ls", "--format", "{{.Name}}"], text=True, capture_output=True, check=True)
            return {one for one in done.stdout.split() if one in everything}
        self.assertEqual(left(), set(everything))
        self.ok("down", fleet, "--purge")
        self.assertEqual(left(), names[f"{fleet}-b"])
        self.ok("down", f"{fleet}-b")
        self.assertEqual(left(), names[f"{fleet}-b"])  # without --purge it is kept

    def test_without_kubectl(self):
        done = self.troupe("up", "fleet.yaml", "--on", "kubernetes", env={"PATH": self.directory})
        self.assertEqual(done.code, 2, done)
        self.assertIn("kubectl cannot be run", done.err)


if __name__ == "__main__":
    try:
        import yaml
    except ImportError:
        print("skipped: python3-yaml is missing (tools/setup --check installs it)")
        sys.exit(77)
    harness.main()
