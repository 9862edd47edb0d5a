"""Near misses on the command line."""

from __future__ import annotations

from tests.native.cases import NOW, SERVICE
from tests.native.near import (
    ASKING,
    BLANKS,
    END,
    HOSTS,
    LEFT,
    ODD_HOSTS,
    ODD_PATHS,
    PATHS,
    add,
    as_word,
    called,
    named,
    only_words,
    with_words,
    words_first,
)

# The command line.


_PROFILES = [
    *(["--profile", "main"], ["--profile=main"], ["-p", "main"], ["--profile", "other"]),
    *(["--profile", "-h"], ["-p=main"], ["--profile="], ["--profile"], ["--profile", ""]),
    *(["-p", "main", "--profile", "main"], ["--profil", "main"], ["--", "x"], ["-"], ["--"]),
    *(["-h"], ["--help"], ["--nope"], ["--bearer"], ["--version"], ["get"], ["x"]),
]
add("words behind", _PROFILES, with_words)
add("words before", _PROFILES, words_first)
add("words", [["--profile", "mäin"], ["--profile", "main\t"]], with_words, odd=True)
_SECONDS = [
    *(
        "0",
        "60",
        "90s",
        "10m",
        "1h",
        "58m",
        "59m",
        "1d",
        "0d",
        "s",
        "m",
        "+5",
        "-5",
        " 5",
        "5 ",
        "٣",
    ),
    *("1_0", "007", "1e3", "60S", "999999999", "1000000000", "315360000", "315360001", "3650d"),
    *(
        "3651d",
        "87600h",
        "87601h",
        "99999999m",
        str(LEFT),
        str(LEFT - 1),
        str(LEFT + 1),
        "1.5",
        "3h",
    ),
    *(str(END - int(NOW) + delta) for delta in (-1, 0, 1)),
]
add("--min-ttl", _SECONDS, lambda case, value: with_words(case, ["--min-ttl", value]))
add(
    "--refresh-before",
    _SECONDS,
    lambda case, value: with_words(case, [f"--refresh-before={value}"]),
)
add("--min-ttl twice", ["5"], lambda case, value: with_words(case, ["--min-ttl", value] * 2))
add(
    "verb",
    [["store"], ["erase"], ["list"], ["capability"], ["Get"], []],
    only_words,
    ("git", "docker"),
)


add("by its first word", ["git"], as_word, ("git",))
add("by its first word", ["docker"], as_word, ("docker",))
add("by another first word", ["get", "token", "aws", "json", "status", "Git"], as_word, ("git",))


add("program", ["git-credential-x", "git-credential-x-askpass"], called, ("git",))
add("program", ["docker-credential-x", "docker-credential-a-b"], called, ("docker",))
_odd_names = [
    "git-credential-",
    "docker-credential-",
    "git-credential-x.exe",
    "GIT-credential-x",
    "x",
]
_odd_names += [
    "docker-credential-x.EXE",
    "credhelper.exe",
    "credhelper-token-main",
    "x-askpass",
    "get",
]
add("program", _odd_names, called, odd=True)
add("command", [["get"], ["token"], []], only_words, ASKING)


for scheme in ("https://", "", "http://", "HTTPS://", "ssh://", "://", "https:/", "https:"):
    add(
        f"service {scheme}",
        HOSTS,
        lambda case, host, s=scheme: named(case, s + host),
        ASKING,
        scheme[:1] in "H:",
    )
    add(
        f"service {scheme}",
        ODD_HOSTS,
        lambda case, host, s=scheme: named(case, s + host),
        ASKING,
        odd=True,
    )
add("path", PATHS + BLANKS, lambda case, path: named(case, SERVICE + path), ASKING)
add("path", ODD_PATHS, lambda case, path: named(case, SERVICE + path), ASKING, odd=True)
add(
    "service",
    ["", " ", "\n", "ica.example\n", "sparse+https://ica.example", "-"],
    named,
    ASKING,
    odd=True,
)
add(
    "--service",
    [[SERVICE], ["https://evil.test"], [""]],
    lambda case, words: only_words(case, [case.words[0], "--service", *words]),
    ASKING,
)
add(
    "--service too",
    [SERVICE],
    lambda case, service: with_words(case, ["--service", service]),
    ASKING,
)
add(
    "--format",
    ["token", "header", "", "x", "Token"],
    lambda case, value: with_words(case, ["--format", value]),
    ASKING,
)
add(
    "--format",
    ["json", "netrc", "curl", "env", "dotenv"],
    lambda case, value: with_words(case, ["--format", value]),
    ASKING,
    odd=True,
)
add(
    "for people",
    ["create", "details", "refresh", "revoke", "localhost"],
    lambda case, value: with_words(case, [value]),
    ("token",),
    odd=True,
)
add(
    "bearer",
    [
        ["--bearer"],
        ["--bearer", "--bearer"],
        ["--bearer=x"],
        ["--bearer", SERVICE],
        ["--", "--bearer"],
    ],
    with_words,
    ("token",),
)
