/* Asks the front many questions in one process: each with its own words, environment, stdin and clock.
 *
 * Cases come on stdin, answers go to stdout. A case is a list of fields, each a length (4 bytes, little
 * endian) and its bytes: program, how stdin comes, stdin, time, number of words, words, variables; an
 * empty list ends. An answer is 1 or 0, the bytes that are left in stdin, and the reply. */
#define _GNU_SOURCE
#include <unistd.h>

static int few; /* some file systems give fewer bytes than they are asked for, and then more */
static ssize_t some_pread(int handle, void *into, size_t count, off_t at) {
    return pread(handle, into, few && count > 3 ? 3 : count, at);
}
#define pread some_pread

#define WITHOUT_MAIN
#include FRONT

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { MOST_FIELDS = 4096 };

static double told;
static double now(void) { return told; }

static bool get_number(FILE *in, uint32_t *value) {
    unsigned char bytes[4];
    if (fread(bytes, 1, 4, in) != 4) return false;
    *value = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return true;
}

static void put_number_to(FILE *out, uint32_t value) {
    for (int i = 0; i < 4; i++) fputc((int)(value >> 8 * i & 255), out);
}

static void must(bool good) {
    if (!good) {
        perror("driver");
        _exit(70);
    }
}

/* Put a stdin in place whose content is `data`; return what must be closed afterwards. */
static int give(char how, const char *data, size_t size) {
    int pair[2] = {-1, -1}, kept = -1;
    few = how == 'F';
    if (how == 'f' || how == 'F') { /* a file at an offset */
        must((pair[0] = memfd_create("stdin", MFD_CLOEXEC)) >= 0);
        must(write(pair[0], "before", 6) == 6 && write(pair[0], data, size) == (ssize_t)size);
        must(lseek(pair[0], 6, SEEK_SET) == 6);
    } else {
        must((how == 's' || how == 'S' ? socketpair(AF_UNIX, SOCK_STREAM, 0, pair) : pipe(pair)) == 0);
        int room = 1 << 20; /* nobody reads yet: all must fit */
        if (how == 's' || how == 'S') setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        else fcntl(pair[1], F_SETPIPE_SZ, room);
        fcntl(pair[1], F_SETFL, O_NONBLOCK);
        must(size == 0 || write(pair[1], data, size) == (ssize_t)size);
        fcntl(pair[1], F_SETFL, 0);
        if (how == 's') shutdown(pair[1], SHUT_WR);
        if (how == 'p') close(pair[1]);
        else kept = pair[1];
    }
    must(dup2(pair[0], 0) == 0);
    close(pair[0]);
    return kept;
}

static uint32_t left(char how, size_t size) {
    int waiting = 0;
    if (how == 'f' || how == 'F') return (uint32_t)(6 + (off_t)size - lseek(0, 0, SEEK_CUR));
    must(ioctl(0, FIONREAD, &waiting) == 0);
    return (uint32_t)waiting;
}

int main(void) {
    static char reply_bytes[MOST_REPLY], *field[MOST_FIELDS + 1];
    static uint32_t size[MOST_FIELDS];
    FILE *in = fdopen(dup(0), "rb"), *out = fdopen(dup(1), "wb");
    uint32_t count;
    must(in && out);
    while (get_number(in, &count) && count > 0) {
        must(count <= MOST_FIELDS);
        for (uint32_t i = 0; i < count; i++) {
            must(get_number(in, &size[i]));
            must((field[i] = malloc(size[i] + 1)) != NULL);
            must(fread(field[i], 1, size[i], in) == size[i]);
            field[i][size[i]] = 0;
        }
        field[count] = NULL;
        int words = atoi(field[4]);
        told = strtod(field[3], NULL);
        int kept = give(field[1][0], field[2], size[2]);
        Buffer reply = {reply_bytes, 0, sizeof reply_bytes, false};
        bool good = answer(text_of(field[0]), words, field + 5, field + 5 + words, now, &reply);
        fputc(good, out);
        put_number_to(out, left(field[1][0], size[2]));
        put_number_to(out, good ? (uint32_t)reply.size : 0);
        if (good) fwrite(reply.at, 1, reply.size, out);
        fflush(out);
        if (kept >= 0) close(kept);
        for (uint32_t i = 0; i < count; i++) free(field[i]);
        for (int handle = 5; handle < 64; handle++)
            if (handle != fileno(in) && handle != fileno(out)) close(handle); /* the front leaves that to its end */
    }
    return 0;
}
