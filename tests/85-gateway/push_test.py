#!/usr/bin/env python3
"""Push notifications of A2A: who wants to know of a task's end is told, again until he takes it; and nobody of the own network is, unless he is named."""
import http.server
import json
import os
import pathlib
import subprocess
import threading
import unittest

import web
from web import harness


class Listener(http.server.ThreadingHTTPServer):
    """Takes notifications: (path, headers, body), and answers with the statuses that it was given, then with 204."""
    daemon_threads = True

    def __init__(self, *statuses):
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses, self.told = list(statuses), []
        self.place = f"http://127.0.0.1:{self.server_address[1]}/"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.server.told.append((self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
        self.send_response(status)
        if status == 307:
            self.send_header("Location", self.server.place + "elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


class Push(web.GatewayTest):
    def listen(self, *statuses):
        listener = Listener(*statuses)
        self.addCleanup(listener.server_close)
        self.addCleanup(listener.shutdown)
        return listener

    def start(self, *arguments):
        self.begin(*arguments)
        self.agent("echo", "echo", "--service", "say")
        self.good(self.post("/api/v1/agents/echo/suspend"))

    def rpc(self, method, params, **more):
        return self.post("/a2a/echo", {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}, headers={"A2A-Version": "1.0"}, **more).json()

    def begin_task(self, push=None):
        """One that goes on until its agent is resumed."""
        configuration = {"returnImmediately": True, **({"taskPushNotificationConfig": push} if push else {})}
        answer = self.rpc("SendMessage", {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}, "configuration": configuration})
        return answer["result"]["task"]["id"] if "result" in answer else answer["error"]

    def resume(self):
        self.good(self.post("/api/v1/agents/echo/resume"))

    def wait_told(self, listener, count):
        harness.wait_until(lambda: len(listener.told) >= count, f"{count} notifications, of {listener.told}", 90)

    def test_the_end_of_a_task_is_told(self):
        listener = self.listen()
        self.start("--push-to", listener.place)
        card = self.good(self.get("/.well-known/agent-card.json", role=None))
        self.assertTrue(card["capabilities"]["pushNotifications"])
        task = self.begin_task({"url": listener.place + "inline?a=1", "token": "word"})
        made = self.rpc("CreateTaskPushNotificationConfig", {"taskId": task, "url": listener.place + "later", "authentication": {"scheme": "Bearer", "credentials": "key"}})
        self.assertTrue(made["result"]["id"])
        self.resume()
        self.wait_told(listener, 2)
        told = {path: (headers, body) for path, headers, body in listener.told}
        self.assertEqual(set(told), {"/inline?a=1", "/later"})
        for headers, body in told.values():
            self.assertEqual((body["task"]["id"], body["task"]["status"]["state"]), (task, "TASK_STATE_COMPLETED"))
            self.assertEqual(body["task"]["artifacts"][0]["parts"][0]["text"], "hello")
            self.assertEqual(headers["content-type"], "application/a2a+json")
        self.assertEqual((told["/inline?a=1"][0]["x-a2a-notification-token"], "authorization" in told["/inline?a=1"][0]), ("word", False))
        self.assertEqual((told["/later"][0]["authorization"], "x-a2a-notification-token" in told["/later"][0]), ("Bearer key", False))
        self.assertEqual(self.rpc("CreateTaskPushNotificationConfig", {"taskId": task, "url": listener.place})["error"]["code"], -32004)

    def wait_log(self, text):
        harness.wait_until(lambda: text in self.gateway.err, f"{text} in {self.gateway.err}", 90)

    def test_again_until_it_is_taken_or_refused(self):
        busy, refuses, redirects = self.listen(503, 429), self.listen(410), self.listen(307)
        self.start("--push-to", busy.place, "--push-to", refuses.place, "--push-to", redirects.place)
        task = self.begin_task({"url": busy.place})
        for url in (refuses.place, redirects.place + "hook"):
            self.assertIn("result", self.rpc("CreateTaskPushNotificationConfig", {"taskId": task, "url": url, "token": "not-for-the-log"}))
        self.resume()
        self.wait_log("HTTP 410")
        self.wait_log("HTTP 307")
        self.wait_told(busy, 3)
        self.assertEqual(self.gateway.err.count("G014"), 2)
        self.assertNotIn("not-for-the-log", self.gateway.err)
        self.assertEqual((len(refuses.told), [path for path, _, _ in redirects.told]), (1, ["/hook"]))

    def test_nobody_of_the_own_network_is_told(self):
        """Numbers are refused at once, names when they are resolved; whatever way they are written."""
        listener = self.listen()
        self.start("--push-to", listener.place + "only/")
        port = listener.server_address[1]
        for url in (listener.place, listener.place + "only", listener.place + "only/%2e%2e/x", f"http://127.1:{port}/", f"http://2130706433:{port}/", f"http://0x7f.1:{port}/",
                    f"http://[::1]:{port}/", f"http://[::ffff:127.0.0.1]:{port}/", "http://10.0.0.1/", "http://169.254.169.254/latest/", "http://0.0.0.0/",
                    f"http://ann:b@127.0.0.1:{port}/only/", "file:///etc/passwd", "gopher://127.0.0.1/", "x", ""):
            self.assertEqual(self.begin_task({"url": url})["code"], -32602, url)
        self.assertEqual(self.begin_task({"url": listener.place + "only/a", "token": "a\r\nHost: b"})["code"], -32602)
        self.begin_task({"url": f"http://localhost:{port}/only/"})
        self.resume()
        self.wait_log("--push-to may name it")
        self.assertEqual(listener.told, [])

    def test_they_are_of_the_task_and_bounded(self):
        listener = self.listen()
        self.start("--push-to", listener.place)
        task = self.begin_task()
        for n in range(8):
            self.assertEqual(self.rpc("CreateTaskPushNotificationConfig", {"taskId": task, "id": f"p{n}", "url": listener.place})["result"]["id"], f"p{n}")
        self.assertEqual(self.rpc("CreateTaskPushNotificationConfig", {"taskId": task, "id": "p8", "url": listener.place})["error"]["code"], -32603)
        again = self.rpc("CreateTaskPushNotificationConfig", {"taskId": task, "id": "p3", "url": listener.place + "new"})["result"]
        self.assertEqual(again["url"], listener.place + "new")
        path, version = f"/a2a/echo/tasks/{task}/pushNotificationConfigs", {"A2A-Version": "1.0"}
        self.assertEqual(len(self.good(self.get(path, headers=version))["configs"]), 8)
        self.assertEqual(self.good(self.get(path + "/p3", headers=version)), again)
        self.assertEqual(self.get(path, role="viewer", headers=version).status, 403)
        self.assertEqual(self.get(path, role="admin", headers=version).status, 404)  # it is not his
        self.assertEqual(self.good(self.ask("DELETE", path + "/p3", headers=version)), {})
        self.assertEqual(self.get(path + "/p3", headers=version).status, 404)
        self.assertEqual(self.rpc("DeleteTaskPushNotificationConfig", {"taskId": task, "id": "p3"})["result"], {})  # each time the same
        self.assertEqual(self.rpc("DeleteTaskPushNotificationConfig", {"taskId": "none", "id": "p3"})["error"]["code"], -32001)

    def test_a_rule_that_is_none(self):
        self.at = self.broker()
        done = self.run_program("gateway", "--connect", self.at.endpoint, "--listen", "127.0.0.1:0", "--push-to", "nowhere")
        self.assertNotEqual(done.code, 0)
        self.assertIn('--push-to: expected a place such as https://example.org/', done.err)

    @unittest.skipUnless(web.sdk_place(), "there is no SDK of A2A: tools/setup --clients")
    def test_the_sdk_of_npm(self):
        listener = self.listen()
        self.start("--push-to", listener.place)
        for count, binding in enumerate(("JSONRPC", "HTTP+JSON"), 1):
            done = subprocess.run(["node", str(pathlib.Path(__file__).with_name("push_client.js")), self.gateway.url, self.tokens["operator"], binding, listener.place + binding],
                                  env={**os.environ, "NODE_PATH": web.sdk_place()}, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done)
            out = json.loads(done.stdout)
            self.assertEqual((out["got"], set(out["before"]), out["after"]), ("first", {"first", out["made"]}, [out["made"]]))
            self.resume()
            self.wait_told(listener, count)
            path, headers, body = listener.told[-1]
            self.assertEqual((path, body["task"]["id"], headers["authorization"], headers["x-a2a-notification-token"]),
                             ("/" + binding, out["task"], "Bearer secret", "of-" + binding))
            self.good(self.post("/api/v1/agents/echo/suspend"))


if __name__ == "__main__":
    harness.main()
