#include "proto/aid.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* `extra` are the characters allowed beside letters and digits. isalnum() would depend on the locale. */
static bool part_valid(const char *text, size_t len, size_t max, const char *extra) {
    if (!text || len == 0 || len > max || text[0] == '.' || text[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_alnum(text[i]) && (text[i] == '\0' || !strchr(extra, text[i])))
            return false;
    return true;
}

bool tr_name_valid(const char *name, size_t len) {
    return part_valid(name, len, TR_NAME_MAX, "._-+~");
}

bool tr_platform_valid(const char *platform, size_t len) {
    return part_valid(platform, len, TR_PLATFORM_MAX, "._-");
}

int tr_aid_parse(tr_aid_t *self, const char *text, size_t len) {
    const size_t prefix = strlen(TR_SERVICE_PREFIX);
    if (!text || len == 0)
        return -EINVAL;
    bool service = len >= prefix && memcmp(text, TR_SERVICE_PREFIX, prefix) == 0;
    const char *name = service ? text + prefix : text;
    size_t rest = service ? len - prefix : len;
    const char *at = memchr(name, '@', rest);
    size_t name_len = at ? (size_t)(at - name) : rest;
    size_t platform_len = at ? rest - name_len - 1 : 0;
    if (name_len > TR_NAME_MAX || platform_len > TR_PLATFORM_MAX)
        return -ENAMETOOLONG;
    if (!tr_name_valid(name, name_len) || (at && !tr_platform_valid(at + 1, platform_len)))
        return -EINVAL;

    tr_aid_t aid = {.service = service};
    memcpy(aid.name, name, name_len);
    if (at)
        memcpy(aid.platform, at + 1, platform_len);
    *self = aid;
    return 0;
}

int tr_aid_print(const tr_aid_t *self, char *out, size_t out_size) {
    int n = snprintf(out, out_size, "%s%s%s%s", self->service ? TR_SERVICE_PREFIX : "", self->name,
        self->platform[0] ? "@" : "", self->platform);
    return n < 0 || (size_t)n >= out_size ? -ENOSPC : n;
}
