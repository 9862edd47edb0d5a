"""What protocols share: options on the command line, and the replies that several of them give.

Options are `--name VALUE`, `--name=VALUE` and `-n VALUE`, before, between or after the words; `--`
ends them. There are no abbreviations; no option is given twice, and none is empty. argparse would
cost more than a whole warm answer.
"""

import credhelper
from credhelper.core.model import Reply
from credhelper.core.text import complaint, json_object, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import credhelper.errors
    from credhelper.core.model import Reads, Request
    from credhelper.core.service import Service
    from credhelper.errors import CredhelperError, UsageError

LONGEST = 315_360_000  # ten years in seconds: no token lives longer, and int() stays cheap
COMMON = {
    "--profile": "profile",
    "-p": "profile",
    "--min-ttl": "min-ttl",
    "--refresh-before": "refresh-before",
}
SERVICE = {**COMMON, "--service": "service"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Where Cargo (`cargo:token-from-stdout`) and mise (`credential_command`) name the service.
CARGO = "CARGO_REGISTRY_INDEX_URL"
MISE = "MISE_CREDENTIAL_HOST"


def split(
    arguments: "Sequence[str]",
    known: "Mapping[str, str]",
    usage: str,
    flags: "Sequence[str]" = (),
) -> tuple[dict[str, str], list[str]]:
    """Return the options by name, and the other words in order.

    Parameters:
    - known: the name that each spelling (`--profile`, `-p`) stands for.
    - usage: one line, for the hint.
    - flags: spellings (`--raw`) that take no value; their name is `raw`.

    Raises UsageError for unknown, repeated or empty options.
    """
    found: dict[str, str] = {}
    words: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            words.extend(rest)
        elif not word.startswith("-") or word == "-":
            words.append(word)
        else:
            option, equals, value = word.partition("=")
            name = known.get(option)
            if word in flags:
                name, equals, value = word[2:], "=", word
            if name is None or (equals and not option.startswith("--")):
                raise misuse(f"unknown option {quoted(option)}", usage)
            if not equals:
                value = next(rest, "")
            if not value:
                raise misuse(f"option {option} needs a value", usage)
            if name in found:
                raise misuse(f"option {option} is given twice", usage)
            found[name] = value
    return found, words


def misuse(message: str, usage: str) -> "UsageError":
    """Return the error for a wrong command line; its hint is the `usage`, one line."""
    return credhelper.errors.UsageError(message, f"usage: {usage}")


def at_most(count: int, words: "Sequence[str]", usage: str) -> None:
    """Raise UsageError for more than `count` words."""
    if len(words) > count:
        raise misuse(f"unexpected word {quoted(words[count])}", usage)


def choice(found: "Mapping[str, str]", name: str, choices: "Sequence[str]") -> str:
    """Return the option `name`, or the first of its `choices`. Raises UsageError for others."""
    value = found.get(name, choices[0])
    if value not in choices:
        raise credhelper.errors.UsageError(
            f"unknown {name} {quoted(value)}", f"one of {', '.join(choices)}"
        )
    return value


def receiver_of_output(
    text: str | None, environ: "Mapping[str, str]"
) -> "tuple[Service | None, dict[str, str]]":
    """Return who receives a printed token, and the echo: of a command that tools of any kind run.

    Parameters:
    - text: the service on the command line, which may be Cargo's `{index_url}`.
    - environ: the caller's.

    Raises as `receivers.receiver` does, which is not loaded where nobody names a service.
    """
    index, host = environ.get(CARGO), environ.get(MISE)
    if text is None and not index and not host:
        return None, {}
    from credhelper.protocols import receivers

    return receivers.of_output(text, index, host, CARGO if index else MISE)


def min_ttl(found: "Mapping[str, str]") -> int:
    """Return the seconds that `--min-ttl` insists on, 0 without it. Raises UsageError."""
    return _seconds(found, "min-ttl")


def margin(found: "Mapping[str, str]", least: int) -> int:
    """Return the seconds of `--refresh-before`, or `least` if that is more. Raises UsageError.

    Parameters: `least`, seconds for which the protocol's callers hold what they get.
    """
    return max(least, _seconds(found, "refresh-before"))


def seconds(text: str) -> int | None:
    """Return the seconds in a text like `90`, `90s`, `10m`, `1h` or `1d`; None for any other."""
    unit = _UNITS.get(text[-1:], 0)
    digits = text[:-1] if unit else text
    # Length and digits first: int() takes signs, blanks, underscores and other scripts' digits.
    if not 0 < len(digits) < 10 or not (digits.isascii() and digits.isdigit()):
        return None
    number = int(digits) * (unit or 1)
    return number if number <= LONGEST else None


def _seconds(found: "Mapping[str, str]", name: str) -> int:
    text = found.get(name, "0")
    number = seconds(text)
    if number is None:
        raise credhelper.errors.UsageError(
            f"--{name} {quoted(text)} is not a number of seconds from 0 to {LONGEST}",
            "or a time like 90s, 10m, 1h",
        )
    return number


def reads_nothing(arguments: "Sequence[str]") -> "Reads":
    """Return `nothing`: the `reads` of a protocol whose callers send nothing that we need."""
    return "nothing"


def refuse(error: "CredhelperError", request: "Request | None" = None) -> Reply:
    """Return the error on stderr, with its own exit status: the `refuse` of plain protocols."""
    return Reply(stderr=complaint(error.message, error.hint), status=error.exit_status)


def json_reply(members: dict[str, str]) -> Reply:
    """Return one line with a JSON object; `members` maps names to values that are JSON already."""
    return Reply(f"{json_object(members)}\n".encode())
