#!/usr/bin/env python3
"""The image: built, and run as a broker and agents in containers, nobody of them root, with nothing to be written."""
import json
import re
import sys

from containers import BASE, PLACE, ContainerTest, harness, run

SIZE_MOST = 230 << 20  # bytes of the image, the base included


class Image(ContainerTest):
    def test_a_fleet_in_containers_answers(self):
        network = f"{self.prefix}-net"
        self.podman("network", "create", network)
        broker = self.container("broker", "troupe-broker", "--listen", "tcp://0.0.0.0:5570", "--stream", "tcp://0.0.0.0:5571", "--http",
                                "0.0.0.0:5572", "--insecure", options=("--network", network))
        agents = [self.container(name, "troupe-agentd", "--connect", f"tcp://{broker}:5570", "--name", name, "--behaviour", "echo",
                                 options=("--network", network)) for name in ("echo-1", "echo-2")]
        for name in (broker, *agents):
            harness.wait_until(lambda: self.podman("exec", name, "troupe", "alive", "--serving", check=False).returncode == 0,
                               f"{name} to serve: {self.logs(name)}")
            state = self.inspect(name)
            self.assertEqual((state["Config"]["User"], state["HostConfig"]["ReadonlyRootfs"]), ("10001:10001", True))
            self.assertEqual(self.podman("exec", name, "id", "-u").stdout.strip(), "10001")
            self.assertNotEqual(self.podman("exec", name, "touch", "/usr/bin/x", check=False).returncode, 0)
            self.assertEqual(self.podman("healthcheck", "run", name).returncode, 0)
        for name in ("echo-1", "echo-2"):
            done = self.podman("exec", broker, "troupe", "ask", name, "hello", "--connect", "tcp://127.0.0.1:5570")
            self.assertEqual(done.stdout, "hello\n")

        # What is stopped is told to be dead; SIGTERM, to process 1 of the container, ends it in good order.
        self.podman("kill", "--signal", "STOP", agents[0])
        found = harness.wait_until(lambda: self.podman("exec", broker, "troupe", "ps", "--connect", "tcp://127.0.0.1:5570", "-o", "json",
                                                       check=False).stdout.count("echo-1") == 0 or None, "echo-1 to be given up")
        self.assertTrue(found)
        self.podman("kill", "--signal", "CONT", agents[0])
        for name in (*agents, broker):
            self.podman("stop", "-t", "20", name)
            self.assertEqual(self.inspect(name)["State"]["ExitCode"], 0, self.logs(name))

    def test_labels_health_check_and_size(self):
        image = self.inspect(self.image)
        labels, config = image["Labels"], image["Config"]
        self.assertEqual((labels["org.opencontainers.image.title"], labels["org.opencontainers.image.licenses"]), ("troupe", "Apache-2.0"))
        self.assertRegex(labels["org.opencontainers.image.created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual((config["User"], config["StopSignal"]), ("10001:10001", "SIGTERM"))
        self.assertEqual(image["HealthCheck"]["Test"] if "HealthCheck" in image else image["Healthcheck"]["Test"],
                         ["CMD", "troupe", "alive"])
        print(f"image: {image['Size'] / 1e6:.0f} MB", file=sys.stderr)
        self.assertLess(image["Size"], SIZE_MOST)

    def test_the_pages_tell_its_size(self):
        """What k8s/README.md and docs/operations.md say of it is so, by a twentieth: the image, the base, and the programs with their modules and library."""
        page, operations = ((harness.ROOT / name).read_text(encoding="utf-8") for name in ("k8s/README.md", "docs/operations.md"))
        told = re.search(r"\*\*one image with all programs\*\*, (\d+) MB \((\d+) of them Debian slim\): all programs together are (\d+) MB", page)
        self.assertTrue(told, "the sentence with the three sizes is not in k8s/README.md")
        self.assertEqual(re.findall(r"(?m)^\| the image \| (\d+) MB", operations), [told[1]])
        done = self.podman("run", "--rm", "--network", "none", self.image, "sh", "-c", "find /usr/bin/troupe* /usr/lib/*/troupe /usr/lib/*/libtroupe* -type f -printf '%s\\n'")
        sizes = {"image": self.inspect(self.image)["Size"], "base": self.inspect(BASE)["Size"], "programs": sum(map(int, done.stdout.split()))}
        print({name: f"{size / 1e6:.1f} MB" for name, size in sizes.items()}, file=sys.stderr)
        for size, said in zip(sizes.values(), told.groups()):
            self.assertAlmostEqual(size / 1e6, int(said), delta=max(1, int(said) / 20), msg=f"{sizes}")

    def test_each_program_runs_and_nothing_compiles(self):
        for program in ("troupe", "troupe-broker", "troupe-agentd", "troupe-coordinator", "troupe-kbd", "troupe-gateway", "troupe-exporter", "troupe-sim"):
            done = self.podman("run", "--rm", "--read-only", "--network", "none", self.image, program, "--help")
            self.assertIn(program, done.stdout + done.stderr)
        found = self.podman("run", "--rm", "--network", "none", self.image, "sh", "-c", "command -v gcc cc meson ninja python3; true")
        self.assertEqual(found.stdout, "")
        # The modules that are opened only when they are needed find what they are linked with.
        done = self.podman("run", "--rm", "--network", "none", self.image, "sh", "-c", "ldd /usr/lib/*/troupe/*.so")
        self.assertNotIn("not found", done.stdout)

    def test_the_sbom_names_what_is_in_it(self):
        inside = json.loads(self.podman("run", "--rm", "--network", "none", self.image, "cat", "/usr/share/troupe/image/sbom.spdx.json").stdout)
        self.assertEqual(inside, json.loads((PLACE / "sbom.spdx.json").read_text()))
        installed = self.podman("run", "--rm", "--network", "none", self.image, "dpkg-query", "-W", "-f", "${Package} ${Version}\n").stdout
        told = {(p["name"], p["versionInfo"]) for p in inside["packages"] if p["name"] != "troupe"}
        self.assertEqual(told, {tuple(line.split()) for line in installed.splitlines()})
        ids = [p["SPDXID"] for p in inside["packages"]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertTrue(all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in ids))
        related = {r["relatedSpdxElement"] for r in inside["relationships"]}
        self.assertEqual(related, set(ids))

    def test_what_is_wrong_is_told(self):
        build = harness.ROOT / "k8s/images/build"
        done = run(build, "--tree", self.directory, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("has no usr/bin/troupe-broker", done.stderr)
        self.assertEqual(run(build, "--tga", "x", check=False).returncode, 2)
        done = run(harness.ROOT / "k8s/images/sbom", "--name", "x", "--version", "1", check=False, text="a\tb\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 1", done.stderr)


if __name__ == "__main__":
    harness.main()
