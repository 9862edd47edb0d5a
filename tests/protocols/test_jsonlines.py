"""json: what transcripts do not show, and the neighbours of what they do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from credhelper import errors
from credhelper.core.model import Call, Credential, Listing, Request, Secret
from credhelper.errors import CredhelperError, RequestError, UnsupportedVersionError
from credhelper.protocols import jsonlines

GET = '{"action":"get","service":"https://ica.example"}'


def ask(line: str | bytes, *arguments: str) -> Request:
    data = line if isinstance(line, bytes) else line.encode()
    return jsonlines.parse(Call("credhelper", arguments, data, {}))


def with_member(name: str, value: str) -> str:
    return f'{GET[:-1]},"{name}":{value}}}'


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    # The object itself is the first level.
    return with_member("deep", opening * (depth - 1) + "0" + closing * (depth - 1))


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b" ", b"{", b"}", b"null", b'"x"', b"7", b"[]", b"true", b"{}", b"{},", b"x", b"\0"),
        *(b"{}{}", GET.encode() + b" " + GET.encode(), b"[" + GET.encode() + b"]"),
        *(b"\xef\xbb\xbf" + GET.encode(), GET.encode("utf-16"), GET.encode("utf-16-le")),
        *(GET.encode("utf-32"), GET.encode() + b"\r", b"\r" + GET.encode(), GET.encode() + b"\0"),
        *(b'{"action":"get"\r,"profile":"p"}', GET.encode() + b"\x1a", GET.encode() + b"\x0c"),
        *(b'{"action":"get","profile":"\xff"}', b'{"action":"get","profile":"\xed\xa0\x80"}'),
        *(b'{"action":"get","profile":"\xc0\xaf"}', b"{'action':'get','profile':'p'}"),
        *(b'{"action":"get","profile":"p",}', b'{"action":"get" "profile":"p"}'),
        *(b'{"action":"get","profile":"a\tb"}', b'{"action":"get","profile":"\\ud800"}'),
        b'// comment {"action":"list"}',
    ],
)
def test_a_line_that_is_no_request_is_a_bad_request(line: bytes, talk: Any) -> None:
    reply = talk("json", [], line + b"\n" + b'{"action":"list"}\n')
    first, second = map(json.loads, reply.stdout.split(b"\n")[:-1])
    assert first["error"]["code"] == "bad_request"
    assert first["error"]["retryable"] is False
    assert "services" in second
    assert (reply.stderr, reply.status) == (b"", 0)


@pytest.mark.parametrize("place", ["outer", "inner", "listed"])
@pytest.mark.parametrize(
    "bad",
    ['"a":1,"a":1', '"a":1,"\\u0061":2', '"a":NaN', '"a":Infinity', '"a":-Infinity',
     '"a":"\\udc00"', '"a":["\\ud83d"]', '"\\ud800":1', f'"a":{"9" * 5000}', f'"a":-{"9" * 40}'],
)  # fmt: skip
def test_what_parsers_disagree_about_is_refused_at_any_depth(place: str, bad: str) -> None:
    shape = {"outer": f'"z":0,{bad}', "inner": f'"z":{{{bad}}}', "listed": f'"z":[[{{{bad}}}]]'}
    line = f"{GET[:-1]},{shape[place]}}}"
    with pytest.raises(RequestError):
        ask(line)


@pytest.mark.parametrize("member", ["action", "service", "version", "token"])
def test_a_member_named_twice_is_refused_even_if_it_says_the_same(member: str) -> None:
    with pytest.raises(RequestError, match="twice"):
        ask(f'{{"{member}":"get","{member}":"get","action":"get","profile":"p"}}')


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert ask('{"action":"get","profile":"\\ud83d\\udd11"}').profile == "\U0001f511"


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_nesting_ends_at_32_levels(brackets: str) -> None:
    opening = {"[]": "[", "{}": '{"a":'}[brackets]
    assert ask(nested(32, opening, brackets[1])).action == "get"
    for depth in (33, 100):
        with pytest.raises(RequestError, match="deeper than 32"):
            ask(nested(depth, opening, brackets[1]))


@pytest.mark.parametrize(
    "line", ["[" * 500_000, '{"a":' * 150_000, "[{" * 250_000, '"\\\\' + "[" * 40]
)
def test_no_depth_exhausts_the_stack(line: str) -> None:
    with pytest.raises(RequestError):
        ask(line)


def test_brackets_in_strings_do_not_nest() -> None:
    assert ask(with_member("x", json.dumps("[{" * 100 + '"' + "\\" + "[" * 100))).action == "get"
    assert ask(with_member("x", "[" + "[]," * 100 + "{}]")).action == "get"


@pytest.mark.parametrize(
    "version", ["0", "3", "-1", "1.0", "2.0", '"2"', "true", "null", "[1]", "{}", "10000000000"]
)
def test_only_versions_1_and_2_are_spoken(version: str) -> None:
    with pytest.raises(UnsupportedVersionError, match=r"speaks 1, 2$"):
        ask(f'{{"version":{version},"action":"from the future"}}')


@pytest.mark.parametrize(
    "action", ["null", "1", '""', '"GET"', '"get "', '"erase"', '["get"]', "{}"]
)
def test_an_action_that_is_none_of_the_three_is_a_bad_request(action: str) -> None:
    with pytest.raises(RequestError) as caught:
        ask(f'{{"action":{action},"profile":"p"}}')
    assert caught.value.code == "bad_request"


@pytest.mark.parametrize(
    "value",
    ['"60"', "-1", "-0.0", "0.0", "1.5", "1e2", "1e400", "-1e400", "true", "false", "null", "[]",
     "315360001", "99999999999999999999", '""', "{}"],
)  # fmt: skip
def test_a_life_that_is_no_number_of_seconds_is_a_bad_request(value: str) -> None:
    with pytest.raises(RequestError, match="min_ttl is not a whole number of seconds"):
        ask(with_member("min_ttl", value))


@pytest.mark.parametrize("value", [0, 1, 60, 315_360_000])
def test_a_life_is_handed_on(value: int) -> None:
    assert ask(with_member("min_ttl", str(value))).min_ttl == value


@pytest.mark.parametrize("member", ["profile", "username"])
@pytest.mark.parametrize(
    "value",
    ["null", "1", "true", '""', "[]", '"a\\nb"', '"a\\u0000b"', '"\\u202e"', f'"{"x" * 1025}"'],
)
def test_a_name_that_is_no_name_is_a_bad_request(member: str, value: str) -> None:
    with pytest.raises(RequestError, match=member):
        ask(with_member(member, value))


@pytest.mark.parametrize(
    "value",
    ["null", "1", '""', '"ica.example"', '"//ica.example"', '"http://ica.example"', "[]",
     '"https://ica.example\\n"', '"https://ica.example\\u0000"', '"https://u@ica.example"',
     '"https://ica.example\\u2028"', '"https://"', '" https://ica.example"'],
)  # fmt: skip
@pytest.mark.parametrize("action", ["get", "reject"])
def test_a_service_that_is_no_service_is_a_bad_request(action: str, value: str) -> None:
    with pytest.raises(RequestError):
        ask(f'{{"action":"{action}","service":{value},"token":"t","profile":"p"}}')


@pytest.mark.parametrize("action", ["get", "reject"])
def test_absence_does_not_mean_any(action: str) -> None:
    with pytest.raises(RequestError, match="neither a service nor a profile"):
        ask(f'{{"action":"{action}","token":"t"}}')


@pytest.mark.parametrize(
    "token", ["", ',"token":null', ',"token":""', ',"token":7', ',"token":["t"]']
)
def test_reject_names_the_token(token: str) -> None:
    with pytest.raises(RequestError, match="token"):
        ask(f'{{"action":"reject","service":"https://ica.example"{token}}}')


def test_reject_is_an_erase_of_the_very_token() -> None:
    request = ask('{"action":"reject","service":"https://ica.example","token":"T1","username":"u"}')
    assert (request.action, request.username) == ("erase", "u")
    assert request.rejected == Secret("T1")
    assert request.rejected != Secret("T2")


@pytest.mark.parametrize("member", ['"min_ttl":"x"', '"profile":1', '"service":"x"', '"token":7'])
def test_a_member_that_list_does_not_need_is_still_held_to_the_schema(member: str) -> None:
    with pytest.raises(RequestError):
        ask(f'{{"action":"list",{member}}}')


def test_get_never_carries_a_rejected_token() -> None:
    assert ask(with_member("token", '"T1"')).rejected is None


def test_a_service_and_a_profile_are_both_handed_on() -> None:
    request = ask(with_member("profile", '"team"'), "--profile", "main")
    assert (str(request.service), request.profile) == ("https://ica.example", "team")
    assert request.margin == 60


def test_a_bad_command_line_is_told_once_on_stderr() -> None:
    for arguments in (["x"], ["--bad"], ["--profile"], ["--min-ttl", "5"]):
        assert jsonlines.reads(arguments) == "nothing"
        with pytest.raises(RequestError) as caught:
            jsonlines.parse(Call("credhelper", arguments, b"", {}))
        reply = jsonlines.refuse(caught.value, None)
        assert (reply.stdout, reply.status) == (b"", 2)
        assert reply.stderr.startswith(b"credhelper: error: ")
    assert jsonlines.reads(["-p", "main"]) == "lines"


@pytest.mark.parametrize(
    "line", ['{"token":"canary"', '["canary"]', '{"token":"canary","token":1}']
)
def test_no_error_carries_the_line(line: str) -> None:
    with pytest.raises(RequestError) as caught:
        ask(line)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert "canary" not in repr(caught.value)


def test_every_error_of_ours_is_an_answer_by_the_schema(answer_schema: Any) -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, CredhelperError)
        and not issubclass(kind, errors.UsageError)
    ]
    assert len(kinds) > 10
    for kind in kinds:
        for hint in (None, "try\nthis"):
            reply = jsonlines.refuse(kind('no "good"\x1b\u202e', hint), None)
            answer = json.loads(reply.stdout)
            answer_schema.validate(answer)
            assert reply.stdout.count(b"\n") == 1
            assert reply.stdout.isascii()
            assert reply.status == 0
            assert answer["error"]["retryable"] is kind.retryable
            assert ("hint" in answer["error"]) is (hint is not None)


def test_two_thousand_lines_make_two_thousand_answers_in_order(talk: Any) -> None:
    lines = [with_member("username", '"nobody"') if n % 3 else GET for n in range(2_000)]
    reply = talk("json", [], "\n".join(lines).encode())
    answers = reply.stdout.split(b"\n")[:-1]
    assert len(answers) == 2_000
    assert all((b'"token"' in answer) is (n % 3 == 0) for n, answer in enumerate(answers))


def test_answers_are_single_lines_whatever_they_hold(answer_schema: Any) -> None:
    odd = 'a\n"\\\u2028\x00\U0001f511'
    for answer in (
        Credential(Secret(odd), 10**15, username=odd, profile=odd),
        Listing([(odd, odd, odd)]),
        Listing([]),
    ):
        line = jsonlines.render(Request("get"), answer).stdout
        answer_schema.validate(json.loads(line))
        assert line.isascii()
        assert line.count(b"\n") == 1
        assert line.endswith(b"\n")
