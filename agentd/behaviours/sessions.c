#include "agentd/behaviours/sessions.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agentd/behaviours/profile.h"
#include "lib/base/file.h"

#define READ_MOST                                                                                            \
    ((size_t)4 * 1024 * 1024) /* bytes of a file: those of before may be larger than what is kept */
#define NAME_MOST   230       /* bytes of a file's name, to which some more are added */
#define ESCAPED_MAX (3 * TR_SESSIONS_USER_MAX)
#define HASHED_HEAD 160 /* bytes of a name that is too long which stay */
#define DAMAGED     ".damaged"
#define ASIDE_MOST  8 /* that are set aside of a user; the next one takes the place of the last */

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
static size_t escape(const char *user, char out[ESCAPED_MAX + 1]) {
    size_t n = 0;
    for (const char *at = user; *at && n + 3 <= ESCAPED_MAX; at++)
        n += (size_t)(isalnum((unsigned char)*at) ? snprintf(out + n, 2, "%c", *at)
                                                  : snprintf(out + n, 4, "%%%02x", (unsigned char)*at));
    out[n] = '\0';
    return n;
}

/* A "-" stands in none that is short enough, so that no two users have one name. */
static void shorten(const char *user, char name[ESCAPED_MAX + 1]) {
    unsigned char hash[crypto_generichash_BYTES];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)user, strlen(user), NULL, 0);
    name[HASHED_HEAD] = '-';
    sodium_bin2hex(name + HASHED_HEAD + 1, ESCAPED_MAX - HASHED_HEAD, hash, sizeof hash);
}

static int path_of(const tr_sessions_t *self, const char *user, const char *end, char out[PATH_MAX]) {
    char name[ESCAPED_MAX + 1];
    if (escape(user, name) > NAME_MOST)
        shorten(user, name);
    int n = snprintf(out, PATH_MAX, "%s/%s.json%s", self->directory, name, end);
    return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static bool is_session(const json_t *session, const char *user) {
    const char *of = json_string_value(json_object_get(session, "user"));
    return of && strcmp(of, user) == 0 && json_is_object(json_object_get(session, "profile")) &&
           json_is_object(json_object_get(session, "context")) &&
           json_is_string(json_object_get(session, "older"));
}

static json_t *new_session(const char *user) {
    return json_pack("{s:s, s:{}, s:s, s:s, s:o, s:n}", "user", user, "context", "older", "", "summary", "",
        "profile", tr_profile_new(), "last");
}

/* The end of the n-th name of what is set aside, from 1. */
static const char *end_of(int n, char out[sizeof DAMAGED + 2]) {
    if (n == 1)
        return DAMAGED;
    snprintf(out, sizeof DAMAGED + 2, DAMAGED ".%d", n % 10);
    return out;
}

/* A free name. */
static int path_aside(const tr_sessions_t *self, const char *user, char out[PATH_MAX]) {
    char end[sizeof DAMAGED + 2];
    int rc = path_of(self, user, end_of(1, end), out);
    for (int n = 2; rc == 0 && n <= ASIDE_MOST && access(out, F_OK) == 0; n++)
        rc = path_of(self, user, end_of(n, end), out);
    return rc;
}

/* It stays for who can make something of it. */
static int set_aside(const tr_sessions_t *self, const char *user, json_t **ret_session) {
    char path[PATH_MAX], aside[PATH_MAX];
    int rc = path_of(self, user, "", path);
    if (rc == 0)
        rc = path_aside(self, user, aside);
    if (rc == 0 && rename(path, aside) < 0)
        rc = -errno;
    if (rc < 0)
        return rc;
    *ret_session = new_session(user);
    json_object_set_new(*ret_session, "warning",
        json_string("what was remembered could not be understood: it is set aside, and this begins anew"));
    return *ret_session ? 0 : -ENOMEM;
}

static int load(const tr_sessions_t *self, const char *user, json_t **ret_session) {
    char path[PATH_MAX], *bytes = NULL;
    size_t len = 0;
    int rc = self->directory ? path_of(self, user, "", path) : -ENOENT;
    if (rc == 0)
        rc = tr_file_read(path, "session", READ_MOST, &bytes, &len, NULL);
    if (rc == -ENOENT)
        return (*ret_session = new_session(user)) ? 0 : -ENOMEM;
    if (rc < 0)
        return rc;
    json_error_t why = {0};
    json_t *session = len <= READ_MOST ? json_loadb(bytes, len, 0, &why) : NULL;
    free(bytes);
    if (is_session(session, user)) {
        *ret_session = session;
        return 0;
    }
    bool is_poor = !session && len <= READ_MOST && json_error_code(&why) == json_error_out_of_memory;
    json_decref(session);
    return is_poor ? -ENOMEM : set_aside(self, user, ret_session);
}

/* Its text; without the last turn where it is too large with that. NULL when out of memory. */
static char *text_of(const json_t *session) {
    char *text = json_dumps(session, JSON_COMPACT);
    if (!text || strlen(text) <= TR_SESSIONS_FILE_MAX)
        return text;
    free(text);
    json_t *less = json_copy((json_t *)(uintptr_t)session);
    text =
        less && json_object_set_new(less, "last", json_null()) == 0 ? json_dumps(less, JSON_COMPACT) : NULL;
    json_decref(less);
    return text;
}

int tr_sessions_keep(tr_sessions_t *self, const json_t *session) {
    char path[PATH_MAX];
    if (!self->directory)
        return 0;
    int rc = path_of(self, json_string_value(json_object_get(session, "user")), "", path);
    char *text = rc == 0 ? text_of(session) : NULL;
    if (rc == 0)
        rc = !text                                 ? -ENOMEM
             : strlen(text) > TR_SESSIONS_FILE_MAX ? -EFBIG
                                                   : tr_file_write(path, text, strlen(text), 0600);
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

int tr_sessions_open(tr_sessions_t *self, const char *user, json_t **ret_session) {
    json_t *session = json_object_get(self->all, user);
    int rc = session ? 0 : load(self, user, &session);
    if (rc == 0 && !json_object_get(self->all, user) && json_object_set_new(self->all, user, session) < 0)
        rc = -ENOMEM;
    *ret_session = rc == 0 ? session : NULL;
    if (rc == 0)
        use(self, user);
    return rc;
}

static int remove_file(const tr_sessions_t *self, const char *user, const char *end) {
    char path[PATH_MAX];
    int rc = path_of(self, user, end, path);
    return rc == 0 && unlink(path) < 0 && errno != ENOENT ? -errno : rc;
}

int tr_sessions_forget(tr_sessions_t *self, const char *user) {
    char end[sizeof DAMAGED + 2];
    json_object_del(self->all, user);
    int rc = self->directory ? remove_file(self, user, "") : 0;
    for (int n = 1; rc == 0 && self->directory && n <= ASIDE_MOST; n++)
        rc = remove_file(self, user, end_of(n, end));
    return rc;
}

/* The turn behind what is there. */
static void add_older(json_t *session, const json_t *turn) {
    const char *older = json_string_value(json_object_get(session, "older"));
    json_int_t left = json_integer_value(json_object_get(session, "left-out"));
    char gap[64] = "";
    if (strlen(older) >= TR_SESSIONS_OLDER_MAX) {
        json_object_set_new(session, "left-out", json_integer(left + 1));
        return;
    }
    if (left > 0)
        snprintf(gap, sizeof gap, "[%lld turns are left out here]\n", (long long)left);
    json_object_set_new(session, "older",
        json_sprintf("%s%s%s\n%s\n", older, gap, json_string_value(json_object_get(turn, "user")),
            json_string_value(json_object_get(turn, "reply"))));
    json_object_del(session, "left-out");
}

void tr_sessions_turn(json_t *session, const json_t *context) {
    const json_t *before = json_object_get(json_object_get(session, "context"), "history");
    const json_t *after = json_object_get(context, "history");
    if (json_array_size(before) > 0 && json_array_size(after) == json_array_size(before))
        add_older(session, json_array_get(before, 0));
    json_object_set(session, "context", (json_t *)(uintptr_t)context);
}
