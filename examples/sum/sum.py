#!/usr/bin/env python3
"""An agent in any language: a line of JSON in for each message, a line of JSON out for each answer.

    troupe ask svc:sum '{"numbers": [1, 2, 3]}'
"""
import json
import sys

for line in sys.stdin:
    message = json.loads(line)
    if message.get("performative") not in ("request", "query-ref"):
        print(json.dumps({"id": message["id"], "done": True}), flush=True)  # nothing to say: it is finished
        continue
    content = message.get("content")
    try:
        answer = {"id": message["id"], "performative": "inform", "content": {"sum": sum(content["numbers"])}}
    except (TypeError, KeyError):
        answer = {"id": message["id"], "performative": "not-understood",
                  "content": {"reason": "unsupported-value", "detail": 'expected {"numbers": [...]}'}}
    print(json.dumps(answer), flush=True)
