#include "lib/tool/allow.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

/* The parts of a rule, within its text. */
typedef struct {
    bool is_https, is_below; /* "*." before the host */
    const char *host, *path;
    size_t host_len;
    unsigned port;
} rule_t;

static bool take_host(const char **at, rule_t *rule) {
    const char *text = *at, *end;
    rule->is_below = strncmp(text, "*.", 2) == 0;
    text += rule->is_below ? 2 : 0;
    rule->host = text;
    if (*text == '[') {
        end = strchr(text, ']');
        if (!end || rule->is_below ||
            strspn(text + 1, "0123456789abcdefABCDEF:.") != (size_t)(end - text - 1))
            return false;
        end++;
    } else {
        end = text + strspn(text, HOST_BYTES);
    }
    rule->host_len = (size_t)(end - text);
    *at = end;
    return rule->host_len > 0;
}

static bool take_port(const char **at, rule_t *rule) {
    char *end;
    rule->port = rule->is_https ? 443 : 80;
    if (**at != ':')
        return true;
    if (!isdigit((unsigned char)(*at)[1]))
        return false;
    unsigned long port = strtoul(*at + 1, &end, 10);
    rule->port = (unsigned)port;
    *at = end;
    return port > 0 && port < 65536;
}

static bool take_apart(const char *text, rule_t *rule) {
    rule->is_https = strncasecmp(text, "https://", 8) == 0;
    if (!rule->is_https && strncasecmp(text, "http://", 7) != 0)
        return false;
    text += rule->is_https ? 8 : 7;
    if (!take_host(&text, rule) || !take_port(&text, rule))
        return false;
    rule->path = *text ? text : "/";
    return *rule->path == '/' && !strpbrk(rule->path, "?#%\\") && !strstr(rule->path, "/.");
}

bool tr_allow_is_rule(const char *text, size_t len) {
    rule_t rule;
    return strlen(text) == len && take_apart(text, &rule);
}

static bool takes_host(const rule_t *rule, const char *host) {
    size_t len = strlen(host);
    if (!rule->is_below)
        return len == rule->host_len && strncasecmp(host, rule->host, len) == 0;
    return len > rule->host_len + 1 && host[len - rule->host_len - 1] == '.' &&
           strncasecmp(host + len - rule->host_len, rule->host, rule->host_len) == 0;
}

/* "%2e", "%2f", "%5c": what a server may make dots and slashes of. */
static bool is_veiled(const char *path) {
    for (; (path = strchr(path, '%')); path++)
        if (strncasecmp(path, "%2e", 3) == 0 || strncasecmp(path, "%2f", 3) == 0 ||
            strncasecmp(path, "%5c", 3) == 0)
            return true;
    return false;
}

bool tr_allow_takes(const char *text, const tr_place_t *place) {
    rule_t rule;
    if (!take_apart(text, &rule) || strcasecmp(place->scheme, rule.is_https ? "https" : "http") != 0 ||
        place->port != rule.port || !takes_host(&rule, place->host))
        return false;
    if (strcmp(rule.path, "/") == 0)
        return true;
    return strncmp(place->path, rule.path, strlen(rule.path)) == 0 && !is_veiled(place->path) &&
           !strchr(place->path, '\\') && !strstr(place->path, "/.");
}
