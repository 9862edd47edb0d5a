/* Counts the file and network operations of a process tree, and lets one of them go wrong.
 *
 * Preloaded (LD_PRELOAD) into every process of a command. All of them map the file that
 * FAULTS_STATE names: it holds the plan (struct state, written by injector.py), the counters and the
 * log of operations. So numbers go on over fork and exec, and outlive a kill.
 *
 * Seen are operations on paths below the plan's roots, and on sockets. Nothing is remembered of a
 * handle: /proc tells at each use what it is, also for handles that were inherited or duplicated.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum kind { KINDS, NONE }; /* injector.py says which: -DKINDS=OPEN,CREATE,... */
enum action { COUNT, KILL, STOP, SIGNAL, SLEEP, FAIL, SET };

enum { LOG_AT = 4096, MOST_LOGGED = 8192 };

struct entry {
    int32_t pid, kind, acted, unused;
    char path[240];
};

struct state {
    uint64_t kinds;      /* bits: which operations the plan waits for ... */
    uint64_t then_kinds; /* ... and which ones it befalls, too, from then on */
    uint32_t nth;        /* of those that it waits for, from 1 on; 0: none */
    uint32_t times;      /* how many operations it befalls; 0: no end */
    int32_t action;
    int32_t value; /* signal, milliseconds, errno or seconds */
    uint32_t counted, matched, fired;
    int32_t pid; /* of the process that it befell last */
    int64_t ahead;       /* seconds, of the clock that the processes see, before the true one */
    char glob[512], then_glob[512]; /* their paths, relative to their root */
    char host[64];      /* the name of the host that they are on; empty for the true one */
    char roots[2480];   /* each with its NUL; an empty one ends them */
};

_Static_assert(sizeof(struct state) <= LOG_AT && sizeof(struct entry) == 256, "as in injector.py");

static struct state *state;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_STATE");
    if (!path) return;
    int handle = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (handle < 0) return;
    size_t size = LOG_AT + MOST_LOGGED * sizeof(struct entry);
    void *found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    syscall(SYS_close, handle);
    if (found != MAP_FAILED) state = found;
}

/* --- the plan -------------------------------------------------------------------------------- */

/* In a glob, * is any text and # some hexadecimal digits. */
static int matches(const char *glob, const char *text) {
    for (; *glob && *glob == *text && *glob != '*' && *glob != '#'; glob++, text++) continue;
    if (*glob == '*') return matches(glob + 1, text) || (*text && matches(glob, text + 1));
    if (*glob == '#' && *text && strchr("0123456789abcdef", *text))
        return matches(glob + 1, text + 1) || matches(glob, text + 1);
    return !*glob && !*text;
}

static int due(enum kind kind, const char *path) {
    uint64_t bit = (uint64_t)1 << kind;
    int now = __atomic_load_n(&state->fired, __ATOMIC_SEQ_CST) && state->then_kinds & bit &&
              matches(state->then_glob, path);
    if (state->kinds & bit && matches(state->glob, path))
        now |= __atomic_add_fetch(&state->matched, 1, __ATOMIC_SEQ_CST) == state->nth;
    if (!now) return 0;
    uint32_t before = __atomic_fetch_add(&state->fired, 1, __ATOMIC_SEQ_CST);
    return !state->times || before < state->times;
}

/* Counts one operation, and returns the errno that it shall fail with, or 0. */
static int happen(enum kind kind, const char *path) {
    int saved = errno, error = 0;
    pid_t self = syscall(SYS_getpid); /* no cache: a vfork's child is another process */
    uint32_t number = __atomic_fetch_add(&state->counted, 1, __ATOMIC_SEQ_CST);
    struct entry *entry = NULL;
    if (number < MOST_LOGGED) {
        entry = (struct entry *)((char *)state + LOG_AT) + number;
        entry->pid = self;
        entry->kind = kind;
        strncpy(entry->path, path, sizeof entry->path - 1);
    }
    if (state->action != COUNT && due(kind, path)) {
        if (entry) entry->acted = 1;
        __atomic_store_n(&state->pid, self, __ATOMIC_SEQ_CST);
        struct timespec span = {state->value / 1000, state->value % 1000 * 1000000L};
        switch (state->action) {
        case KILL: syscall(SYS_kill, self, SIGKILL); break;
        case STOP: syscall(SYS_kill, self, SIGSTOP); break;
        case SIGNAL: syscall(SYS_kill, self, state->value); break;
        case SLEEP: /* as a slow call does, it ends early when a signal is handled */
            if (nanosleep(&span, NULL)) error = errno;
            break;
        case FAIL: error = state->value; break;
        case SET: __atomic_add_fetch(&state->ahead, state->value, __ATOMIC_SEQ_CST); break;
        }
    }
    errno = saved;
    return error;
}

static const char *below(const char *path) {
    for (const char *root = state->roots; *root; root += strlen(root) + 1) {
        size_t length = strlen(root);
        if (!strncmp(path, root, length) && (!path[length] || path[length] == '/'))
            return path[length] ? path + length + 1 : ".";
    }
    return NULL;
}

static int target(const char *link, char *path) { /* what a link of /proc leads to */
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0;
}

static int on_handle(enum kind kind, enum kind network, int handle) {
    if (!state || handle < 0 || (kind == NONE && network == NONE)) return 0;
    int saved = errno, found;
    char link[40], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    found = target(link, path);
    errno = saved;
    if (found && network != NONE && !strncmp(path, "socket:", 7)) return happen(network, "network");
    const char *inside = found && kind != NONE ? below(path) : NULL;
    return inside ? happen(kind, inside) : 0;
}

static int on_path(enum kind kind, int folder, const char *path) {
    if (!state || !path) return 0;
    if (!*path) return on_handle(kind, NONE, folder); /* AT_EMPTY_PATH */
    char whole[PATH_MAX];
    if (*path != '/') {
        int saved = errno;
        char link[40], base[PATH_MAX];
        const char *name = folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d";
        snprintf(link, sizeof link, name, folder);
        int size = PATH_MAX;
        if (target(link, base)) size = snprintf(whole, sizeof whole, "%s/%s", base, path);
        errno = saved;
        if (size >= PATH_MAX) return 0;
        path = whole;
    }
    const char *inside = below(path);
    return inside ? happen(kind, inside) : 0;
}

/* --- the operations -------------------------------------------------------------------------- */

#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* A function of the C library: what it is called with, as which operation it counts. */
#define HOOK(type, name, parameters, arguments, meeting, failed)                                   \
    type name parameters {                                                                         \
        REAL(name);                                                                                \
        int error = meeting;                                                                       \
        if (error) {                                                                               \
            errno = error;                                                                         \
            return failed;                                                                         \
        }                                                                                          \
        return real arguments;                                                                     \
    }

static enum kind opening(int flags) {
    return flags & (O_CREAT | O_TRUNC) ? CREATE : OPEN;
}

#define HOOK_OPEN(name, parameters, arguments, folder)                                             \
    int name parameters {                                                                          \
        REAL(name);                                                                                \
        mode_t mode = 0;                                                                           \
        if (flags & (O_CREAT | O_TMPFILE)) {                                                       \
            va_list more;                                                                          \
            va_start(more, flags);                                                                 \
            mode = va_arg(more, mode_t);                                                           \
            va_end(more);                                                                          \
        }                                                                                          \
        int error = on_path(opening(flags), folder, path);                                         \
        if (error) {                                                                               \
            errno = error;                                                                         \
            return -1;                                                                             \
        }                                                                                          \
        return real arguments;                                                                     \
    }
HOOK_OPEN(open, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
HOOK_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
HOOK_OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode), at)
HOOK_OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode), at)
HOOK(int, creat, (const char *path, mode_t mode), (path, mode), on_path(CREATE, AT_FDCWD, path), -1)
HOOK(FILE *, fopen, (const char *path, const char *how), (path, how),
     on_path(*how == 'r' ? OPEN : CREATE, AT_FDCWD, path), NULL)
HOOK(FILE *, fopen64, (const char *path, const char *how), (path, how),
     on_path(*how == 'r' ? OPEN : CREATE, AT_FDCWD, path), NULL)
HOOK(DIR *, opendir, (const char *path), (path), on_path(OPENDIR, AT_FDCWD, path), NULL)
HOOK(DIR *, fdopendir, (int handle), (handle), on_handle(OPENDIR, NONE, handle), NULL)

HOOK(ssize_t, read, (int handle, void *to, size_t size), (handle, to, size),
     on_handle(READ, RECEIVE, handle), -1)
HOOK(ssize_t, pread, (int handle, void *to, size_t size, off_t at), (handle, to, size, at),
     on_handle(READ, NONE, handle), -1)
HOOK(ssize_t, pread64, (int handle, void *to, size_t size, off64_t at), (handle, to, size, at),
     on_handle(READ, NONE, handle), -1)
HOOK(ssize_t, readv, (int handle, const struct iovec *to, int count), (handle, to, count),
     on_handle(READ, RECEIVE, handle), -1)
HOOK(ssize_t, write, (int handle, const void *from, size_t size), (handle, from, size),
     on_handle(WRITE, SEND, handle), -1)
HOOK(ssize_t, pwrite, (int handle, const void *from, size_t size, off_t at),
     (handle, from, size, at), on_handle(WRITE, NONE, handle), -1)
HOOK(ssize_t, pwrite64, (int handle, const void *from, size_t size, off64_t at),
     (handle, from, size, at), on_handle(WRITE, NONE, handle), -1)
HOOK(ssize_t, writev, (int handle, const struct iovec *from, int count), (handle, from, count),
     on_handle(WRITE, SEND, handle), -1)
HOOK(ssize_t, sendfile, (int to, int from, off_t *at, size_t size), (to, from, at, size),
     on_handle(WRITE, SEND, to), -1)
HOOK(ssize_t, sendfile64, (int to, int from, off64_t *at, size_t size), (to, from, at, size),
     on_handle(WRITE, SEND, to), -1)
HOOK(ssize_t, copy_file_range,
     (int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned int flags),
     (from, from_at, to, to_at, size, flags), on_handle(WRITE, NONE, to), -1)
HOOK(int, fsync, (int handle), (handle), on_handle(FSYNC, NONE, handle), -1)
HOOK(int, fdatasync, (int handle), (handle), on_handle(FSYNC, NONE, handle), -1)
HOOK(int, ftruncate, (int handle, off_t size), (handle, size),
     on_handle(TRUNCATE, NONE, handle), -1)
HOOK(int, ftruncate64, (int handle, off64_t size), (handle, size),
     on_handle(TRUNCATE, NONE, handle), -1)
HOOK(int, truncate, (const char *path, off_t size), (path, size),
     on_path(TRUNCATE, AT_FDCWD, path), -1)
HOOK(int, truncate64, (const char *path, off64_t size), (path, size),
     on_path(TRUNCATE, AT_FDCWD, path), -1)
HOOK(int, dup, (int handle), (handle), on_handle(DUP, NONE, handle), -1)
HOOK(int, dup2, (int handle, int other), (handle, other), on_handle(DUP, NONE, handle), -1)
HOOK(int, dup3, (int handle, int other, int flags), (handle, other, flags),
     on_handle(DUP, NONE, handle), -1)

int close(int handle) {
    REAL(close);
    int error = on_handle(CLOSE, HANG_UP, handle), done = real(handle);
    if (!error) return done;
    errno = error; /* Linux closes all the same */
    return -1;
}

/* The name that a rename or link ends at counts: that is what others will see. */
HOOK(int, rename, (const char *from, const char *to), (from, to), on_path(RENAME, AT_FDCWD, to), -1)
HOOK(int, renameat, (int at, const char *from, int to_at, const char *to), (at, from, to_at, to),
     on_path(RENAME, to_at, to), -1)
HOOK(int, renameat2, (int at, const char *from, int to_at, const char *to, unsigned int flags),
     (at, from, to_at, to, flags), on_path(RENAME, to_at, to), -1)
HOOK(int, link, (const char *from, const char *to), (from, to), on_path(LINK, AT_FDCWD, to), -1)
HOOK(int, linkat, (int at, const char *from, int to_at, const char *to, int flags),
     (at, from, to_at, to, flags), on_path(LINK, to_at, to), -1)
HOOK(int, symlink, (const char *from, const char *to), (from, to),
     on_path(SYMLINK, AT_FDCWD, to), -1)
HOOK(int, symlinkat, (const char *from, int at, const char *to), (from, at, to),
     on_path(SYMLINK, at, to), -1)
HOOK(ssize_t, readlink, (const char *path, char *to, size_t size), (path, to, size),
     on_path(READLINK, AT_FDCWD, path), -1)
HOOK(ssize_t, readlinkat, (int at, const char *path, char *to, size_t size), (at, path, to, size),
     on_path(READLINK, at, path), -1)
HOOK(int, unlink, (const char *path), (path), on_path(UNLINK, AT_FDCWD, path), -1)
HOOK(int, unlinkat, (int at, const char *path, int flags), (at, path, flags),
     on_path(flags & AT_REMOVEDIR ? RMDIR : UNLINK, at, path), -1)
HOOK(int, remove, (const char *path), (path), on_path(UNLINK, AT_FDCWD, path), -1)
HOOK(int, mkdir, (const char *path, mode_t mode), (path, mode), on_path(MKDIR, AT_FDCWD, path), -1)
HOOK(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode),
     on_path(MKDIR, at, path), -1)
HOOK(int, rmdir, (const char *path), (path), on_path(RMDIR, AT_FDCWD, path), -1)

HOOK(int, chmod, (const char *path, mode_t mode), (path, mode), on_path(CHMOD, AT_FDCWD, path), -1)
HOOK(int, fchmod, (int handle, mode_t mode), (handle, mode), on_handle(CHMOD, NONE, handle), -1)
HOOK(int, fchmodat, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags),
     on_path(CHMOD, at, path), -1)
HOOK(int, chown, (const char *path, uid_t user, gid_t group), (path, user, group),
     on_path(CHOWN, AT_FDCWD, path), -1)
HOOK(int, lchown, (const char *path, uid_t user, gid_t group), (path, user, group),
     on_path(CHOWN, AT_FDCWD, path), -1)
HOOK(int, fchown, (int handle, uid_t user, gid_t group), (handle, user, group),
     on_handle(CHOWN, NONE, handle), -1)
HOOK(int, fchownat, (int at, const char *path, uid_t user, gid_t group, int flags),
     (at, path, user, group, flags), on_path(CHOWN, at, path), -1)
HOOK(int, utimensat, (int at, const char *path, const struct timespec times[2], int flags),
     (at, path, times, flags), on_path(UTIME, at, path), -1)
HOOK(int, futimens, (int handle, const struct timespec times[2]), (handle, times),
     on_handle(UTIME, NONE, handle), -1)
HOOK(int, access, (const char *path, int mode), (path, mode), on_path(ACCESS, AT_FDCWD, path), -1)
HOOK(int, faccessat, (int at, const char *path, int mode, int flags), (at, path, mode, flags),
     on_path(ACCESS, at, path), -1)

HOOK(int, stat, (const char *path, struct stat *to), (path, to), on_path(STAT, AT_FDCWD, path), -1)
HOOK(int, lstat, (const char *path, struct stat *to), (path, to), on_path(STAT, AT_FDCWD, path), -1)
HOOK(int, fstat, (int handle, struct stat *to), (handle, to), on_handle(FSTAT, NONE, handle), -1)
HOOK(int, fstatat, (int at, const char *path, struct stat *to, int flags), (at, path, to, flags),
     on_path(STAT, at, path), -1)
HOOK(int, stat64, (const char *path, struct stat64 *to), (path, to),
     on_path(STAT, AT_FDCWD, path), -1)
HOOK(int, lstat64, (const char *path, struct stat64 *to), (path, to),
     on_path(STAT, AT_FDCWD, path), -1)
HOOK(int, fstat64, (int handle, struct stat64 *to), (handle, to),
     on_handle(FSTAT, NONE, handle), -1)
HOOK(int, fstatat64, (int at, const char *path, struct stat64 *to, int flags),
     (at, path, to, flags), on_path(STAT, at, path), -1)
HOOK(int, statx, (int at, const char *path, int flags, unsigned int mask, struct statx *to),
     (at, path, flags, mask, to), on_path(*path ? STAT : FSTAT, at, path), -1)

/* What programs call that were built with a C library older than 2.33. */
int __xstat(int, const char *, struct stat *);
int __lxstat(int, const char *, struct stat *);
int __fxstat(int, int, struct stat *);
int __xstat64(int, const char *, struct stat64 *);
int __lxstat64(int, const char *, struct stat64 *);
int __fxstat64(int, int, struct stat64 *);
HOOK(int, __xstat, (int version, const char *path, struct stat *to), (version, path, to),
     on_path(STAT, AT_FDCWD, path), -1)
HOOK(int, __lxstat, (int version, const char *path, struct stat *to), (version, path, to),
     on_path(STAT, AT_FDCWD, path), -1)
HOOK(int, __fxstat, (int version, int handle, struct stat *to), (version, handle, to),
     on_handle(FSTAT, NONE, handle), -1)
HOOK(int, __xstat64, (int version, const char *path, struct stat64 *to), (version, path, to),
     on_path(STAT, AT_FDCWD, path), -1)
HOOK(int, __lxstat64, (int version, const char *path, struct stat64 *to), (version, path, to),
     on_path(STAT, AT_FDCWD, path), -1)
HOOK(int, __fxstat64, (int version, int handle, struct stat64 *to), (version, handle, to),
     on_handle(FSTAT, NONE, handle), -1)

/* What programs call that were built with _FORTIFY_SOURCE. */
int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __readlink_chk(const char *, char *, size_t, size_t);
HOOK(int, __open_2, (const char *path, int flags), (path, flags),
     on_path(opening(flags), AT_FDCWD, path), -1)
HOOK(int, __open64_2, (const char *path, int flags), (path, flags),
     on_path(opening(flags), AT_FDCWD, path), -1)
HOOK(int, __openat_2, (int at, const char *path, int flags), (at, path, flags),
     on_path(opening(flags), at, path), -1)
HOOK(int, __openat64_2, (int at, const char *path, int flags), (at, path, flags),
     on_path(opening(flags), at, path), -1)
HOOK(ssize_t, __read_chk, (int handle, void *to, size_t size, size_t room),
     (handle, to, size, room), on_handle(READ, RECEIVE, handle), -1)
HOOK(ssize_t, __recv_chk, (int handle, void *to, size_t size, size_t room, int flags),
     (handle, to, size, room, flags), on_handle(NONE, RECEIVE, handle), -1)
HOOK(ssize_t, __readlink_chk, (const char *path, char *to, size_t size, size_t room),
     (path, to, size, room), on_path(READLINK, AT_FDCWD, path), -1)

/* --- locks ----------------------------------------------------------------------------------- */

HOOK(int, flock, (int handle, int how), (handle, how),
     on_handle(how & LOCK_UN ? UNLOCK : LOCK, NONE, handle), -1)

static enum kind controlling(int command, void *argument) {
    switch (command) {
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return ((struct flock *)argument)->l_type == F_UNLCK ? UNLOCK : LOCK;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: return DUP;
    default: return NONE;
    }
}

#define HOOK_FCNTL(name)                                                                           \
    int name(int handle, int command, ...) {                                                       \
        REAL(name);                                                                                \
        va_list more;                                                                              \
        va_start(more, command);                                                                   \
        void *argument = va_arg(more, void *);                                                     \
        va_end(more);                                                                              \
        int error = on_handle(controlling(command, argument), NONE, handle);                       \
        if (error) {                                                                               \
            errno = error;                                                                         \
            return -1;                                                                             \
        }                                                                                          \
        return real(handle, command, argument);                                                    \
    }
HOOK_FCNTL(fcntl)
HOOK_FCNTL(fcntl64)

/* --- the network ----------------------------------------------------------------------------- */

static int on_network(enum kind kind) {
    return state ? happen(kind, "network") : 0;
}

HOOK(int, socket, (int family, int type, int protocol), (family, type, protocol),
     on_network(SOCKET), -1)
HOOK(int, connect, (int handle, const struct sockaddr *to, socklen_t size), (handle, to, size),
     on_network(CONNECT), -1)
HOOK(ssize_t, send, (int handle, const void *from, size_t size, int flags),
     (handle, from, size, flags), on_network(SEND), -1)
HOOK(ssize_t, sendto,
     (int handle, const void *from, size_t size, int flags, const struct sockaddr *to,
      socklen_t room),
     (handle, from, size, flags, to, room), on_network(SEND), -1)
HOOK(ssize_t, sendmsg, (int handle, const struct msghdr *from, int flags), (handle, from, flags),
     on_network(SEND), -1)
HOOK(ssize_t, recv, (int handle, void *to, size_t size, int flags), (handle, to, size, flags),
     on_network(RECEIVE), -1)
HOOK(ssize_t, recvfrom,
     (int handle, void *to, size_t size, int flags, struct sockaddr *from, socklen_t *room),
     (handle, to, size, flags, from, room), on_network(RECEIVE), -1)
HOOK(ssize_t, recvmsg, (int handle, struct msghdr *to, int flags), (handle, to, flags),
     on_network(RECEIVE), -1)
HOOK(int, getaddrinfo,
     (const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **to),
     (host, port, hints, to), on_network(RESOLVE), EAI_SYSTEM)

/* --- the clock, and the name of the host ------------------------------------------------------- */

static int64_t ahead(void) {
    return state ? __atomic_load_n(&state->ahead, __ATOMIC_SEQ_CST) : 0;
}

int clock_gettime(clockid_t which, struct timespec *to) {
    REAL(clock_gettime);
    int done = real(which, to);
    if (!done && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) to->tv_sec += ahead();
    return done;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
    REAL(gettimeofday);
    int done = real(to, zone);
    if (!done) to->tv_sec += ahead();
    return done;
}

time_t time(time_t *to) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}

int uname(struct utsname *to) {
    REAL(uname);
    int done = real(to);
    if (!done && state && *state->host)
        snprintf(to->nodename, sizeof to->nodename, "%s", state->host);
    return done;
}
