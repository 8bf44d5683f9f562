/*
 * Which URLs an agent may fetch, by rules such as
 *
 *     https://example.org/            this host, port 443, all of its paths
 *     http://127.0.0.1:8080/manual/   paths that begin so
 *
 * With "*." before its host a rule takes the hosts below it, and not itself. One that says a path is not got around by dots: paths are compared after they were made plain, and one that still has encoded dots, slashes or
 * backslashes is not taken by such a rule. Pure functions.
 */
#ifndef TR_TOOL_ALLOW_H
#define TR_TOOL_ALLOW_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tr_place {
    const char *scheme, *host; /* the host of IPv6 in brackets */
    unsigned port;
    const char *path; /* begins with "/" */
} tr_place_t;

/* Whether it is a rule; for tables of configuration. */
bool tr_allow_is_rule(const char *text, size_t len);
/* Whether a rule, which is one, takes the place. */
bool tr_allow_takes(const char *rule, const tr_place_t *place);

#endif
