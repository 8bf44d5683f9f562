#include "lib/cert/cert_file.h"

#include "lib/base/file.h"
#include "lib/yaml/yaml_table.h"
#include "proto/aid.h"
#include "proto/topic.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#define ITEMS_MAX   256
#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

/* ---- keys and times as text ---- */

void tr_key_print(const uint8_t key[TR_KEY_SIZE], char out[TR_KEY_TEXT + 1]) {
    if (!zmq_z85_encode(out, key, TR_KEY_SIZE))
        out[0] = '\0'; /* never: 32 bytes are a multiple of 4 */
}

bool tr_key_parse(const char *text, uint8_t out[TR_KEY_SIZE]) {
    return strlen(text) == TR_KEY_TEXT && zmq_z85_decode(out, text) != NULL;
}

void tr_cert_print_time(int64_t unix_ms, char out[TR_CERT_TIME_TEXT]) {
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(out, TR_CERT_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        out[0] = '\0';
}

bool tr_cert_parse_time(const char *text, int64_t *ret_unix_ms) {
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end)
        end = strptime(text, "%Y-%m-%d", &tm);
    if (!end || *end)
        return false;
    *ret_unix_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

/* ---- reading ---- */

typedef struct key_text {
    const char *key, *until;
} key_text_t;

typedef struct rights_text {
    tr_texts_t names, publish, subscribe, offer, ask, verbs, platforms;
} rights_text_t;

typedef struct limits_text {
    int64_t messages_per_s, connections;
    const char *bytes_per_s, *mailbox_bytes;
} limits_text_t;

typedef struct file {
    const char *certificate, *key, *made, *not_after, *revoked;
    key_text_t old_key;
    rights_text_t rights;
    limits_text_t limits;
} file_t;

static bool is_key(const char *text, size_t len) {
    uint8_t key[TR_KEY_SIZE];
    return len == TR_KEY_TEXT && tr_key_parse(text, key);
}

static bool is_time(const char *text, size_t len) {
    int64_t ms;
    (void)len;
    return tr_cert_parse_time(text, &ms);
}

static bool is_size(const char *text, size_t len) {
    size_t bytes;
    (void)len;
    return tr_parse_size(text, &bytes, NULL) == 0;
}

#define TIME_EXPECTED "a time such as 2026-01-31T12:00:00Z"
#define KEY_EXPECTED  "a public key: 40 characters of Z85, in quotes"
#define WORD_EXPECTED "a name, or its beginning and *"
#define SIZE_EXPECTED "a size such as 64K or 8M"
#define TEXT(S, f, k, c, e, ...)                                                                             \
    { .key = (k), .kind = TR_YAML_TEXT, .offset = offsetof(S, f), .check = (c), .expected = (e), __VA_ARGS__ }
#define TEXTS(f, c, e)                                                                                       \
    {                                                                                                        \
        .key = #f, .kind = TR_YAML_TEXTS, .offset = offsetof(rights_text_t, f), .max = ITEMS_MAX,            \
        .check = (c), .expected = (e)                                                                        \
    }
#define WHOLE(f, k)                                                                                          \
    { .key = (k), .kind = TR_YAML_WHOLE, .offset = offsetof(limits_text_t, f), .max = INT64_C(1) << 40 }

static const tr_yaml_field_t key_fields[] = {
    TEXT(key_text_t, key, "key", is_key, KEY_EXPECTED, .required = true),
    TEXT(key_text_t, until, "until", is_time, TIME_EXPECTED, .required = true),
};
static const tr_yaml_table_t key_table = {key_fields, COUNT_OF(key_fields), sizeof(key_text_t)};

static const tr_yaml_field_t rights_fields[] = {
    TEXTS(names, tr_word_pattern_valid, WORD_EXPECTED),
    TEXTS(publish, tr_pattern_valid, "a topic pattern"),
    TEXTS(subscribe, tr_pattern_valid, "a topic pattern"),
    TEXTS(offer, tr_word_pattern_valid, WORD_EXPECTED),
    TEXTS(ask, tr_word_pattern_valid, WORD_EXPECTED),
    TEXTS(verbs, tr_word_pattern_valid, "a verb such as df.search, or its beginning and *"),
    TEXTS(platforms, tr_word_pattern_valid, "a platform, or its beginning and *"),
};
static const tr_yaml_table_t rights_table = {rights_fields, COUNT_OF(rights_fields), sizeof(rights_text_t)};

static const tr_yaml_field_t limits_fields[] = {
    WHOLE(messages_per_s, "messages-per-s"),
    TEXT(limits_text_t, bytes_per_s, "bytes-per-s", is_size, SIZE_EXPECTED),
    WHOLE(connections, "connections"),
    TEXT(limits_text_t, mailbox_bytes, "mailbox-bytes", is_size, SIZE_EXPECTED),
};
static const tr_yaml_table_t limits_table = {limits_fields, COUNT_OF(limits_fields), sizeof(limits_text_t)};

static const tr_yaml_field_t file_fields[] = {
    TEXT(file_t, certificate, "certificate", tr_name_valid, "a name", .required = true),
    TEXT(file_t, key, "key", is_key, KEY_EXPECTED, .required = true),
    {.key = "old-key", .kind = TR_YAML_SECTION, .offset = offsetof(file_t, old_key), .table = &key_table},
    TEXT(file_t, made, "made", is_time, TIME_EXPECTED),
    TEXT(file_t, not_after, "not-after", is_time, TIME_EXPECTED),
    TEXT(file_t, revoked, "revoked", is_time, TIME_EXPECTED),
    {.key = "rights", .kind = TR_YAML_SECTION, .offset = offsetof(file_t, rights), .table = &rights_table},
    {.key = "limits", .kind = TR_YAML_SECTION, .offset = offsetof(file_t, limits), .table = &limits_table},
};
static const tr_yaml_table_t file_table = {file_fields, COUNT_OF(file_fields), sizeof(file_t)};

/* What the table has checked already. */
static int64_t time_of(const char *text) {
    int64_t ms = 0;
    if (text)
        tr_cert_parse_time(text, &ms);
    return ms;
}

static uint64_t size_of(const char *text) {
    size_t bytes = 0;
    if (text)
        tr_parse_size(text, &bytes, NULL);
    return bytes;
}

static int copy_rights(tr_cert_t *c, const rights_text_t *from) {
    const struct {
        tr_strings_t *to;
        const tr_texts_t *from;
    } lists[] = {{&c->rights.names, &from->names}, {&c->rights.publish, &from->publish},
        {&c->rights.subscribe, &from->subscribe}, {&c->rights.offer, &from->offer},
        {&c->rights.ask, &from->ask}, {&c->rights.verbs, &from->verbs},
        {&c->rights.platforms, &from->platforms}};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        if (tr_cert_set(c, lists[i].to, lists[i].from->items, lists[i].from->count) < 0)
            return -ENOMEM;
    return 0;
}

static tr_cert_t *from_file(const file_t *f) {
    tr_cert_t *c = tr_cert_new(f->certificate);
    if (!c || copy_rights(c, &f->rights) < 0) {
        tr_cert_destroy(&c);
        return NULL;
    }
    tr_key_parse(f->key, c->keys[c->keys_n++].bytes);
    if (f->old_key.key) {
        c->keys[c->keys_n].until_ms = time_of(f->old_key.until);
        tr_key_parse(f->old_key.key, c->keys[c->keys_n++].bytes);
    }
    c->made_ms = time_of(f->made);
    c->not_after_ms = time_of(f->not_after);
    c->revoked_ms = time_of(f->revoked);
    c->limits = (tr_limits_t){(uint64_t)f->limits.messages_per_s, size_of(f->limits.bytes_per_s),
        (uint64_t)f->limits.connections, size_of(f->limits.mailbox_bytes)};
    return c;
}

int tr_cert_parse(const char *bytes, size_t len, const char *what, const char *name, tr_cert_t **ret_cert,
    tr_error_t *error) {
    tr_arena_t arena;
    file_t file = {0};
    tr_arena_init(&arena, TR_YAML_BYTES_MAX * 2);
    int rc = tr_yaml_table_read(&file_table, bytes, len, what, &arena, &file, error);
    if (rc == 0 && name && strcmp(name, file.certificate) != 0)
        rc = tr_error_set(error, -EINVAL,
            "%s: certificate: the file of \"%.128s\" must be called %.128s" TR_CERT_SUFFIX, what,
            file.certificate, file.certificate);
    tr_cert_t *cert = rc == 0 ? from_file(&file) : NULL;
    tr_arena_finish(&arena);
    if (rc < 0)
        return rc;
    if (!cert)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", what);
    *ret_cert = cert;
    return 0;
}

int tr_cert_load(const char *path, tr_cert_t **ret_cert, tr_error_t *error) {
    char *bytes = NULL, name[NAME_MAX + 1];
    size_t len = 0, suffix = strlen(TR_CERT_SUFFIX);
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t n = strlen(base);
    if (n <= suffix || n > NAME_MAX || strcmp(base + n - suffix, TR_CERT_SUFFIX) != 0)
        return tr_error_set(error, -EINVAL, "%s: a certificate's file is called NAME" TR_CERT_SUFFIX, path);
    snprintf(name, sizeof name, "%.*s", (int)(n - suffix), base);
    int rc = tr_file_read(path, "certificate", TR_YAML_BYTES_MAX, &bytes, &len, error);
    if (rc == 0)
        rc = tr_cert_parse(bytes, len, path, name, ret_cert, error);
    free(bytes);
    return rc;
}

int tr_cert_path(const char *directory, const char *name, char *out, tr_error_t *error) {
    if (!tr_name_valid(name, strlen(name)))
        return tr_error_set(error, -EINVAL,
            "\"%.128s\" cannot name a certificate: expected 1 to %d of A-Z a-z 0-9 . _ - + ~, the first "
            "neither . nor -",
            name, TR_NAME_MAX);
    if (snprintf(out, PATH_MAX, "%s/%s" TR_CERT_SUFFIX, directory, name) >= PATH_MAX)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
    return 0;
}

int tr_cert_load_named(const char *directory, const char *name, tr_cert_t **ret_cert, tr_error_t *error) {
    char path[PATH_MAX];
    int rc = tr_cert_path(directory, name, path, error);
    return rc == 0 ? tr_cert_load(path, ret_cert, error) : rc;
}

/* ---- writing ---- */

static void put_time(FILE *out, const char *key, int64_t ms) {
    char text[TR_CERT_TIME_TEXT];
    if (!ms)
        return;
    tr_cert_print_time(ms, text);
    fprintf(out, "%s: %s\n", key, text);
}

/* No pattern holds a quote or a backslash. */
static void put_list(FILE *out, const char *key, const tr_strings_t *list) {
    fprintf(out, "  %s: [", key);
    for (size_t i = 0; i < list->count; i++)
        fprintf(out, "%s'%s'", i ? ", " : "", list->items[i]);
    fputs("]\n", out);
}

static void put_limits(FILE *out, const tr_limits_t *limits) {
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {{"messages-per-s", limits->messages_per_s}, {"bytes-per-s", limits->bytes_per_s},
        {"connections", limits->connections}, {"mailbox-bytes", limits->mailbox_bytes}};
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!rows[i].value)
            continue;
        fprintf(out, "%s  %s: %" PRIu64 "\n", any ? "" : "limits:\n", rows[i].key, rows[i].value);
        any = true;
    }
}

static void put_keys(FILE *out, const tr_cert_t *c) {
    char key[TR_KEY_TEXT + 1], until[TR_CERT_TIME_TEXT];
    tr_key_print(c->keys[0].bytes, key);
    fprintf(out, "key: '%s'\n", key);
    if (c->keys_n < 2)
        return;
    tr_key_print(c->keys[1].bytes, key);
    tr_cert_print_time(c->keys[1].until_ms, until);
    fprintf(out, "old-key: {key: '%s', until: %s}\n", key, until);
}

char *tr_cert_print(const tr_cert_t *self) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fprintf(out,
        "# The public part of a certificate: who this is and what it may do. Brokers read it (--certs).\n");
    fprintf(out, "certificate: %s\n", self->name);
    put_keys(out, self);
    put_time(out, "made", self->made_ms);
    put_time(out, "not-after", self->not_after_ms);
    put_time(out, "revoked", self->revoked_ms);
    fputs("rights:\n", out);
    put_list(out, "names", &self->rights.names);
    put_list(out, "publish", &self->rights.publish);
    put_list(out, "subscribe", &self->rights.subscribe);
    put_list(out, "offer", &self->rights.offer);
    put_list(out, "ask", &self->rights.ask);
    put_list(out, "verbs", &self->rights.verbs);
    put_list(out, "platforms", &self->rights.platforms);
    put_limits(out, &self->limits);
    bool failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

int tr_cert_save(const tr_cert_t *self, const char *directory, tr_error_t *error) {
    char path[PATH_MAX];
    int rc = tr_cert_path(directory, self->name, path, error);
    if (rc < 0)
        return rc;
    char *text = tr_cert_print(self);
    rc = tr_directory_make(directory);
    if (rc == 0)
        rc = text ? tr_file_write(path, text, strlen(text), 0644) : -ENOMEM;
    free(text);
    return rc < 0 ? tr_error_set(error, rc, "%s: cannot write this certificate: %s", path, strerror(-rc)) : 0;
}
