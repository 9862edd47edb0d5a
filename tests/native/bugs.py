"""Bugs that are planted into the front, to see that the tests find each: the measure of the tests.

Each is a name, a text of front.c or text.h that stands there once, and what replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """One bug. Parameters: `name`; `right`, text of the code; `wrong`, what replaces it."""

    name: str
    right: str
    wrong: str


BUGS = [
    Bug(*each)
    for each in (
        (
            "records of others",
            "found.st_uid == geteuid() && (found.st_mode & 077) == 0))",
            "(found.st_mode & 077) == 0))",
        ),
        (
            "records that a group reads",
            "found.st_uid == geteuid() && (found.st_mode & 077) == 0))",
            "found.st_uid == geteuid() && (found.st_mode & 007) == 0))",
        ),
        (
            "records that others change",
            "found.st_uid == geteuid() && (found.st_mode & 077) == 0))",
            "found.st_uid == geteuid() && (found.st_mode & 055) == 0))",
        ),
        (
            "a folder of others",
            "S_ISDIR(found.st_mode) && found.st_uid == geteuid() &&",
            "S_ISDIR(found.st_mode) &&",
        ),
        (
            "an open folder",
            "geteuid() &&\n           (found.st_mode & 077) == 0",
            "geteuid() &&\n           (found.st_mode & 007) == 0",
        ),
        ("a folder behind a link", "lstat(path, &found)", "stat(path, &found)"),
        ("a record behind a link", "(ours ? O_NOFOLLOW : 0)", "0"),
        (
            "the config's bytes",
            "return equal(behind(data, data.size - source.size), source);",
            "return true;",
        ),
        (
            "the end of the config alone",
            "(uint64_t)(size[1] + size[2]) != data.size - source.size",
            "false",
        ),
        ("the version", 'VERSION "\\nconfig "', '"0.1.0.dev1" "\\nconfig "'),
        (
            "the config's path",
            'label, TEXT("\\nhome "), home,',
            'text_of("/x"), TEXT("\\nhome "), home,',
        ),
        ("the check sum", "if (!equal(behind(data, end), text_in(&last))) return false;", ""),
        ("the record's header", "if (!equal(line, TEXT(RECORD_HEADER))) return false;", ""),
        (
            "fields that it does not know",
            "if (which == COUNT(RECORD_KEYS) || seen[which]) return false;",
            "if (which == COUNT(RECORD_KEYS)) continue;\n        if (seen[which]) return false;",
        ),
        (
            "a field twice: the first",
            "if (which == COUNT(RECORD_KEYS) || seen[which]) return false;",
            "if (which == COUNT(RECORD_KEYS)) return false;\n        if (seen[which]) continue;",
        ),
        ("another grant's token", "|| !equal(field[STAMP], text_in(&stamp))", ""),
        (
            "now is the end",
            "return left > 0 && left >= (double)min_ttl",
            "return left >= 0 && left >= (double)min_ttl",
        ),
        ("min_ttl, or one less", "left >= (double)min_ttl", "left > (double)min_ttl - 1"),
        ("min_ttl exactly", "left >= (double)min_ttl", "left > (double)min_ttl"),
        (
            "stale ones",
            "(double)not_before <= now && now < stale &&",
            "(double)not_before <= now &&",
        ),
        ("stale a moment later", "now < stale &&", "now <= stale &&"),
        (
            "half of the life",
            "double half = (double)lifetime / 2;",
            "double half = (double)lifetime;",
        ),
        (
            "half of the life in whole seconds",
            "double half = (double)lifetime / 2;",
            "double half = (double)(lifetime / 2);",
        ),
        ("what is told: early", "lifetime > 0 ? lifetime / 10 : 0", "lifetime > 0 ? 10 : 0"),
        ("what is told: a life below 0", "lifetime > 0 ? lifetime / 10 : 0", "lifetime / 10"),
        ("due", "if (due != 0 && (double)due < stale) stale = (double)due;", ""),
        (
            "due behind the margin",
            "if (due != 0 && (double)due < stale) stale = (double)due;",
            "if (due != 0) stale = (double)due;",
        ),
        (
            "a child of another record",
            "equal(profile, route->field[PROFILE]) && begins(child, own) &&",
            "equal(profile, route->field[PROFILE]) &&",
        ),
        (
            "a request that is not ended",
            "bool ended = wait.revents & (POLLHUP | POLLRDHUP);",
            "bool ended = true;",
        ),
        ("not before, by our clock", "    not_before -= skew;\n", ""),
        (
            "odd variables",
            "if (seen[which] || !printable(value)) return false;",
            "if (seen[which]) return false;",
        ),
        (
            "odd labels",
            "label.size > 63 || !made_of(label, TEXT(LABEL_CHARACTERS))",
            "label.size > 63",
        ),
        ("seconds", "{1, 60, 3600, 86400}", "{2, 60, 3600, 86400}"),
        ("git's url", "found[URL_].size || found[SCHEME].size == 0", "found[SCHEME].size == 0"),
        ("a long request, cut", "if (count != 0) return false;", "if (count < 0) return false;"),
        ("a grant that is set twice", "if (found->at) return false;", ""),
        ("what does not fit", "buffer->full = true;\n        return;", "return;"),
        ("a challenge of one letter", "challenged = line.size > 0;", "challenged = line.size > 1;"),
        ("not before", "(double)not_before <= now &&", ""),
        ("issued later", "(double)issued - now <= NOT_YET_WAIT &&", ""),
        ("another host's skew", "if (equal(field[HOST], host)) return", "if (true) return"),
        (
            "skews of other hosts",
            "if (!equal(name, host)) continue;",
            "if (!begins(name, host)) continue;",
        ),
        (
            "the profile's min_ttl",
            "if (route.min_ttl > request.min_ttl) request.min_ttl = route.min_ttl;",
            "",
        ),
        (
            "the profile's refresh_before",
            "if (route.refresh_before > request.margin) request.margin = route.refresh_before;",
            "",
        ),
        (
            "a prefix within a word",
            "path.at[path.size - 1] != '/') path.size--;\n            if (path.size) path.size--;",
            "false) path.size--;\n            if (path.size) path.size--;",
        ),
        ("the whole host for a path", "more = path.size > 0;\n", "more = false;\n"),
        (
            "the user's name",
            "return name.size == 0 || equal(name, field[USERNAME])",
            "return true || equal(name, field[USERNAME])",
        ),
        ("the login name", "|| equal(name, field[USER]) ||", "||"),
        (
            "the profile asked for",
            "if (request->profile.size && !equal(field[PROFILE], request->profile)) return false;",
            "",
        ),
        (
            "default before chosen",
            "preferred[] = {chosen, routes->preset}",
            "preferred[] = {routes->preset, chosen}",
        ),
        ("default behind two that were chosen", "        break; /* if two", "        /* if two"),
        (
            "the first of two",
            "return count == 1 && read_route(routes, one, route);",
            "return count >= 1 && read_route(routes, one, route);",
        ),
        ("http anywhere", "if (service->http && !loopback(host_of(service))) return false;", ""),
        ("127 alone", "(count == 0 && value != 127)", "false"),
        ("what the index says", "if (!serves(route, service)) continue;", ""),
        (
            "what the index says of a profile",
            "read_route(routes, first, route) && equal(route->field[PROFILE], name);",
            "read_route(routes, first, route);",
        ),
        (
            "a damaged offset behind the first",
            "for (bool more = true, begun = false; more; begun = true)",
            "for (bool more = true, begun = false; more && !begun; begun = true)",
        ),
        (
            "a blank behind the offsets",
            "for (bool more = offsets.size > 0; more;) {",
            "for (bool more = offsets.size > 0; more && offsets.size;) {",
        ),
        (
            "binary search: one too far",
            "if (order > 0 || (order == 0 && common == key.size)) {",
            "if (order > 0) {",
        ),
        (
            "control bytes",
            "if (data.at[i] != '\\n' && !printable((Text){data.at + i, 1})) return false;",
            ";",
        ),
        ("contradictions", "if (found[i].at && !equal(found[i], line)) return false;", ""),
        (
            "lines without a key",
            '|| key.size == 0) return false;\n        if (equal(key, TEXT("capability[]")))',
            ') return false;\n        if (equal(key, TEXT("capability[]")))',
        ),
        ("an empty capability", "authtype = line.size && (authtype ||", "authtype = (authtype ||"),
        ("an empty challenge", "challenged = line.size > 0;", "challenged = true;"),
        ("bearer anywhere", "scheme.size == 6 && strncasecmp", "scheme.size >= 6 && strncasecmp"),
        (
            "a blank behind a comma",
            'if (more && begins(challenge, TEXT(" "))) challenge = behind(challenge, 1);',
            "",
        ),
        (
            "bearer without being asked",
            "request->bearer = authtype && (bearer || !challenged);",
            "request->bearer = authtype;",
        ),
        ("the length that is hashed", "(uint64_t)size * 8 >> 8 * i", "(uint64_t)size * 4 >> 8 * i"),
        (
            "one block too few",
            "size_t whole = (size + 8) / 64 * 64 + 64;",
            "size_t whole = size / 64 * 64 + 64;",
        ),
        ("--help is for people", "return NO_PROTOCOL;\n    *count -= 1;", ";\n    *count -= 1;"),
        (
            "other variables of ours",
            'which == COUNT(VARIABLES) && begins(name, TEXT("CREDHELPER_"))',
            "false",
        ),
        ("the variable of the build", '{"CREDHELPER_NATIVE", 17},', ""),
        (
            "git's margin",
            "margins[] = {0, GIT_MARGIN, DOCKER_MARGIN,",
            "margins[] = {0, DOCKER_MARGIN, GIT_MARGIN,",
        ),
        (
            "an option twice",
            "if (!slot || slot->size || value.size == 0",
            "if (!slot || value.size == 0",
        ),
        ("units", "{1, 60, 3600, 86400}", "{1, 60, 3600, 3600}"),
        ("more than ten years", "return *value <= LONGEST;", "return true;"),
        (
            "a short option with a value",
            '(equal(option, TEXT("-p")) && !told)',
            'equal(option, TEXT("-p"))',
        ),
        ("ports with a zero before", "(digits.at[0] != '0' || digits.size == 1)", "true"),
        (
            "empty segments",
            'if (made_of(part, TEXT("."))) return false;',
            'if (part.size && made_of(part, TEXT("."))) return false;',
        ),
        (
            "dots",
            'if (made_of(part, TEXT("."))) return false;',
            'if (part.size == 0 || equal(part, TEXT("."))) return false;',
        ),
        (
            "hyphens around a label",
            "if (label.at[0] == '-' || label.at[label.size - 1] == '-') return false;",
            "",
        ),
        ("labels of 64", "label.size > 63", "label.size > 64"),
        ("longer services", "if (netloc.size + path.size > MOST_SERVICE) return false;", ""),
        ("docker's own paths", 'equal(path, TEXT("v1")) || equal(path, TEXT("v2"))', "true"),
        (
            "docker's blanks",
            'while (data.size && has(TEXT(" \\t"), data.at[data.size - 1])) data.size--;',
            "",
        ),
        ("any scheme", "if (!request->any_scheme || service.http ||", "if (service.http ||"),
        ("a child's record with a slash", "&& !has(child, '/'))", ")"),
        (
            "a child of another profile",
            "if (equal(profile, route->field[PROFILE]) && begins(child, own)",
            "if (begins(child, own)",
        ),
        (
            "what follows a paragraph",
            "if (to_blank_line && paragraph(*request, &more)) return !more;",
            "if (to_blank_line && paragraph(*request, &more)) return true;",
        ),
        (
            "the first part of a file",
            "count > 0 && in->size < MOST_REQUEST;",
            "count > 0 && in->size == 0;",
        ),
        ("stdin is taken", "    take(&in);\n    return true;", "    return true;"),
        (
            "stdin is taken before all is decided",
            "if (!fresh(field, clock(),",
            "take(&in);\n    if (!fresh(field, clock(),",
        ),
        (
            "escapes in JSON",
            "if (escaped(request->server) || escaped(username) || escaped(token)) return false;",
            "",
        ),
        (
            "variables that are set twice",
            "if (seen[which] || !printable(value)) return false;",
            "if (!printable(value)) return false;",
        ),
        (
            "a path relative to here",
            "return chosen.size && chosen.at[0] == '/' && !path->full;",
            "return !path->full;",
        ),
    )
]
