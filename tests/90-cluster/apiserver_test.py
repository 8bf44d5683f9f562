#!/usr/bin/env python3
"""A real API server (Kubernetes 1.20, of Debian's source; tools/setup --apiserver) and Debian's etcd: it takes the objects, and the verbs go through it.

There are no controllers and no nodes: what they would say of a workload, the test does. What that server is too old for is said as it says it (AGE).

Exit: 77 where it is not there.
"""
import base64
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness
import manifests_test

TOKEN = "operator-of-the-test"
# The same fields under the names of then.
REWRITTEN = {"statefulset", "horizontalpodautoscaler"}  # lists of these have what the server puts into them: there the same again is another one
AGE = {"autoscaling/v2": "autoscaling/v2beta2", "policy/v1": "policy/v1beta1"}


def server_program():
    data = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share")
    place = os.environ.get("TROUPE_KUBE_APISERVER") or shutil.which("kube-apiserver") or str(data / "troupe" / "kube-apiserver")
    return place if os.access(place, os.X_OK) else None


def missing():
    for program, where in ((server_program(), "kube-apiserver is not here: tools/setup --apiserver"), (shutil.which("etcd"), "etcd is not here (etcd-server)"),
                           (shutil.which("kubectl"), "kubectl is not here"), (shutil.which("openssl"), "openssl is not here")):
        if not program:
            return where
    try:
        __import__("yaml")
    except ImportError:
        return "python3-yaml is missing (tools/setup --check installs it)"
    return None


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


KINDS = ("apis/apps/v1/deployments", "apis/apps/v1/statefulsets", "api/v1/services", "api/v1/configmaps", "api/v1/secrets", "api/v1/serviceaccounts",
         "apis/networking.k8s.io/v1/networkpolicies", "apis/policy/v1beta1/poddisruptionbudgets",
         "apis/autoscaling/v1/horizontalpodautoscalers", "apis/batch/v1/jobs")
# What kubectl is to the verbs: the real one, told in the words of then.
KUBECTL = """#!/usr/bin/python3
import json, os, subprocess, sys
sys.path[:0] = [{here!r}, {tests!r}]
import apiserver_test
if "apply" in sys.argv:
    told = json.load(sys.stdin)
    told["items"] = [apiserver_test.aged(one) for one in told["items"]]
    sys.exit(subprocess.run([{kubectl!r}, *sys.argv[1:]], input=json.dumps(told), text=True).returncode)
if "port-forward" in sys.argv:  # to a pod that no node runs
    os.execv({stand_in!r}, [{stand_in!r}, *sys.argv[1:]])
os.execv({kubectl!r}, [{kubectl!r}, *sys.argv[1:]])
"""


def aged(one):
    """As that server would be told."""
    one = json.loads(json.dumps(one))
    one["apiVersion"] = AGE.get(one["apiVersion"], one["apiVersion"])
    if one["kind"] == "StatefulSet":
        one["spec"].pop("ordinals", None)  # of 1.26
    return one


class Server(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.directory)
        self.start_etcd()
        self.start_server()
        self.write_config()
        harness.wait_until(lambda: self.kubectl("get", "--raw", "/readyz", code=None).returncode == 0, "the API server", 180)

    def start_etcd(self):
        self.etcd = f"http://127.0.0.1:{free_port()}"
        peers = f"http://127.0.0.1:{free_port()}"
        self.spawn(shutil.which("etcd"), "--data-dir", self.place / "etcd", "--listen-client-urls", self.etcd, "--advertise-client-urls", self.etcd,
                   "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}", "--unsafe-no-fsync")

    def start_server(self):
        key = self.place / "accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        (self.place / "tokens").write_text(f'{TOKEN},operator,1,"system:masters"\n')
        self.port = free_port()
        self.server = self.spawn(
            server_program(), "--etcd-servers", self.etcd, "--bind-address", "127.0.0.1", "--secure-port", str(self.port), "--insecure-port", "0",
            "--cert-dir", self.place / "server", "--token-auth-file", self.place / "tokens", "--authorization-mode", "RBAC",
            "--service-account-issuer", "https://test", "--service-account-key-file", key, "--service-account-signing-key-file", key,
            "--service-cluster-ip-range", "10.0.0.0/24", "--allow-privileged=false",
            "--disable-admission-plugins", "ServiceAccount")  # its tokens are made by a controller

    def write_config(self):
        self.config = self.place / "kubeconfig"
        self.config.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": f"https://127.0.0.1:{self.port}", "insecure-skip-tls-verify": True}}],
            "users": [{"name": "operator", "user": {"token": TOKEN}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "operator"}}]}))
        self.env = {"KUBECONFIG": str(self.config), "HOME": self.directory}

    def kubectl(self, *words, text=None, code=0):
        done = subprocess.run(["kubectl", *words], input=text, capture_output=True, text=True, check=False, env={**os.environ, **self.env})
        if code is not None:
            self.assertEqual(done.returncode, code, f"kubectl {' '.join(words)}: {done.stderr}")
        return done

    def take(self, objects):
        """For real, and what is not asked twice: the server's own checks, and that it keeps what it was told."""
        items = [aged(one) for one in objects if "coreos.com" not in one["apiVersion"]]
        spaces = [one for one in items if one["kind"] == "Namespace"] or [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "troupe"}}]
        rest = [one for one in items if one["kind"] != "Namespace"]
        self.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": spaces}))
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": rest})
        done = self.kubectl("apply", "--dry-run=server", "-f", "-", text=text)
        self.assertEqual(len(done.stdout.splitlines()), len(rest), done.stdout)
        self.kubectl("apply", "-f", "-", text=text)
        again = self.kubectl("apply", "-f", "-", text=text)
        changed = {line.split("/")[0].split(".")[0] for line in again.stdout.splitlines() if not line.endswith("unchanged")}
        self.assertLessEqual(changed, REWRITTEN, again.stdout)
        return rest


class Objects(Server):
    def test_it_takes_each_object(self):
        for name in ("base", "overlays/prod", "overlays/dev"):
            done = subprocess.run(["kubectl", "kustomize", str(manifests_test.K8S / name)], capture_output=True, text=True, check=True)
            space = "troupe-" + name.rpartition("/")[2]  # of each its own: volumes of a StatefulSet cannot be changed
            taken = self.take(manifests_test.documents(done.stdout.replace("namespace: troupe\n", f"namespace: {space}\n").replace("name: troupe\n", f"name: {space}\n")))
            self.assertGreater(len(taken), 15 if name.endswith("dev") else 18)
        # A durable group that grows.
        (self.place / "grows.yaml").write_text(manifests_test.GROWS)
        done = self.troupe("up", "grows.yaml", "--on", "kubernetes", "--namespace", "office", "--image", "i:1", "--dry-run")
        taken = self.take([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "office"}}, *manifests_test.documents(done.out)])
        self.assertIn("HorizontalPodAutoscaler", {one["kind"] for one in taken})
        wrong = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "troupe-base"}, "spec": {
            "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "c"}}, "spec": {"containers": [{"name": "x", "image": "x"}]}}}}
        refused = self.kubectl("apply", "--dry-run=server", "-f", "-", text=json.dumps(wrong), code=1)
        self.assertIn("selector", refused.stderr)  # which no schema says


class Verbs(Server):
    FLEET = "fleet: office\nagents:\n  - {name: reader, behaviour: echo, count: 3, services: [read]}\n  - {name: clerk, behaviour: echo, durable: true}\n" \
            "  - {name: writer, behaviour: echo, services: [write], durable: true, autoscale: {min: 2, max: 8}}\n" \
            "broker: {journal: true}\ncoordinator: {}\n"

    def setUp(self):
        super().setUp()
        self.over = threading.Event()
        self.addCleanup(self.over.set)
        (self.place / "fleet.yaml").write_text(self.FLEET)
        wrapper = self.place / "bin" / "kubectl"
        wrapper.parent.mkdir()
        here = pathlib.Path(__file__).resolve().parent
        wrapper.write_text(KUBECTL.format(here=str(here), tests=str(here.parent), kubectl=shutil.which("kubectl"), stand_in=str(here / "kubectl_stand_in")))
        self.env["STAND_IN"] = self.directory
        wrapper.chmod(0o755)
        self.env["PATH"] = f"{wrapper.parent}:{os.environ['PATH']}"
        threading.Thread(target=self.control, daemon=True).start()

    def api(self, path, body=None):
        import ssl
        context = ssl._create_unverified_context()
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
                                         data=json.dumps(body).encode() if body else None, method="PUT" if body else "GET")
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return json.load(answer)

    def control(self):
        """What the controllers and the nodes would do: all that is wanted is there, and what is to go has no pods left."""
        while not self.over.wait(0.3):
            for kind in KINDS:
                group, _, plural = kind.rpartition("/")
                place = f"/{group}/namespaces/office/{plural}"
                try:
                    for one in self.api(place)["items"]:
                        self.care(f"{place}/{one['metadata']['name']}", one)
                except OSError:
                    pass  # another time

    def care(self, path, one):
        if one["metadata"].get("deletionTimestamp"):
            one["metadata"]["finalizers"] = []
            self.api(path, one)
        if one["metadata"].get("deletionTimestamp") or "/apps/" not in path:
            return
        wanted, status, generation = one["spec"].get("replicas", 1), one["status"], one["metadata"]["generation"]
        if status.get("readyReplicas", 0) != wanted or status.get("observedGeneration") != generation:
            status.update(observedGeneration=generation, replicas=wanted, readyReplicas=wanted, updatedReplicas=wanted)
            self.api(path + "/status", one)

    def ok(self, *words):
        done = self.troupe(*words, env=self.env, patience=180)
        self.assertEqual(done.code, 0, done)
        return done

    def replicas(self, kind, name):
        return json.loads(self.kubectl("-n", "office", "get", kind, name, "-o", "json").stdout)["spec"]["replicas"]

    def rotate(self):
        """Two keys in what the brokers have, and then the new one where it belongs."""
        certs = self.place / ".troupe/office/certs"
        old = (certs / "secret/agent.reader.yaml").read_text()
        broker = self.ready("broker", "--listen", "tcp://127.0.0.1:0", "--stream", "tcp://0.0.0.0:0", "--http", "none", "--platform", "office-0",
                            "--cert", certs / "secret/broker.yaml", "--certs", certs)
        for number, endpoint in ((5570, broker.endpoint), (5571, broker.stream)):
            (self.place / f"port-{number}").write_text(endpoint.rsplit(":", 1)[1])
        self.ok("cert", "rotate", "--fleet", "office", "--grace", "1h")
        public = json.loads(self.kubectl("-n", "office", "get", "configmap", "office-certs", "-o", "json").stdout)["data"]
        self.assertIn("old-key:", public["agent.reader.yaml"])
        self.assertNotIn("old-key:", public["broker.yaml"])
        secret = json.loads(self.kubectl("-n", "office", "get", "secret", "office-reader-key", "-o", "json").stdout)["data"]["agent.reader.yaml"]
        now = (certs / "secret/agent.reader.yaml").read_text()
        self.assertEqual(base64.b64decode(secret).decode(), now)
        self.assertNotEqual(now, old)

    def scaled(self, group, replicas):
        """As a scaler does it: by the subresource of what its object names."""
        target = json.loads(self.kubectl("-n", "office", "get", "hpa", group, "-o", "json").stdout)["spec"]["scaleTargetRef"]
        self.assertEqual(target["kind"], "StatefulSet")
        path = f"/apis/{target['apiVersion']}/namespaces/office/{target['kind'].lower()}s/{target['name']}/scale"
        scale = json.loads(self.kubectl("get", "--raw", path).stdout)
        scale["spec"]["replicas"] = replicas
        self.kubectl("replace", "--raw", path, "-f", "-", text=json.dumps(scale))
        self.assertEqual(self.replicas("statefulset", group), replicas)

    def test_from_up_to_down(self):
        done = self.ok("up", "fleet.yaml", "--on", "kubernetes", "--context", "here", "--image", "i:1", "--timeout", "120s")
        self.assertIn("ready in", done.err)
        names = {line for line in self.kubectl("-n", "office", "get", "sts,deploy,svc,cm,secret,netpol,sa", "-o", "name").stdout.splitlines()}
        for name in ("statefulset.apps/office", "statefulset.apps/clerk", "deployment.apps/reader", "service/office", "service/office-broker",
                     "configmap/office-certs", "secret/office-broker-key", "secret/office-reader-key", "networkpolicy.networking.k8s.io/office-deny"):
            self.assertIn(name, names)
        space = json.loads(self.kubectl("get", "namespace", "office", "-o", "json").stdout)
        self.assertEqual(space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted")
        self.ok("scale", "reader=5", "--timeout", "60s")
        self.assertEqual(self.replicas("deployment", "reader"), 5)
        self.ok("attach", "reader", "--count", "2", "--timeout", "60s")
        self.assertEqual(self.replicas("deployment", "reader"), 7)
        self.scaled("writer", 6)
        again = self.ok("up", "fleet.yaml", "--on", "kubernetes", "--context", "here", "--image", "i:2", "--timeout", "120s")
        self.assertIn("ready in", again.err)
        self.assertEqual(self.replicas("statefulset", "writer"), 6)  # how many is the scaler's
        self.ok("attach", "writer", "--timeout", "60s")
        self.assertEqual(self.replicas("statefulset", "writer"), 7)
        image = json.loads(self.kubectl("-n", "office", "get", "sts", "office", "-o", "json").stdout)["spec"]["template"]["spec"]["containers"][0]["image"]
        self.assertEqual(image, "i:2")
        self.rotate()
        self.ok("down", "office")
        gone = lambda: not self.kubectl("-n", "office", "get", "sts,deploy,svc,secret", "-o", "name").stdout.strip()  # noqa: E731
        harness.wait_until(gone, "its objects to be gone", 60)


if __name__ == "__main__":
    why_not = missing()
    if why_not:
        print(f"skipped: {why_not}")
        sys.exit(77)
    harness.main()
