"""`troupe chat`: on a terminal, whose screen is looked at as a person does (screen.py), and from a pipe."""
import json
import os
import pathlib
import signal
import stat

import minds
import model
import screen
from minds import harness

PASTE = "\x1b[200~{}\x1b[201~"
UP, LEFT = "\x1b[A", "\x1b[D"


class Talk(minds.MindsTest):
    def terminal(self, *arguments, columns=80, lines=24, **env):
        env = {"TROUPE_CONNECT": self.at.endpoint, "XDG_STATE_HOME": self.directory + "/state", "HOME": self.directory, **env}
        terminal = screen.Shown(self, "troupe", "chat", "--user", "ann", *arguments, env=env, on=("stdin", "stdout", "stderr"),
                                columns=columns, lines=lines, controls=True)
        rows = terminal.wait_row(">")
        self.assertEqual(rows[0], "Talking to assistant as ann; /help shows the commands.")
        return terminal

    def types(self, terminal, line, prompt=">"):
        """Types a line and waits for the prompt behind what it is answered with: that, row for row."""
        before = len(terminal.rows()) - 1
        terminal.press(line + "\n")
        rows = terminal.wait_rows(lambda rows: len(rows) > before + 1 and rows[-1] == prompt, f"the prompt behind what {line!r} is answered with")
        self.assertEqual(rows[before], f"> {line}")
        return rows[before + 1:-1]

    def ends(self, terminal, code=0):
        self.assertEqual(terminal.child.wait().code, code)
        self.assertEqual(terminal.mode(), terminal.before)
        self.assertNotIn(2004, terminal.read() and terminal.screen.modes)


class Commands(Talk):
    def test_a_terminal(self):
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        coordinator.wait_err("C001 ready")
        self.agent("hands", "executor", more=("--service", "sums", "--service", "general"))
        self.agent("p", "planner", {"skills": ["general"]}, more=("--service", "planner"))
        self.agent("assistant", "assistant", {"actions": {"calculate": "svc:sums"}, "memory": self.directory + "/memory"})
        terminal = self.terminal(columns=160, lines=50)
        self.assertEqual(len(terminal.rows()), 2)
        for command in "/history", "/why":
            self.assertEqual(self.types(terminal, command), ["Nothing was said yet."])
        self.assertEqual(self.types(terminal, "/tasks"), ["There are no tasks."])
        self.assertEqual(self.types(terminal, "hello, my name is Ann"), ["Hello. What can I do for you?"])
        self.assertEqual(self.types(terminal, "please be plain"), ["I will be plain."])  # and no word of not understanding it
        self.assertEqual(self.types(terminal, "never mind"), ["All right."])
        self.assertEqual(self.types(terminal, "calculate (2 + 3) * 4"), ["20"])
        self.assertIn('action: calculate\nparameters:\n  text: "(2 + 3) * 4"\nto: svc:sums\n', "\n".join(self.types(terminal, "/why")))
        self.assertEqual(self.types(terminal, "/history"), ["> hello, my name is Ann", "Hello. What can I do for you?", "> please be plain", "I will be plain.",
                                                            "> never mind", "All right.", "> calculate (2 + 3) * 4", "20"])
        before = len(terminal.rows())
        terminal.press("create a task to calculate 6*7\n")
        told = terminal.wait_rows(lambda rows: rows[-2:] == ["[completed] calculate 6*7", ">"], "what became of the task")[before:]
        self.assertEqual((told[0], told[1].startswith("calculate 6*7 (do-"), sum("[completed]" in row for row in told)), ("It is being done, in 1 step:", True, 1), told)
        self.assertRegex(self.types(terminal, "/tasks")[0], r"^completed +do-[0-9a-f]+  calculate 6\*7$")
        self.assertIn("svc:kb cannot be reached", "\n".join(self.types(terminal, "search for the harbour")))
        self.assertEqual(self.types(terminal, "who am I?"), ["You are Ann."])  # and no word of a question for others
        self.assertIn("name: Ann", self.types(terminal, "/profile"))
        self.assertIn("there is no command /nonsense; there are: /history /tasks", self.types(terminal, "/nonsense")[0])
        self.assertEqual(self.types(terminal, "/forget"), ["It is forgotten."])
        terminal.press("\x04")
        self.ends(terminal)

    def test_a_pipe(self):
        self.agent("assistant", "assistant")
        text = "hello, my name is Ann\n/profile\n/history\n/why\n/nonsense\n/quit\nnever said\n"
        done = self.run_verb("chat", "--user", "ann", text=text)
        self.assertEqual((done.code, done.err), (0, "there is no command /nonsense; there are: /history /tasks /why /profile /forget /help /quit\n"), done)
        lines = done.out.splitlines()
        self.assertEqual(lines[0], "Hello. What can I do for you?")
        self.assertIn('"name": "Ann"', done.out)
        self.assertIn("> hello, my name is Ann", lines)
        self.assertIn('"state": "chat"', done.out)
        self.assertNotIn("never said", done.out)

    def test_a_terminal_that_cannot_move_its_cursor(self):
        self.agent("assistant", "assistant")
        terminal = self.terminal(TERM="dumb")
        terminal.press("hello\n")
        terminal.wait("Hello. What can I do for you?\r\n> ")
        terminal.press(UP + "\x1bOB \n")  # arrows are no turn
        terminal.wait("\n> ")
        self.assertNotIn("\x1b[", terminal.text.replace("^[[", ""))
        terminal.press("\x04")
        self.ends(terminal)

    def test_nobody_is_there(self):
        done = self.run_verb("chat", "nobody", text="hello\n")
        self.assertEqual((done.code, "not-found" in done.err), (3, True), done)
        self.agent("assistant", "assistant")
        self.assertEqual(self.run_verb("chat", text="/tasks\n").code, 3)
        terminal = self.terminal()
        self.assertIn("svc:tasks", self.types(terminal, "/tasks")[0])
        self.assertEqual(self.types(terminal, "hello"), ["Hello. What can I do for you?"])


class Keys(Talk):
    def setUp(self):
        super().setUp()
        self.agent("assistant", "assistant")

    def test_an_agent_that_keeps_no_memory_is_told_of(self):
        self.assertEqual("".join(self.terminal().rows()[1:-1]), "It keeps no memory: what is said is forgotten when its process ends (`memory`, docs/minds.md).")

    def test_a_line_is_edited(self):
        terminal = self.terminal()
        terminal.press("helo" + LEFT + "l")
        terminal.wait_row("> hello")
        terminal.press("\x01say \x05 gr\u00fc\u00df \u65e5\u672c\x7f")
        terminal.wait_row("> say hello gr\u00fc\u00df \u65e5")
        terminal.press("\x03")
        terminal.wait_rows(lambda rows: rows[-2:] == ["> say hello gr\u00fc\u00df \u65e5^C", ">"], "a line that was dropped")
        self.assertEqual(self.types(terminal, "hello"), ["Hello. What can I do for you?"])
        terminal.press(UP + "\x05, and thanks")
        terminal.wait_row("> hello, and thanks")
        terminal.press("\x03")
        terminal.wait_row(">")
        terminal.press("\x12el")
        terminal.wait_rows(lambda rows: rows[-2] == "> hello", "a line that was found")
        terminal.press("\n")
        terminal.wait_rows(lambda rows: rows[-2:] == ["Hello. What can I do for you?", ">"], "the reply")
        terminal.press("\x1b[1~\x1b[3~\x1b[1;5C\x04")  # nothing to move in
        self.ends(terminal)

    def test_commands_are_completed(self):
        terminal = self.terminal()
        terminal.press("/hi\t")
        terminal.wait_row("> /history")
        terminal.press("\x15/h\t")
        terminal.wait_rows(lambda rows: rows[-2:] == ["/history  /help", "> /h"], "the commands")
        terminal.press("e\t\t\n")
        rows = terminal.wait_rows(lambda rows: rows[-1] == ">" and "Ctrl-D ends the talk." in " ".join(rows), "the help")
        self.assertIn("> /help", rows)
        terminal.press("no command\t")
        terminal.wait_row("> no command")

    def test_interrupts(self):
        terminal = self.terminal()
        hint = "(Ctrl-C again, or Ctrl-D, ends the talk)"
        terminal.press("\x03")
        terminal.wait_rows(lambda rows: rows[-3:] == ["> ^C", hint, ">"], "the hint")
        self.assertEqual(self.types(terminal, "hello"), ["Hello. What can I do for you?"])
        terminal.press("\x03")
        terminal.wait_rows(lambda rows: rows[-3:] == ["> ^C", hint, ">"], "the hint")
        terminal.press("\x03")
        self.ends(terminal)

    def test_the_terminal_is_given_back(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGABRT):
            terminal = self.terminal("--no-history")
            terminal.press("half a line")
            terminal.wait_row("> half a line")
            self.assertNotEqual(terminal.mode(), terminal.before)
            self.assertIn(2004, terminal.screen.modes)
            terminal.child.send_signal(number)
            terminal.child.wait()
            harness.wait_until(lambda: terminal.mode() == terminal.before, f"the terminal's mode after {number!r}")
            harness.wait_until(lambda: terminal.rows() and 2004 not in terminal.screen.modes, "the end of bracketed paste")

    def test_who_watches_over_the_terminal_may_die(self):
        terminal = self.terminal()
        pid = terminal.child.pid
        guard = int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text())
        os.kill(guard, signal.SIGINT)  # as Ctrl-C for all in the foreground: it takes none
        os.kill(guard, signal.SIGKILL)
        harness.wait_until(lambda: pathlib.Path(f"/proc/{guard}/stat").read_text().rsplit(") ", 1)[1][0] == "Z", "it is gone")
        self.assertEqual(self.types(terminal, "hello"), ["Hello. What can I do for you?"])
        terminal.press("\x04")
        self.ends(terminal)

    def test_stopped_and_going_on(self):
        terminal = self.terminal()
        terminal.press("half a ")
        terminal.wait_row("> half a")
        terminal.press("\x1a")
        state = pathlib.Path(f"/proc/{terminal.child.pid}/stat")
        harness.wait_until(lambda: state.read_text().rsplit(") ", 1)[1][0] == "T", "it is stopped")
        self.assertEqual(terminal.mode(), terminal.before)
        terminal.child.send_signal(signal.SIGCONT)
        harness.wait_until(lambda: terminal.mode() != terminal.before, "it has the terminal again")
        terminal.press("line")
        terminal.wait_row("> half a line")
        terminal.press("\x03\x04")
        self.ends(terminal)

    def test_another_size(self):
        terminal = self.terminal()
        typed = "".join(chr(ord("a") + i % 26) for i in range(70))
        terminal.press(typed)
        terminal.wait_row("> " + typed)
        terminal.change_size(100, 30)
        terminal.child.send_signal(signal.SIGWINCH)  # it comes by itself as well
        terminal.press("x" * 40)
        terminal.wait_rows(lambda rows: "".join(rows[-2:]) == "> " + typed + "x" * 40 and len(rows[-2]) == 100, "two rows of it")
        terminal.press("\x03")
        rows = terminal.wait_rows(lambda rows: rows[-1] == ">", "a new prompt")
        self.assertEqual("".join(rows[-3:-1]), "> " + typed + "x" * 40 + "^C")

    def test_colours(self):
        self.assertNotIn("\x1b[1m", self.terminal().text)
        terminal = self.terminal(NO_COLOR="")
        terminal.wait("\x1b[1m>\x1b[0m ")

    def test_what_was_typed_is_recalled_in_the_next_run(self):
        path = pathlib.Path(self.directory) / "state/troupe/.chat-ann"
        terminal = self.terminal()
        self.types(terminal, "hello")
        self.types(terminal, "my password is swordfish")
        terminal.press("\x04")
        self.ends(terminal)
        self.assertEqual(path.read_text(), '"hello"\n')
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        terminal = self.terminal()
        terminal.press(UP)
        terminal.wait_row("> hello")
        terminal.press("\x15/quit\n")
        self.ends(terminal)
        self.assertEqual(path.read_text(), '"hello"\n"/quit"\n')
        terminal = self.terminal("--no-history")
        terminal.press(UP + "nothing before")
        terminal.wait_row("> nothing before")
        terminal.press("\x15/quit\n")
        self.ends(terminal)
        self.assertEqual(len(path.read_text().splitlines()), 2)

    def test_what_was_typed_is_forgotten_too(self):
        path = pathlib.Path(self.directory) / "state/troupe/.chat-ann"
        terminal = self.terminal()
        self.types(terminal, "hello")
        self.assertTrue(path.exists())
        self.assertEqual(self.types(terminal, "/forget"), ["It is forgotten."])
        self.assertFalse(path.exists())
        terminal.press(UP + UP + "nothing before")
        terminal.wait_row("> nothing before")
        terminal.press("\x15/quit\n")
        self.ends(terminal)
        self.assertEqual(path.read_text(), '"/quit"\n')
        said = self.troupe("chat", "--user", "ann", "-c", self.at.endpoint, text="/forget\n", env={"XDG_STATE_HOME": self.directory + "/state"})
        self.assertEqual((said.code, path.exists()), (0, False), said)


class Turns(Talk):
    def test_several_lines_that_are_pasted_are_one_turn(self):
        server = self.modelled(*(model.chat(json.dumps({"reply": f"Reply {n}."})) for n in range(3)))
        terminal = self.terminal()
        terminal.press("look: " + PASTE.format("/forget\rtwo\x1b[2J\r\tthree\n"))
        terminal.wait_rows(lambda rows: rows[-3:] == ["> look: /forget", "two[2J", "        three"], "what was pasted")
        self.assertEqual(len(server.requests), 0)
        terminal.press("!\n")
        terminal.wait_rows(lambda rows: rows[-2:] == ["Reply 0.", ">"], "the reply")
        self.assertIn(json.dumps("look: /forget\ntwo[2J\n\tthree!")[1:-1], json.dumps(server.requests[0].json).replace("\\\\", "\\"))
        terminal.press(PASTE.format("/forget\rnow") + "\n")  # no command is pasted with more
        terminal.wait_rows(lambda rows: rows[-2:] == ["Reply 1.", ">"], "the reply")
        terminal.press(UP + " again")
        terminal.wait_rows(lambda rows: rows[-2:] == ["> /forget", "now again"], "what was pasted, recalled")
        terminal.press("\n")
        terminal.wait_rows(lambda rows: rows[-2:] == ["Reply 2.", ">"], "the reply")
        self.assertEqual(len(server.requests), 3)

    def test_a_large_paste(self):
        server = self.modelled(model.chat(json.dumps({"reply": "Much."})))
        terminal = self.terminal()
        text = "\r".join(f"line {n} {'x' * 90}" for n in range(60))
        terminal.press(PASTE.format(text))
        terminal.wait_rows(lambda rows: rows[-2].startswith("line 59"), "the end of what was pasted")
        terminal.press("\n")
        terminal.wait_rows(lambda rows: rows[-2:] == ["Much.", ">"], "the reply")
        said = json.dumps(server.requests[0].json)
        self.assertTrue("line 0 x" in said and "line 59 x" in said)

    def test_a_reply_is_shown_as_it_comes_and_obeyed_nowhere(self):
        server = self.server()
        gate = model.Gate(server)
        server.does(gate.stream(model.events(('{"reply": "It is \\u00', 'e4 \\u001b[2Jlong \\u009b', '2J\\u202e', " story.", ' Listen."}')), before=5))
        self.agent("assistant", "dialogue", mind={"base-url": server.url, "model": "m", **model.QUICK})
        terminal = self.terminal()
        terminal.press("tell me\n")
        terminal.wait_rows(lambda rows: rows[-1].startswith("It is \u00e4 ?[2Jlong ?2J?"), "the beginning")
        terminal.press("typed ahead\x03")  # which ends the reply
        terminal.wait_rows(lambda rows: rows[-2:] == ["(cancelled)", ">"], "the end of it")
        server.usual = model.chat(json.dumps({"reply": "\u001b]0;x\u0007 \u009b2J"}))
        self.assertEqual(self.types(terminal, "and now"), ["?]0;x? ?2J"])
        self.assertIn("?]0;x? ?2J", self.types(terminal, "/history"))
        self.assertNotIn("\x1b]0", terminal.text)
        self.types(terminal, "/why")  # the screen takes no control character
        terminal.press("/quit\n")
        self.ends(terminal)

    def test_a_reply_that_is_ended_holds_up_nothing(self):
        """Of two talks of one user the second one's turn waits for the first one's: it is ended before it has begun, and then the first one."""
        server = self.server()
        gate = model.Gate(server)
        server.does(gate.stream(model.events(('{"reply": "One, ', 'two."}')), before=2))
        server.usual = model.chat(json.dumps({"reply": "Right."}))
        self.agent("assistant", "dialogue", mind={"base-url": server.url, "model": "m", **model.QUICK})
        first, second = self.terminal(), self.terminal()
        first.press("count\n")
        first.wait_row("One,")
        second.press("count, too\n")
        second.wait_row("> count, too")
        harness.wait_until(lambda: "count, too" in second.text, "it is asked")
        second.press("\x03")
        second.wait_rows(lambda rows: rows[-2:] == ["(cancelled)", ">"], "the end of it")
        first.press("\x03")
        first.wait_rows(lambda rows: rows[-3:] == ["One,", "(cancelled)", ">"], "the end of it")
        self.assertEqual(self.types(second, "and now"), ["Right."])
        self.assertEqual(len(server.requests), 2)
        self.assertEqual(self.types(second, "/history"), ["> and now", "Right."])

    def test_what_others_do_for_a_turn_holds_up_nothing(self):
        hands = self.agent("hands", "executor", more=("--service", "sums"))
        self.agent("assistant", "assistant", {"actions": {"calculate": "svc:sums"}})
        hands.send_signal(signal.SIGSTOP)
        self.addCleanup(os.kill, hands.pid, signal.SIGCONT)
        terminal = self.terminal()
        terminal.press("calculate 6*7\n")
        harness.wait_until(lambda: self.told("assistant", {"action": "profile", "user": "ann"})["turns"] == 1, "it is understood")
        terminal.press("\x03")
        terminal.wait_rows(lambda rows: rows[-2:] == ["(cancelled)", ">"], "the end of it")
        self.assertEqual(self.types(terminal, "hello"), ["Hello. What can I do for you?"])
        hands.send_signal(signal.SIGCONT)
        self.assertEqual(self.types(terminal, "calculate 6*7"), ["42"])  # and the first one's does not come in between
        self.assertEqual(self.types(terminal, "/history"), ["> calculate 6*7", "(cancelled)", "> hello", "Hello. What can I do for you?", "> calculate 6*7", "42"])

    def test_keys_of_a_reply_are_those_of_the_next_line(self):
        server = self.server()
        gate = model.Gate(server)
        server.does(gate.stream(model.events(('{"reply": "One, ', 'two."}')), before=2), model.chat(json.dumps({"reply": "Right."})))
        self.agent("assistant", "dialogue", mind={"base-url": server.url, "model": "m", **model.QUICK})
        terminal = self.terminal()
        terminal.press("count\n")
        terminal.wait_row("One,")
        terminal.press("on" + LEFT + "g\n")
        gate.open()
        rows = terminal.wait_rows(lambda rows: rows[-2:] == ["Right.", ">"], "both replies")
        self.assertEqual(rows[-5:-1], ["> count", "One, two.", "> ogn", "Right."])

    def drafted(self, draft):
        """A terminal on which a draft is shown that is going to be void, and the gate before that."""
        server = self.server()
        gate = model.Gate(server)
        server.does(gate.stream(model.events(('{"reply": "' + draft, '"')), before=2), model.stream(model.events(('{"reply": "Ri', 'ght."}'))))
        server.usual = model.status(400)
        self.agent("assistant", "dialogue", mind={"base-url": server.url, "model": "m", **model.QUICK})
        terminal = self.terminal()
        terminal.press("tell me\n")
        terminal.wait_rows(lambda rows: rows[-1].endswith("Wrong."), "the draft")
        return terminal, gate

    def test_a_draft_that_is_void_is_taken_back(self):
        terminal, gate = self.drafted("Long " * 40 + "and Wrong.")
        gate.open()
        self.assertEqual(terminal.wait_row(">")[-3:], ["> tell me", "Right.", ">"])

    def test_a_draft_that_has_left_the_screen_is_marked(self):
        terminal, gate = self.drafted("Wrong.\\n" * 40 + "Wrong.")
        gate.open()
        self.assertEqual(terminal.wait_row(">")[-4:], ["Wrong.", "Wrong. (withdrawn)", "Right.", ">"])

    def test_a_long_reply(self):
        words = " ".join(f"word{n}" for n in range(3000))
        self.modelled(model.stream(model.events(tuple(['{"reply": "'] + [words[at:at + 500] for at in range(0, len(words), 500)] + ['"}']))))
        rows = self.types(self.terminal(), "tell me")
        self.assertEqual("".join(row.ljust(80) for row in rows).rstrip(), words)


class Trouble(Talk):
    def test_an_agent_that_dies_in_the_middle_of_a_reply(self):
        server = self.server()
        gate = model.Gate(server)
        server.does(gate.stream(model.events(('{"reply": "It was a dark ', 'night."}')), before=2))
        agent = self.agent("assistant", "dialogue", mind={"base-url": server.url, "model": "m", **model.QUICK})
        terminal = self.terminal()
        terminal.press("tell me\n")
        terminal.wait_row("It was a dark")
        agent.stop(signal.SIGKILL)
        rows = terminal.wait_rows(lambda rows: rows[-1] == ">", "a prompt")
        at = rows.index("It was a dark")
        self.assertRegex(" ".join(rows[at + 1:-1]), r"^troupe chat: assistant: agent-gone")
        self.agent("assistant", "dialogue")
        self.assertEqual(self.types(terminal, "hello"), ["Hello. What can I do for you?"])

    def test_a_broker_that_is_started_again(self):
        agent = self.agent("assistant", "assistant")
        terminal = self.terminal()
        self.types(terminal, "hello")
        terminal.press("half a ")
        terminal.wait_row("> half a")
        endpoint = self.at.endpoint
        self.at.stop(signal.SIGKILL)
        terminal.wait_rows(lambda rows: rows[-2:] == ["(the broker is away; this goes on when it is there again)", "> half a"], "that it is away")
        terminal.press("line")
        terminal.wait_row("> half a line")
        self.at = self.broker(listen=endpoint)
        terminal.wait_rows(lambda rows: rows[-2:] == ["(the broker was started again)", "> half a line"], "that it is there")
        harness.wait_until(lambda: agent.err.count("A001") > 1 or self.run_verb("ps", "-o", "name").out.count("assistant"), "the agent is there, too")
        terminal.press("\x15")
        self.assertEqual(self.types(terminal, "hello"), ["Hello. What can I do for you?"])

    def a_task_that_waits(self):
        """One that was asked for here; gives the terminal, and the executor, which is stopped."""
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        coordinator.wait_err("C001 ready")
        hands = self.agent("hands", "executor", more=("--service", "general"))
        self.agent("p", "planner", {"skills": ["general"]}, more=("--service", "planner"))
        self.agent("assistant", "assistant")
        terminal = self.terminal()
        hands.send_signal(signal.SIGSTOP)
        self.addCleanup(os.kill, hands.pid, signal.SIGCONT)
        self.types(terminal, "create a task to calculate 6*7")
        return terminal, hands

    def test_a_plan_that_others_stop(self):
        terminal, hands = self.a_task_that_waits()
        mark, = self.told("p", {"action": "watched"})
        self.told("p", {"action": "stop", "plan": mark})
        terminal.wait_rows(lambda rows: rows[-2:] == ["[stopped] calculate 6*7", ">"], "that it is stopped")
        hands.send_signal(signal.SIGCONT)
        terminal.wait_rows(lambda rows: "[stopped] calculate 6*7" in rows and rows[-2:] == ["[completed] calculate 6*7", ">"], "what became of its step")

    def test_a_task_that_is_cancelled_in_another_talk(self):
        terminal, hands = self.a_task_that_waits()
        said = self.troupe("chat", "--user", "ann", "-c", self.at.endpoint, text="cancel the calculation\n")
        self.assertEqual((said.code, "ancelled" in said.out), (0, True), said)
        terminal.wait_rows(lambda rows: rows[-2:] == ["[stopped] calculate 6*7", ">"], "that it is stopped")
        hands.send_signal(signal.SIGCONT)
        self.assertRegex(self.types(terminal, "/tasks")[-1], "^cancelled ")
        self.assertEqual(sum("[" in row for row in terminal.rows()), 1, terminal.rows())

    def test_what_became_of_a_task_is_told_above_the_line(self):
        terminal, hands = self.a_task_that_waits()
        typed = "what-I-am-about-to-say-is-longer-than-a-row-of-this-terminal,-which-has-eighty-columns-and-no-more"
        terminal.press(typed + LEFT * 30)
        terminal.wait_rows(lambda rows: rows[-1].endswith("-more"), "what is typed")
        hands.send_signal(signal.SIGCONT)
        rows = terminal.wait_rows(lambda rows: rows[-3:-2] == ["[completed] calculate 6*7"], "what became of it")
        self.assertEqual("".join(rows[-2:]), "> " + typed)
        terminal.press("-here-")
        terminal.wait_rows(lambda rows: "".join(rows[-2:]) == "> " + typed[:-30] + "-here-" + typed[-30:], "the cursor where it was")


if __name__ == "__main__":
    harness.main()
