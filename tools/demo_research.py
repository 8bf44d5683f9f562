#!/usr/bin/env python3
"""The second job of tools/demo: one question goes the whole way, from the assistant to an answer with citations (examples/research.yaml)."""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import textwrap
import time

from demo_job import WIDTH, Fleet, line, paint, say

QUESTION = "prepare a report on patents that contributors grant"
LOAD_TIME = 60  # seconds: for the documents to be there


def wait_for_documents(fleet):
    """Until the knowledge base has all of them, and has nothing left to do."""
    before, until = -1, time.monotonic() + LOAD_TIME
    while time.monotonic() < until:
        rows = fleet.json("kb", "stat")
        count = sum(row["documents"] for row in rows)
        if count and count == before and not any(row["pending"] for row in rows):
            return count
        before = count
        time.sleep(0.5)
    raise SystemExit("tools/demo: the documents are not there; see `troupe logs loader`")


def follow(fleet, tasks):
    """Each change of the tasks, as it comes, until all of them have ended."""
    watch = fleet.start("task", "watch", *tasks, "-o", "json")
    for told in watch.stdout:
        task = json.loads(told)
        who = f" by {task['agent'].split('@')[0]}" if task["agent"] else ""
        why = f": {task['reason']}" if task.get("reason") else ""
        line(f"    {task['task'].rpartition('-')[0]:8} {task['state']}{who}{why}")
    if watch.wait():
        raise SystemExit("tools/demo: not all of the tasks were completed; see `troupe task ls`")


def put(text, indent="  "):
    print(textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False))


def print_answer(answer, question, parts):
    say(question)
    put(answer["text"])
    print()
    for found in answer["evidence"]:
        put(f"[{found['number']}] {found['source']}" + (f", {found['heading']}" if found.get("heading") else ""))
    print()
    say(f"the group chose {answer['choice'].get('winner')}")
    put(answer["choice"].get("why", ""))
    print()
    say("who did what")
    for task in parts:
        put(f"{task['agent']}: {task['description']} ({task['task']})")


def job(fleet, question):
    say(f"the knowledge base has {wait_for_documents(fleet)} documents")
    say(f"troupe ask assistant '{question}'")
    turn = fleet.json("ask", "assistant", question)
    print(textwrap.indent(turn["reply"], "    "))
    tasks = [task["task"] for task in turn["answer"]["tasks"]]
    say("troupe task watch: bids are called for, and the best one gets the task")
    begun = time.monotonic()
    follow(fleet, tasks)
    print()
    parts = [fleet.json("task", "show", task) for task in tasks]
    print_answer(parts[-1]["result"], question, parts)
    print(paint(f"  {time.monotonic() - begun:.1f} s", "2"))


def main():
    parser = argparse.ArgumentParser(prog="tools/demo")
    parser.add_argument("--bin", required=True)
    parser.add_argument("question", nargs="?", default=QUESTION)
    options = parser.parse_args()
    state = tempfile.mkdtemp(prefix="troupe-demo-")
    fleet = Fleet(os.path.abspath(options.bin), state)
    say("troupe up examples/research.yaml --detach")
    up = fleet.run("up", "examples/research.yaml", "--detach")
    sys.stdout.write(textwrap.indent(up.stdout + up.stderr, "    "))
    try:
        job(fleet, options.question)
    finally:
        fleet.run("down", check=False)
        shutil.rmtree(state, ignore_errors=True)
    say("done; nothing is left running")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
