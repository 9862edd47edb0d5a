"""Records: what is read is what was written, whole and ours, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.core import record
from credhelper.errors import CacheError

printable = st.text(st.characters(min_codepoint=32, max_codepoint=126))
keys = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1)
fields = st.dictionaries(keys, printable)
FIELDS = {"kind": "jwt", "expires": "1800000000", "token": "eyJ.a=b.c", "empty": ""}


@given(fields)
def test_what_is_encoded_decodes_to_the_same(told: dict[str, str]) -> None:
    assert record.decode(record.encode(told)) == told


@given(fields, st.data())
def test_a_record_with_one_changed_byte_is_a_miss(
    told: dict[str, str], data: st.DataObject
) -> None:
    whole = bytearray(record.encode(told))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    assert record.decode(bytes(whole)) is None


@given(st.data())
def test_a_record_with_bytes_lost_doubled_or_added_is_a_miss(data: st.DataObject) -> None:
    whole = record.encode(FIELDS)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    more = data.draw(st.binary(max_size=5))
    changed = whole[:start] + more + whole[end:]
    assert (record.decode(changed) is None) == (changed != whole)


@pytest.mark.parametrize("length", range(len(record.encode(FIELDS))))
def test_a_truncated_record_is_a_miss(length: int) -> None:
    assert record.decode(record.encode(FIELDS)[:length]) is None


@given(st.binary())
def test_noise_is_a_miss(noise: bytes) -> None:
    assert record.decode(noise) is None


def test_another_format_version_is_a_miss() -> None:
    body = b"credhelper-record 2\ntoken=x\n"
    assert record.decode(body + record.end(body)) is None


def test_a_line_without_an_equals_sign_is_a_miss() -> None:
    body = b"credhelper-record 1\ntoken\n"
    assert record.decode(body + record.end(body)) is None


def test_unknown_fields_are_kept_for_who_knows_them() -> None:
    assert record.decode(record.encode({**FIELDS, "later": "1"})) == {**FIELDS, "later": "1"}


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\rb", "\n", "a\0", "\x7f", "\x1b[2J", "\t", "\x85", "\u2028", "é", "\ud800", "\x0b"],
)
def test_a_value_that_could_break_the_lines_is_refused_by_the_writer(value: str) -> None:
    with pytest.raises(CacheError, match="field token") as told:
        record.encode({"token": value})
    assert value not in told.value.message
