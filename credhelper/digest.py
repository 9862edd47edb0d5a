"""SHA-256 for the warm path, where importing `hashlib` costs a third of a whole answer.

Used for one thing: to recognise, under a random salt, the value of an environment variable. Off
the warm path use `hashlib`, which the tests hold this to.
"""

_MASK = 0xFFFFFFFF

# FIPS 180-4, sections 5.3.3 and 4.2.2.
_START = (
    0x6A09E667,
    0xBB67AE85,
    0x3C6EF372,
    0xA54FF53A,
    0x510E527F,
    0x9B05688C,
    0x1F83D9AB,
    0x5BE0CD19,
)
_ROUNDS = (
    0x428A2F98,
    0x71374491,
    0xB5C0FBCF,
    0xE9B5DBA5,
    0x3956C25B,
    0x59F111F1,
    0x923F82A4,
    0xAB1C5ED5,
    0xD807AA98,
    0x12835B01,
    0x243185BE,
    0x550C7DC3,
    0x72BE5D74,
    0x80DEB1FE,
    0x9BDC06A7,
    0xC19BF174,
    0xE49B69C1,
    0xEFBE4786,
    0x0FC19DC6,
    0x240CA1CC,
    0x2DE92C6F,
    0x4A7484AA,
    0x5CB0A9DC,
    0x76F988DA,
    0x983E5152,
    0xA831C66D,
    0xB00327C8,
    0xBF597FC7,
    0xC6E00BF3,
    0xD5A79147,
    0x06CA6351,
    0x14292967,
    0x27B70A85,
    0x2E1B2138,
    0x4D2C6DFC,
    0x53380D13,
    0x650A7354,
    0x766A0ABB,
    0x81C2C92E,
    0x92722C85,
    0xA2BFE8A1,
    0xA81A664B,
    0xC24B8B70,
    0xC76C51A3,
    0xD192E819,
    0xD6990624,
    0xF40E3585,
    0x106AA070,
    0x19A4C116,
    0x1E376C08,
    0x2748774C,
    0x34B0BCB5,
    0x391C0CB3,
    0x4ED8AA4A,
    0x5B9CCA4F,
    0x682E6FF3,
    0x748F82EE,
    0x78A5636F,
    0x84C87814,
    0x8CC70208,
    0x90BEFFFA,
    0xA4506CEB,
    0xBEF9A3F7,
    0xC67178F2,
)


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` in lower-case hex (FIPS 180-4)."""
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    state = list(_START)
    for start in range(0, len(padded), 64):
        _compress(state, padded[start : start + 64])
    return "".join(f"{word:08x}" for word in state)


def _compress(state: list[int], block: bytes) -> None:
    words = [int.from_bytes(block[at : at + 4], "big") for at in range(0, 64, 4)]
    for index in range(16, 64):
        x, y = words[index - 15], words[index - 2]
        small0 = (x >> 7 | x << 25) ^ (x >> 18 | x << 14) ^ x >> 3
        small1 = (y >> 17 | y << 15) ^ (y >> 19 | y << 13) ^ y >> 10
        words.append(
            (words[index - 16] + (small0 & _MASK) + words[index - 7] + (small1 & _MASK)) & _MASK
        )
    a, b, c, d, e, f, g, h = state
    for constant, word in zip(_ROUNDS, words, strict=True):
        big1 = ((e >> 6 | e << 26) ^ (e >> 11 | e << 21) ^ (e >> 25 | e << 7)) & _MASK
        one = h + big1 + ((e & f) ^ (~e & _MASK & g)) + constant + word
        big0 = ((a >> 2 | a << 30) ^ (a >> 13 | a << 19) ^ (a >> 22 | a << 10)) & _MASK
        two = big0 + ((a & b) ^ (a & c) ^ (b & c))
        a, b, c, d, e, f, g, h = (one + two) & _MASK, a, b, c, (d + one) & _MASK, e, f, g
    for index, value in enumerate((a, b, c, d, e, f, g, h)):
        state[index] = (state[index] + value) & _MASK
