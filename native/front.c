/* The native front: it answers a warm request, and starts the Python program for every other one.
 *
 * It says what the Python program would say, or nothing. Only the plain middle is answered here: a
 * fresh token, small files, printable ASCII, and no variable, option, field or mode of a file that
 * this program does not know. For the rest, Python finds its arguments, environment, open files and
 * stdin as they were: stdin is looked at without being read until the answer is decided.
 *
 * Buffers are static and bounded, and text is never copied without its length. There is no heap, no
 * recursion, no locale and no format string. What returns false means: ask Python.
 *
 * constants.h is made of the Python modules when this is compiled (backend.py). Linux, C11, libc. */
#define _GNU_SOURCE
#include "constants.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Bytes: what is larger is Python's. A request is copied into a pipe, which holds no more than that. */
enum { MOST_CONFIG = 65536, MOST_ROUTES = 196608, MOST_RECORD = 65536, MOST_REQUEST = 61440, MOST_REPLY = 163840 };
enum { MOST_PATH = 4096, MOST_SECRET = 4096 };

/* ---- The environment ------------------------------------------------------------------------ */

/* What an answer depends on; then what it does not depend on. Another CREDHELPER_ is Python's. */
enum { HOME, CACHE_HOME, CONFIG_HOME, CACHE_DIR, CONFIG, CHOSEN, CHILD, INDEX, MISE, USED };
static const Text VARIABLES[] = {
    {"HOME", 4}, {"XDG_CACHE_HOME", 14}, {"XDG_CONFIG_HOME", 15}, {"CREDHELPER_CACHE_DIR", 20}, {"CREDHELPER_CONFIG", 17},
    {"CREDHELPER_PROFILE", 18}, {"CREDHELPER_RECORD", 17}, {CARGO_VARIABLE, sizeof CARGO_VARIABLE - 1},
    {MISE_VARIABLE, sizeof MISE_VARIABLE - 1}, {"CREDHELPER_API", 14}, {"CREDHELPER_API_KEY", 18},
    {"CREDHELPER_ASKING", 17}, {"CREDHELPER_RUNTIME_DIR", 22}, {"CREDHELPER_SERVICES", 19},
    {"CREDHELPER_STATE_DIR", 20}, {"CREDHELPER_URL", 14}, {"CREDHELPER_NATIVE", 17},
};

typedef struct {
    char **all;
    Text value[USED]; /* empty where it is not set */
} Environment;

/* Of two variables with one name, programs see one or the other: so neither may count. */
static bool survey(char **all, Environment *environment) {
    bool seen[USED] = {false};
    environment->all = all;
    for (size_t i = 0; i < USED; i++) environment->value[i] = TEXT("");
    for (; *all; all++) {
        Text value = text_of(*all), name;
        if (!split(&value, '=', &name)) continue;
        size_t which = 0;
        while (which < COUNT(VARIABLES) && !equal(name, VARIABLES[which])) which++;
        if (which < USED) {
            if (seen[which] || !printable(value)) return false;
            seen[which] = true;
            environment->value[which] = value;
        } else if (which == COUNT(VARIABLES) && begins(name, TEXT("CREDHELPER_"))) {
            return false;
        }
    }
    return true;
}

/* Find the one value of a variable; `at` is NULL where it is not set. */
static bool value_of(const Environment *environment, Text wanted, Text *found) {
    *found = (Text){NULL, 0};
    for (char **each = environment->all; *each; each++) {
        Text value = text_of(*each), name;
        if (!split(&value, '=', &name) || !equal(name, wanted)) continue;
        if (found->at) return false;
        *found = value;
    }
    return true;
}

/* ---- Files (core/paths.py) ------------------------------------------------------------------ */

/* The path that `own` names, or else `leaf` in our folder below `xdg` or below the home folder. */
static bool place(const Environment *environment, int own, int xdg, Text hidden, Text leaf, Buffer *path) {
    Text chosen = environment->value[own], base = environment->value[xdg];
    if (chosen.size) {
        while (chosen.size && chosen.at[chosen.size - 1] == '/') chosen.size--;
        put(path, chosen);
        return chosen.size && chosen.at[0] == '/' && !path->full;
    }
    if (!begins(base, TEXT("/"))) {
        base = environment->value[HOME];
        if (!begins(base, TEXT("/"))) return false; /* the password database may know one */
        while (base.size && base.at[base.size - 1] == '/') base.size--;
        put(path, base);
        put(path, hidden);
    } else {
        put(path, base);
        if (base.at[base.size - 1] != '/') put(path, TEXT("/"));
    }
    put(path, TEXT("credhelper"));
    put(path, leaf);
    return !path->full;
}

static bool private_folder(const char *path) {
    struct stat found;
    return lstat(path, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid() &&
           (found.st_mode & 077) == 0;
}

/* Read a whole file of fewer than `room` bytes; if `ours`, one that nobody else can read or change. */
static bool read_file(const char *path, bool ours, char *into, size_t room, Text *content) {
    int handle = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (ours ? O_NOFOLLOW : 0));
    if (handle < 0) return false;
    struct stat found;
    bool good = fstat(handle, &found) == 0 && S_ISREG(found.st_mode) && found.st_size >= 0 &&
                (uint64_t)found.st_size < room &&
                (!ours || (found.st_uid == geteuid() && (found.st_mode & 077) == 0));
    size_t size = 0;
    while (good) {
        ssize_t count = read(handle, into + size, room - size);
        good = count >= 0 && (size += (size_t)count) < room;
        if (count == 0) break;
    }
    close(handle);
    *content = (Text){into, size};
    return good && size == (size_t)found.st_size;
}

/* ---- Services (core/service.py) ------------------------------------------------------------- */

typedef struct {
    bool http;
    char host[253];
    size_t host_size;
    int64_t port;
    Text path; /* without the slash before it */
} Service;

static Text host_of(const Service *service) { return (Text){service->host, service->host_size}; }

static bool plain_path(Text *path) {
    if (begins(*path, TEXT("/"))) *path = behind(*path, 1);
    if (path->size == 0) return true;
    if (path->at[path->size - 1] == '/') path->size--;
    if (!made_of(*path, TEXT(PATH_CHARACTERS))) return false;
    Text rest = *path, part;
    for (bool more = true; more;) {
        more = split(&rest, '/', &part);
        if (made_of(part, TEXT("."))) return false; /* an empty one, too */
    }
    return true;
}

static bool build(Text scheme, Text netloc, Text path, Service *service) {
    service->http = equal(scheme, TEXT("http"));
    if (!service->http && !equal(scheme, TEXT("https"))) return false;
    if (netloc.size + path.size > MOST_SERVICE) return false;
    Text host, port = netloc, label;
    service->port = service->http ? 80 : 443;
    if (split(&port, ':', &host) && (!plain_number(port, 65535, &service->port) || service->port == 0))
        return false;
    if (host.size > sizeof service->host) return false;
    service->host_size = host.size;
    for (size_t i = 0; i < host.size; i++)
        service->host[i] = host.at[i] >= 'A' && host.at[i] <= 'Z' ? (char)(host.at[i] + 32) : host.at[i];
    host = host_of(service);
    for (bool more = true; more;) {
        more = split(&host, '.', &label);
        if (label.size == 0 || label.size > 63 || !made_of(label, TEXT(LABEL_CHARACTERS))) return false;
        if (label.at[0] == '-' || label.at[label.size - 1] == '-') return false;
    }
    if (service->http && !loopback(host_of(service))) return false;
    service->path = path;
    return plain_path(&service->path);
}

static bool parse_service(Text url, Service *service, bool *any_scheme) {
    if (!printable(url) || has(url, ' ')) return false;
    Text scheme = TEXT("https"), netloc;
    const char *found = url.size ? memmem(url.at, url.size, "://", 3) : NULL;
    *any_scheme = found == NULL;
    if (found) {
        scheme = before(url, (size_t)(found - url.at));
        url = behind(url, scheme.size + 3);
    }
    Text path = url;
    split(&path, '/', &netloc);
    return build(scheme, netloc, behind(url, netloc.size), service);
}

/* ---- Requests (protocols/) ------------------------------------------------------------------ */

typedef enum { NO_PROTOCOL, GIT, DOCKER, GET, BARE } Protocol;

typedef struct {
    Protocol protocol;
    bool has_service, any_scheme;
    bool bearer; /* the scheme goes with the token */
    Service service;
    Text profile, username, server; /* empty where nobody names one */
    int64_t min_ttl, margin;
} Request;

typedef struct {
    Text profile, min_ttl, refresh_before, service, format, word;
    size_t words;
    bool bearer;
} Options;

static Protocol protocol_of(Text program, int *count, char ***words) {
    if (program.size >= 4 && strncasecmp(program.at + program.size - 4, ".exe", 4) == 0) return NO_PROTOCOL;
    if (program.size > sizeof GIT_PROGRAM - 1 && begins(program, TEXT(GIT_PROGRAM))) return GIT;
    if (program.size > sizeof DOCKER_PROGRAM - 1 && begins(program, TEXT(DOCKER_PROGRAM))) return DOCKER;
    if (!equal(program, TEXT("credhelper")) || *count == 0) return NO_PROTOCOL;
    Text word = text_of(**words);
    for (int i = 0; i < *count; i++)
        if (equal(text_of((*words)[i]), TEXT("--help")) || equal(text_of((*words)[i]), TEXT("-h")))
            return NO_PROTOCOL;
    *count -= 1;
    *words += 1;
    if (equal(word, TEXT("git"))) return GIT;
    if (equal(word, TEXT("docker"))) return DOCKER;
    if (equal(word, TEXT("get"))) return GET;
    return equal(word, TEXT("token")) ? BARE : NO_PROTOCOL;
}

static bool read_options(Protocol protocol, int count, char **words, Options *options) {
    memset(options, 0, sizeof *options);
    bool ended = false;
    for (int i = 0; i < count; i++) {
        Text word = text_of(words[i]), option, value = word, *slot = NULL;
        if (!printable(word)) return false;
        if (ended || !begins(word, TEXT("-")) || word.size == 1) {
            options->word = word;
            options->words++;
            continue;
        }
        if (equal(word, TEXT("--"))) {
            ended = true;
            continue;
        }
        if (protocol == BARE && equal(word, TEXT("--bearer")) && !options->bearer) {
            options->bearer = true;
            continue;
        }
        bool told = split(&value, '=', &option);
        if (equal(option, TEXT("--profile")) || (equal(option, TEXT("-p")) && !told)) slot = &options->profile;
        if (equal(option, TEXT("--min-ttl"))) slot = &options->min_ttl;
        if (equal(option, TEXT("--refresh-before"))) slot = &options->refresh_before;
        if (protocol >= GET && equal(option, TEXT("--service"))) slot = &options->service;
        if (protocol == GET && equal(option, TEXT("--format"))) slot = &options->format;
        if (!told) value = ++i < count ? text_of(words[i]) : TEXT("");
        if (!slot || slot->size || value.size == 0 || !printable(value)) return false;
        *slot = value;
    }
    return true;
}

/* Seconds as on the command line: `90`, `90s`, `10m`, `1h`, `1d`. */
static bool seconds(Text text, int64_t *value) {
    *value = 0;
    if (text.size == 0) return true;
    static const char letters[] = {'s', 'm', 'h', 'd'};
    static const int64_t units[] = {1, 60, 3600, 86400};
    const char *unit = memchr(letters, text.at[text.size - 1], sizeof letters);
    if (!number(before(text, text.size - (unit != NULL)), 9, value)) return false;
    if (unit) *value *= units[unit - letters];
    return *value <= LONGEST;
}

/* ---- stdin, looked at and left as it is ------------------------------------------------------ */

static char request_bytes[MOST_REQUEST];

typedef struct {
    bool is_file, is_pipe;
    int copy[2]; /* a pipe of our own: what is copied from a pipe goes there */
    size_t size; /* bytes that the request takes */
} Stdin;

/* Tell whether `data` has the blank line that ends a paragraph, and whether something follows it. */
static bool paragraph(Text data, bool *more) {
    const char *blank = data.size ? memmem(data.at, data.size, "\n\n", 2) : NULL;
    size_t end = begins(data, TEXT("\n")) ? 1 : blank ? (size_t)(blank - data.at) + 2 : 0;
    *more = end && end < data.size;
    return end > 0;
}

/* Copy what waits in a pipe or socket; `*waiting` is how much that is. */
static bool copy_waiting(Stdin *in, int *waiting) {
    if (ioctl(0, FIONREAD, waiting) != 0 || *waiting < 0 || *waiting > MOST_REQUEST) return false;
    size_t size = (size_t)*waiting;
    if (size == 0) return true;
    if (!in->is_pipe) return recv(0, request_bytes, size, MSG_PEEK | MSG_DONTWAIT) == *waiting;
    if (in->copy[0] < 0 && pipe2(in->copy, O_CLOEXEC | O_NONBLOCK) != 0) return false;
    return tee(0, in->copy[1], size, SPLICE_F_NONBLOCK) == *waiting &&
           read(in->copy[0], request_bytes, size) == *waiting;
}

/* Look at a whole request: up to a blank line if there may be one, or to the end of stdin. */
static bool look(Stdin *in, bool to_blank_line, Text *request) {
    struct stat found;
    bool more = false;
    *in = (Stdin){.copy = {-1, -1}};
    if (fstat(0, &found) != 0) return false;
    if (S_ISREG(found.st_mode)) {
        off_t at = lseek(0, 0, SEEK_CUR);
        ssize_t count = at < 0 ? -1 : 1;
        for (; count > 0 && in->size < MOST_REQUEST; in->size += count > 0 ? (size_t)count : 0)
            count = pread(0, request_bytes + in->size, MOST_REQUEST - in->size, at + (off_t)in->size);
        if (count != 0) return false;
        in->is_file = true;
        *request = (Text){request_bytes, in->size};
        if (to_blank_line) paragraph(*request, &more);
        return !more;
    }
    int kind = 0;
    socklen_t size = sizeof kind;
    in->is_pipe = S_ISFIFO(found.st_mode);
    if (!in->is_pipe && (getsockopt(0, SOL_SOCKET, SO_TYPE, &kind, &size) != 0 || kind != SOCK_STREAM)) return false;
    /* First for anything at all; then, since a part is there, for its end or a short while. */
    struct pollfd wait = {.fd = 0, .events = POLLIN | POLLRDHUP};
    for (int pause = 1500; pause > 0; pause = pause == 1500 ? 1 : pause < 300 ? pause * 2 : 0) {
        int waiting;
        if (poll(&wait, 1, pause) < 0 || (wait.revents & (POLLERR | POLLNVAL))) return false;
        bool ended = wait.revents & (POLLHUP | POLLRDHUP);
        if (!copy_waiting(in, &waiting)) return false;
        if (waiting == 0 && !ended) return false; /* silence */
        in->size = (size_t)waiting;
        *request = (Text){request_bytes, in->size};
        if (to_blank_line && paragraph(*request, &more)) return !more;
        if (ended) return true;
        wait.events = POLLRDHUP;
    }
    return false;
}

/* Take from stdin what was answered, as the Python program would have done. */
static void take(const Stdin *in) {
    if (in->size == 0) return;
    if (in->is_file) (void)lseek(0, (off_t)in->size, SEEK_CUR);
    else if (in->is_pipe) (void)splice(0, NULL, in->copy[1], NULL, in->size, SPLICE_F_NONBLOCK);
    else (void)recv(0, request_bytes, in->size, MSG_DONTWAIT);
}

/* ---- The protocols -------------------------------------------------------------------------- */

/* Tell whether one of a server's challenges is for Bearer: only the names of schemes count. */
static bool names_bearer(Text challenge) {
    for (bool more = true; more;) {
        Text part, scheme;
        more = split(&challenge, ',', &part);
        if (more && begins(challenge, TEXT(" "))) challenge = behind(challenge, 1);
        split(&part, ' ', &scheme);
        if (scheme.size == 6 && strncasecmp(scheme.at, "bearer", 6) == 0) return true;
    }
    return false;
}

static bool parse_git(Text data, Request *request) {
    enum { SCHEME, HOST_, PATH_, USERNAME_, URL_, PASSWORD, CREDENTIAL, SINGLE };
    static const Text single[SINGLE] = {{"protocol", 8}, {"host", 4}, {"path", 4}, {"username", 8}, {"url", 3}, {"password", 8}, {"credential", 10}};
    Text found[SINGLE] = {{NULL, 0}}, line, key;
    bool authtype = false, challenged = false, bearer = false;
    for (size_t i = 0; i < data.size; i++)
        if (data.at[i] != '\n' && !printable((Text){data.at + i, 1})) return false;
    for (bool more = true; more;) {
        more = split(&data, '\n', &line);
        if (line.size == 0) break;
        if (line.size >= LONGEST_LINE || !split(&line, '=', &key) || key.size == 0) return false;
        if (equal(key, TEXT("capability[]"))) {
            authtype = line.size && (authtype || equal(line, TEXT("authtype")));
        } else if (equal(key, TEXT("wwwauth[]"))) {
            challenged = line.size > 0;
            bearer = challenged && (bearer || names_bearer(line));
        }
        for (size_t i = 0; i < SINGLE; i++) {
            if (!equal(key, single[i])) continue;
            if (found[i].at && !equal(found[i], line)) return false;
            found[i] = line;
        }
    }
    if (found[URL_].size || found[SCHEME].size == 0 || found[HOST_].size == 0) return false;
    if (found[USERNAME_].size) request->username = found[USERNAME_];
    if (!found[PATH_].at) found[PATH_] = TEXT("");
    request->bearer = authtype && (bearer || !challenged);
    return build(found[SCHEME], found[HOST_], found[PATH_], &request->service);
}

static bool parse_docker(Text data, Request *request) {
    if (data.size && data.at[data.size - 1] == '\n') data.size--;
    while (data.size && has(TEXT(" \t"), data.at[data.size - 1])) data.size--;
    request->server = data;
    if (!parse_service(data, &request->service, &request->any_scheme)) return false;
    Text path = request->service.path;
    request->service.path = TEXT("");
    return path.size == 0 || equal(path, TEXT("v1")) || equal(path, TEXT("v2"));
}

static bool parse(Text program, int count, char **words, const Environment *environment, Request *request, Stdin *in) {
    static const int64_t margins[] = {0, GIT_MARGIN, DOCKER_MARGIN, GET_MARGIN, BARE_MARGIN};
    Options options;
    Text data;
    *request = (Request){.profile = TEXT(""), .username = TEXT(""), .server = TEXT("")};
    request->protocol = protocol_of(program, &count, &words);
    if (request->protocol == NO_PROTOCOL || !read_options(request->protocol, count, words, &options)) return false;
    if (!seconds(options.min_ttl, &request->min_ttl) || !seconds(options.refresh_before, &request->margin)) return false;
    if (request->margin < margins[request->protocol]) request->margin = margins[request->protocol];
    if (options.profile.size) request->profile = options.profile;
    if (request->protocol == GIT || request->protocol == DOCKER) {
        if (options.words != 1 || !equal(options.word, TEXT("get"))) return false;
        request->has_service = true;
        if (!look(in, request->protocol == GIT, &data)) return false;
        return (request->protocol == GIT ? parse_git : parse_docker)(data, request);
    }
    if (environment->value[INDEX].size || environment->value[MISE].size) return false;
    request->bearer = options.bearer || equal(options.format.size ? options.format : TEXT("token"), TEXT("header"));
    if (options.format.size && !request->bearer && !equal(options.format, TEXT("token"))) return false;
    request->has_service = options.words || options.service.size;
    if (options.words > 1 || (options.words && options.service.size)) return false;
    if (request->protocol == BARE && options.words && made_of(options.word, TEXT("abcdefghijklmnopqrstuvwxyz"))) return false;
    Text named = options.words ? options.word : options.service;
    return !request->has_service || parse_service(named, &request->service, &request->any_scheme);
}

/* ---- Routes: the config compiled (core/routes.py, core/lookup.py) ---------------------------- */

static char config_bytes[MOST_CONFIG], routes_bytes[MOST_ROUTES], record_bytes[MOST_RECORD];

typedef struct {
    Text salt, preset; /* the default profile */
    int64_t count;
    Text index, lines;
} Routes;

enum { PROFILE, RECORD, USERNAME, USER, MIN_TTL, GRANT, REFRESH_BEFORE, PASSED_OVER };
static const Text ROUTE_KEYS[] = {
    {"profile", 7}, {"record", 6}, {"username", 8}, {"user", 4}, {"min_ttl", 7}, {"grant", 5},
    {"refresh_before", 14}, {"kind", 4}, {"url", 3}, {"aws", 3}, {"variables", 9}, {"project", 7}, {"url_path", 8},
};

typedef struct {
    Text field[PASSED_OVER], line; /* empty where the line does not say */
    int64_t min_ttl, refresh_before;
} Route;

/* Find the parts of a routes file that was made from this very config. */
static bool open_routes(Text data, Text label, Text home, Text source, Routes *routes) {
    BUFFER(stamp, 3 * MOST_PATH);
    PUT(&stamp, TEXT(ROUTES_HEADER "\nversion " VERSION "\nconfig "), label, TEXT("\nhome "), home, TEXT("\nsalt "));
    if (stamp.full || !begins(data, text_in(&stamp))) return false;
    data = behind(data, stamp.size);
    split(&data, '\n', &routes->salt);
    if (routes->salt.size != SALT_DIGITS || !made_of(routes->salt, TEXT("0123456789abcdef"))) return false;
    Text line, word;
    split(&data, '\n', &line);
    if (!begins(line, TEXT("default "))) return false;
    routes->preset = behind(line, 8);
    split(&data, '\n', &line);
    if (!begins(line, TEXT("sizes ")) || !begins(data, TEXT("\n"))) return false;
    data = behind(data, 1);
    line = behind(line, 6);
    int64_t size[4]; /* how many profiles, the index, their lines, a check sum for others */
    for (size_t i = 0; i < COUNT(size); i++)
        if (split(&line, ' ', &word) != (i < 3) || !number(word, 12, &size[i])) return false;
    routes->count = size[0];
    if (source.size > data.size || (uint64_t)(size[1] + size[2]) != data.size - source.size) return false;
    routes->index = before(data, (size_t)size[1]);
    routes->lines = before(behind(data, (size_t)size[1]), (size_t)size[2]);
    return equal(behind(data, data.size - source.size), source);
}

static bool read_route(const Routes *routes, int64_t offset, Route *route) {
    if ((uint64_t)offset >= routes->lines.size) return false;
    Text rest = behind(routes->lines, (size_t)offset), pair, key;
    if (!split(&rest, '\n', &route->line)) return false;
    bool seen[COUNT(ROUTE_KEYS)] = {false};
    for (size_t i = 0; i < PASSED_OVER; i++) route->field[i] = TEXT("");
    rest = route->line;
    for (bool more = true; more;) {
        more = split(&rest, '\t', &pair);
        if (!printable(pair) || !split(&pair, '=', &key)) return false;
        if (equal(key, TEXT("service"))) continue;
        size_t which = 0;
        while (which < COUNT(ROUTE_KEYS) && !equal(key, ROUTE_KEYS[which])) which++;
        if (which == COUNT(ROUTE_KEYS) || seen[which]) return false;
        seen[which] = true;
        if (which < PASSED_OVER) route->field[which] = pair;
    }
    route->min_ttl = route->refresh_before = 0;
    return seen[PROFILE] && (!seen[MIN_TTL] || number(route->field[MIN_TTL], 15, &route->min_ttl)) &&
           (!seen[REFRESH_BEFORE] || number(route->field[REFRESH_BEFORE], 15, &route->refresh_before));
}

static bool serves(const Route *route, Text service) {
    Text rest = route->line, pair, key;
    for (bool more = true; more;) {
        more = split(&rest, '\t', &pair);
        split(&pair, '=', &key);
        if (equal(key, TEXT("service")) && equal(pair, service)) return true;
    }
    return false;
}

/* Find `key`, with the tab behind it, in the sorted index: the offsets of its routes, or none. */
static bool find(const Routes *routes, Text key, Text *offsets) {
    Text index = routes->index;
    size_t low = 0, high = index.size;
    while (low < high) {
        size_t line = low + (high - low) / 2;
        while (line > low && index.at[line - 1] != '\n') line--;
        Text rest = before(behind(index, line), high - line), head;
        size_t common = index.size - line < key.size ? index.size - line : key.size;
        int order = memcmp(index.at + line, key.at, common);
        if (order > 0 || (order == 0 && common == key.size)) {
            high = line;
        } else {
            if (!split(&rest, '\n', &head)) return false;
            low = line + head.size + 1;
        }
    }
    *offsets = TEXT("");
    index = behind(index, low);
    if (!begins(index, key)) return true;
    index = behind(index, key.size);
    return split(&index, '\n', offsets) && offsets->size > 0;
}

static bool suits(const Route *route, const Request *request) {
    const Text *field = route->field, name = request->username;
    if (request->profile.size && !equal(field[PROFILE], request->profile)) return false;
    return name.size == 0 || equal(name, field[USERNAME]) || equal(name, field[USER]) || equal(name, field[PROFILE]);
}

/* Read the route at the first of some offsets. Python reads all of them, and leaves a damaged index. */
static bool next_route(const Routes *routes, Text *offsets, bool *more, int64_t *offset, Route *route) {
    Text first;
    *more = split(offsets, ' ', &first);
    return number(first, 9, offset) && read_route(routes, *offset, route);
}

/* Choose among the routes that name a service. `*named` is whether there are any. */
static bool choose(const Routes *routes, Text key, const Request *request, Text chosen, bool *named, Route *route) {
    const Text preferred[] = {chosen, routes->preset}, service = behind(before(key, key.size - 1), 2);
    int64_t offset, one = 0, by_name[2] = {0, 0};
    size_t count = 0, times[2] = {0, 0};
    Text offsets;
    *named = false;
    if (!find(routes, key, &offsets)) return false;
    for (bool more = offsets.size > 0; more;) {
        if (!next_route(routes, &offsets, &more, &offset, route)) return false;
        if (!serves(route, service)) continue;
        *named = true;
        if (!suits(route, request)) continue;
        one = offset;
        count++;
        for (size_t i = 0; i < 2; i++) {
            if (!equal(route->field[PROFILE], preferred[i])) continue;
            by_name[i] = offset;
            times[i]++;
        }
    }
    for (size_t i = 0; i < 2 && count > 1; i++) {
        if (times[i] == 0) continue;
        one = by_name[i];
        count = times[i];
        break; /* if two have this name, none has the other one */
    }
    return count == 1 && read_route(routes, one, route);
}

/* The key of a service in the index, in normal form: `path` is what is left of its path. */
static void put_service(Buffer *key, const Service *service, Text path) {
    PUT(key, service->http ? TEXT("s http://") : TEXT("s https://"), host_of(service));
    if (service->port != (service->http ? 80 : 443)) {
        put(key, TEXT(":"));
        put_number(key, (uint64_t)service->port, 10);
    }
    PUT(key, path.size ? TEXT("/") : TEXT(""), path, TEXT("\t"));
}

static bool match(const Routes *routes, const Request *request, Text chosen, Route *route) {
    BUFFER(key, MOST_PATH);
    if (!request->has_service) {
        Text name = request->profile.size ? request->profile : chosen.size ? chosen : routes->preset, offsets;
        if (name.size == 0) return routes->count == 1 && read_route(routes, 0, route);
        PUT(&key, TEXT("p "), name, TEXT("\t"));
        int64_t first, offset;
        if (key.full || !find(routes, text_in(&key), &offsets) || offsets.size == 0) return false;
        for (bool more = true, begun = false; more; begun = true)
            if (!next_route(routes, &offsets, &more, begun ? &offset : &first, route)) return false;
        return read_route(routes, first, route) && equal(route->field[PROFILE], name);
    }
    Service service = request->service;
    for (;;) {
        Text path = service.path;
        for (bool more = true; more;) {
            bool named;
            key.size = 0;
            put_service(&key, &service, path);
            if (key.full) return false;
            bool one = choose(routes, text_in(&key), request, chosen, &named, route);
            if (one || named) return one;
            more = path.size > 0;
            while (path.size && path.at[path.size - 1] != '/') path.size--;
            if (path.size) path.size--;
        }
        /* Who does not know the scheme means https before http on a loopback address. */
        if (!request->any_scheme || service.http || !loopback(host_of(&service))) return false;
        service.http = true;
        if (service.port == 443) service.port = 80;
    }
}

/* Put the name of the route's record behind `name`, and the stamp that its grant has now. */
static bool record_of(const Routes *routes, const Route *route, const Environment *environment, Buffer *name, Buffer *stamp) {
    Text own = route->field[RECORD], what = route->field[GRANT], how, value;
    bool told = split(&what, ':', &how);
    if (own.size == 0 || has(own, '/')) return false;
    put(name, own);
    if (how.size == 0) return !told;
    if (!told) return false;
    if (equal(how, TEXT("file"))) {
        BUFFER(path, MOST_PATH);
        struct stat found;
        put(&path, what);
        if (path.full) return false;
        if (stat(path.at, &found) != 0) {
            put(stamp, TEXT("missing"));
            return true;
        }
        if (found.st_mtim.tv_sec < 0 || found.st_size < 0) return false;
        put_number(stamp, found.st_ino, 10);
        put(stamp, TEXT(":"));
        put_number(stamp, (uint64_t)found.st_size, 10);
        put(stamp, TEXT(":"));
        put_number(stamp, (uint64_t)found.st_mtim.tv_sec * 1000000000 + (uint64_t)found.st_mtim.tv_nsec, 10);
        return true;
    }
    if (!equal(how, TEXT("env")) || what.size == 0 || !value_of(environment, what, &value)) return false;
    if (!value.at) { /* a child of `exec` has no grant: it is told the record */
        Text child = environment->value[CHILD], profile;
        split(&child, ':', &profile);
        if (equal(profile, route->field[PROFILE]) && begins(child, own) && child.size > own.size &&
            child.at[own.size] == '-' && !has(child, '/'))
            put(name, behind(child, own.size));
        return true;
    }
    static unsigned char salted[SALT_DIGITS / 2 + MOST_SECRET + 72];
    if (value.size > MOST_SECRET) return false;
    for (size_t i = 0; i < SALT_DIGITS; i++) {
        char digit = routes->salt.at[i];
        unsigned half = (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
        salted[i / 2] = (unsigned char)(i % 2 ? salted[i / 2] | half : half << 4);
    }
    for (size_t i = 0; i < value.size; i++) {
        if (value.at[i] & 0x80) return false; /* Python's answer depends on the locale */
        salted[SALT_DIGITS / 2 + i] = (unsigned char)value.at[i];
    }
    char digits[16];
    sha256_start(salted, SALT_DIGITS / 2 + value.size, digits);
    PUT(name, TEXT("-"), (Text){digits, sizeof digits});
    return true;
}

/* ---- Records (core/record.py) --------------------------------------------------------------- */

enum { TOKEN, STAMP, HOST, SKEW, SKEWS, ISSUED, NOT_BEFORE, EXPIRES, DUE, UNREAD };
static const Text RECORD_KEYS[] = {
    {"token", 5}, {"grant", 5}, {"host", 4}, {"skew", 4}, {"skews", 5}, {"issued", 6}, {"not_before", 10},
    {"expires", 7}, {"due", 3}, {"profile", 7}, {"kind", 4}, {"assumed", 7}, {"rejected_at", 11},
    {"config", 6}, {"api", 3}, {"url", 3}, {"ca", 2}, {"given", 5},
};

static bool read_record(Text data, Text field[UNREAD]) {
    size_t end = data.size ? data.size - 1 : 0;
    while (end && data.at[end - 1] != '\n') end--;
    Text body = before(data, end), line, key;
    BUFFER(last, 32);
    put(&last, TEXT("end "));
    put_number(&last, modulo_prime(body), 16);
    put(&last, TEXT("\n"));
    if (!equal(behind(data, end), text_in(&last))) return false;
    bool seen[COUNT(RECORD_KEYS)] = {false};
    for (size_t i = 0; i < UNREAD; i++) field[i] = TEXT("");
    split(&body, '\n', &line);
    if (!equal(line, TEXT(RECORD_HEADER))) return false;
    while (body.size) {
        split(&body, '\n', &line);
        if (!printable(line) || !split(&line, '=', &key)) return false;
        size_t which = 0;
        while (which < COUNT(RECORD_KEYS) && !equal(key, RECORD_KEYS[which])) which++;
        if (which == COUNT(RECORD_KEYS) || seen[which]) return false;
        seen[which] = true;
        if (which < UNREAD) field[which] = line;
    }
    return true;
}

/* The server's clock minus ours: as this host measured it, or 0. */
static bool skew_of(const Text field[UNREAD], int64_t *skew) {
    struct utsname system;
    *skew = 0;
    if (uname(&system) != 0 || !system.nodename[0]) return false;
    Text host = text_of(system.nodename), rest = field[SKEWS], one, name, seconds_;
    if (equal(field[HOST], host)) return field[SKEW].size == 0 || signed_number(field[SKEW], skew);
    for (bool more = true; more;) {
        more = split(&rest, ',', &one);
        split(&one, ':', &name);
        if (!equal(name, host)) continue;
        split(&one, ':', &seconds_);
        return signed_number(seconds_, skew);
    }
    return true;
}

/* Tell whether the token is fresh (`judge`), and when callers are told that it expires. */
static bool fresh(const Text field[UNREAD], double now, int64_t margin, int64_t min_ttl, int64_t *told) {
    int64_t skew, issued = 0, not_before = 0, expires = 0, due = 0;
    if (!skew_of(field, &skew)) return false;
    if ((field[ISSUED].size && !signed_number(field[ISSUED], &issued)) ||
        (field[NOT_BEFORE].size && !signed_number(field[NOT_BEFORE], &not_before)) ||
        (field[EXPIRES].size && !signed_number(field[EXPIRES], &expires)) ||
        (field[DUE].size && !signed_number(field[DUE], &due)))
        return false;
    issued -= skew;
    not_before -= skew;
    expires -= skew;
    int64_t lifetime = expires - issued, early = lifetime > 0 ? lifetime / 10 : 0;
    *told = expires - (early < EARLY ? early : EARLY);
    double half = (double)lifetime / 2;
    double stale = (double)expires - (half < (double)margin ? half : (double)margin);
    if (due != 0 && (double)due < stale) stale = (double)due;
    double left = (double)*told - now;
    return left > 0 && left >= (double)min_ttl && (double)issued - now <= NOT_YET_WAIT &&
           (double)not_before <= now && now < stale && *told > 0;
}

/* ---- The answer ----------------------------------------------------------------------------- */

/* Tell whether JSON writes this printable text in another way. */
static bool escaped(Text text) { return has(text, '"') || has(text, '\\'); }

static bool render(const Request *request, Text username, Text token, int64_t expires, Buffer *reply) {
    if (token.size == 0) return false;
    if (request->protocol == DOCKER) {
        if (escaped(request->server) || escaped(username) || escaped(token)) return false;
        PUT(reply, TEXT("{\"ServerURL\":\""), request->server, TEXT("\",\"Username\":\""), username);
        PUT(reply, TEXT("\",\"Secret\":\""), token, TEXT("\"}\n"));
    } else if (request->protocol == GIT) {
        if (!request->bearer && username.size == 0) return false;
        if (request->bearer)
            PUT(reply, TEXT("capability[]=authtype\nauthtype=Bearer\ncredential="), token, TEXT("\nephemeral=1\n"));
        else
            PUT(reply, TEXT("username="), username, TEXT("\npassword="), token, TEXT("\n"));
        put(reply, TEXT("password_expiry_utc="));
        put_number(reply, (uint64_t)expires, 10);
        put(reply, TEXT("\n"));
    } else {
        if (request->bearer) put(reply, request->protocol == GET ? TEXT("Authorization: Bearer ") : TEXT("Bearer "));
        PUT(reply, token, TEXT("\n"));
    }
    return !reply->full;
}

/* Make the reply, and take the request from stdin; or return false, and nothing has changed. */
static bool answer(Text program, int count, char **words, char **variables, double (*clock)(void), Buffer *reply) {
    BUFFER(folder, MOST_PATH);
    BUFFER(label, MOST_PATH);
    BUFFER(path, MOST_PATH + 256);
    BUFFER(stamp, 128);
    static Environment environment;
    Request request;
    Routes routes;
    Route route;
    Stdin in = {.size = 0};
    Text source, data, field[UNREAD];
    int64_t expires;

    if (!survey(variables, &environment)) return false;
    if (!place(&environment, CACHE_DIR, CACHE_HOME, TEXT("/.cache/"), TEXT(""), &folder)) return false;
    if (!place(&environment, CONFIG, CONFIG_HOME, TEXT("/.config/"), TEXT("/config.toml"), &label)) return false;
    if (!parse(program, count, words, &environment, &request, &in)) return false;

    if (!private_folder(folder.at)) return false;
    if (!read_file(label.at, false, config_bytes, sizeof config_bytes, &source)) return false;
    PUT(&path, text_in(&folder), TEXT("/routes-"));
    put_number(&path, modulo_prime(text_in(&label)), 16);
    put(&path, TEXT("." ROUTES_FORMAT "-" VERSION));
    if (path.full || !read_file(path.at, true, routes_bytes, sizeof routes_bytes, &data)) return false;
    if (!open_routes(data, text_in(&label), environment.value[HOME], source, &routes)) return false;
    if (!match(&routes, &request, environment.value[CHOSEN], &route)) return false;

    path.size = folder.size;
    put(&path, TEXT("/"));
    if (!record_of(&routes, &route, &environment, &path, &stamp) || path.full || stamp.full) return false;
    prctl(PR_SET_DUMPABLE, 0); /* no core dump holds a token; a new program may have one again */
    if (!read_file(path.at, true, record_bytes, sizeof record_bytes, &data)) return false;
    if (!read_record(data, field) || !equal(field[STAMP], text_in(&stamp))) return false;
    if (route.min_ttl > request.min_ttl) request.min_ttl = route.min_ttl;
    if (route.refresh_before > request.margin) request.margin = route.refresh_before;
    if (!fresh(field, clock(), request.margin, request.min_ttl, &expires)) return false;
    if (!render(&request, route.field[USERNAME], field[TOKEN], expires, reply)) return false;
    take(&in);
    return true;
}

#ifndef WITHOUT_MAIN /* tests call `answer` themselves */

static double unix_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)((int64_t)now.tv_sec * 1000000000 + now.tv_nsec) / 1e9;
}

/* Write all of the reply; return the exit status. */
static int leave(Text reply) {
    while (reply.size) {
        ssize_t count = write(1, reply.at, reply.size);
        if (count >= 0) {
            reply = behind(reply, (size_t)count);
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = 1, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return 1; /* a closed pipe or a full disk: there is nowhere to report it */
        }
    }
    return 0;
}

static void end(int number) { _exit(128 + number); }

/* As the Python program does: end with a status, unless the caller ignores the signal (nohup). */
static void end_on_signals(void) {
    static const int stops[] = {SIGHUP, SIGINT, SIGTERM};
    struct sigaction ours = {.sa_handler = end}, found;
    for (size_t i = 0; i < COUNT(stops); i++)
        if (sigaction(stops[i], NULL, &found) == 0 && found.sa_handler != SIG_IGN) sigaction(stops[i], &ours, NULL);
}

/* ---- The Python program --------------------------------------------------------------------- */

/* Start the Python program, as its program file does, with all that we were started with.
 *
 * The shell's half of that file finds python3, and gives it the Python half. */
static int start_python(const char *called, int count, char **words, char **variables) {
    static char shell[] = "/bin/sh", told[] = "-c", find_it[] = SHELL, boot[] = BOOT;
    static const char why[] = "credhelper: error: /bin/sh cannot be started: too many arguments, or no such program\n";
    char *first[] = {shell, told, find_it, (char *)called, boot, (char *)called}, **arguments;
    size_t size = sizeof first + ((size_t)count + 1) * sizeof *arguments;
    arguments = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arguments != MAP_FAILED) {
        memcpy(arguments, first, sizeof first);
        memcpy(arguments + COUNT(first), words, (size_t)count * sizeof *words);
        execve(shell, arguments, variables);
    }
    (void)!write(2, why, sizeof why - 1);
    return 126;
}

int main(int count, char **words, char **variables) {
    static char reply_bytes[MOST_REPLY];
    Buffer reply = {reply_bytes, 0, sizeof reply_bytes, false};
    static const char refused[] = "credhelper: error: this program gets tokens of its user, and must not be setuid\n";
    /* What a script is told as its name, whatever the caller writes into the first word. */
    const char *called = (const char *)getauxval(AT_EXECFN);
    struct stat found;
    /* A caller may have rights of its own: Python answers it, as it does where a script is started. */
    bool raised = getauxval(AT_SECURE) != 0;
    if (raised && (stat("/proc/self/exe", &found) != 0 || found.st_mode & (S_ISUID | S_ISGID))) {
        (void)!write(2, refused, sizeof refused - 1);
        return 126;
    }
    if (!called) called = count > 0 ? words[0] : "credhelper";
    int given = count > 0 ? count - 1 : 0;
    const char *slash = strrchr(called, '/');
    end_on_signals();
    /* With a closed stream, a file of ours would take its number. */
    if (!raised && fstat(0, &found) == 0 && fstat(1, &found) == 0 && fstat(2, &found) == 0 &&
        answer(text_of(slash ? slash + 1 : called), given, words + 1, variables, unix_time, &reply)) {
        signal(SIGPIPE, SIG_IGN); /* as Python does: a write tells */
        signal(SIGXFSZ, SIG_IGN);
        return leave(text_in(&reply));
    }
    return start_python(called, given, words + (count > 0), variables);
}
#endif
