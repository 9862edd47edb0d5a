/* Text, buffers that cannot overflow, and check sums. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- Text: a place and a length ------------------------------------------------------------- */

typedef struct {
    const char *at;
    size_t size;
} Text;

#define TEXT(literal) ((Text){literal, sizeof(literal) - 1})
#define COUNT(array) (sizeof(array) / sizeof *(array))

static Text text_of(const char *string) { return (Text){string, strlen(string)}; }

static bool equal(Text one, Text other) {
    return one.size == other.size && memcmp(one.at, other.at, one.size) == 0;
}

static bool begins(Text whole, Text start) {
    return whole.size >= start.size && memcmp(whole.at, start.at, start.size) == 0;
}

static Text behind(Text whole, size_t count) { return (Text){whole.at + count, whole.size - count}; }

static Text before(Text whole, size_t count) { return (Text){whole.at, count}; }

static bool has(Text whole, char wanted) {
    return whole.size > 0 && memchr(whole.at, wanted, whole.size) != NULL;
}

/* Split `rest` at the first `mark`. Without one, all of it is the head; false then. */
static bool split(Text *rest, char mark, Text *head) {
    const char *found = rest->size ? memchr(rest->at, mark, rest->size) : NULL;
    size_t count = found ? (size_t)(found - rest->at) : rest->size;
    *head = before(*rest, count);
    *rest = behind(*rest, found ? count + 1 : count);
    return found != NULL;
}

static bool printable(Text text) {
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] < ' ' || text.at[i] > '~') return false;
    return true;
}

static bool made_of(Text text, Text characters) {
    for (size_t i = 0; i < text.size; i++)
        if (!has(characters, text.at[i])) return false;
    return true;
}

/* Read 1 to `most` decimal digits, and nothing else. `most` is 15 at most: a double holds that. */
static bool number(Text digits, size_t most, int64_t *value) {
    if (digits.size == 0 || digits.size > most || !made_of(digits, TEXT("0123456789"))) return false;
    *value = 0;
    for (size_t i = 0; i < digits.size; i++) *value = *value * 10 + (digits.at[i] - '0');
    return true;
}

/* The same, with a sign before it or not. */
static bool signed_number(Text text, int64_t *value) {
    bool minus = begins(text, TEXT("-"));
    if (!number(behind(text, minus), 15, value)) return false;
    if (minus) *value = -*value;
    return true;
}

/* A number as a person writes it: no zero before it. */
static bool plain_number(Text digits, int64_t most, int64_t *value) {
    return number(digits, 5, value) && *value <= most && (digits.at[0] != '0' || digits.size == 1);
}

static bool loopback(Text host) {
    Text octet;
    int64_t value;
    int count = 0;
    for (bool more = true; more; count++) {
        more = split(&host, '.', &octet);
        if (!plain_number(octet, 255, &value) || (count == 0 && value != 127)) return false;
    }
    return count == 4;
}

/* ---- What is put together ------------------------------------------------------------------- */

typedef struct {
    char *at;
    size_t size, room;
    bool full; /* it did not fit: what is there must not be used */
} Buffer;

#define BUFFER(name, room) \
    static char name##_bytes[room]; \
    Buffer name = {name##_bytes, 0, sizeof name##_bytes, false}; \
    name##_bytes[0] = 0

/* There is always a zero behind it, so that it is a path as well. */
static void put(Buffer *buffer, Text text) {
    if (buffer->full || text.size >= buffer->room - buffer->size) {
        buffer->full = true;
        return;
    }
    memcpy(buffer->at + buffer->size, text.at, text.size);
    buffer->size += text.size;
    buffer->at[buffer->size] = 0;
}

#define PUT(buffer, ...) put_each(buffer, (Text[]){__VA_ARGS__}, sizeof((Text[]){__VA_ARGS__}) / sizeof(Text))

static void put_each(Buffer *buffer, const Text *each, size_t count) {
    for (size_t i = 0; i < count; i++) put(buffer, each[i]);
}

static void put_number(Buffer *buffer, uint64_t value, unsigned base) {
    char digits[20];
    size_t start = sizeof digits;
    do {
        digits[--start] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    put(buffer, (Text){digits + start, sizeof digits - start});
}

static Text text_in(const Buffer *buffer) { return (Text){buffer->at, buffer->size}; }

/* ---- Check sums ----------------------------------------------------------------------------- */

/* The bytes of `text` as one number, modulo 2^61 - 1 (core/record.py, core/routes.py). */
static uint64_t modulo_prime(Text text) {
    const uint64_t prime = ((uint64_t)1 << 61) - 1;
    uint64_t left = 0;
    for (size_t i = 0; i < text.size; i++) {
        left = ((left << 8) & prime) + (left >> 53) + (unsigned char)text.at[i];
        if (left >= prime) left -= prime;
    }
    return left;
}

static uint32_t turned(uint32_t word, int bits) { return word >> bits | word << (32 - bits); }

/* One block of SHA-256 (FIPS 180-4). The names are those of the standard. */
static void sha256_block(uint32_t hash[8], const unsigned char block[64]) {
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    uint32_t w[64], v[8];
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
               (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
    for (int t = 16; t < 64; t++) {
        uint32_t s0 = turned(w[t - 15], 7) ^ turned(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = turned(w[t - 2], 17) ^ turned(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
    memcpy(v, hash, sizeof v);
    for (int t = 0; t < 64; t++) {
        uint32_t sum1 = turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25);
        uint32_t t1 = v[7] + sum1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[t] + w[t];
        uint32_t sum0 = turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22);
        uint32_t t2 = sum0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) hash[i] += v[i];
}

/* Write the first 16 hex digits of the SHA-256 of `data`, which is followed by 72 bytes of room. */
static void sha256_start(unsigned char *data, size_t size, char digits[16]) {
    uint32_t hash[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    size_t whole = (size + 8) / 64 * 64 + 64;
    memset(data + size, 0, whole - size);
    data[size] = 0x80;
    for (int i = 0; i < 8; i++) data[whole - 1 - (size_t)i] = (unsigned char)((uint64_t)size * 8 >> 8 * i);
    for (size_t at = 0; at < whole; at += 64) sha256_block(hash, data + at);
    for (int i = 0; i < 16; i++) digits[i] = "0123456789abcdef"[hash[i / 8] >> (28 - i % 8 * 4) & 15];
}
