#include "lib/redis/place.h"

#include "lib/base/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048u
#define PORT           6379u
#define EXPECTED       "expected redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE] or unix:PATH[?db=DATABASE]"

/* A part of the text. */
typedef struct part {
    const char *at;
    size_t len;
} part_t;

void tr_redis_place_wipe(tr_redis_place_t *self) {
    explicit_bzero(self, sizeof *self);
}

static int hex(char c) {
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

/* With %XX as bytes; none of them may be a NUL. */
static bool decode(part_t part, char *out, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < part.len; i++) {
        int byte = (unsigned char)part.at[i];
        if (byte == '%') {
            int high = i + 2 < part.len ? hex(part.at[i + 1]) : -1;
            int low = high >= 0 ? hex(part.at[i + 2]) : -1;
            byte = low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        if (byte == 0 || n + 1 >= size)
            return false;
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    return true;
}

static bool copy(part_t part, char *out, size_t size) {
    if (part.len == 0 || part.len >= size || memchr(part.at, '\0', part.len))
        return false;
    memcpy(out, part.at, part.len);
    out[part.len] = '\0';
    return true;
}

static bool number(part_t part, uint32_t least, uint32_t most, uint32_t *ret_number) {
    uint32_t n = 0;
    for (size_t i = 0; i < part.len; i++) {
        if (!isdigit((unsigned char)part.at[i]) || i > 5)
            return false;
        n = n * 10 + (uint32_t)(part.at[i] - '0');
    }
    if (part.len == 0 || n < least || n > most)
        return false;
    *ret_number = n;
    return true;
}

/* What is before the last '@' says who; the rest stays in `rest`. */
static bool take_who(tr_redis_place_t *self, part_t *rest) {
    const char *at = memrchr(rest->at, '@', rest->len);
    if (!at)
        return true;
    part_t who = {rest->at, (size_t)(at - rest->at)};
    const char *colon = memchr(who.at, ':', who.len);
    *rest = (part_t){at + 1, rest->len - who.len - 1};
    if (!colon) /* a user without a password is nobody */
        return false;
    part_t user = {who.at, (size_t)(colon - who.at)}, password = {colon + 1, who.len - user.len - 1};
    self->has_password = true;
    return decode(user, self->user, sizeof self->user) &&
           decode(password, self->password, sizeof self->password);
}

static bool take_port(tr_redis_place_t *self, part_t text) {
    uint32_t port;
    if (text.len == 0)
        return true;
    if (text.at[0] != ':' || !number((part_t){text.at + 1, text.len - 1}, 1, UINT16_MAX, &port))
        return false;
    self->port = (uint16_t)port;
    return true;
}

/* HOST[:PORT], or an address of IPv6 in brackets. */
static bool take_host(tr_redis_place_t *self, part_t text) {
    bool bracket = text.len && text.at[0] == '[';
    const char *end = memchr(text.at, bracket ? ']' : ':', text.len);
    if (bracket && !end)
        return false;
    part_t host = {text.at + bracket, end ? (size_t)(end - text.at) - bracket : text.len};
    const char *after = host.at + host.len + bracket;
    return copy(host, self->host, sizeof self->host) && !strpbrk(self->host, "/ \t[]") &&
           take_port(self, (part_t){after, text.len - (size_t)(after - text.at)});
}

static bool take_server(tr_redis_place_t *self, part_t text) {
    const char *at = memrchr(text.at, '@', text.len);
    const char *from = at ? at : text.at;
    const char *slash = memchr(from, '/', text.len - (size_t)(from - text.at));
    part_t head = {text.at, slash ? (size_t)(slash - text.at) : text.len};
    part_t database = {slash ? slash + 1 : "", slash ? text.len - head.len - 1 : 0};
    return take_who(self, &head) && take_host(self, head) &&
           (database.len == 0 || number(database, 0, TR_REDIS_DATABASE_MAX, &self->database));
}

static bool take_socket(tr_redis_place_t *self, part_t text) {
    static const char query[] = "?db=";
    if (text.len >= 2 && memcmp(text.at, "//", 2) == 0) {
        text = (part_t){text.at + 2, text.len - 2};
        if (!take_who(self, &text))
            return false;
    }
    const char *asks = memchr(text.at, '?', text.len);
    part_t path = {text.at, asks ? (size_t)(asks - text.at) : text.len};
    size_t left = text.len - path.len, key = sizeof query - 1;
    if (asks && (left < key || memcmp(asks, query, key) != 0 ||
                    !number((part_t){asks + key, left - key}, 0, TR_REDIS_DATABASE_MAX, &self->database)))
        return false;
    return path.len > 1 && path.at[0] == '/' && copy(path, self->host, sizeof self->host);
}

int tr_redis_place_parse(tr_redis_place_t *self, const char *text, tr_error_t *error) {
    tr_redis_place_t place = {.port = PORT};
    size_t len = strlen(text);
    bool good = len < LINE_MAX_BYTES;
    if (good && strncmp(text, "redis://", 8) == 0)
        good = take_server(&place, (part_t){text + 8, len - 8});
    else
        good = good && strncmp(text, "unix:", 5) == 0 && take_socket(&place, (part_t){text + 5, len - 5});
    if (good)
        *self = place;
    tr_redis_place_wipe(&place);
    return good ? 0 : tr_error_set(error, -EINVAL, "this says of no Redis server where it is: " EXPECTED);
}

static int read_line(int fd, const char *path, char **ret_bytes, size_t *ret_len, tr_error_t *error) {
    struct stat st;
    int rc = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
    if (rc == 0 && !tr_file_private(&st))
        return tr_error_set(error, -EACCES,
            "%s: others may read this file, which may hold a password: chmod 600 %s", path, path);
    if (rc == 0)
        rc = tr_file_read_fd(fd, LINE_MAX_BYTES, ret_bytes, ret_len);
    return rc < 0 ? tr_error_set(error, rc, "%s: cannot read it: %s", path, strerror(-rc)) : 0;
}

int tr_redis_place_load(tr_redis_place_t *self, const char *path, tr_error_t *error) {
    char *bytes = NULL;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = read_line(fd, path, &bytes, &len, error);
    if (fd >= 0)
        close(fd);
    if (rc < 0)
        return rc;
    bytes[strcspn(bytes, "\r\n")] = '\0';
    rc = tr_redis_place_parse(self, bytes, NULL);
    explicit_bzero(bytes, len);
    free(bytes);
    return rc < 0 ? tr_error_set(
                        error, rc, "%s: its first line says of no Redis server where it is: " EXPECTED, path)
                  : 0;
}
