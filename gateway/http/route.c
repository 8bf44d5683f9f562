#include "gateway/http/route.h"

#include <string.h>

const char *const tr_web_methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", NULL};
const char *const tr_web_roles[] = {"anybody", "viewer", "operator", "admin", NULL};

/* The parts of a path behind its first slash; -1: too many, or one is empty. */
static int split(const char *path, tr_web_part_t parts[TR_WEB_PARTS_MAX]) {
    int n = 0;
    if (*path != '/')
        return -1;
    while (*path == '/' && path[1]) {
        const char *end = strchrnul(++path, '/');
        if (n == TR_WEB_PARTS_MAX || end == path)
            return -1;
        parts[n++] = (tr_web_part_t){path, (size_t)(end - path)};
        path = end;
    }
    return n;
}

static bool is_any(const tr_web_part_t *part) {
    return part->at[0] == '{';
}

/* -1: it is not this path; else how many of its parts are given as they are. */
static int fits(const char *template, const tr_web_part_t *parts, int count) {
    tr_web_part_t wanted[TR_WEB_PARTS_MAX];
    int literal = 0;
    if (split(template, wanted) != count)
        return -1;
    for (int i = 0; i < count; i++) {
        if (is_any(&wanted[i]))
            continue;
        if (wanted[i].len != parts[i].len || memcmp(wanted[i].at, parts[i].at, parts[i].len) != 0)
            return -1;
        literal++;
    }
    return literal;
}

void tr_web_route_find(const tr_web_route_t *routes, size_t count, tr_web_method_t method, const char *path,
    tr_web_match_t *ret_match) {
    int n = split(path, ret_match->parts), best = -1;
    ret_match->route = NULL;
    ret_match->allowed = 0;
    ret_match->count = n < 0 ? 0 : (size_t)n;
    method = method == TR_WEB_HEAD ? TR_WEB_GET : method;
    for (size_t i = 0; i < count && n >= 0; i++) {
        int literal = fits(routes[i].path, ret_match->parts, n);
        if (literal < 0)
            continue;
        ret_match->allowed |= 1u << routes[i].method;
        if (routes[i].method == method && literal > best) {
            best = literal;
            ret_match->route = &routes[i];
        }
    }
}

tr_web_part_t tr_web_match_part(const tr_web_match_t *match, const char *field) {
    tr_web_part_t wanted[TR_WEB_PARTS_MAX];
    int n = match->route ? split(match->route->path, wanted) : 0;
    size_t len = strlen(field);
    for (int i = 0; i < n; i++)
        if (is_any(&wanted[i]) && wanted[i].len == len + 2 && memcmp(wanted[i].at + 1, field, len) == 0)
            return match->parts[i];
    return (tr_web_part_t){NULL, 0};
}

const tr_web_field_t *tr_web_route_field(
    const tr_web_route_t *route, tr_web_place_t place, const char *name, size_t len) {
    for (const tr_web_field_t *f = route->fields; f && f->name; f++)
        if (f->place == place && strlen(f->name) == len && memcmp(f->name, name, len) == 0)
            return f;
    return NULL;
}

bool tr_web_route_has(const tr_web_route_t *route, tr_web_place_t place) {
    for (const tr_web_field_t *f = route->fields; f && f->name; f++)
        if (f->place == place)
            return true;
    return false;
}
