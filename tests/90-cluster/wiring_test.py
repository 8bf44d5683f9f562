#!/usr/bin/env python3
"""The objects that kubectl makes of k8s/base and its overlays fit together (those of the chart: chart_test.py); and each way in which they might not is seen."""
import copy
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness
import manifests_test
import wiring


def kustomized(path):
    done = subprocess.run(["kubectl", "kustomize", str(path)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return {(one["kind"], one["metadata"]["name"]): one for one in manifests_test.documents(done.stdout)}


@unittest.skipUnless(shutil.which("kubectl"), "kubectl is not here")
class Wiring(unittest.TestCase):
    def test_base_and_overlays(self):
        for name in ("base", "overlays/dev", "overlays/prod"):
            objects = kustomized(manifests_test.K8S / name)
            self.assertGreater(len(objects), 20)
            self.assertEqual(wiring.faults(objects), [], name)
            self.assertEqual({one["metadata"].get("namespace") for (kind, _), one in objects.items() if kind != "Namespace"}, {"troupe"})
            enforced = objects["Namespace", "troupe"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
            self.assertEqual(enforced, "restricted")

    def test_what_does_not_fit_is_seen(self):
        """One fault each, planted in the overlay of production."""
        whole = kustomized(manifests_test.K8S / "overlays/prod")
        pod = lambda objects, name, kind="Deployment": objects[kind, name]["spec"]["template"]["spec"]  # noqa: E731
        container = lambda objects, name, kind="Deployment": pod(objects, name, kind)["containers"][0]  # noqa: E731
        policy = lambda objects, name: objects["NetworkPolicy", f"office-{name}"]["spec"]  # noqa: E731
        for said, change in (
                ("not of its pods", lambda o: o["Deployment", "editor"]["spec"]["selector"]["matchLabels"].update({"troupe.dev/group": "x"})),
                ("spreads other pods", lambda o: pod(o, "reader")["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].update(a="b")),
                ("0 kinds of pods", lambda o: o["Service", "gateway"]["spec"]["selector"].update(a="b")),
                ("have no port", lambda o: o["Service", "gateway-by-token"]["spec"]["ports"][0].update(targetPort="web")),
                ("leads nowhere", lambda o: o.pop(("Service", "gateway-by-client"))),
                ("no Service", lambda o: o["StatefulSet", "kb"]["spec"].update(serviceName="kb")),
                ("it keeps a service", lambda o: o["ServiceMonitor", "office"]["spec"]["endpoints"][0]["relabelings"][0].update(regex="shop")),
                ("no port metrics", lambda o: o["ServiceMonitor", "office"]["spec"]["endpoints"][0].update(port="metrics")),
                ("coordinator: nobody scrapes it", lambda o: container(o, "coordinator", "StatefulSet").pop("ports")),
                ("may be away", lambda o: o["PodDisruptionBudget", "office"]["spec"].update(maxUnavailable=3)),
                ("0 of 3 may be away", lambda o: o["PodDisruptionBudget", "office"]["spec"].update(maxUnavailable=0)),
                ("how many", lambda o: o["Deployment", "reader"]["spec"].update(replicas=2)),
                ("share of no cpu", lambda o: container(o, "reader")["resources"]["requests"].pop("cpu")),
                ("denies it anything", lambda o: [o.pop(name) for name in [one for one in o if one[0] == "NetworkPolicy"]]),
                ("cannot look up names", lambda o: o.pop(("NetworkPolicy", "office-names"))),
                ("does not reach its broker", lambda o: policy(o, "broker")["ingress"].pop(0)),
                ("broker's [5573]", lambda o: o.pop(("NetworkPolicy", "office-peers"))),
                ("Prometheus does not reach it", lambda o: o.pop(("NetworkPolicy", "office-metrics"))),
                ("anybody may come in", lambda o: policy(o, "gateway")["ingress"][0].pop("from")),
                ("have a token", lambda o: o["ServiceAccount", "office"].pop("automountServiceAccountToken")),
                ("rights at the API", lambda o: o.update({("Role", "r"): {}})),
                ("root, or", lambda o: pod(o, "editor")["securityContext"].pop("runAsNonRoot")),
                ("the node's", lambda o: pod(o, "editor").update(hostNetwork=True)),
                ("volumes ['host']", lambda o: pod(o, "editor")["volumes"].append({"name": "host", "hostPath": {"path": "/"}})),
                ("more than it needs", lambda o: container(o, "editor")["securityContext"].pop("capabilities")),
                ("what it takes", lambda o: container(o, "editor")["resources"].pop("limits")),
                ("no livenessProbe", lambda o: container(o, "gateway").pop("livenessProbe")),
                ("that there is not", lambda o: container(o, "gateway")["startupProbe"]["httpGet"].update(port="web")),
                ("killed while it drains", lambda o: pod(o, "office", "StatefulSet").update(terminationGracePeriodSeconds=30))):
            objects = copy.deepcopy(whole)
            change(objects)
            found = wiring.faults(objects)
            self.assertTrue([fault for fault in found if said in fault], f"{said}: {found}")


if __name__ == "__main__":
    try:
        import yaml  # noqa: F401
    except ImportError:
        print("skipped: python3-yaml is missing (tools/setup --check installs it)")
        sys.exit(77)
    harness.main()
