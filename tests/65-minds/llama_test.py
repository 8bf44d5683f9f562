"""Behaviours that think with a real llama-server (60-model/llama.py). The model is so small that it makes no sense: what is tried is that its words arrive,
in pieces and by their schema, and that where they do not fit the built-in mind answers and says so."""
import json

import minds
import llama


class Llama(minds.MindsTest):
    def setUp(self):
        super().setUp()
        self.mind = {"preset": "llama.cpp", "base-url": llama.serve(self), "model": "m", "max-tokens": 120,
                     "limits": {"first-byte": "60s", "idle": "60s", "total": "120s"}}

    def answered(self, agent, content):
        done = self.asked(agent, content if isinstance(content, str) else json.dumps(content))
        self.assertEqual(done.code, 0, done)
        return done.json()

    def asked(self, agent, content):
        """Whoever answers at last: the model has written something for it."""
        before = llama.predicted(self.mind["base-url"])
        done = self.run_verb("ask", agent, content, "-o", "json", "--timeout", "100s")
        minds.harness.wait_until(lambda: llama.predicted(self.mind["base-url"]) > before, f"the model writes for {agent}", 20)
        return done

    def assert_by_model(self, answer):
        """Or by the built-in mind, because the model's answer was none: cut, or not by its schema."""
        if answer["by"] == "built-in":
            self.assertRegex(answer.get("fallback", ""), "cut|mismatch|does not fit", answer)
        else:
            self.assertRegex(answer["by"], "^model .", answer)
            self.assertNotIn("fallback", answer)

    def test_a_dialogue_streams(self):
        self.mind["models"] = {"dialogue": "m"}
        del self.mind["model"]
        self.agent("d", "dialogue", mind=self.mind)
        tap = self.spawn_verb("tap", "dialogue.>", "-o", "json")
        last = {}

        def told():
            last.update(self.answered("d", {"text": "tell me of a cat", "user": "ann"}))
            return '"last":true' in tap.out.replace(" ", "")
        minds.harness.wait_until(told, "a turn is told", 60)
        self.assert_by_model(last)
        pieces = [json.loads(line)["content"] for line in tap.out.splitlines()]
        turn = [p for p in pieces if p["turn"] == pieces[-1]["turn"]]
        reply = ""
        for piece in turn:
            reply = piece["text"] if piece.get("again") else reply + piece["text"]
        self.assertTrue(turn[-1]["last"])
        self.assertEqual(reply, last["reply"])

    def test_the_others(self):
        self.agent("s", "summariser", mind=self.mind)
        self.assert_by_model(self.answered("s", {"text": "The harbour was rebuilt in 1990. It is deep.", "sentences": 1}))
        self.agent("c", "critic", {"criteria": ["tone"]}, mind=self.mind)
        answer = self.answered("c", "It is a nice day.")
        self.assert_by_model(answer)
        self.assertTrue(0 <= answer["score"] <= 1 and answer["judgements"][0]["criterion"] == "tone", answer)
        self.agent("p", "planner", {"skills": ["search", "write"]}, mind=self.mind)
        self.assert_by_model(self.answered("p", "write a report on whales"))
        self.agent("x", "executor", mind=self.mind)
        done = self.asked("x", "calculate 6*7")
        self.assertIn(done.code, (0, 3), done)
        self.assertTrue(done.code == 0 or any(word in done.err for word in ("not-done", "repeated", "step-limit")), done)


if __name__ == "__main__":
    llama.main()
