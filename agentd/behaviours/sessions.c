#include "agentd/behaviours/sessions.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agentd/behaviours/profile.h"
#include "lib/base/file.h"

#define FILE_MOST ((size_t)256 * 1024)

int tr_sessions_init(tr_sessions_t *self, const char *directory, size_t most) {
    *self = (tr_sessions_t){.most = most, .all = json_object(), .order = json_array()};
    if (!self->all || !self->order)
        return -ENOMEM;
    if (!*directory)
        return 0;
    self->directory = strdup(directory);
    return self->directory ? tr_directory_make(directory) : -ENOMEM;
}

void tr_sessions_finish(tr_sessions_t *self) {
    free(self->directory);
    json_decref(self->all);
    json_decref(self->order);
    *self = (tr_sessions_t){0};
}

/* ---- files ---- */

/* Whatever the user is called: letters and digits stand for themselves, all else is hexadecimal. */
static int path_of(const tr_sessions_t *self, const char *user, char out[PATH_MAX]) {
    int n = snprintf(out, PATH_MAX, "%s/", self->directory);
    for (const char *at = user; *at && n < PATH_MAX - 10; at++)
        n += isalnum((unsigned char)*at) ? snprintf(out + n, 2, "%c", *at)
                                         : snprintf(out + n, 4, "%%%02x", (unsigned char)*at);
    if (n >= PATH_MAX - 10)
        return -ENAMETOOLONG;
    strcpy(out + n, ".json");
    return 0;
}

/* NULL where there is none that can be read. */
static json_t *load(const tr_sessions_t *self, const char *user) {
    char path[PATH_MAX], *bytes = NULL;
    size_t len = 0;
    if (!self->directory || path_of(self, user, path) < 0 ||
        tr_file_read(path, "session", FILE_MOST, &bytes, &len, NULL) < 0)
        return NULL;
    json_t *session = json_loadb(bytes, len, 0, NULL);
    free(bytes);
    if (json_is_object(json_object_get(session, "profile")) &&
        json_is_object(json_object_get(session, "context")))
        return session;
    json_decref(session);
    return NULL;
}

int tr_sessions_keep(tr_sessions_t *self, const json_t *session) {
    char path[PATH_MAX];
    const char *user = json_string_value(json_object_get(session, "user"));
    int rc = self->directory ? path_of(self, user, path) : 0;
    char *text = rc == 0 && self->directory ? json_dumps(session, JSON_COMPACT) : NULL;
    if (text)
        rc = tr_file_write(path, text, strlen(text), 0600);
    else if (rc == 0 && self->directory)
        rc = -ENOMEM;
    free(text);
    return rc;
}

/* ---- memory ---- */

static void use(tr_sessions_t *self, const char *user) {
    size_t count = json_array_size(self->order);
    if (count > 0 && strcmp(json_string_value(json_array_get(self->order, count - 1)), user) == 0)
        return;
    for (size_t i = 0; i < json_array_size(self->order); i++)
        if (strcmp(json_string_value(json_array_get(self->order, i)), user) == 0) {
            json_array_remove(self->order, i);
            break;
        }
    json_array_append_new(self->order, json_string(user));
    if (json_array_size(self->order) <= self->most)
        return;
    json_object_del(self->all, json_string_value(json_array_get(self->order, 0)));
    json_array_remove(self->order, 0);
}

const json_t *tr_sessions_find(const tr_sessions_t *self, const char *user) {
    return json_object_get(self->all, user);
}

json_t *tr_sessions_open(tr_sessions_t *self, const char *user) {
    json_t *session = json_object_get(self->all, user);
    if (!session) {
        session = load(self, user);
        if (!session)
            session = json_pack("{s:s, s:{}, s:s, s:s, s:o, s:n}", "user", user, "context", "older", "",
                "summary", "", "profile", tr_profile_new(), "last");
        if (!session || json_object_set_new(self->all, user, session) < 0)
            return NULL;
    }
    use(self, user);
    return session;
}

int tr_sessions_forget(tr_sessions_t *self, const char *user) {
    char path[PATH_MAX];
    json_object_del(self->all, user);
    int rc = self->directory ? path_of(self, user, path) : 0;
    return rc == 0 && self->directory && unlink(path) < 0 && errno != ENOENT ? -errno : rc;
}

void tr_sessions_turn(json_t *session, const json_t *context) {
    const json_t *before = json_object_get(json_object_get(session, "context"), "history");
    const json_t *after = json_object_get(context, "history");
    const char *older = json_string_value(json_object_get(session, "older"));
    const json_t *first = json_array_get(before, 0);
    if (json_array_size(before) > 0 && json_array_size(after) == json_array_size(before) &&
        strlen(older) < TR_SESSIONS_OLDER_MAX)
        json_object_set_new(session, "older",
            json_sprintf("%s%s\n%s\n", older, json_string_value(json_object_get(first, "user")),
                json_string_value(json_object_get(first, "reply"))));
    json_object_set(session, "context", (json_t *)(uintptr_t)context);
}
