"""What the tests with real containers share: podman and buildah with a storage of their own, a base, and the image of Troupe.

All of it is kept in build/containers of the tree (TROUPE_TEST_CONTAINERS), so that only the first run takes minutes: the base is Debian's,
by debootstrap, under the name that k8s/images/build looks for; the programs are those of a release build in build/image. It needs root,
podman, buildah, runc, catatonit and debootstrap; where one is missing, the test is skipped and says so.

runc runs behind runc_without_limits: a container gets the limits of this process, because raising them may be forbidden here.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "40-fleet")]
import harness

PLACE = pathlib.Path(os.environ.get("TROUPE_TEST_CONTAINERS", harness.ROOT / "build" / "containers"))
BASE = "docker.io/library/debian:bookworm-slim"
IMAGE = "localhost/troupe:test"
NEEDED = ("podman", "buildah", "runc", "conmon", "catatonit", "debootstrap", "iptables", "meson", "ninja")


def missing():
    """What keeps these tests from running here, or None."""
    if os.getuid() != 0:
        return "containers need root here"
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    absent = [name for name in NEEDED if not shutil.which(name, path=path)]
    if absent:
        return f"{', '.join(absent)} missing (tools/setup --check installs them)"
    done = run("podman", "info", "--format", "json", check=False)
    return None if done.returncode == 0 else f"podman does not work here: {done.stderr.strip()[-200:]}"


def environment():
    """Of podman and buildah, and of a `troupe` that calls podman."""
    PLACE.mkdir(parents=True, exist_ok=True)
    (PLACE / "containers.conf").write_text(
        '[engine]\nruntime = "limited"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        f'[engine.runtimes]\nlimited = ["{HERE / "runc_without_limits"}"]\n')
    (PLACE / "storage.conf").write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{PLACE / "graph"}"\nrunroot = "{PLACE / "run"}"\n')
    return {"CONTAINERS_CONF": str(PLACE / "containers.conf"), "CONTAINERS_STORAGE_CONF": str(PLACE / "storage.conf")}


def run(*command, check=True, patience=600, text=None):
    env = harness.environment(**environment())
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=env, timeout=patience, check=False, input=text,
                          cwd=harness.ROOT)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: code {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


def has_image(name):
    return run("podman", "image", "exists", name, check=False).returncode == 0


def make_base():
    """Debian without what its own slim image leaves out."""
    if has_image(BASE):
        return
    root = PLACE / "base"
    shutil.rmtree(root, ignore_errors=True)
    run("debootstrap", "--variant=minbase", "bookworm", root, patience=1800)
    for place in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(root / place, ignore_errors=True)
        (root / place).mkdir()
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text("".join(f"path-exclude /usr/share/{name}/*\n" for name in ("doc", "man", "locale")))
    run("tar", "-C", root, "-cf", PLACE / "base.tar", ".")
    run("podman", "import", PLACE / "base.tar", BASE)
    shutil.rmtree(root)
    (PLACE / "base.tar").unlink()


def make_tree():
    """The programs as they are installed, of a release build: those of the tests have sanitizers."""
    build, tree = harness.ROOT / "build" / "image", PLACE / "tree"
    if not (build / "build.ninja").exists():
        run("meson", "setup", build, "--buildtype=release", "-Dtests=disabled", "--prefix=/usr", patience=300)
    run("ninja", "-C", build, patience=3600)
    shutil.rmtree(tree, ignore_errors=True)
    run("env", f"DESTDIR={tree}", "meson", "install", "-C", build, "--no-rebuild", "--strip")
    return tree


def digest(tree):
    """Of the programs, and of what the image is made by."""
    files = sorted(path for path in tree.glob("usr/**/*") if path.is_file() and not path.is_symlink())
    files += sorted((harness.ROOT / "k8s" / "images").iterdir())
    return run("sha256sum", *files).stdout


def make_image():
    """IMAGE, of the programs as they are now. Returns it."""
    make_base()
    tree = make_tree()
    seen, now = PLACE / "image.sums", digest(tree)
    if not (has_image(IMAGE) and seen.exists() and seen.read_text() == now):
        run(harness.ROOT / "k8s/images/build", "--tree", tree, "--tag", IMAGE, "--sbom", PLACE / "sbom.spdx.json", patience=1800)
        seen.write_text(now)
    return IMAGE


class ContainerTest(harness.SystemTest):
    """Containers, pods, volumes and networks whose names begin with self.prefix end with the test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        why = missing()
        if why:
            import unittest
            raise unittest.SkipTest(why)
        cls.image = make_image()

    def setUp(self):
        super().setUp()
        self.prefix = f"t{os.getpid()}x{int(time.monotonic() * 1000) % 100000}"
        self.env = environment()
        self.addCleanup(self._remove)

    def podman(self, *arguments, check=True, patience=120, text=None):
        return run("podman", *arguments, check=check, patience=patience, text=text)

    def _remove(self):
        for kind, lister in (("pod", ("pod", "ps")), ("container", ("ps", "-a"))):
            names = self.podman(*lister, "--format", "{{.Names}}" if kind == "container" else "{{.Name}}", check=False).stdout.split()
            for name in names:
                if name.startswith(self.prefix):
                    self.podman(*(("pod", "rm", "-f") if kind == "pod" else ("rm", "-f")), "-t", "1", name, check=False)
        for kind in ("volume", "secret", "network"):
            for name in self.podman(kind, "ls", "--format", "{{.Name}}", check=False).stdout.split():
                if name.startswith(self.prefix):
                    self.podman(kind, "rm", name, check=False)

    def container(self, name, *command, options=()):
        """Runs one as a manifest would: nothing is written to its root, and it may nothing that root may."""
        name = f"{self.prefix}-{name}"
        self.podman("run", "-d", "--name", name, "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", *options,
                    self.image, *command)
        return name

    def inspect(self, name):
        return json.loads(self.podman("inspect", name).stdout)[0]

    def logs(self, name):
        done = self.podman("logs", name)
        return done.stdout + done.stderr
