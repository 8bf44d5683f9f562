/* `troupe kb add`: files into the knowledge base, once or as long as they change. */
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/map.h"
#include "tools/kb/load.h"
#include "tools/kb/unpack.h"
#include "tools/kb/walk.h"
#include "tools/verbs/verbs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 1000 /* between two looks at the files */

typedef struct options {
    tr_cli_common_t common;
    const char *ns, *language;
    tr_strings_t metadata;
    bool watch;
} options_t;

typedef struct add {
    const tr_call_t *call;
    tr_kb_load_t load;
    tr_map_t known; /* id -> version of the file as it was sent */
    tr_map_t seen;  /* in this round */
    uint64_t skipped, removed;
    size_t files;
    int code;
} add_t;

static const tr_column_t columns[] = {
    {"added", TR_COLUMN_NUMBER},
    {"replaced", TR_COLUMN_NUMBER},
    {"unchanged", TR_COLUMN_NUMBER},
    {"failed", TR_COLUMN_NUMBER},
    {"skipped", TR_COLUMN_NUMBER},
    {"chunks", TR_COLUMN_NUMBER},
};

/* ---- files ---- */

static bool is_text(const char *bytes, size_t len) {
    bool marked = len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0);
    return marked || (len >= 5 && memcmp(bytes, "%PDF-", 5) == 0) ||
           !memchr(bytes, '\0', len < 8192 ? len : 8192);
}

static void fail_file(add_t *self, const char *path, const char *why) {
    tr_cli_fail(self->call, TR_EXIT_REFUSED, "%s: %s", path, why);
    self->load.failed++;
}

/* What is in it, unpacked where it is packed. False: that was told. */
static bool read_file(add_t *self, const tr_kb_file_t *file, char **ret_bytes, size_t *ret_len) {
    char *bytes = NULL, *inner = NULL;
    tr_error_t error = {0};
    if (tr_file_read(file->path, "document", TR_KB_FILE_MAX, &bytes, ret_len, &error) < 0) {
        fail_file(self, file->path, error.text);
        return false;
    }
    int rc = 0;
    if (tr_kb_is_packed(bytes, *ret_len)) {
        rc = tr_kb_unpack(bytes, *ret_len, TR_KB_FILE_MAX, &inner, ret_len);
        free(bytes);
        bytes = inner;
    }
    if (rc < 0 || *ret_len > TR_KB_FILE_MAX) {
        fail_file(self, file->path, rc < 0 ? "what gzip has packed cannot be read" : "more than 3 MiB");
        free(bytes);
        return false;
    }
    *ret_bytes = bytes;
    return true;
}

/* A manual page that is only another name of one. */
static bool is_reference(const char *bytes, size_t len) {
    return len > 4 && len < 256 && memcmp(bytes, ".so ", 4) == 0;
}

/* Without the ending of what packed it. */
static void read_id(const tr_kb_file_t *file, char id[PATH_MAX]) {
    size_t len = strlen(file->id);
    len -= len > 3 && strcmp(file->id + len - 3, ".gz") == 0 ? 3 : 0;
    snprintf(id, PATH_MAX, "%.*s", (int)len, file->id);
}

static void send_file(add_t *self, const tr_kb_file_t *file, const char *id) {
    char *bytes = NULL, source[PATH_MAX];
    size_t len = 0;
    if (!read_file(self, file, &bytes, &len))
        return;
    if (len == 0 || is_reference(bytes, len) || (!is_text(bytes, len) && !file->given)) {
        self->skipped++;
    } else {
        tr_kb_item_t item = {
            .id = id, .source = realpath(file->path, source) ? source : NULL, .bytes = bytes, .len = len};
        self->code = tr_kb_load_add(&self->load, &item);
    }
    free(bytes);
}

static bool on_file(void *arg, const tr_kb_file_t *file) {
    add_t *self = arg;
    char id[PATH_MAX];
    read_id(file, id);
    const uint64_t *known = tr_map_find(&self->known, id, strlen(id));
    tr_map_put(&self->seen, id, strlen(id), 1); /* out of memory: it is sent again, ignoring */
    if (known && *known == file->version)
        return true;
    tr_map_put(&self->known, id, strlen(id), file->version);
    send_file(self, file, id);
    return self->code == TR_EXIT_OK;
}

static bool count_file(void *arg, const tr_kb_file_t *file) {
    add_t *self = arg;
    (void)file;
    self->files++;
    return true;
}

/* All paths once. */
static int walk_all(add_t *self, tr_kb_file_fn each) {
    const tr_strings_t *paths = &self->call->arguments;
    for (size_t i = 0; i < paths->count && self->code == TR_EXIT_OK; i++) {
        int rc = tr_kb_walk(paths->items[i], each, self);
        if (rc < 0)
            return tr_cli_fail(self->call, TR_EXIT_REFUSED, "%s: %s", paths->items[i], strerror(-rc));
    }
    return self->code;
}

static int load_all(add_t *self) {
    tr_map_finish(&self->seen);
    int code = walk_all(self, on_file);
    return code == TR_EXIT_OK ? tr_kb_load_flush(&self->load) : code;
}

/* ---- watching ---- */

/* Files that were there and are not any more. */
static int remove_gone(add_t *self) {
    json_t *ids = json_array(), *answer = NULL;
    size_t cursor = 0, i;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&self->known, &cursor)))
        if (!tr_map_find(&self->seen, slot->key, slot->key_len))
            json_array_append_new(ids, json_stringn(slot->key, slot->key_len));
    json_t *id;
    json_array_foreach(ids, i, id) tr_map_delete(&self->known, json_string_value(id), json_string_length(id));
    if (json_array_size(ids) == 0) {
        json_decref(ids);
        return TR_EXIT_OK;
    }
    tr_cli_session_renew(self->load.session);
    int code = tr_cli_ask_json(self->load.session, self->call, TR_KB_SERVICE,
        json_pack("{s:s, s:s, s:o}", "action", "remove", "namespace", self->load.ns, "ids", ids), &answer);
    self->removed += (uint64_t)json_integer_value(json_object_get(answer, "removed"));
    json_decref(answer);
    return code;
}

static int watch(add_t *self) {
    bool never = false;
    int code = TR_EXIT_OK;
    while (code == TR_EXIT_OK) {
        code = tr_cli_wait(self->load.session, &never, tr_clock_ms() + LOOK_MS);
        if (code != TR_EXIT_TIMEOUT)
            break;
        code = load_all(self);
        if (code == TR_EXIT_OK)
            code = remove_gone(self);
    }
    return code >= TR_EXIT_SIGNAL ? TR_EXIT_OK : code; /* Ctrl-C is its usual end */
}

/* ---- the verb ---- */

/* KEY=VALUE, where a value that is JSON is that, and else a text. */
static int read_metadata(const tr_call_t *call, json_t **ret_metadata) {
    const options_t *o = call->options;
    json_t *metadata = o->metadata.count ? json_object() : NULL;
    for (size_t i = 0; i < o->metadata.count; i++) {
        const char *item = o->metadata.items[i], *equals = strchr(item, '=');
        if (!equals || equals == item) {
            json_decref(metadata);
            return tr_cli_usage(call, "--meta %s: expected KEY=VALUE", item);
        }
        json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
        char *key = strndup(item, (size_t)(equals - item));
        if (key)
            json_object_set_new(metadata, key, value ? value : json_string(equals + 1));
        free(key);
    }
    *ret_metadata = metadata;
    return TR_EXIT_OK;
}

static int print_result(const add_t *self) {
    const options_t *o = self->call->options;
    const tr_kb_load_t *l = &self->load;
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(
        self->call, &o->common, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    const uint64_t counts[] = {l->added, l->replaced, l->unchanged, l->failed, self->skipped, l->chunks};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        tr_output_number(output, (int64_t)counts[i]);
    tr_output_row(output);
    code = tr_cli_finish(self->call, &output);
    return code == TR_EXIT_OK && l->failed ? TR_EXIT_REFUSED : code;
}

static int add_files(add_t *self, tr_cli_session_t *session, json_t *metadata) {
    const options_t *o = self->call->options;
    tr_kb_load_init(&self->load, self->call, session, o->ns);
    self->load.language = o->language;
    self->load.metadata = metadata;
    int code = walk_all(self, count_file);
    self->load.total = self->files;
    if (code == TR_EXIT_OK)
        code = load_all(self);
    if (code == TR_EXIT_OK)
        code = print_result(self);
    fflush(self->call->out);
    if ((code == TR_EXIT_OK || code == TR_EXIT_REFUSED) && o->watch)
        code = watch(self);
    tr_kb_load_finish(&self->load);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    add_t self = {.call = call};
    tr_cli_session_t *session = NULL;
    json_t *metadata = NULL;
    int code = read_metadata(call, &metadata);
    if (code == TR_EXIT_OK)
        code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    tr_map_init(&self.known, 1);
    tr_map_init(&self.seen, 1);
    if (code == TR_EXIT_OK)
        code = add_files(&self, session, metadata);
    tr_map_finish(&self.known);
    tr_map_finish(&self.seen);
    tr_cli_session_close(&session);
    json_decref(metadata);
    return code;
}

static const tr_option_t table[] = {
    TR_KB_NAMESPACE_OPTION(options_t),
    {"language", 'l', "LANGUAGE", TR_STRING(options_t, language), NULL,
        "Of a namespace that is made: its words are found in all their forms. As en, de, fr; none for words "
        "as they are. "
        "English where nothing says it.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"meta", 'm', "KEY=VALUE", TR_LIST(options_t, metadata), NULL,
        "Metadata of all the documents, for filters; may be repeated.", .max = 64,
        .flags = TR_OPTION_FLAG_ONLY},
    {"watch", 'w', NULL, TR_BOOL(options_t, watch), NULL,
        "Go on, and add what changes, until Ctrl-C; files that are removed are removed there.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "60s"),
};

static const tr_program_t program = {
    .name = "troupe kb add",
    .summary = "Put documents into the knowledge base",
    .description =
        "Of each PATH: the file, or all files below the directory that are text, Markdown, HTML, PDF or "
        "manual pages, packed by gzip or not; a document's id is its path below that, without .gz. A "
        "document that is there already is replaced if it has changed. When this "
        "ends, "
        "they are on the disk of the knowledge base and are found. The exit code is 3 where one of them was "
        "not taken.",
    .examples = "troupe kb add docs --namespace manual\n"
                "troupe kb add /usr/share/doc/bash -n machine --meta kind=doc --watch",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "PATH...",
    .least_arguments = 1,
    .most_arguments = 256,
};

const tr_verb_t tr_verb_kb_add = {"kb add", TR_VERB_TALK, &program, sizeof(options_t), run};
