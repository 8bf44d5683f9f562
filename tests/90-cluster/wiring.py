"""What is wrong with the objects of a fleet beside each other: a selector that selects nothing, a port that nobody opens or that a policy keeps shut, a pod that may
more than it needs. Each function takes {(kind, name): object} and yields sentences."""

WORK = ("Deployment", "StatefulSet", "Job")
PORTS = {"links": {5570, 5571}, "names": {53}, "metrics": 5572}


def of(objects, *kinds):
    return [(name, one) for (kind, name), one in objects.items() if kind in kinds]


def pods(objects):
    """(name, object, pod) of all that makes pods."""
    return [(name, one, one["spec"]["template"]) for name, one in of(objects, *WORK)]


def labels_of(pod):
    return pod["metadata"]["labels"]


def matches(selector, labels):
    return set((selector or {}).get("matchLabels", {}).items()) <= set(labels.items())


def ports(pod):
    return {port["name"]: port["containerPort"] for one in pod["spec"]["containers"] for port in one.get("ports", [])}


def selectors(objects):
    for name, one, pod in pods(objects):
        if one["kind"] != "Job" and not matches(one["spec"]["selector"], labels_of(pod)):
            yield f"{name}: its selector is not of its pods"
        for spread in pod["spec"].get("topologySpreadConstraints", []):
            if not matches(spread["labelSelector"], labels_of(pod)):
                yield f"{name}: it spreads other pods"
    for name, service in of(objects, "Service"):
        found = [pod for _, _, pod in pods(objects) if service["spec"]["selector"].items() <= labels_of(pod).items()]
        if len(found) != 1:
            yield f"Service {name}: {len(found)} kinds of pods"
        elif missing := [port["targetPort"] for port in service["spec"]["ports"] if port["targetPort"] not in ports(found[0])]:
            yield f"Service {name}: its pods have no port {missing}"
    for name, ingress in of(objects, "Ingress"):
        for path in (path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]):
            backend = path["backend"]["service"]
            service = objects.get(("Service", backend["name"]))
            if not service or backend["port"]["name"] not in [port["name"] for port in service["spec"]["ports"]]:
                yield f"Ingress {name}: {path['path']} leads nowhere"
    for name, one in of(objects, "StatefulSet"):
        if ("Service", one["spec"]["serviceName"]) not in objects:
            yield f"{name}: no Service {one['spec']['serviceName']}"


def monitors(objects):
    for name, monitor in of(objects, "ServiceMonitor"):
        services = [one for _, one in of(objects, "Service") if matches(monitor["spec"]["selector"], one["metadata"]["labels"])]
        kept = [regex for end in monitor["spec"]["endpoints"] for regex in [rule["regex"] for rule in end["relabelings"] if rule.get("action") == "keep"]]
        if [one["metadata"]["name"] for one in services if one["metadata"]["name"] in kept] != kept:
            yield f"ServiceMonitor {name}: it keeps a service that there is not"
        for end in monitor["spec"]["endpoints"]:
            if not services or any(end["port"] not in [port["name"] for port in one["spec"]["ports"]] for one in services):
                yield f"ServiceMonitor {name}: no port {end['port']}"
    if not of(objects, "PodMonitor"):
        return
    seen = set()
    for name, monitor in of(objects, "PodMonitor"):
        names = [end["port"] for end in monitor["spec"]["podMetricsEndpoints"]]
        seen |= {pod for pod, _, one in pods(objects) if matches(monitor["spec"]["selector"], labels_of(one)) and set(names) & set(ports(one))}
    unseen = {name for name, one, pod in pods(objects) if one["kind"] != "Job" and labels_of(pod)["app.kubernetes.io/component"] != "broker"} - seen
    yield from (f"{name}: nobody scrapes it" for name in sorted(unseen))


def budgets(objects):
    for name, budget in of(objects, "PodDisruptionBudget"):
        found = [one for _, one, pod in pods(objects) if matches(budget["spec"]["selector"], labels_of(pod))]
        if len(found) != 1:
            yield f"PodDisruptionBudget {name}: {len(found)} kinds of pods"
            continue
        count, most = found[0]["spec"].get("replicas", 1), budget["spec"]["maxUnavailable"]
        away = -(-count * int(most[:-1]) // 100) if isinstance(most, str) else most
        if not away or away >= max(count, 2):
            yield f"PodDisruptionBudget {name}: {away} of {count} may be away"
    for name, scaler in of(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        target = objects.get((scaler["spec"]["scaleTargetRef"]["kind"], scaler["spec"]["scaleTargetRef"]["name"]))
        if not target or "replicas" in target["spec"]:
            yield f"{name}: what it scales is not there, or says itself how many"
        elif "cpu" not in target["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]:
            yield f"{name}: a share of no cpu"


def ways(objects, labels, direction):
    """[(peers, ports)] that policies leave to these pods; None: nothing is kept from them."""
    found = [one["spec"] for _, one in of(objects, "NetworkPolicy") if matches(one["spec"]["podSelector"], labels) and direction in one["spec"]["policyTypes"]]
    if not found:
        return None
    key = "from" if direction == "Ingress" else "to"
    return [(rule.get(key), {port["port"] for port in rule.get("ports", [])}) for spec in found for rule in spec.get(direction.lower(), [])]


def selects(peers, labels):
    return peers is None or any("podSelector" in peer and "namespaceSelector" not in peer and matches(peer["podSelector"], labels) for peer in peers)


def policies(objects):
    broker = next(labels_of(pod) for _, _, pod in pods(objects) if labels_of(pod)["app.kubernetes.io/component"] == "broker")
    into = ways(objects, broker, "Ingress") or []
    for name, one, pod in pods(objects):
        labels, out, comes = labels_of(pod), ways(objects, labels_of(pod), "Egress"), ways(objects, labels_of(pod), "Ingress")
        if out is None or comes is None:
            yield f"{name}: no policy denies it anything"
            continue
        if not [to for to, open_ports in out if PORTS["names"] <= open_ports]:
            yield f"{name}: it cannot look up names"
        if one["kind"] == "Job":
            continue
        wanted = PORTS["links"] | ({5573} if labels == broker else set())
        leads = {port for to, open_ports in out if selects(to, broker) for port in open_ports}
        taken = {port for of_whom, open_ports in into if selects(of_whom, labels) for port in open_ports}
        if not wanted <= leads & taken:
            yield f"{name}: it does not reach its broker's {sorted(wanted - (leads & taken))}"
        if PORTS["metrics"] in ports(pod).values() and not [1 for of_whom, open_ports in comes if PORTS["metrics"] in open_ports and of_whom and any(
                peer.get("namespaceSelector", {}).get("matchLabels") == {"troupe.dev/monitoring": "true"} for peer in of_whom)]:
            yield f"{name}: Prometheus does not reach it"
        for of_whom, open_ports in comes:
            if of_whom is None or not open_ports:
                yield f"{name}: anybody may come in"


def security(objects):
    """Kubernetes' profile `restricted`, and what it does not ask for."""
    if of(objects, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"):
        yield "somebody has rights at the API"
    for name, account in of(objects, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"ServiceAccount {name}: its pods have a token"
    for name, one, pod in pods(objects):
        spec, context = pod["spec"], pod["spec"].get("securityContext", {})
        if not context.get("runAsNonRoot") or not context.get("runAsUser") or context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name}: root, or any call of the kernel"
        if spec.get("automountServiceAccountToken") is not False or spec.get("hostNetwork") or spec.get("hostPID") or spec.get("hostIPC"):
            yield f"{name}: it has what is the node's"
        if other := [volume["name"] for volume in spec.get("volumes", []) if not {"emptyDir", "secret", "configMap"} & set(volume)]:
            yield f"{name}: volumes {other}"
        for container in spec["containers"]:
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]} or not own.get("readOnlyRootFilesystem"):
                yield f"{name}: it may more than it needs"
            if not {"cpu", "memory"} <= set(container["resources"].get("requests", {})) or "memory" not in container["resources"].get("limits", {}):
                yield f"{name}: nothing says what it takes"
            if one["kind"] != "Job":
                yield from probes(name, container, spec)


def probes(name, container, spec):
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe not in container:
            yield f"{name}: no {probe}"
        elif container[probe].get("httpGet", {}).get("port") not in (None, *[port["name"] for port in container.get("ports", [])]):
            yield f"{name}: {probe} of a port that there is not"
    slept = sum(int(word) for word in container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", []) if word.isdigit())
    if spec["terminationGracePeriodSeconds"] < 30 + slept + 5:  # a process drains for 30 s
        yield f"{name}: it is killed while it drains"


def faults(objects):
    return [fault for check in (selectors, monitors, budgets, policies, security) for fault in check(objects)]
