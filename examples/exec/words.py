#!/usr/bin/env python3
"""Persistent: one run for the agent's life, so that it may keep what it has counted. A request is a text; the answer says how often each of
its words has come so far. A query-ref asks for all of it."""
import collections
import json
import sys

counts = collections.Counter()

for line in sys.stdin:
    message = json.loads(line)
    act, content = message.get("performative"), message.get("content")
    if act == "request" and isinstance(content, str):
        words = content.lower().split()
        counts.update(words)
        answer = {"content": {word: counts[word] for word in words}}
    elif act == "query-ref":
        answer = {"content": counts}
    elif act in ("inform", "failure"):
        answer = {"done": True}
    else:
        answer = {"performative": "not-understood", "content": {"reason": "unsupported-value", "detail": "expected a text"}}
    print(json.dumps({"id": message["id"], **answer}), flush=True)
