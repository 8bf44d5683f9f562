#!/usr/bin/env python3
"""The chart k8s/helm/troupe has the objects of the kustomize base and its overlays, and refuses values that mean nothing.

Debian has no helm. It has what helm renders with, Go's text/template and Sprig: render_chart is made of them, with the functions that helm adds.
Values are checked as helm does before it renders: against values.schema.json, by python3-jsonschema.
"""
import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness
import manifests_test
import wiring

HERE = pathlib.Path(__file__).resolve().parent
CHART = harness.ROOT / "k8s" / "helm" / "troupe"
GO_LIBRARIES = pathlib.Path("/usr/share/gocode")
# What helm's own way of working wants on each object, and what the monitoring component of kustomize has no name for.
LABELS = {"helm.sh/chart": "troupe-0.1.0", "app.kubernetes.io/managed-by": "Helm"}
HOOKS = [("Job", "office-migrate"), ("NetworkPolicy", "office-migrate-database")]  # annotations of helm's own
PART_OF = "app.kubernetes.io/part-of"


def missing():
    """What keeps this from running here, or None."""
    for name in ("go", "kubectl"):
        if not shutil.which(name):
            return f"{name} is not here"
    for library in ("github.com/Masterminds/sprig", "sigs.k8s.io/yaml"):
        if not (GO_LIBRARIES / "src" / library).exists():
            return f"Go's {library} is missing (tools/setup --check installs it)"
    for module in ("yaml", "jsonschema"):
        try:
            __import__(module)
        except ImportError:
            return f"python3-{module} is missing (tools/setup --check installs it)"
    return None


def merged(below, above):
    """Values as helm lays one file over another: maps are merged, lists are replaced."""
    out = copy.deepcopy(below)
    for key, value in above.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else copy.deepcopy(value)
    return out


def read(name):
    import yaml
    return yaml.safe_load((CHART / name).read_text())


def build_renderer():
    place = harness.BUILD / "tests" / "render_chart"
    place.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_LIBRARIES), "GOCACHE": str(place / "cache"), "GOFLAGS": ""}
    done = subprocess.run(["go", "build", "-o", str(place / "render"), str(HERE / "render_chart" / "main.go")], capture_output=True, text=True, env=env,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"go build: {done.stderr}")
    return place / "render"


class Chart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.renderer = build_renderer()
        cls.schema = json.loads((CHART / "values.schema.json").read_text())

    def refused(self, values):
        """What helm would say of these values, or None."""
        import jsonschema
        try:
            jsonschema.Draft7Validator(self.schema).validate(values)
        except jsonschema.ValidationError as error:
            return "/".join(map(str, error.absolute_path)) + ": " + error.message
        return None

    def run_renderer(self, values, namespace="troupe"):
        self.assertIsNone(self.refused(values))
        chart = {key[0].upper() + key[1:]: value for key, value in read("Chart.yaml").items()}
        context = {"Values": values, "Chart": chart, "Release": {"Name": "mine", "Namespace": namespace, "Service": "Helm"}}
        files = {path.name: path.read_text() for path in (CHART / "templates").iterdir()}
        return subprocess.run([str(self.renderer)], input=json.dumps({"files": files, "context": context}), capture_output=True, text=True, check=False)

    def rendered(self, *overlays, **more):
        values = read("values.yaml")
        for overlay in overlays:
            values = merged(values, overlay if isinstance(overlay, dict) else read(overlay))
        done = self.run_renderer(values, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        files = json.loads(done.stdout)
        notes = files.pop("NOTES.txt")
        objects = [one for name in sorted(files) for one in manifests_test.documents(files[name])]
        names = [(one["kind"], one["metadata"]["name"]) for one in objects]
        self.assertEqual(len(names), len(set(names)), "two objects of one name")
        return dict(zip(names, objects)), notes

    def assert_valid(self, objects):
        place = manifests_test.schemas()
        if not place:
            self.skipTest("no schemas of Kubernetes: tools/setup --kubernetes")
        known = [one for one in objects if one["apiVersion"] not in ("monitoring.coreos.com/v1", "keda.sh/v1alpha1")]
        done = subprocess.run(["node", str(HERE / "validate.mjs"), str(place)], input=json.dumps(known), capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def assert_as_kustomize(self, overlay, *values):
        done = subprocess.run(["kubectl", "kustomize", str(manifests_test.K8S / overlay)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        wanted = {(one["kind"], one["metadata"]["name"]): one for one in manifests_test.documents(done.stdout)}
        wanted.pop(("Namespace", "troupe"))  # a chart's namespace is its user's: NOTES.txt says what it needs
        objects, _ = self.rendered(*values)
        self.assertEqual(set(objects), set(wanted))
        for name, one in objects.items():
            labels = one["metadata"]["labels"]
            one["metadata"].pop("annotations", None) if name in HOOKS else None
            self.assertEqual({key: labels.pop(key) for key in LABELS}, LABELS)
            if one["apiVersion"] in ("monitoring.coreos.com/v1", "keda.sh/v1alpha1"):
                self.assertEqual(labels.pop(PART_OF), "troupe")
            self.assertEqual(one, wanted[name])

    def test_defaults_are_the_base(self):
        self.assert_as_kustomize("base")

    def test_dev_is_the_overlay(self):
        self.assert_as_kustomize("overlays/dev", "values-dev.yaml")

    def test_prod_is_the_overlay(self):
        self.assert_as_kustomize("overlays/prod", "values-prod.yaml")

    def overlay_with(self, *components):
        place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "k8s"
        shutil.copytree(manifests_test.K8S, place)
        overlay = place / "overlays" / "-".join(components)
        overlay.mkdir()
        (overlay / "kustomization.yaml").write_text(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: troupe\n"
            f"resources: [../../base]\ncomponents: [{', '.join('../../components/' + component for component in components)}]\n")
        return overlay

    def test_state_is_the_component(self):
        """A hook is helm's way; kustomize has none."""
        self.assert_as_kustomize(self.overlay_with("state"), {"state": {"postgres": True, "redis": True}})

    def test_a_journal_in_the_database_is_the_component(self):
        self.assert_as_kustomize(self.overlay_with("state", "journal"), {"state": {"postgres": True, "redis": True}, "broker": {"journal": "postgres"}})

    def test_who_keeps_something_in_the_database(self):
        """As `troupe up` wires it of a fleet file (manifests_test): the Secret, the way there, and nobody else's."""
        keeper = {"name": "counter", "behaviour": "planner", "state": "postgres"}
        values = {"state": {"postgres": True, "redis": False, "postgresPort": 6432}, "broker": {"journal": "postgres"}, "agents": [keeper, {"name": "echo", "behaviour": "echo"}]}
        objects, _ = self.rendered(values)
        pods = {name: one["spec"]["template"]["spec"] for (_, name), one in objects.items() if "template" in one.get("spec", {})}
        has = {name for name, pod in pods.items() if "postgres" in {volume["name"] for volume in pod["volumes"]}}
        self.assertEqual(has, {"office", "coordinator", "counter", "office-migrate"})
        self.assertIn(("StatefulSet", "counter"), objects)
        words = " ".join(pods["counter"]["containers"][0]["command"])
        self.assertIn("--state postgres --state-conninfo /etc/troupe/postgres/conninfo --state-table troupe_state_office_*", words)
        self.assertNotIn("--durable", words)
        self.assertNotIn("volumeClaimTemplates", objects["StatefulSet", "office"]["spec"])
        ways = {name: one["spec"] for (kind, name), one in objects.items() if kind == "NetworkPolicy" and name.endswith("-database")}
        self.assertEqual(set(ways), {f"office-{who}-database" for who in ("broker", "coordinator", "migrate", "counter")})
        self.assertEqual({way["egress"][0]["ports"][0]["port"] for way in ways.values()}, {6432})
        self.assertEqual(ways["office-counter-database"]["podSelector"]["matchLabels"]["troupe.dev/group"], "counter")
        self.assert_valid(objects.values())
        for wrong in ({"broker": {"journal": "postgres"}}, {"agents": [keeper]}):
            done = self.run_renderer(merged(read("values.yaml"), wrong))
            self.assertEqual(done.returncode, 1)
            self.assertIn("needs state.postgres", done.stderr)

    def test_files_of_the_exporter(self):
        objects, _ = self.rendered({"exporter": {"files": ["otlp-headers"]}})
        pod = objects["StatefulSet", "exporter"]["spec"]["template"]["spec"]
        self.assertIn("--otlp-headers=/etc/troupe/exporter/otlp-headers", pod["containers"][0]["command"])
        self.assertIn("office-exporter", [volume.get("secret", {}).get("secretName") for volume in pod["volumes"]])
        self.assertIn(("NetworkPolicy", "office-exporter-out"), objects)

    def test_keda_is_the_component(self):
        self.assert_as_kustomize(self.overlay_with("keda"), {"autoscaler": "keda"})

    def test_users_are_the_component(self):
        self.assert_as_kustomize(self.overlay_with("users"), {"gateway": {"files": ["users"]}})

    def test_files_of_the_gateway(self):
        objects, _ = self.rendered({"gateway": {"files": ["users", "oidc-secret"], "outside": True, "options": ["--oidc-client=troupe"]}})
        pod = objects["Deployment", "gateway"]["spec"]["template"]["spec"]
        command = pod["containers"][0]["command"]
        self.assertEqual(command[-3:], ["--users=/etc/troupe/gateway/users", "--oidc-secret=/etc/troupe/gateway/oidc-secret", "--oidc-client=troupe"])
        self.assertIn({"name": "gateway", "secret": {"secretName": "office-gateway", "defaultMode": 0o440, "optional": False}}, pod["volumes"])
        objects, _ = self.rendered({"gateway": {"files": ["redis"], "outside": True}})
        self.assertEqual(objects["Deployment", "gateway"]["spec"]["template"]["spec"]["containers"][0]["command"][-1], "--redis=/etc/troupe/gateway/redis")
        self.assertIn(("NetworkPolicy", "office-gateway-out"), objects)
        self.assertIn("gateway/files/0", self.refused(merged(read("values.yaml"), {"gateway": {"files": ["tls-key"]}})))

    def test_all_are_as_their_schemas_say(self):
        host = {"gateway": {"ingress": {"host": "fleet.example", "tlsSecret": "fleet-tls"}}}
        asks = {"agents": [{"name": "asker", "behaviour": "dialogue", "outside": True, "env": {"COST": "$(MUCH)"}, "options": ["--mind=small"]}]}
        near = {"broker": {"apart": True, "affinity": {"nodeAffinity": {}}, "journal": False}, "agents": []}
        files = {"gateway": {"files": ["users", "oidc-keys", "oidc-secret", "oidc-ca", "redis"]}}
        state = {"state": {"postgres": True, "redis": True}, "coordinator": {"resources": {"limits": {"cpu": 1}}}}
        chosen = ((state,), (files,), (), ("values-dev.yaml",), ("values-prod.yaml",), (host, asks), (near,), ({"autoscaler": "keda"},))
        self.assert_valid([one for values in chosen for one in self.rendered(*values)[0].values()])

    def test_they_fit_together(self):
        """Of values that no overlay has, too."""
        state = {"state": {"postgres": True, "redis": True}, "broker": {"journal": "postgres"}}
        for values in ((), ("values-prod.yaml", {"autoscaler": "keda"}), (state,), ({"agents": [], "gateway": {"files": ["users"], "outside": True}},)):
            self.assertEqual(wiring.faults(self.rendered(*values)[0]), [], values)

    def test_another_name_and_namespace_are_everywhere(self):
        objects, notes = self.rendered({"fleet": "shop", "image": {"tag": ""}}, "values-prod.yaml", namespace="market")
        text = json.dumps(list(objects.values())) + notes
        self.assertEqual([word for word in ("office", "troupe.svc") if word in text], [])
        self.assertEqual({one["metadata"]["namespace"] for one in objects.values()}, {"market"})
        self.assertIn("--namespace market", notes)

    def test_an_ingress_with_a_host(self):
        objects, _ = self.rendered({"gateway": {"ingress": {"host": "fleet.example", "tlsSecret": "fleet-tls"}}})
        spec = objects["Ingress", "gateway"]["spec"]
        self.assertEqual(spec["tls"], [{"hosts": ["fleet.example"], "secretName": "fleet-tls"}])
        self.assertEqual(spec["rules"][0]["host"], "fleet.example")
        ways = {name: one for (kind, name), one in objects.items() if kind == "Ingress"}
        self.assertEqual({name: [path["path"] for path in one["spec"]["rules"][0]["http"]["paths"]] for name, one in ways.items()},
                         {"gateway": ["/"], "gateway-by-token": ["/a2a", "/v1/responses"], "gateway-by-client": ["/api/v1/events", "/api/v1/ws"]})
        for name, one in ways.items():  # as examples/nginx does it
            said = {key.partition("/")[2]: value for key, value in one["metadata"]["annotations"].items()}
            by = {"gateway-by-token": "$http_authorization", "gateway-by-client": "$remote_addr"}.get(name)
            self.assertEqual((said.get("upstream-hash-by"), said.get("load-balance"), said["proxy-body-size"]), (by, None if by else "ewma", "4m"))
            self.assertEqual((one["spec"]["tls"], one["spec"]["rules"][0]["host"]), (spec["tls"], "fleet.example"))
        done = self.run_renderer(merged(read("values.yaml"), {"gateway": {"ingress": {"tlsSecret": "fleet-tls"}}}))
        self.assertEqual(done.returncode, 1)
        self.assertIn("give gateway.ingress.host", done.stderr)

    def test_keda_in_place_of_an_hpa(self):
        objects, _ = self.rendered({"autoscaler": "keda"})
        self.assertNotIn(("HorizontalPodAutoscaler", "reader"), objects)
        spec = objects["ScaledObject", "reader"]["spec"]
        self.assertEqual((spec["scaleTargetRef"]["name"], spec["minReplicaCount"], spec["maxReplicaCount"]), ("reader", 1, 8))
        self.assertEqual([one["type"] for one in spec["triggers"]], ["prometheus", "cpu"])
        none = {"agents": [{"name": "reader", "behaviour": "echo", "services": ["read"], "autoscale": {"min": 0, "max": 8}}], "autoscaler": "keda"}
        to_none = self.rendered(none)[0]["ScaledObject", "reader"]["spec"]
        self.assertEqual((to_none["minReplicaCount"], [one["type"] for one in to_none["triggers"]]), (0, ["prometheus"]))
        says = "reader: autoscale.min is 0"
        self.assertEqual([says in self.rendered(*values)[1] for values in ((none,), ({**none, "autoscaler": "hpa"},), ())], [False, True, False])
        self.assertEqual(spec["triggers"][0]["metadata"]["query"], 'sum(troupe_broker_service_unfinished_records{namespace="troupe",fleet="office",service=~"read"})')
        objects, _ = self.rendered("values-prod.yaml", {"autoscaler": "keda"})
        self.assertEqual([one["type"] for one in objects["ScaledObject", "reader"]["spec"]["triggers"]], ["prometheus", "cpu"])

    def test_two_services_are_one_backlog(self):
        agent = {"name": "two", "behaviour": "echo", "services": ["read=4", "skim"], "autoscale": {"max": 3}}
        external = self.rendered({"agents": [agent]})[0]["HorizontalPodAutoscaler", "two"]["spec"]["metrics"][1]["external"]
        self.assertEqual(external["metric"]["selector"]["matchExpressions"], [{"key": "service", "operator": "In", "values": ["read", "skim"]}])
        query = self.rendered({"agents": [agent], "autoscaler": "keda"})[0]["ScaledObject", "two"]["spec"]["triggers"][0]["metadata"]["query"]
        self.assertIn('service=~"read|skim"', query)

    def test_who_keeps_its_name_grows_too(self):
        agent = {"name": "two", "behaviour": "echo", "services": ["read"], "durable": True, "autoscale": {"min": 0, "max": 3}}
        for autoscaler, kind, least in (("hpa", "HorizontalPodAutoscaler", ("minReplicas", 1)), ("keda", "ScaledObject", ("minReplicaCount", 0))):
            objects, _ = self.rendered({"agents": [agent], "autoscaler": autoscaler})
            workload, scaler = objects["StatefulSet", "two"]["spec"], objects[kind, "two"]["spec"]
            self.assertNotIn("replicas", workload)
            self.assertEqual(workload["ordinals"], {"start": 1})
            self.assertEqual(scaler["scaleTargetRef"], {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "two"})
            self.assertEqual(scaler[least[0]], least[1])

    def test_without_metrics_there_are_no_ports_for_them(self):
        objects, _ = self.rendered({"monitoring": {"metrics": False}})
        container = objects["Deployment", "editor"]["spec"]["template"]["spec"]["containers"][0]
        self.assertNotIn("ports", container)
        self.assertNotIn("--http", container["command"])
        self.assertNotIn(("NetworkPolicy", "office-metrics"), objects)

    def test_its_rules_are_taken_by_prometheus(self):
        promtool = shutil.which("promtool") or self.skipTest("promtool is not installed (Debian: prometheus)")
        objects, _ = self.rendered("values-prod.yaml", {"fleet": "shop", "broker": {"replicas": 5}, "coordinator": {"enabled": False},
                                                            "monitoring": {"tokensAnHour": 20000000, "moneyAnHour": 2.5, "runbooks": "https://shop.example/operations"}})
        rules = objects["PrometheusRule", "shop"]["spec"]["groups"]
        path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "rules.yml"
        path.write_text(json.dumps({"groups": rules}))
        done = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        by = {rule["alert"]: rule for group in rules for rule in group["rules"]}
        self.assertEqual(by["TroupeBrokerAway"]["expr"], '(count(up{namespace="troupe",fleet="shop",component="broker"} == 1) or vector(0)) < 5')
        self.assertEqual(by["TroupeBrokerAway"]["labels"], {"severity": "critical", "namespace": "troupe", "fleet": "shop"})
        self.assertEqual(by["TroupeBrokerAway"]["annotations"]["summary"], "only {{ $value }} of 5 brokers answer")
        self.assertEqual(by["TroupeBrokersApart"]["expr"], 'min(troupe_broker_peers{namespace="troupe",fleet="shop"}) < 4')
        self.assertEqual(by["TroupeModelTokens"]["expr"], 'sum(increase(troupe_model_tokens_total{namespace="troupe",fleet="shop"}[1h])) > 20000000')
        self.assertEqual(by["TroupeModelMoney"]["expr"], 'sum(increase(troupe_model_cost_total{namespace="troupe",fleet="shop"}[1h])) > 2.5')
        self.assertEqual(by["TroupeLag"]["annotations"]["runbook_url"], "https://shop.example/operations#troupelag")
        self.assertIn("TroupeGatewayAway", by)
        self.assertNotIn("TroupeCoordinatorAway", by)  # there is none to be away

    def test_where_policies_let_go(self):
        """As its values say: to where names are looked up, to databases, and outside, by both protocols."""
        node = {"ipBlock": {"cidr": "169.254.20.10/32"}}
        agent = {"name": "asker", "behaviour": "dialogue", "outside": True}
        objects, _ = self.rendered({"dns": {"peers": [node], "port": 5353}, "state": {"postgres": True, "redis": True, "postgresPort": 6432, "redisPort": 6380},
                                    "knowledge": {"outside": True}, "gateway": {"outside": True}, "agents": [agent]})
        egress = {name: one["spec"].get("egress") for (kind, name), one in objects.items() if kind == "NetworkPolicy"}
        self.assertEqual(egress["office-names"], [{"to": [node], "ports": [{"protocol": "UDP", "port": 5353}, {"protocol": "TCP", "port": 5353}]}])
        for name, port in (("coordinator-database", 6432), ("migrate-database", 6432), ("redis", 6380)):
            self.assertEqual(egress[f"office-{name}"], [{"ports": [{"protocol": "TCP", "port": port}]}])
        for name in ("asker", "kb", "gateway"):
            self.assertEqual([to["ipBlock"]["cidr"] for to in egress[f"office-{name}-out"][0]["to"]], ["0.0.0.0/0", "::/0"])
        self.assertNotIn(("NetworkPolicy", "office-kb-out"), self.rendered()[0])
        self.assertIn("dns/port", self.refused(merged(read("values.yaml"), {"dns": {"port": 0}})))

    def test_what_is_left_out(self):
        off = {"knowledge": {"enabled": False}, "coordinator": {"enabled": False}, "gateway": {"enabled": False}, "networkPolicies": False, "agents": []}
        objects, notes = self.rendered(off)
        self.assertEqual({kind for kind, _ in objects}, {"ServiceAccount", "Service", "StatefulSet", "PodDisruptionBudget"})
        self.assertNotIn("8080", notes)

    def test_variables_are_not_put_in_place(self):
        """Kubernetes would put $(NAME) in place in commands and environments."""
        agent = {"name": "asker", "behaviour": "echo", "args": {"say": "$(POD_NAME)"}, "env": {"COST": "$(POD_NAME)", "PASS": "pa$$word"}}
        container = self.rendered({"agents": [agent]})[0]["Deployment", "asker"]["spec"]["template"]["spec"]["containers"][0]
        self.assertIn('{"say":"$$(POD_NAME)"}', container["command"])
        self.assertIn({"name": "COST", "value": "$$(POD_NAME)"}, container["env"])
        self.assertIn({"name": "PASS", "value": "pa$$$$word"}, container["env"])  # of two it would make one

    def test_no_secret_is_made(self):
        kinds = {kind for kind, _ in self.rendered("values-prod.yaml")[0]}
        self.assertFalse(kinds & {"Secret", "ConfigMap"}, kinds)

    def test_a_misspelt_key_is_refused_at_each_place(self):
        """But where the keys are the user's: labels, variables, annotations, what an agent is given."""
        own = {"nodeSelector", "affinity", "args", "env", "annotations", "requests", "limits", "peers", "global"}

        def places(value, way=()):
            if isinstance(value, dict) and not own & set(way):
                yield way
                for key in value:
                    yield from places(value[key], (*way, key))
            for index, one in enumerate(value if isinstance(value, list) else ()):
                yield from places(one, (*way, index))
        values = read("values.yaml")
        found = [way for way in places(values) if not own & set(way)]
        self.assertGreater(len(found), 20)
        for way in found:
            wrong = copy.deepcopy(values)
            place = wrong
            for key in way:
                place = place[key]
            place["replicsa"] = 1
            self.assertIn("replicsa", self.refused(wrong) or "", way)

    def test_wrong_values_are_refused(self):
        agent = {"name": "a", "behaviour": "echo"}
        for above, where in (
                ({"fleet": "Not_A_Label"}, "fleet"), ({"brokers": {}}, "brokers"), ({"broker": {"replicas": 0}}, "broker/replicas"),
                ({"broker": {"replicas": "3"}}, "broker/replicas"), ({"broker": {"storage": "ten"}}, "broker/storage"),
                ({"broker": {"resources": {"requests": {"cpu": "fast"}}}}, "broker/resources/requests/cpu"), ({"broker": {"typo": 1}}, "broker"),
                ({"image": {"pullPolicy": "Sometimes"}}, "image/pullPolicy"), ({"autoscaler": "vpa"}, "autoscaler"),
                ({"keda": {"prometheus": "prometheus"}}, "keda/prometheus"), ({"monitoring": {"interval": "often"}}, "monitoring/interval"),
                ({"agents": {}}, "agents"), ({"agents": [{"name": "a"}]}, "agents/0"), ({"agents": [{**agent, "replicas": -1}]}, "agents/0/replicas"),
                ({"agents": [{**agent, "autoscale": {"min": 1}}]}, "agents/0/autoscale"), ({"agents": [{**agent, "env": {"A": 1}}]}, "agents/0/env/A"),
                ({"agents": [{**agent, "password": "x"}]}, "agents/0"), ({"gateway": {"ingress": {"host": "a b"}}}, "gateway/ingress/host"),
                ({"podDisruptionBudgets": "no"}, "podDisruptionBudgets")):
            why = self.refused(merged(read("values.yaml"), above))
            self.assertIsNotNone(why, above)
            self.assertIn(where, why)
        done = self.run_renderer(merged(read("values.yaml"), {"agents": [{**agent, "autoscale": {"max": 2}}]}))
        self.assertEqual(done.returncode, 1)
        self.assertIn("expected at least one in services", done.stderr)


if __name__ == "__main__":
    why_not = missing()
    if why_not:
        print(f"skipped: {why_not}")
        sys.exit(77)
    harness.main()
