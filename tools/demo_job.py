#!/usr/bin/env python3
"""The job of tools/demo: what a person would type at the command line, one step after the other."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

WIDTH = min(shutil.get_terminal_size((100, 24)).columns, 110)
ENOUGH = 6  # documents, for something to happen in the middle
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def paint(text, code):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def line(text):
    """In one write: two threads tell what happens."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say(text):
    line(paint("==> ", "1;36") + paint(text, "1"))


class Fleet:
    """The `troupe` command against one state directory of its own."""

    def __init__(self, binary, state):
        self.troupe = os.path.join(binary, "tools", "troupe")
        self.env = dict(os.environ, TROUPE_STATE=state)

    def command(self, *words):
        return [self.troupe, *words]

    def run(self, *words, check=True, timeout=120):
        done = subprocess.run(self.command(*words), env=self.env, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode:
            sys.stderr.write(done.stderr)
            raise SystemExit(f"tools/demo: `troupe {' '.join(words)[:60]}` ended with {done.returncode}")
        return done

    def json(self, *words):
        return json.loads(self.run(*words, "-o", "json").stdout)

    def start(self, *words):
        return subprocess.Popen(self.command(*words), env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Stream(threading.Thread):
    """Reads the topic stream through `troupe tap`, prints it, and remembers what it saw."""

    def __init__(self, fleet):
        super().__init__(daemon=True)
        self.tap = fleet.start("tap", "digest.progress", "-o", "json")
        self.tap.stderr.readline()  # it watches; what is published before that would be missed
        self.changed = threading.Condition(threading.RLock())
        self.begun = {}  # agent -> the document whose digest it is making
        self.finished = 0

    def run(self):
        for told in self.tap.stdout:
            event = json.loads(told)
            content = event.get("content") or {}
            if not isinstance(content, dict):
                continue
            self.show(event, content)
            with self.changed:
                self.note(content)
                self.changed.notify_all()

    def note(self, content):
        agent, phase = content.get("agent", ""), content.get("phase", "")
        if phase == "reading-digest":
            self.begun[agent] = content.get("document", "")
        elif phase in ("done", "refused"):
            self.begun.pop(agent, None)
            self.finished += 1

    def show(self, event, content):
        if "agent" in content:
            what = f"{content['agent'].split('@')[0]} {content.get('phase', '')} {os.path.basename(content.get('document', ''))}"
        else:
            what = f"editor {content.get('phase', '')} {content.get('done', 0)}/{content.get('total', 0)}"
        again = " (delivered again)" if content.get("attempt") else ""
        line(paint(f"    | {event.get('topic', '')} #{event.get('sequence', '')} {what}{again}", "2"))

    def wait_for(self, condition, job, seconds=600):
        """Until the condition holds (True), or the job has ended before it could (False)."""
        until = time.monotonic() + seconds
        with self.changed:
            while not condition(self):
                if job.poll() is not None:
                    return False
                if time.monotonic() > until:
                    raise SystemExit("tools/demo: the fleet is not getting on; see `troupe logs`")
                self.changed.wait(0.1)
        return True

    def end(self):
        self.tap.send_signal(signal.SIGINT)
        self.tap.wait(10)


def find_documents(paths):
    """The files to read: directories are walked, and two names of one file are one document."""
    found, seen = [], set()
    for path in paths or ["/usr/share/common-licenses"]:
        if not os.path.lexists(path):
            print(f"tools/demo: {path}: there is no such file or directory; skipped", file=sys.stderr)
            continue
        names = [path]
        if os.path.isdir(path):
            names = sorted(os.path.join(d, f) for d, _, files in os.walk(path) for f in files)
        for name in names:
            real = os.path.realpath(name)
            if real not in seen:
                seen.add(real)
                found.append(name)
    return found


def wrap(text, indent):
    text = " ".join(str(text).split())
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent))


def print_digest(d):
    print()
    print(paint(d.get("title") or d["document"], "1"))
    print(f"  {d['document']}: {d.get('language', '?')}, {d.get('words', 0)} words, {d.get('bytes', 0)} bytes")
    terms = [t["term"] for t in d.get("terms", [])[:8]]
    print(wrap(", ".join(terms), "  terms: "))
    for sentence in d.get("key_sentences", [])[:3]:
        print(wrap(sentence["text"], "  - "))
    names = [e["text"] for e in d.get("entities", [])[:6]]
    if names:
        print(wrap(", ".join(names), "  names: "))


def shared_line(item, key):
    sources = [os.path.basename(s.get("document", s) if isinstance(s, dict) else s) for s in item.get("documents", [])]
    return f"{item[key]}: {', '.join(sources[:6])}" + (f" and {len(sources) - 6} more" if len(sources) > 6 else "")


def print_overview(overview):
    print()
    say("Overview of all of them")
    for title, key, name in (("terms that they share", "terms", "term"), ("names that they share", "entities", "text")):
        rows = overview.get(key, [])[:8]
        if rows:
            print(f"  {title}")
            for row in rows:
                print(wrap(shared_line(row, name), "    "))
    sentences = overview.get("sentences", [])[:6]
    if sentences:
        print("  what they say")
    for sentence in sentences:
        print(wrap(sentence["text"], "    - "))
        print(f"      [{os.path.basename(sentence['document'])}]")


def print_failed(failed):
    if failed:
        print()
        say("Skipped")
    for f in failed:
        why = f.get("detail") or f.get("reason")
        print(wrap(why if why.startswith(f["document"]) else f"{f['document']}: {why}", "  "))


def pids_of(rows):
    """Of readers; the rows are those of `troupe ps` or `attach`."""
    return {row["name"]: row["pid"] for row in rows if row["name"].startswith("reader-") and row["pid"]}


def kill_a_reader(pids, stream, job):
    """Kills, with -9, a reader that has a document in its hands at this moment."""
    busy = lambda s: [a for a in s.begun if a.split("@")[0] in pids]
    with stream.changed:
        found = stream.wait_for(busy, job) and busy(stream)
        if not found:
            say("all was read before a reader could be killed")
            return
        agent = found[-1]
        document, name = stream.begun[agent], agent.split("@")[0]
        os.kill(pids[name], signal.SIGKILL)
    say(f"killed {name} (pid {pids[name]}) with -9 while it had {os.path.basename(document)} in hand")


def disturb(fleet, pids, stream, job, count):
    """In the middle: more readers, and one less."""
    if count < ENOUGH:
        say(f"no reader joins or dies meanwhile: that needs {ENOUGH} documents or more")
        return
    if not stream.wait_for(lambda s: s.finished >= count // 3, job):
        return
    say("attaching two more readers")
    pids.update(pids_of(fleet.json("attach", "reader", "--count", "2")))
    kill_a_reader(pids, stream, job)


def digest(fleet, stream, documents):
    """Asks the editor, and disturbs its readers meanwhile. Returns its answer."""
    request = json.dumps({"action": "digest", "documents": [{"path": d} for d in documents]})
    pids = pids_of(fleet.json("ps"))
    with tempfile.TemporaryFile("w+") as answer, tempfile.TemporaryFile("w+") as question:
        question.write(request)
        question.seek(0)
        ask = subprocess.Popen(fleet.command("ask", "editor", "-", "--timeout", "10m", "-o", "json"), env=fleet.env,
                               stdin=question, stdout=answer)
        disturb(fleet, pids, stream, ask, len(documents))
        if ask.wait(600):
            raise SystemExit(f"tools/demo: `troupe ask editor` ended with {ask.returncode}")
        answer.seek(0)
        result = json.load(answer)
    return result.get("content", result) if "documents" not in result else result


def print_counts(fleet, result, seconds):
    counts = result.get("counts", {})
    messages = fleet.json("ask", "ams", '{"action": "stats"}')
    messages = messages.get("content", messages)
    total = messages.get("accepted", 0)
    print()
    say("Counts")
    rows = (("documents", f"{counts.get('read', 0)} read, {counts.get('failed', 0)} skipped"),
            ("messages", f"{total} accepted by the broker, {messages.get('dead_letters', 0)} dead letters"),
            ("redeliveries", messages.get("redelivered", 0)),
            ("seconds", f"{seconds:.2f}"),
            ("messages/s", f"{total / seconds:.0f}"))
    for name, value in rows:
        print(f"  {name:13} {value}")


def job(fleet, documents):
    stream = Stream(fleet)
    stream.start()
    say(f"digest of {len(documents)} document{'s' if len(documents) > 1 else ''}; the topic stream meanwhile:")
    begun = time.monotonic()
    result = digest(fleet, stream, documents)
    seconds = time.monotonic() - begun
    stream.end()
    print()
    say("Digests")
    for d in result["documents"]:
        print_digest(d)
    if not result["documents"]:
        print("  none: nothing of it could be read")
    print_failed(result.get("failed", []))
    if len(result["documents"]) > 1:
        print_overview(result["overview"])
    print_counts(fleet, result, seconds)
    missing = len(documents) - len(result["documents"]) - len(result.get("failed", []))
    if missing:
        raise SystemExit(f"tools/demo: {missing} documents were lost")


def main():
    parser = argparse.ArgumentParser(prog="tools/demo")
    parser.add_argument("--bin", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("documents", nargs="*")
    options = parser.parse_args()
    documents = find_documents(options.documents)
    if not documents:
        raise SystemExit("tools/demo: no files there")
    state = os.path.abspath(".troupe") if options.keep else tempfile.mkdtemp(prefix="troupe-demo-")
    fleet = Fleet(options.bin, state)
    say("troupe up examples/digest.yaml --detach")
    up = fleet.run("up", "examples/digest.yaml", "--detach")
    sys.stdout.write(textwrap.indent(up.stdout + up.stderr, "    "))
    try:
        job(fleet, documents)
    finally:
        if options.keep:
            print()
            say(f"the fleet is still running; try, in {os.getcwd()}")
            document = json.dumps({"action": "digest", "documents": [{"path": os.path.abspath("README.md")}]})
            for words in ("ps", "top", "tap '>'", f"ask editor '{document}'", "scale reader=8", "down"):
                print(f"    {fleet.troupe} {words}")
        else:
            fleet.run("down", check=False)
            shutil.rmtree(state, ignore_errors=True)
    if not options.keep:
        say("done; nothing is left running")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
