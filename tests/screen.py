"""What a terminal shows: as much of xterm as programs use that edit a line, so that a test sees what a person sees.

    terminal = screen.Shown(self, "troupe", "chat", env=...)
    terminal.wait_row("> ")
    terminal.rows()                  # from the top, without spaces at their ends; what left the screen at its top comes first
"""
import re
import unicodedata

import harness

SEQUENCE = re.compile(r"\x1b(?:\[([?>]?)([0-9;]*)([@-~])|[()][0-9A-B]|[=>78M])|\x1b\][^\x07]*\x07")


def columns_of(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Screen:
    """Cells of text; a character of two columns has an empty one behind it."""

    def __init__(self, columns, lines):
        self.columns, self.lines, self.column, self.line = columns, lines, 0, 0
        self.cells, self.gone, self.rest = [[" "] * columns for _ in range(lines)], [], ""
        self.modes, self.inserts = set(), False

    def rows(self):
        rows = ["".join(row).rstrip() for row in self.gone + self.cells]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def before_cursor(self):
        return "".join(self.cells[self.line][:self.column])

    def resize(self, columns, lines):
        """As xterm does it: nothing flows into other lines."""
        self.cells = [(row + [" "] * columns)[:columns] for row in self.cells]
        while len(self.cells) > lines:
            self.gone.append(self.cells.pop(0))
            self.line -= 1
        self.cells += [[" "] * columns for _ in range(lines - len(self.cells))]
        self.columns, self.lines = columns, lines
        self.column, self.line = min(self.column, columns - 1), max(self.line, 0)

    def feed(self, text):
        text, self.rest = self.rest + text, ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = SEQUENCE.match(text, at)
                if not found:
                    if len(text) - at > 40:
                        raise AssertionError(f"a sequence that this screen does not know: {text[at:at + 20]!r}")
                    self.rest = text[at:]
                    return
                self.obey(found)
                at = found.end()
            else:
                self.put(text[at])
                at += 1

    def down(self):
        self.line += 1
        if self.line == self.lines:
            self.gone.append(self.cells.pop(0))
            self.cells.append([" "] * self.columns)
            self.line -= 1

    def put(self, character):
        if character == "\n":
            self.down()
        elif character == "\r":
            self.column = 0
        elif character == "\b":
            self.column = max(min(self.column, self.columns - 1) - 1, 0)
        elif character == "\t":
            self.column = min((self.column // 8 + 1) * 8, self.columns - 1)
        elif character == "\a":
            pass
        elif character < " " or "\x7f" <= character < "\xa0":
            raise AssertionError(f"the terminal was sent {character!r}")
        else:
            self.letter(character, columns_of(character))

    def letter(self, character, wide):
        if wide == 0:
            self.cells[self.line][max(self.column - 1, 0)] += character
            return
        if self.column + wide > self.columns:
            self.column = 0
            self.down()
        row = self.cells[self.line]
        if self.inserts:
            row[self.column:] = ([" "] * wide + row[self.column:])[:self.columns - self.column]
        row[self.column] = character
        if wide == 2:
            row[self.column + 1] = ""
        self.column += wide

    def obey(self, found):
        kind, numbers, letter = found.group(1), found.group(2), found.group(3)
        if letter is None:
            return
        values = [int(n) if n else 0 for n in (numbers or "").split(";")]
        first = max(values[0], 1)
        if kind == "?":
            (self.modes.add if letter == "h" else self.modes.discard)(values[0])
            return
        if letter in "hl" and values[0] == 4:
            self.inserts = letter == "h"
            return
        row = self.cells[self.line]
        self.column = min(self.column, self.columns - 1) if letter in "ABCDGHJKP@X" else self.column
        if letter == "A":
            self.line = max(self.line - first, 0)
        elif letter == "B":
            self.line = min(self.line + first, self.lines - 1)
        elif letter == "C":
            self.column = min(self.column + first, self.columns - 1)
        elif letter == "D":
            self.column = max(self.column - first, 0)
        elif letter == "G":
            self.column = first - 1
        elif letter == "H":
            self.line, self.column = first - 1, max(values[-1], 1) - 1 if len(values) > 1 else 0
        elif letter in "JK":
            self.clear(letter, values[0])
        elif letter == "P":
            row[self.column:] = row[self.column + first:] + [" "] * min(first, self.columns - self.column)
        elif letter == "@":
            row[self.column:] = ([" "] * first + row[self.column:])[:self.columns - self.column]
        elif letter != "m":
            raise AssertionError(f"a sequence that this screen does not know: {found.group(0)!r}")

    def clear(self, letter, how):
        if how != 0 and (letter, how) != ("J", 2):
            raise AssertionError(f"this screen does not clear so: {letter} {how}")
        if how == 0:
            self.cells[self.line][self.column:] = [" "] * (self.columns - self.column)
        for line in range(self.lines if letter == "J" else 0):
            if how == 2 or line > self.line:
                self.cells[line] = [" "] * self.columns


class Shown(harness.Terminal):
    """A terminal whose screen is looked at."""

    def __init__(self, *arguments, columns=80, lines=24, **options):
        self.screen = Screen(columns, lines)
        super().__init__(*arguments, columns=columns, lines=lines, **options)

    def wrote(self, text):
        super().wrote(text)
        self.screen.feed(text)

    def rows(self):
        self.read()
        return self.screen.rows()

    def wait_rows(self, condition, what, patience=harness.PATIENCE):
        """Waits until the rows are so."""
        try:
            harness.wait_until(lambda: condition(self.rows()), what, patience)
        except AssertionError as error:
            raise AssertionError(f"{error}; there is\n" + "\n".join(self.rows())) from None
        return self.rows()

    def wait_row(self, text, patience=harness.PATIENCE):
        """Waits until the last row is this one."""
        return self.wait_rows(lambda rows: rows[-1:] == [text], f"{text!r} as the last row", patience)

    def change_size(self, columns, lines):
        self.read()
        self.screen.resize(columns, lines)
        self.resize(columns, lines)
