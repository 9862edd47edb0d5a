/* What libFuzzer drives: what the front does with the bytes of a record, of routes and of a request.
 *
 * TARGET is one of the three functions. With KEPT, a `main` gives the target the files that are named,
 * and prints how many of them the front would have gone on with. Check sums and sizes are made here,
 * since no fuzzer guesses them; each target has an input that says they stay as they came. What the
 * front accepts must hold what is asserted here, or the program ends. */
#define WITHOUT_MAIN
#include FRONT

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static char variable_key[] = "KEY=a grant", variable_child[] = "CREDHELPER_RECORD=r-0123:child";
static char reply_bytes[MOST_REPLY];

static void must(bool good) {
    if (!good) abort();
}

/* A copy that ends where the text ends, so that a step beyond it is seen. */
static char *own(Text text) {
    char *copy = malloc(text.size ? text.size : 1);
    must(copy != NULL);
    memcpy(copy, text.at, text.size);
    return copy;
}

static int64_t lines_in(Text text) {
    int64_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        must(text.at[i] == '\n' || printable((Text){text.at + i, 1}));
        count += text.at[i] == '\n';
    }
    return count;
}

/* A byte that chooses, and a record: its last line is made here if the lowest bit says so. */
static bool fuzz_record(Text data) {
    if (data.size == 0) return false;
    unsigned char how = (unsigned char)data.at[0];
    static char bytes[MOST_RECORD];
    Buffer whole = {bytes, 0, sizeof bytes, false};
    Text field[UNREAD];
    put(&whole, behind(data, 1));
    if (how & 1) {
        uint64_t sum = modulo_prime(text_in(&whole));
        put(&whole, TEXT("end "));
        put_number(&whole, sum, 16);
        put(&whole, TEXT("\n"));
    }
    if (whole.full) return false;
    char *copy = own(text_in(&whole));
    bool good = read_record((Text){copy, whole.size}, field);
    static const double moments[] = {0, 1.5, 1.8e9, 1e15};
    static const int64_t least[] = {0, 1, 3600, LONGEST};
    static const Protocol protocols[] = {GIT, DOCKER, GET, BARE};
    Request request = {.protocol = protocols[how >> 1 & 3], .bearer = how >> 3 & 1, .server = TEXT("ica.example")};
    if (good) {
        for (size_t i = 0; i < UNREAD; i++) must(printable(field[i]));
        double now = moments[how >> 4 & 3];
        int64_t told = 0, min_ttl = least[how >> 6];
        if (fresh(field, now, 300, min_ttl, &told)) {
            must(told > 0 && (double)told > now && (double)told - now >= (double)min_ttl);
            Buffer reply = {reply_bytes, 0, sizeof reply_bytes, false};
            if (render(&request, field[STAMP], field[TOKEN], told, &reply)) {
                static const int64_t lines[] = {3, 1, 1, 1};
                must(field[TOKEN].size > 0 && !reply.full);
                must(lines_in(text_in(&reply)) == (request.protocol == GIT && request.bearer ? 5 : lines[how >> 1 & 3]));
            }
        }
    }
    free(copy);
    return good;
}

/* A byte that chooses; then, with zeros between: the index, the lines, the config, and what is asked:
 * host, path, profile, user name, CREDHELPER_PROFILE. Or the first part is the whole file. */
static bool fuzz_routes(Text data) {
    static const Text label = {"/c.toml", 7}, home = {"/h", 2};
    Text part[8];
    if (data.size == 0) return false;
    unsigned char how = (unsigned char)data.at[0];
    data = behind(data, 1);
    for (size_t i = 0; i < COUNT(part); i++) split(&data, 0, &part[i]);
    static char bytes[MOST_ROUTES];
    Buffer whole = {bytes, 0, sizeof bytes, false};
    if (how & 1) {
        PUT(&whole, TEXT(ROUTES_HEADER "\nversion " VERSION "\nconfig /c.toml\nhome /h\nsalt "));
        for (size_t i = 0; i < SALT_DIGITS; i++) put(&whole, TEXT("7"));
        PUT(&whole, TEXT("\ndefault "), how & 2 ? TEXT("main") : TEXT(""), TEXT("\nsizes "));
        put_number(&whole, how & 4 ? 1 : 2, 10);
        put(&whole, TEXT(" "));
        put_number(&whole, part[0].size, 10);
        put(&whole, TEXT(" "));
        put_number(&whole, part[1].size, 10);
        PUT(&whole, TEXT(" 0\n\n"), part[0], part[1], part[2]);
    } else {
        put(&whole, part[0]);
    }
    if (whole.full) return false;
    char *copy = own(text_in(&whole));
    Routes routes;
    Route route;
    static Environment environment;
    static char *variables[] = {variable_key, variable_child, NULL};
    must(survey(variables, &environment));
    bool good = open_routes((Text){copy, whole.size}, label, home, part[2], &routes);
    Request request = {.profile = part[5], .username = part[6], .server = TEXT("")};
    request.any_scheme = how >> 3 & 1;
    request.has_service = how >> 4 & 1;
    if (request.has_service) good = good && build(how & 32 ? TEXT("http") : TEXT("https"), part[3], part[4], &request.service);
    good = good && match(&routes, &request, part[7], &route);
    if (good) {
        for (size_t i = 0; i < PASSED_OVER; i++) must(printable(route.field[i]));
        must(route.min_ttl >= 0 && route.refresh_before >= 0);
        if (request.profile.size) must(equal(route.field[PROFILE], request.profile));
        if (request.has_service) /* its line names the very host */
            must(memmem(route.line.at, route.line.size, request.service.host, request.service.host_size) != NULL);
        BUFFER(name, MOST_PATH);
        BUFFER(stamp, 128);
        good = record_of(&routes, &route, &environment, &name, &stamp) && !name.full;
        if (good) must(name.size > 0 && !has(text_in(&name), '/') && !stamp.full);
    }
    free(copy);
    return good;
}

/* A byte that chooses, one that says how many words there are, then words and stdin, with zeros between. */
static bool fuzz_request(Text data) {
    if (data.size < 2) return false;
    static const Text programs[] = {{"credhelper", 10}, {"git-credential-x", 16}, {"docker-credential-x", 19}, {"credhelper", 10}};
    unsigned char how = (unsigned char)data.at[0];
    int count = (unsigned char)data.at[1] & 7;
    char *words[9] = {NULL}, *variables[2] = {NULL};
    data = behind(data, 2);
    for (int i = 0; i < count; i++) {
        Text word;
        split(&data, 0, &word);
        must((words[i] = malloc(word.size + 1)) != NULL);
        memcpy(words[i], word.at, word.size);
        words[i][word.size] = 0;
    }
    int ends[2] = {-1, -1};
    size_t size = data.size > 65536 ? 65536 : data.size; /* what a pipe holds */
    bool pipe_ = how >> 2 & 1;
    if (pipe_) {
        must(pipe(ends) == 0 && write(ends[1], data.at, size) == (ssize_t)size);
        close(ends[1]);
    } else {
        must((ends[0] = memfd_create("stdin", 0)) >= 0);
        must(write(ends[0], data.at, size) == (ssize_t)size && lseek(ends[0], 0, SEEK_SET) == 0);
    }
    must(dup2(ends[0], 0) == 0);
    close(ends[0]);
    static Environment environment;
    must(survey(variables, &environment));
    Request request;
    Stdin in = {.copy = {-1, -1}};
    bool good = parse(programs[how & 3], count, words, &environment, &request, &in);
    int left = 0;
    if (good) {
        const Service *service = &request.service;
        must(request.min_ttl >= 0 && request.min_ttl <= LONGEST && request.margin <= LONGEST);
        must(printable(request.profile) && printable(request.username) && printable(request.server));
        if (request.has_service) {
            must(service->host_size > 0 && service->port > 0 && service->port < 65536);
            must(made_of(host_of(service), TEXT("abcdefghijklmnopqrstuvwxyz0123456789-._")));
            must(!service->http || loopback(host_of(service)));
            must(printable(service->path) && !has(service->path, '%') && !has(service->path, ' '));
        }
        must(in.size <= size);
        take(&in);
    }
    /* All that was sent is there, or what the request took is not. */
    if (pipe_) must(ioctl(0, FIONREAD, &left) == 0);
    else left = (int)((off_t)size - lseek(0, 0, SEEK_CUR));
    must((size_t)left == size - (good ? in.size : 0));
    for (size_t i = 0; i < 2; i++)
        if (in.copy[i] >= 0) close(in.copy[i]);
    for (int i = 0; i < count; i++) free(words[i]);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    TARGET((Text){(const char *)data, size});
    return 0;
}

#ifdef KEPT
int main(int count, char **names) {
    static bool (*const targets[])(Text) = {fuzz_record, fuzz_routes, fuzz_request};
    int accepted = 0;
    for (int i = 2; i < count; i++) {
        FILE *file = fopen(names[i], "rb");
        static char bytes[1 << 20];
        must(file != NULL);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        char *copy = own((Text){bytes, size});
        accepted += targets[atoi(names[1])]((Text){copy, size});
        free(copy);
    }
    printf("%d", accepted);
    return 0;
}
#endif
