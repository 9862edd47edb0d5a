"""A file's text while it is being changed: the text, and which characters of it are new.

Text is spliced, so everything else stays as it is, byte for byte. The draft knows where each
character came from: so a diff can show what is ours, and mask the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

MASK = "***"


class Draft:
    """A text with changes.

    Parameters: `text`, as it was. Attributes: `old`, the same; `text`, as it is now.
    """

    __slots__ = ("_origin", "old", "text")

    def __init__(self, text: str) -> None:
        self.old = text
        self.text = text
        self._origin: list[int | None] = list(range(len(text)))

    def splice(self, start: int, end: int, new: str) -> None:
        """Put `new` in the place of what stands between the offsets `start` and `end`."""
        self.text = self.text[:start] + new + self.text[end:]
        self._origin[start:end] = [None] * len(new)

    @property
    def line_end(self) -> str:
        """How the first line ends, CRLF or LF; LF for a text without line ends."""
        first = self.text.find("\n")
        return "\r\n" if first > 0 and self.text[first - 1] == "\r" else "\n"

    def insert_lines(self, at: int, lines: Sequence[str]) -> None:
        """Insert `lines`, without their ends, before the offset `at`, where a line begins.

        If the last line has no line end, it has none afterwards either. Raises ValueError for a
        text that ends in CR: with a LF behind it, the two would read as one line end.
        """
        end = self.line_end
        if at == len(self.text) and self.text.endswith("\r"):
            raise ValueError("its last line ends in a carriage return alone")
        if at == len(self.text) and at and not self.text.endswith("\n"):
            self.splice(at, at, "".join(end + line for line in lines))
        else:
            self.splice(at, at, "".join(line + end for line in lines))

    def remove_lines(self, start: int, end: int) -> None:
        """Remove the whole lines from offset `start` to `end`: the reverse of `insert_lines`."""
        if end >= len(self.text) and start and not self.text.endswith("\n"):
            start -= 2 if self.text[:start].endswith("\r\n") else 1
        self.splice(start, end, "")

    def diff(self, name: str) -> list[str]:
        """Return a unified diff without context, with everything masked that is not ours.

        Empty when nothing is changed. Parameters: `name` of the file.
        """
        if self.text == self.old:
            return []
        shown = [f"--- {name}", f"+++ {name}"]
        for gone, come in self._hunks():
            shown.append(f"@@ -{_range(gone)} +{_range(come)} @@")
            shown += self._gone(gone)
            shown += self._come(come)
        return shown

    def _hunks(self) -> list[tuple[range, range]]:
        """Return which lines of the old text were replaced by which lines of the new."""
        old, new = line_spans(self.old), line_spans(self.text)
        starts = {start: number for number, (start, _) in enumerate(old)}
        hunks = []
        last_old, last_new = -1, -1
        for number, (start, end) in [*enumerate(new), (len(new), (-1, -1))]:
            same = len(old) if number == len(new) else self._whole(start, end, old, starts)
            if same is None:
                continue
            if same - last_old > 1 or number - last_new > 1:
                hunks.append((range(last_old + 1, same), range(last_new + 1, number)))
            last_old, last_new = same, number
        return hunks

    def _whole(
        self, start: int, end: int, old: list[tuple[int, int]], starts: dict[int, int]
    ) -> int | None:
        """Return the number of the old line that this new line is, unchanged; else None."""
        first = self._origin[start]
        number = starts.get(first) if first is not None else None
        if number is None or old[number][1] - old[number][0] != end - start:
            return None
        whole = self._origin[start:end] == list(range(*old[number]))
        return number if whole else None

    def _gone(self, lines: range) -> list[str]:
        kept = {origin for origin in self._origin if origin is not None}
        ours = [at not in kept for at in range(len(self.old))]
        return _shown("-", self.old, ours, lines)

    def _come(self, lines: range) -> list[str]:
        return _shown("+", self.text, [at is None for at in self._origin], lines)


def line_spans(text: str) -> list[tuple[int, int]]:
    """Return where each line of `text` begins, and where it ends, its LF included."""
    spans = []
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        spans.append((start, end))
        start = end
    return spans


def _range(lines: range) -> str:
    # For an empty range, a diff gives the number of the line before it.
    start = lines.start + 1 if len(lines) else lines.start
    return str(start) if len(lines) == 1 else f"{start},{len(lines)}"


def _shown(sign: str, text: str, ours: Sequence[bool], lines: range) -> list[str]:
    shown = []
    for start, end in line_spans(text)[lines.start : lines.stop]:
        shown.append(sign + _masked(text[start:end], ours[start:end]))
        if text[end - 1] != "\n":
            shown.append("\\ No newline at end of file")
    return shown


def _masked(line: str, ours: Sequence[bool]) -> str:
    """Return `line` without its line end; the words that are not ours are masked."""
    shown = ""
    for char, own in zip(line, ours, strict=True):
        if char in "\r\n":
            continue
        if own or char in " \t":
            shown += char
        elif not shown.endswith(MASK):
            shown += MASK
    return shown
