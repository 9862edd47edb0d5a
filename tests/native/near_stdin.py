"""Near misses in what git and docker send."""

from __future__ import annotations

from tests.native.cases import SERVICE
from tests.native.near import (
    BLANKS,
    HOSTS,
    ODD_HOSTS,
    ODD_PATHS,
    PATHS,
    add,
    attribute,
    attribute_first,
    attributes,
    host_of_git,
    with_end,
    with_raw,
)

# What git and docker send.


_MORE = [
    *(
        "username=ica-user",
        "username=main",
        "username=nobody",
        "username=",
        "username=me@example.org",
        "path=",
        "path",
    ),
    *(
        "host=evil.test",
        "host=ica.example",
        "protocol=http",
        "protocol=https",
        "url=",
        "password=x",
        "x=y=z",
        "x",
        "=x",
    ),
    *(
        "password=x\npassword=x",
        "password=x\npassword=y",
        "credential=a\ncredential=b",
        "path=a\npath=b",
        "capability",
    ),
    *(
        "capability[]=authtype",
        "capability[]=state",
        "capability[]=",
        "capability[]=authtype\ncapability[]=",
    ),
    *(
        "capability[]=authtype\ncapability[]=state",
        "capability[]=authtypes",
        "wwwauth[]=Bearer",
        "[]=x",
        "ephemeral=1",
    ),
    *(
        "a[]=b",
        "username=a\nusername=a",
        "username=main\nusername=ica-user",
        "long=" + "x" * 50_000,
        "url",
        "host",
    ),
]
add("attribute", _MORE, attribute, ("git",))
add("attribute first", _MORE, attribute_first, ("git",))
add(
    "attribute",
    ["url=https://ica.example", "a=\tb", "wwwauth[]=Basic\tx", "username=ä", "wwwauth[]=Bäsic"],
    attribute,
    ("git",),
    odd=True,
)
add(
    "control byte",
    [*"\r\0\x01\x1f\x7f\x0b"],
    lambda case, byte: attribute(case, f"x=a{byte}b"),
    ("git",),
)
add("host", HOSTS, host_of_git, ("git",))
add("host", ODD_HOSTS, host_of_git, ("git",), odd=True)
add("path", PATHS, lambda case, path: attribute(case, f"path={path[1:]}"), ("git",))
add("path with its slash", PATHS, lambda case, path: attribute(case, f"path={path}"), ("git",))
add("path", ODD_PATHS, lambda case, path: attribute(case, f"path={path[1:]}"), ("git",), odd=True)
add("path", BLANKS, lambda case, path: attribute(case, f"path={path}"), ("git",), odd=True)
add("an empty line more", [""], attribute, ("git",), odd=True)
_schemes = ["http", "ssh", "", "https:", "http s", "file", "httpss"]
add(
    "protocol",
    _schemes,
    lambda case, name: attributes(case, [f"protocol={name}", "host=ica.example"]),
    ("git",),
)
add(
    "protocol",
    ["HTTPS", "Http"],
    lambda case, name: attributes(case, [f"protocol={name}", "host=ica.example"]),
    ("git",),
    odd=True,
)
for host in ("127.0.0.1", "127.0.0.1:8080", "127.0.0.1:80", "localhost", "127.0.0.1:443"):
    add(
        "plain http",
        [host],
        lambda case, host: attributes(case, ["protocol=http", f"host={host}"]),
        ("git",),
    )
_challenges = [
    *(
        "Bearer",
        "bearer realm=x",
        'Basic realm="x"',
        "Basic a=b, Bearer x",
        "Basic x,  Bearer",
        "a,Bearer",
    ),
    *(
        "Bearer,",
        "Bearerx",
        "xBearer",
        "Basic Bearer",
        "",
        ", BEARER x",
        "Basic, bearer",
        "Negotiate",
    ),
]
add(
    "challenge",
    _challenges,
    lambda case, text: case.attributes.extend(["capability[]=authtype", f"wwwauth[]={text}"]),
    ("git",),
)
add(
    "no capability, but",
    _challenges,
    lambda case, text: case.attributes.append(f"wwwauth[]={text}"),
    ("git",),
)
add(
    "after a Basic challenge",
    _challenges,
    lambda case, text: case.attributes.extend(
        ["capability[]=authtype", "wwwauth[]=Basic x", f"wwwauth[]={text}"]
    ),
    ("git",),
)


add("end", [b"", b"\n", b"\n\n"], with_end, ("git",))
add(
    "end",
    [b"\n\nmore", b"\n\n\n", b"\n\nhost=evil.test\n", b"\n\n\r", b"\r\n\r\n"],
    with_end,
    ("git",),
    strange=True,
)
add(
    "stdin",
    [
        b"",
        b"\n",
        b"\n\n",
        b"protocol=https\n\nhost=ica.example\n\n",
        b"\nprotocol=https\nhost=ica.example\n\n",
    ],
    with_raw,
    ("git",),
    odd=True,
)
add("stdin as", ["f", "F", "s"], lambda case, how: setattr(case, "how", how), ("git", "docker"))
add("stdin left open as", ["o", "S"], lambda case, how: setattr(case, "how", how), ("git",))
_servers = [
    *HOSTS,
    *(f"https://{host}" for host in HOSTS),
    *(f"http://{host}" for host in HOSTS),
    *(SERVICE + path for path in PATHS + BLANKS),
    *(f"ica.example{path}" for path in PATHS),
]
_servers += [
    "",
    "ica.example\n",
    "ica.example \n",
    "ica.example\t",
    "ica.example\n\n",
    " ica.example",
    "ica .example",
    "https://",
    "a://b",
    "ica.example\r\n",
    "ica.example\0",
    "ica.example\nica.example",
    'ica"example',
    "https://https://ica.example",
]
add("server", _servers, lambda case, server: setattr(case, "server", server.encode()), ("docker",))
add(
    "server",
    [*ODD_HOSTS, *(SERVICE + path for path in ODD_PATHS), "HTTPS://ica.example"],
    lambda case, server: setattr(case, "server", server.encode()),
    ("docker",),
    odd=True,
)
add(
    "server",
    [b"ica.example\xff", b"\xff"],
    lambda case, server: setattr(case, "server", server),
    ("docker",),
)
