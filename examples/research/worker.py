#!/usr/bin/env python3
"""A member of the research group: worker.py ROLE [SHELF...]. Which of them does a task the coordinator finds out by a contract net.

read     bids by how much its shelf (beginnings of paths) has about the question; has the librarian answer from there, with citations
analyse  sorts what the readers found by document: who says most about it
choose   puts the documents to the vote of the group

Who writes the answer is none of these: the whole is composed of the parts by an agent with the behaviour `composer`.

Messages are lines of JSON (docs/agents.md, section 1). A task's own id is in its cfp; what it needs the coordinator tells.
"""
import collections
import itertools
import json
import sys
import time

ROLE, SHELVES = sys.argv[1], sys.argv[2:]
numbers = itertools.count(1)
tasks = {}  # by conversation: what a cfp has told
ended = set()  # decisions
waiting = collections.deque()  # requests, while another one is in work


def put(**line):
    print(json.dumps(line), flush=True)


def lines():
    for line in sys.stdin:
        yield json.loads(line)


incoming = lines()


def hear():
    """The next message. Which decisions have ended, their topics say; what asks for something may have to wait."""
    message = next(incoming)
    content = message.get("content")
    if message.get("type") == "event" and content.get("state") != "voting":
        ended.add(content.get("decision"))
    elif message.get("type") == "message" and "in_reply_to" not in message:
        waiting.append(message)
    return message


def ask(to, **content):
    """The content of another agent's answer."""
    mark = f"q{next(numbers)}"
    put(to=to, performative="request", protocol="fipa-request", reply_with=mark, conversation_id=f"{ROLE}-{time.time_ns()}", content=content)
    while True:
        message = hear()
        if message.get("in_reply_to") != mark or message.get("performative") == "agree":
            continue
        if message["performative"] != "inform":
            raise RuntimeError(f"{to}: {message['performative']} {json.dumps(message.get('content'))}")
        return message["content"]


def shelf():
    """A filter for the knowledge base: documents whose paths begin so."""
    return {"or": [{"$source": {"prefix": path}} for path in SHELVES]} if SHELVES else {}


def bid(text):
    if ROLE != "read":
        return {"cost": 1}
    found = ask("svc:kb", action="search", namespace="machine", query=text, k=5, filter=shelf())
    return {"cost": 10 - len(found["results"]), "time-ms": 100}


def needed(task):
    """What the tasks that this one needs have given, and who gave it."""
    return [ask("svc:tasks", action="show", task=need) for need in ask("svc:tasks", action="show", task=task)["needs"]]


def read(text, task):
    return ask("svc:librarian", action="answer", query=text, namespace="machine", k=8, sentences=4, filter=shelf())


def analyse(text, task):
    documents = {}
    for found in needed(task):
        for citation in found["result"]["citations"]:
            documents.setdefault(citation["id"], []).append(citation)
    order = sorted(documents, key=lambda document: -len(documents[document]))
    options = [{"document": document, "citations": documents[document]} for document in order[:6]]
    texts = [citation.get("quote") or "" for option in options for citation in option["citations"]]
    summary = ask("svc:summariser", texts=texts, sentences=2)["text"] if any(texts) else ""
    return {"options": options, "summary": summary}


def choose(text, task):
    options = needed(task)[0]["result"]["options"]
    if len(options) < 2:
        return {"winner": options[0]["document"] if options else None, "why": "there was nothing to choose between"}
    said = {f"{o['document']}: {' '.join(c.get('quote') or '' for c in o['citations'])}".encode()[:200].decode(errors="ignore"): o["document"]
            for o in options}  # what is said of a document in 200 bytes, as long as an option may be
    decision = ask("svc:decisions", action="decide", question=text[:2000], options=list(said), voters=["svc:voter"], method="borda",
                   tie="first", **{"within-ms": 10000})["decision"]
    while decision not in ended:
        hear()
    told = ask("svc:decisions", action="decision", decision=decision)
    return {"winner": said.get(told.get("winner")) or options[0]["document"], "decision": decision, "why": told.get("why") or told["state"]}


def work(message):
    content, act = message.get("content") or {}, message.get("performative")
    if act == "cfp":
        tasks[message.get("conversation_id")] = content
        put(id=message["id"], performative="propose", content=bid(content["description"]))
    elif act in ("accept-proposal", "request"):
        task = tasks.pop(message.get("conversation_id"), {}).get("task") or content.get("task")
        put(id=message["id"], content={"read": read, "analyse": analyse, "choose": choose}[ROLE](content["text"], task))
    else:
        put(id=message["id"], done=True)  # a bid that was not taken


def serve():
    while True:
        while not waiting:
            hear()
        message = waiting.popleft()
        try:
            work(message)
        except (RuntimeError, KeyError, TypeError) as wrong:
            put(id=message["id"], performative="failure", content={"reason": "not-done", "detail": str(wrong)[:300]})


try:
    serve()
except StopIteration:
    pass  # its agent ends
