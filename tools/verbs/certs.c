#include "tools/verbs/certs.h"

#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"
#include "tools/fleet/state.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- where they are ---- */

int tr_certs_directory(const tr_call_t *call, const char *option, char *out) {
    tr_state_info_t info;
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n;
    if (option)
        n = snprintf(out, PATH_MAX, "%s", option);
    else if (tr_state_find(NULL, NULL, &info, NULL) == 0 && *info.certs)
        n = snprintf(out, PATH_MAX, "%s", info.certs);
    else if (config && config[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/troupe/certs", config);
    else if (home && home[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/.config/troupe/certs", home);
    else
        return tr_cli_usage(call, "no place for certificates: HOME is not set; give --certs DIR");
    return n < PATH_MAX ? TR_EXIT_OK : tr_cli_usage(call, "--certs: the path is too long");
}

int tr_certs_load(const tr_call_t *call, const char *directory, const char *name, tr_cert_t **ret_cert) {
    tr_error_t error = {0};
    int rc = tr_cert_load_named(directory, name, ret_cert, &error);
    if (rc == -ENOENT)
        return tr_cli_fail(call, TR_EXIT_REFUSED,
            "there is no certificate \"%.128s\" in %s; `troupe cert ls` shows which", name, directory);
    return rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text) : TR_EXIT_OK;
}

static int remove_secret(const tr_call_t *call, const char *directory, const char *name) {
    char path[PATH_MAX];
    if (tr_secret_path(directory, name, path, NULL) < 0 || unlink(path) == 0 || errno == ENOENT)
        return TR_EXIT_OK;
    return tr_cli_fail(
        call, TR_EXIT_REFUSED, "%s is revoked, but %s cannot be removed: %s", name, path, strerror(errno));
}

int tr_certs_revoke(const tr_call_t *call, const char *directory, const char *name, tr_cert_t **ret_cert) {
    tr_error_t error = {0};
    int code = tr_certs_load(call, directory, name, ret_cert);
    if (code != TR_EXIT_OK)
        return code;
    tr_cert_t *cert = *ret_cert;
    if (!cert->revoked_ms) {
        cert->revoked_ms = tr_clock_wall_ms() / 1000 * 1000; /* as the file has it */
        if (tr_cert_save(cert, directory, &error) < 0)
            return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    }
    return remove_secret(call, directory, name);
}

static bool is_certificate(const char *file) {
    size_t len = strlen(file), suffix = strlen(TR_CERT_SUFFIX);
    return len > suffix && file[0] != '.' && strcmp(file + len - suffix, TR_CERT_SUFFIX) == 0;
}

static int add(const tr_call_t *call, tr_cert_list_t *list, const char *directory, const char *file) {
    char path[PATH_MAX];
    tr_error_t error = {0};
    tr_cert_t **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items)
        return -ENOMEM;
    list->items = items;
    if (snprintf(path, sizeof path, "%s/%s", directory, file) >= (int)sizeof path ||
        tr_cert_load(path, &items[list->count], &error) < 0) {
        fprintf(call->err, "%s: %s\n", call->verb->program->name, error.text);
        list->broken++;
        return 0;
    }
    list->count++;
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(tr_cert_t *const *)a)->name, (*(tr_cert_t *const *)b)->name);
}

int tr_certs_list(const tr_call_t *call, const char *directory, tr_cert_list_t *ret_list) {
    tr_cert_list_t list = {0};
    DIR *dir = opendir(directory);
    if (!dir)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s: %s; `troupe cert new %s --role broker` begins one",
            directory, strerror(errno), TR_CERT_BROKER);
    int rc = 0;
    for (const struct dirent *e = readdir(dir); e && rc == 0; e = readdir(dir))
        if (is_certificate(e->d_name))
            rc = add(call, &list, directory, e->d_name);
    closedir(dir);
    if (rc < 0) {
        tr_certs_list_finish(&list);
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    }
    if (list.count)
        qsort(list.items, list.count, sizeof *list.items, by_name);
    *ret_list = list;
    return TR_EXIT_OK;
}

void tr_certs_list_finish(tr_cert_list_t *self) {
    for (size_t i = 0; i < self->count; i++)
        tr_cert_destroy(&self->items[i]);
    free(self->items);
    *self = (tr_cert_list_t){0};
}

/* ---- how one is shown ---- */

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
    {"names", TR_COLUMN_TEXT},
    {"publish", TR_COLUMN_TEXT},
    {"subscribe", TR_COLUMN_TEXT},
    {"offer", TR_COLUMN_TEXT, .wide = true},
    {"ask", TR_COLUMN_TEXT, .wide = true},
    {"verbs", TR_COLUMN_TEXT, .wide = true},
    {"platforms", TR_COLUMN_TEXT, .wide = true},
    {"messages_per_s", TR_COLUMN_NUMBER, .wide = true},
    {"bytes_per_s", TR_COLUMN_BYTES, .wide = true},
    {"connections", TR_COLUMN_NUMBER, .wide = true},
    {"mailbox_bytes", TR_COLUMN_BYTES, .wide = true},
    {"made", TR_COLUMN_TIME, .wide = true},
    {"not_after", TR_COLUMN_TIME},
    {"revoked", TR_COLUMN_TIME, .wide = true},
    {"key", TR_COLUMN_TEXT, .wide = true},
    {"old_key_until", TR_COLUMN_TIME, .wide = true},
    {"file", TR_COLUMN_TEXT, .wide = true},
    {"secret_file", TR_COLUMN_TEXT, .wide = true},
};
#define COLUMNS (sizeof columns / sizeof *columns)

static json_t *list_of(const tr_strings_t *list) {
    json_t *out = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(out, json_string(list->items[i]));
    return out;
}

/* 0 says that there is none: null. */
static json_t *some(int64_t value) {
    return value ? json_integer(value) : json_null();
}

const char *tr_certs_state(const tr_cert_t *cert, int64_t now_ms) {
    tr_cert_state_t state = tr_cert_state(cert, 0, now_ms);
    bool rotates = cert->keys_n > 1 && tr_cert_state(cert, 1, now_ms) == TR_CERT_VALID;
    return state == TR_CERT_VALID && rotates ? "rotating" : tr_cert_state_name(state);
}

/* Each column's value by its name, or NULL. */
static json_t *object_of(const char *directory, const tr_cert_t *c) {
    char file[PATH_MAX] = "", secret[PATH_MAX] = "", key[TR_KEY_TEXT + 1];
    tr_cert_path(directory, c->name, file, NULL);
    tr_secret_path(directory, c->name, secret, NULL);
    tr_key_print(c->keys[0].bytes, key);
    const tr_rights_t *r = &c->rights;
    const tr_limits_t *l = &c->limits;
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, "
                     "s:o, s:s, s:o}",
        "name", c->name, "state", tr_certs_state(c, tr_clock_wall_ms()), "names", list_of(&r->names),
        "publish", list_of(&r->publish), "subscribe", list_of(&r->subscribe), "offer", list_of(&r->offer),
        "ask", list_of(&r->ask), "verbs", list_of(&r->verbs), "platforms", list_of(&r->platforms),
        "messages_per_s", some((int64_t)l->messages_per_s), "bytes_per_s", some((int64_t)l->bytes_per_s),
        "connections", some((int64_t)l->connections), "mailbox_bytes", some((int64_t)l->mailbox_bytes),
        "made", some(c->made_ms), "not_after", some(c->not_after_ms), "revoked", some(c->revoked_ms), "key",
        key, "old_key_until", some(c->keys_n > 1 ? c->keys[1].until_ms : 0), "file", file, "secret_file",
        access(secret, F_OK) == 0 ? json_string(secret) : json_null());
}

static void put_cell(tr_output_t *output, json_t *value) {
    if (json_is_string(value))
        tr_output_text(output, json_string_value(value));
    else if (json_is_integer(value))
        tr_output_number(output, json_integer_value(value));
    else if (json_is_array(value))
        tr_output_json(output, json_incref(value));
    else
        tr_output_null(output);
}

int tr_certs_table(const tr_call_t *call, tr_output_format_t format, const char *directory,
    tr_cert_t *const *certs, size_t count) {
    tr_output_config_t config = {.out = call->out,
        .format = format,
        .columns = columns,
        .column_count = COLUMNS,
        .colour = tr_output_colour(call->out)};
    tr_output_t *output = NULL;
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    for (size_t i = 0; i < count; i++) {
        json_t *object = object_of(directory, certs[i]);
        for (size_t k = 0; k < COLUMNS; k++)
            put_cell(output, json_object_get(object, columns[k].name));
        tr_output_row(output);
        json_decref(object);
    }
    return tr_cli_finish(call, &output);
}

/* As a cell of its own kind would say it. */
static void print_value(tr_column_kind_t kind, const json_t *value, char *out, size_t size) {
    size_t used = 0, i;
    json_t *item;
    int64_t number = json_integer_value(value);
    out[0] = '\0';
    if (json_is_string(value))
        snprintf(out, size, "%s", json_string_value(value));
    else if (json_is_array(value))
        json_array_foreach(value, i, item) used +=
            used < size
                ? (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", json_string_value(item))
                : 0;
    else if (kind == TR_COLUMN_TIME && number)
        tr_cert_print_time(number, out);
    else if (kind == TR_COLUMN_BYTES && number)
        tr_print_bytes((uint64_t)number, out, size);
    else if (number)
        snprintf(out, size, "%lld", (long long)number);
}

/* A list that grants nothing says so; what else is not there is left out. */
static int put_page(const tr_call_t *call, tr_output_format_t format, const json_t *object) {
    static const tr_column_t page[] = {{"what", TR_COLUMN_TEXT}, {"value", TR_COLUMN_TEXT}};
    tr_output_config_t config = {
        .out = call->out, .format = format, .columns = page, .column_count = 2, .bare = true};
    tr_output_t *output = NULL;
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    for (size_t i = 0; i < COLUMNS; i++) {
        char text[4096];
        const json_t *value = json_object_get(object, columns[i].name);
        print_value(columns[i].kind, value, text, sizeof text);
        if (!*text && !json_is_array(value))
            continue;
        tr_output_text(output, columns[i].name);
        tr_output_text(output, *text ? text : "(none)");
        tr_output_row(output);
    }
    return tr_cli_finish(call, &output);
}

int tr_certs_show(
    const tr_call_t *call, tr_output_format_t format, const char *directory, const tr_cert_t *cert) {
    if (format != TR_OUTPUT_TABLE && format != TR_OUTPUT_WIDE)
        return tr_certs_table(call, format, directory, (tr_cert_t *const[]){(tr_cert_t *)(uintptr_t)cert}, 1);
    json_t *object = object_of(directory, cert);
    int code = put_page(call, format, object);
    json_decref(object);
    return code;
}
