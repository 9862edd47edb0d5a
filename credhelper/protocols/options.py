"""Options on a machine's command line, without the price of argparse.

`--name VALUE`, `--name=VALUE` and `-n VALUE`, before, between or after the words; `--` ends them.
No abbreviations, nothing twice, no empty values.
"""

import credhelper
from credhelper.core import service
from credhelper.core.text import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import credhelper.errors
    from credhelper.core.service import Service

LONGEST = 315_360_000  # ten years in seconds: no token lives longer, and int() stays cheap
COMMON = {"--profile": "profile", "-p": "profile", "--min-ttl": "min-ttl"}
SERVICE = {**COMMON, "--service": "service"}


def split(
    arguments: "Sequence[str]",
    known: "Mapping[str, str]",
    usage: str,
    flags: "Sequence[str]" = (),
) -> tuple[dict[str, str], list[str]]:
    """Return the options by name, and the other words in order.

    Parameters: `known`, which spelling (`--profile`, `-p`) stands for which name; `usage`, one line
    for the hint; `flags`, spellings (`--raw`) that take no value, found by their name (`raw`).
    Raises UsageError for unknown, repeated or valueless options.
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
                raise credhelper.errors.UsageError(
                    f"unknown option {quoted(option)}", f"usage: {usage}"
                )
            if not equals:
                value = next(rest, "")
            if not value:
                raise credhelper.errors.UsageError(
                    f"option {option} needs a value", f"usage: {usage}"
                )
            if name in found:
                raise credhelper.errors.UsageError(
                    f"option {option} is given twice", f"usage: {usage}"
                )
            found[name] = value
    return found, words


def wanted(text: str) -> "tuple[Service, dict[str, str]]":
    """Return the service that `text` names, and the echo that says whether it told the scheme."""
    return service.parse(text), {} if "://" in text else {"any_scheme": "1"}


def min_ttl(found: "Mapping[str, str]") -> int:
    """Return the seconds that `--min-ttl` insists on, 0 without it. Raises UsageError."""
    text = found.get("min-ttl", "0")
    # Length and digits first: int() takes signs, blanks, underscores and other scripts' digits.
    if len(text) > 9 or not (text.isascii() and text.isdigit()) or int(text) > LONGEST:
        raise credhelper.errors.UsageError(
            f"--min-ttl {quoted(text)} is not a number of seconds from 0 to {LONGEST}"
        )
    return int(text)
