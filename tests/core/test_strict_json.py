"""JSON on the way in: as `json` reads it, where it is read at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credhelper.core.strict_json import read
from credhelper.errors import RequestError

ROOT = Path(__file__).parent.parent.parent
PIECES = ['"', '"a"', '"b"', "{", "}", ":", ",", " ", "\n", "\t", "x", "\\", "\\n", "[", "]", "é"]
PIECES += ['{"a":"x"', ',"b":"y"', ':{"a":', "true", "false", "null", "\x0b", "\x7f", "\0", "1"]
TEXTS = st.lists(st.sampled_from(PIECES)).map("".join)
VALUES = st.recursive(
    st.text() | st.booleans() | st.none(), lambda inner: st.dictionaries(st.text(), inner)
)


@given(TEXTS | st.dictionaries(st.text(), VALUES).map(json.dumps))
@example('{"a":"x","a":"x"}')
@example('{"a":"x",}')
@example('{"a":"x" "b":"y"}')
@example('{"":""}')
@example('{"a","b":"y":"x"}')
@example('{"a":"x","b"}')
@example('{"a":"x"}{"b":"y"}')
@example(' {\n\t"a" : "x" , "b":"y"}\n')
@example('{"a":"x\n"}')
@example('{"a":"\x7f"}')
@example('{"a":{"a":"x","b":true},"b":null}')
@example('{"a":{"a":"x","a":"y"}}')
@example('{"a":{"a":"x"}')
@example('{"a":{"a":"x"}}}')
@example('{"a":{}}')
@example('{"a":tru e}')
@example('{"a":truefalse}')
@example('{"a":true"b":"y"}')
@example('{"a":true,}')
@example('{"a":\x0btrue}')
@example('{true:"a"}')
def test_what_is_read_is_what_json_reads(text: str) -> None:
    try:
        found = read(text.encode(), "request")
    except RequestError as error:
        assert error.__context__ is None
        assert error.message.startswith("the request ")
        try:
            document = json.loads(text)
        except ValueError:
            return
        # What json reads and we do not.
        twice = error.message == "the request names a member twice in one object"
        half = error.message == "the request holds half a character: a lone surrogate"
        assert twice or half or not isinstance(document, dict)
    else:
        assert found == json.loads(text)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not one JSON object: parsing stopped at column 1"),
        (b'{"a":1}\n{"a":1}', "is not one JSON object: parsing stopped at line 2, column 1"),
        (b"[]", "is not a JSON object"),
        (b"null", "is not a JSON object"),
        (b'{"a":1,"a":1}', "names a member twice in one object"),
        (b'{"b":{"a":1,"a":1}}', "names a member twice in one object"),
        (b'{"a":NaN}', "holds NaN, which is not JSON"),
        (b'{"a":-Infinity}', "holds -Infinity, which is not JSON"),
        (b'{"a":' + b"1" * 33 + b"}", "holds a number of more than 32 digits"),
        (b'{"a":"\\ud800"}', "holds half a character: a lone surrogate"),
        (b'{"a":"\xff"}', "is not UTF-8"),
        (b'{"a":"x"}\r\n', "holds a carriage return: lines end in LF alone"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "nests deeper than 32 levels"),
        (b"\xef\xbb\xbf{}", "is not one JSON object: parsing stopped at column 1"),
        ('{"a":"x"}'.encode("utf-16-le"), "is not one JSON object: parsing stopped at column 2"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_what_is_wrong_is_told(data: bytes, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        read(data, "line")
    assert caught.value.message == f"the line {message}"


@pytest.mark.parametrize(
    "data",
    [
        b'{"token":"canary"',
        b'["canary"]',
        b'{"token":"canary","token":"canary"}',
        b'{"token":"canary\\ud800"}',
        b'{"token":"canary\xff"}',
        b'{"token":"canary","x":NaN}',
    ],
)
def test_no_error_carries_the_document(data: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        read(data, "request")
    assert caught.value.__context__ is None
    assert "canary" not in repr(caught.value)


@pytest.mark.parametrize(
    ("data", "loaded"),
    [
        ('{"uri":"https://ica.example/a?b=c"}', "False"),
        ('{ "a" : "x",\n"b":"" }\n', "False"),
        ('{"a":{"b":"x"},"c":null, "d" : {"e":{"f":false}, "g":true}}\n', "False"),
        ('{"a":{"b":1}}', "True"),
        ('{"a":["b"]}', "True"),
        ('{"a":"\\u0041"}', "True"),
        ('{"a":"é"}', "True"),
        ("{}", "True"),
    ],
)
def test_a_plain_object_is_read_without_json(data: str, loaded: Any) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from credhelper.core.strict_json import read\n"
        f"read({data.encode()!r}, 'request'); print('json' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == loaded
