#include "lib/yaml/yaml_table.h"

#include "lib/base/options.h"
#include "lib/base/suggest.h"
#include "lib/yaml/yaml_check.h"
#include "lib/yaml/yaml_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* Where the reader is, as a chain of stack frames: printed only when something is wrong. */
typedef struct path {
    const struct path *parent;
    const char *key; /* NULL: an item of a list */
    size_t index;
} path_t;

typedef struct reader {
    yaml_document_t *document;
    const char *file;
    tr_arena_t *arena;
    tr_error_t *error;
    size_t visited, nodes_max;
} reader_t;

#define PATH_TEXT 160

static void print_path(const path_t *path, char *out, size_t size) {
    const path_t *frames[2 * TR_YAML_DEPTH_MAX];
    size_t n = 0;
    for (; path && n < sizeof frames / sizeof *frames; path = path->parent)
        frames[n++] = path;
    size_t used = 0;
    out[0] = '\0';
    while (n-- > 0 && used < size) {
        const path_t *f = frames[n];
        int len = f->key ? snprintf(out + used, size - used, "%s%.60s", used ? "." : "", f->key)
                         : snprintf(out + used, size - used, "[%zu]", f->index);
        used += len > 0 ? (size_t)len : 0;
    }
}

/* A node as an error quotes it: short, on one line, without control characters. */
static const char *shown(const yaml_node_t *node, char *out, size_t size) {
    if (node->type == YAML_MAPPING_NODE)
        return "a mapping";
    if (node->type == YAML_SEQUENCE_NODE)
        return "a list";
    if (node->data.scalar.length == 0)
        return "nothing";
    size_t len = node->data.scalar.length, most = size - 6;
    size_t n = len < most ? len : most;
    out[0] = '"';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = node->data.scalar.value[i];
        out[1 + i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    /* Cut between characters, not within one. */
    while (n < len && n > 0 && (node->data.scalar.value[n] & 0xc0) == 0x80)
        n--;
    snprintf(out + 1 + n, size - 1 - n, "%s", n < len ? "...\"" : "\"");
    return out;
}

static int __attribute__((format(printf, 4, 5)))
wrong(reader_t *self, const path_t *path, const yaml_node_t *node, const char *format, ...) {
    char place[PATH_TEXT], text[300];
    print_path(path, place, sizeof place);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return tr_error_set(self->error, -EINVAL, "%s:%zu:%zu: %s%s%s", self->file, node->start_mark.line + 1,
        node->start_mark.column + 1, place, *place ? ": " : "", text);
}

static int out_of_memory(reader_t *self) {
    return tr_error_set(self->error, -ENOMEM, "%s: out of memory", self->file);
}

static int unexpected(reader_t *self, const path_t *path, const yaml_node_t *node, const char *expected) {
    char found[64];
    return wrong(self, path, node, "expected %s, found %s", expected, shown(node, found, sizeof found));
}

static yaml_node_t *node_at(reader_t *self, int index) {
    return yaml_document_get_node(self->document, index);
}

/* Counts a visit: aliases make a tree of n nodes as large as 2^n. */
static int visit(reader_t *self, const path_t *path, const yaml_node_t *node) {
    if (++self->visited > self->nodes_max)
        return wrong(self, path, node, "too large: it is more than %zu values, with what aliases repeat",
            self->nodes_max);
    return 0;
}

/* The scalar as a C string of the arena. */
static int read_text(reader_t *self, const path_t *path, const yaml_node_t *node, const char *expected,
    const char **ret_text) {
    if (node->type != YAML_SCALAR_NODE)
        return unexpected(self, path, node, expected);
    const char *value = (const char *)node->data.scalar.value;
    if (memchr(value, '\0', node->data.scalar.length))
        return wrong(self, path, node, "a NUL character cannot be part of a value");
    const char *text = tr_arena_strn(self->arena, value, node->data.scalar.length);
    if (!text)
        return out_of_memory(self);
    *ret_text = text;
    return 0;
}

static int read_checked(reader_t *self, const path_t *path, const yaml_node_t *node,
    const tr_yaml_field_t *field, const char **ret_text) {
    const char *expected = field->expected ? field->expected : "a text";
    const char *text = NULL;
    int rc = read_text(self, path, node, expected, &text);
    if (rc < 0)
        return rc;
    if (field->check && !field->check(text, strlen(text)))
        return unexpected(self, path, node, expected);
    *ret_text = text;
    return 0;
}

static int put_text(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    const char *text = NULL;
    int rc = read_checked(self, path, node, field, &text);
    if (rc == 0)
        *(const char **)at = text;
    return rc;
}

static int put_whole(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    char expected[80];
    const char *text = NULL;
    snprintf(
        expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, field->min, field->max);
    int rc = read_text(self, path, node, expected, &text);
    if (rc < 0)
        return rc;
    if (tr_parse_int(text, field->min, field->max, at, NULL) < 0)
        return unexpected(self, path, node, expected);
    return 0;
}

static void print_ms(int64_t ms, char *out, size_t size) {
    if (ms % 1000 == 0)
        snprintf(out, size, "%" PRId64 "s", ms / 1000);
    else
        snprintf(out, size, "%" PRId64 "ms", ms);
}

static int put_duration(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    char expected[120], min[24], max[24];
    const char *text = NULL;
    print_ms(field->min, min, sizeof min);
    print_ms(field->max, max, sizeof max);
    snprintf(expected, sizeof expected, "a time from %s to %s, such as 200ms, 10s or 1m30s", min, max);
    int rc = read_text(self, path, node, expected, &text);
    if (rc < 0)
        return rc;
    int64_t ms = 0;
    if (tr_parse_duration(text, &ms, NULL) < 0 || ms < field->min || ms > field->max)
        return unexpected(self, path, node, expected);
    *(int64_t *)at = ms;
    return 0;
}

static int put_word(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    char expected[160] = "";
    const char *text = NULL;
    size_t used = 0;
    for (size_t i = 0; field->words[i] && used < sizeof expected; i++) {
        const char *between = i == 0 ? "" : field->words[i + 1] ? ", " : " or ";
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s", between, field->words[i]);
    }
    int rc = read_text(self, path, node, expected, &text);
    if (rc < 0)
        return rc;
    for (int i = 0; field->words[i]; i++) {
        if (strcmp(field->words[i], text) == 0) {
            *(int *)at = i;
            return 0;
        }
    }
    return unexpected(self, path, node, expected);
}

static int put_truth(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    static const char *const words[] = {"false", "true", NULL};
    tr_yaml_field_t word = *field;
    int truth = 0;
    word.words = words;
    int rc = put_word(self, path, node, &word, &truth);
    if (rc == 0)
        *(bool *)at = truth;
    return rc;
}

/* A scalar is a list of one. 0 or -EINVAL. */
static int count_items(
    reader_t *self, const path_t *path, const yaml_node_t *node, const tr_yaml_field_t *field, size_t *ret) {
    bool list = node->type == YAML_SEQUENCE_NODE;
    *ret = list ? (size_t)(node->data.sequence.items.top - node->data.sequence.items.start) : 1;
    if (*ret >= (size_t)field->min && *ret <= (size_t)field->max)
        return 0;
    return wrong(self, path, node, "expected a list of %" PRId64 " to %" PRId64 " items, found %zu",
        field->min, field->max, *ret);
}

static int put_texts(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    if (node->type == YAML_MAPPING_NODE)
        return unexpected(self, path, node, "a list");
    bool list = node->type == YAML_SEQUENCE_NODE;
    size_t n = 1;
    if (count_items(self, path, node, field, &n) < 0)
        return -EINVAL;
    tr_texts_t texts = {tr_arena_alloc(self->arena, (n + 1) * sizeof *texts.items), n};
    if (!texts.items)
        return out_of_memory(self);
    for (size_t i = 0; i < n; i++) {
        path_t here = {path, NULL, i};
        yaml_node_t *item = list ? node_at(self, node->data.sequence.items.start[i]) : node;
        int rc = visit(self, &here, item);
        if (rc == 0)
            rc = read_checked(self, list ? &here : path, item, field, &texts.items[i]);
        if (rc < 0)
            return rc;
    }
    texts.items[n] = NULL;
    *(tr_texts_t *)at = texts;
    return 0;
}

static int put_text_lists(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    if (node->type != YAML_SEQUENCE_NODE)
        return unexpected(self, path, node, "a list");
    size_t n;
    if (count_items(self, path, node, field, &n) < 0)
        return -EINVAL;
    tr_text_lists_t lists = {tr_arena_alloc(self->arena, (n + 1) * sizeof *lists.items), n};
    if (!lists.items)
        return out_of_memory(self);
    for (size_t i = 0; i < n; i++) {
        path_t here = {path, NULL, i};
        yaml_node_t *item = node_at(self, node->data.sequence.items.start[i]);
        int rc = visit(self, &here, item);
        if (rc == 0)
            rc = put_texts(self, &here, item, field, &lists.items[i]);
        if (rc < 0)
            return rc;
    }
    *(tr_text_lists_t *)at = lists;
    return 0;
}

/* How many pairs an entry makes. */
static size_t pairs_of(const yaml_node_t *value, const tr_yaml_field_t *field) {
    bool list = field->lists && value->type == YAML_SEQUENCE_NODE;
    return list ? (size_t)(value->data.sequence.items.top - value->data.sequence.items.start) : 1;
}

static int put_pair(reader_t *self, const path_t *path, const yaml_node_pair_t *pair,
    const tr_yaml_field_t *field, tr_pair_t *out) {
    yaml_node_t *key = node_at(self, pair->key), *value = node_at(self, pair->value);
    bool list = field->lists && value->type == YAML_SEQUENCE_NODE;
    const char *name = NULL;
    int rc = visit(self, path, key);
    if (rc == 0)
        rc = read_checked(self, path, key, field, &name);
    path_t here = {path, rc == 0 ? name : "", 0};
    for (size_t i = 0; rc == 0 && i < pairs_of(value, field); i++) {
        yaml_node_t *one = list ? node_at(self, value->data.sequence.items.start[i]) : value;
        out[i].key = name;
        rc = list ? visit(self, &here, one) : 0;
        if (rc == 0)
            rc = read_text(self, &here, one, "a text or a number", &out[i].value);
    }
    return rc;
}

static int put_pairs(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    if (node->type != YAML_MAPPING_NODE)
        return unexpected(self, path, node, "a mapping");
    const yaml_node_pair_t *pairs = node->data.mapping.pairs.start;
    size_t n = (size_t)(node->data.mapping.pairs.top - pairs), all = 0, used = 0;
    for (size_t i = 0; i < n; i++)
        all += pairs_of(node_at(self, pairs[i].value), field);
    if (n > (size_t)field->max || all > (size_t)field->max)
        return wrong(self, path, node, "expected at most %" PRId64 " entries, found %zu", field->max,
            all > n ? all : n);
    tr_pairs_t out = {tr_arena_alloc(self->arena, (all + 1) * sizeof *out.items), all};
    if (!out.items)
        return out_of_memory(self);
    for (size_t i = 0; i < n; i++) {
        int rc = put_pair(self, path, &pairs[i], field, &out.items[used]);
        if (rc < 0)
            return rc;
        size_t more = pairs_of(node_at(self, pairs[i].value), field);
        path_t here = {path, more ? out.items[used].key : "", 0};
        for (size_t k = 0; more && k < used; k++)
            if (strcmp(out.items[k].key, out.items[used].key) == 0)
                return wrong(self, &here, node_at(self, pairs[i].key), "given twice");
        used += more;
    }
    *(tr_pairs_t *)at = out;
    return 0;
}

static int put_json(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    if (node->type == YAML_SCALAR_NODE && field->check)
        return put_text(self, path, node, field, at);
    if (node->type != YAML_MAPPING_NODE)
        return unexpected(self, path, node, field->check ? field->expected : "a mapping");
    tr_yaml_json_t to = {self->document, self->nodes_max - self->visited, NULL, NULL, NULL};
    int rc = tr_yaml_json_print(&to, node, self->arena);
    self->visited = self->nodes_max - to.nodes_left;
    if (rc == -ENOMEM)
        return out_of_memory(self);
    if (rc < 0)
        return wrong(self, path, to.wrong_node ? to.wrong_node : node, "%s", to.reason);
    *(const char **)at = to.text;
    return 0;
}

static int read_section(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_table_t *table, void *target);

static int put_section(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    return read_section(self, path, node, field->table, at);
}

static int put_sections(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at) {
    if (node->type != YAML_SEQUENCE_NODE)
        return unexpected(self, path, node, "a list");
    const yaml_node_item_t *items = node->data.sequence.items.start;
    size_t n = (size_t)(node->data.sequence.items.top - items), size = field->table->struct_size;
    if (n < (size_t)field->min || n > (size_t)field->max)
        return wrong(self, path, node, "expected a list of %" PRId64 " to %" PRId64 " items, found %zu",
            field->min, field->max, n);
    tr_yaml_list_t list = {tr_arena_alloc(self->arena, n * size), n};
    if (n > 0 && !list.items)
        return out_of_memory(self);
    for (size_t i = 0; i < n; i++) {
        path_t here = {path, NULL, i};
        int rc =
            read_section(self, &here, node_at(self, items[i]), field->table, (char *)list.items + i * size);
        if (rc < 0)
            return rc;
    }
    *(tr_yaml_list_t *)at = list;
    return 0;
}

typedef int put_t(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_field_t *field, void *at);

static put_t *const puts_by_kind[] = {
    [TR_YAML_TEXT] = put_text,
    [TR_YAML_WHOLE] = put_whole,
    [TR_YAML_DURATION] = put_duration,
    [TR_YAML_WORD] = put_word,
    [TR_YAML_TRUTH] = put_truth,
    [TR_YAML_TEXTS] = put_texts,
    [TR_YAML_TEXT_LISTS] = put_text_lists,
    [TR_YAML_PAIRS] = put_pairs,
    [TR_YAML_JSON] = put_json,
    [TR_YAML_SECTION] = put_section,
    [TR_YAML_SECTIONS] = put_sections,
};

#define FIELDS_MAX 32

static int unknown_key(reader_t *self, const path_t *path, const yaml_node_t *key,
    const tr_yaml_table_t *table, const char *text) {
    const char *words[FIELDS_MAX + 1];
    char known[240] = "";
    size_t used = 0;
    for (size_t i = 0; i < table->count; i++) {
        words[i] = table->fields[i].key;
        if (used < sizeof known)
            used += (size_t)snprintf(
                known + used, sizeof known - used, "%s%s", i ? ", " : "", table->fields[i].key);
    }
    words[table->count] = NULL;
    const char *nearest = tr_suggest(text, words);
    if (nearest)
        return wrong(self, path, key, "unknown key \"%.40s\", did you mean \"%s\"?", text, nearest);
    return wrong(self, path, key, "unknown key \"%.40s\"; the keys are %s", text, known);
}

static bool is_null(const yaml_node_t *node) {
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (node->data.scalar.length == 0 || tr_yaml_json_is_null((const char *)node->data.scalar.value));
}

static int read_entry(reader_t *self, const path_t *path, const yaml_node_pair_t *pair,
    const tr_yaml_table_t *table, char *target, uint32_t *given) {
    yaml_node_t *key = node_at(self, pair->key), *value = node_at(self, pair->value);
    const char *text = NULL;
    int rc = visit(self, path, value);
    if (rc == 0)
        rc = read_text(self, path, key, "a key", &text);
    if (rc < 0)
        return rc;
    size_t i = 0;
    while (i < table->count && strcmp(table->fields[i].key, text) != 0)
        i++;
    if (i == table->count)
        return unknown_key(self, path, key, table, text);
    path_t here = {path, text, 0};
    if (*given & 1u << i)
        return wrong(self, &here, key, "given twice");
    const tr_yaml_field_t *field = &table->fields[i];
    if (is_null(value))
        return field->required ? wrong(self, &here, key, "nothing is given, and it is needed") : 0;
    *given |= 1u << i;
    return puts_by_kind[field->kind](self, &here, value, field, target + field->offset);
}

static int read_section(
    reader_t *self, const path_t *path, yaml_node_t *node, const tr_yaml_table_t *table, void *target) {
    if (node->type != YAML_MAPPING_NODE)
        return unexpected(self, path, node, "a mapping");
    if (table->initial)
        memcpy(target, table->initial, table->struct_size);
    else
        memset(target, 0, table->struct_size);
    if (table->line_offset)
        *(int *)((char *)target + table->line_offset) = (int)node->start_mark.line + 1;
    uint32_t given = 0;
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
        int rc = read_entry(self, path, p, table, target, &given);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < table->count; i++) {
        if (table->fields[i].required && !(given & 1u << i))
            return wrong(self, path, node, "missing key \"%s\"", table->fields[i].key);
    }
    char reason[200];
    if (table->check && table->check(target, reason, sizeof reason) < 0)
        return wrong(self, path, node, "%s", reason);
    return 0;
}

static int read_root(reader_t *self, const tr_yaml_table_t *table, void *target) {
    yaml_node_t *root = yaml_document_get_root_node(self->document);
    if (!root)
        return tr_error_set(self->error, -EINVAL, "%s:1:1: the file is empty", self->file);
    return read_section(self, NULL, root, table, target);
}

int tr_yaml_table_read(const tr_yaml_table_t *table, const char *bytes, size_t len, const char *file,
    tr_arena_t *arena, void *target, tr_error_t *error) {
    size_t most = table->bytes_max ? table->bytes_max : TR_YAML_BYTES_MAX;
    int rc = tr_yaml_check(bytes, len, most, file, error);
    if (rc < 0)
        return rc;
    yaml_parser_t parser;
    yaml_document_t document;
    if (!yaml_parser_initialize(&parser))
        return tr_error_set(error, -ENOMEM, "%s: out of memory", file);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, len);
    if (!yaml_parser_load(&parser, &document)) {
        rc = tr_yaml_parser_error(&parser, file, error);
        yaml_parser_delete(&parser);
        return rc;
    }
    size_t nodes_max = table->nodes_max ? table->nodes_max : TR_YAML_NODES_MAX;
    reader_t reader = {&document, file, arena, error, 0, nodes_max};
    rc = read_root(&reader, table, target);
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return rc;
}

static void keys_below(const tr_yaml_table_t *table, const char *prefix,
    void (*each)(void *context, const char *path), void *context) {
    for (size_t i = 0; i < table->count; i++) {
        const tr_yaml_field_t *f = &table->fields[i];
        char path[PATH_TEXT];
        bool list = f->kind == TR_YAML_SECTIONS;
        snprintf(path, sizeof path, "%s%s%s", prefix, f->key, list ? "[]" : "");
        each(context, path);
        if (!f->table)
            continue;
        snprintf(path, sizeof path, "%s%s%s.", prefix, f->key, list ? "[]" : "");
        keys_below(f->table, path, each, context);
    }
}

void tr_yaml_table_keys(
    const tr_yaml_table_t *table, void (*each)(void *context, const char *path), void *context) {
    keys_below(table, "", each, context);
}
