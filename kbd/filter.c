#include "kbd/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_MAX 200

typedef struct compiler {
    tr_filter_t *filter;
    tr_error_t *error;
} compiler_t;

static int compile_map(compiler_t *self, tr_value_t map);

static void put(compiler_t *self, const char *sql) {
    tr_textbuf_add_string(&self->filter->sql, sql);
}

/* ---- values ---- */

static int add_value(compiler_t *self, tr_filter_value_t value) {
    tr_filter_t *f = self->filter;
    int rc = f->count >= TR_FILTER_VALUES_MAX
                 ? tr_error_set(
                       self->error, -EINVAL, "filter: more than %u fields and values", TR_FILTER_VALUES_MAX)
                 : tr_array_reserve(&f->values, f->count, &f->room, sizeof *f->values);
    if (rc == 0)
        f->values[f->count++] = value;
    else
        free(value.text);
    return rc;
}

static int add_text(compiler_t *self, const char *text, size_t length) {
    tr_filter_value_t value = {.kind = TR_FILTER_TEXT, .text = malloc(length + 1), .length = length};
    if (!value.text)
        return -ENOMEM;
    memcpy(value.text, text, length);
    value.text[length] = '\0';
    return add_value(self, value);
}

static bool is_number(tr_value_t v) {
    return v && (v->type == MSGPACK_OBJECT_POSITIVE_INTEGER || v->type == MSGPACK_OBJECT_NEGATIVE_INTEGER ||
                    v->type == MSGPACK_OBJECT_FLOAT32 || v->type == MSGPACK_OBJECT_FLOAT64);
}

static int add_number(compiler_t *self, tr_value_t v) {
    bool real = v->type == MSGPACK_OBJECT_FLOAT32 || v->type == MSGPACK_OBJECT_FLOAT64;
    return add_value(self, real ? (tr_filter_value_t){.kind = TR_FILTER_REAL, .real = tr_value_double(v, 0)}
                                : (tr_filter_value_t){.kind = TR_FILTER_INT, .integer = tr_value_int(v, 0)});
}

/* ---- fields ---- */

typedef struct field {
    const char *column; /* NULL = of the metadata */
    char path[2 * FIELD_MAX + 8];
} field_t;

static const struct {
    const char *name, *column;
} own[] = {
    {"$id", "d.id"},
    {"$title", "d.title"},
    {"$source", "d.source"},
    {"$format", "d.format"},
    {"$agent", "d.agent"},
    {"$conversation", "d.conversation"},
    {"$taint", "d.taint"},
    {"$added_ms", "d.added_ms"},
    {"$changed_ms", "d.changed_ms"},
};

/* "a.b" as SQLite's path $."a"."b". */
static int write_path(const char *name, field_t *ret, tr_error_t *error) {
    char *out = ret->path;
    if (!*name || strlen(name) > FIELD_MAX || strpbrk(name, "\"\\"))
        return tr_error_set(error, -EINVAL, "filter: %.40s: not a field's name", name);
    out = stpcpy(out, "$.\"");
    for (; *name; name++)
        out = *name == '.' ? stpcpy(out, "\".\"") : (*out = *name, out + 1);
    strcpy(out, "\"");
    return 0;
}

static int read_field(const char *name, field_t *ret, tr_error_t *error) {
    *ret = (field_t){0};
    if (*name != '$')
        return write_path(name, ret, error);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i].name) == 0)
            ret->column = own[i].column;
    return ret->column
               ? 0
               : tr_error_set(error, -EINVAL,
                     "filter: %.40s: a document has $id, $title, $source, $format, $agent, $conversation, "
                     "$taint, $added_ms, $changed_ms",
                     name);
}

/* Up to where the comparison with the value comes: a value or those of a list, but not the members of a map. `types` are those of JSON that may be compared. */
static int begin_test(compiler_t *self, const field_t *field, const char *types) {
    if (field->column) {
        put(self, "coalesce(");
        put(self, field->column);
        return 0;
    }
    int rc = add_text(self, field->path, strlen(field->path));
    put(self, "EXISTS (SELECT 1 FROM json_each(d.metadata, ?) j WHERE typeof(j.key) <> 'text' AND j.type ");
    put(self, types);
    put(self, " AND j.atom");
    return rc;
}

static void end_test(compiler_t *self, const field_t *field) {
    put(self, field->column ? ", 0)" : ")");
}

/* `field sign value`, where sign is one of SQL's, for a text or a number. */
static int compare(compiler_t *self, const field_t *field, const char *sign, tr_value_t v) {
    size_t length;
    const char *text = tr_value_str(v, &length);
    if (!text && !is_number(v))
        return tr_error_set(self->error, -EINVAL, "filter: expected a text or a number to compare with");
    int rc = begin_test(self, field, text ? "= 'text'" : "IN ('integer', 'real')");
    put(self, sign);
    put(self, " ?");
    end_test(self, field);
    return rc < 0 ? rc : text ? add_text(self, text, length) : add_number(self, v);
}

/* true, false and null are types in SQLite's JSON. */
static int equals_constant(compiler_t *self, const field_t *field, const char *type) {
    if (field->column)
        return tr_error_set(self->error, -EINVAL, "filter: expected a text or a number to compare with");
    int rc = add_text(self, field->path, strlen(field->path));
    put(self,
        "EXISTS (SELECT 1 FROM json_each(d.metadata, ?) j WHERE typeof(j.key) <> 'text' AND j.type = '");
    put(self, type);
    put(self, "')");
    return rc;
}

static int equals(compiler_t *self, const field_t *field, tr_value_t v) {
    if (v->type == MSGPACK_OBJECT_BOOLEAN)
        return equals_constant(self, field, v->via.boolean ? "true" : "false");
    if (v->type == MSGPACK_OBJECT_NIL)
        return equals_constant(self, field, "null");
    return compare(self, field, " =", v);
}

static int equals_any(compiler_t *self, const field_t *field, tr_value_t list) {
    int rc = 0;
    if (!tr_value_is_array(list))
        return tr_error_set(self->error, -EINVAL, "filter: in: expected a list");
    put(self, "(0");
    for (size_t i = 0; i < tr_value_size(list) && rc == 0; i++) {
        put(self, " OR ");
        rc = equals(self, field, tr_value_at(list, i));
    }
    put(self, ")");
    return rc;
}

static int differs(compiler_t *self, const field_t *field, tr_value_t v) {
    put(self, "NOT ");
    return equals(self, field, v);
}

static int less(compiler_t *self, const field_t *field, tr_value_t v) {
    return compare(self, field, " <", v);
}

static int at_most(compiler_t *self, const field_t *field, tr_value_t v) {
    return compare(self, field, " <=", v);
}

static int greater(compiler_t *self, const field_t *field, tr_value_t v) {
    return compare(self, field, " >", v);
}

static int at_least(compiler_t *self, const field_t *field, tr_value_t v) {
    return compare(self, field, " >=", v);
}

/* Everything from the text on that begins with it, so that an index on the field could serve it. */
static int begins(compiler_t *self, const field_t *field, tr_value_t v) {
    size_t length;
    const char *text = tr_value_str(v, &length);
    if (!text)
        return tr_error_set(self->error, -EINVAL, "filter: prefix: expected a text");
    put(self, "(");
    int rc = compare(self, field, " >=", v);
    put(self, " AND ");
    if (rc == 0)
        rc = begin_test(self, field, "= 'text'");
    put(self, " < ? || char(1114111)");
    end_test(self, field);
    put(self, ")");
    return rc < 0 ? rc : add_text(self, text, length);
}

static int exists(compiler_t *self, const field_t *field, tr_value_t v) {
    if (v->type != MSGPACK_OBJECT_BOOLEAN)
        return tr_error_set(self->error, -EINVAL, "filter: exists: expected true or false");
    if (field->column) {
        put(self, field->column);
        put(self, v->via.boolean ? " IS NOT NULL" : " IS NULL");
        return 0;
    }
    put(self, v->via.boolean ? "json_type(d.metadata, ?) IS NOT NULL" : "json_type(d.metadata, ?) IS NULL");
    return add_text(self, field->path, strlen(field->path));
}

/* ---- structure ---- */

static const struct {
    const char *word;
    int (*compile)(compiler_t *self, const field_t *field, tr_value_t v);
} tests[] = {
    {"eq", equals},
    {"ne", differs},
    {"in", equals_any},
    {"lt", less},
    {"lte", at_most},
    {"gt", greater},
    {"gte", at_least},
    {"prefix", begins},
    {"exists", exists},
};

static int compile_test(compiler_t *self, const field_t *field, const msgpack_object_kv *entry) {
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (tr_value_equals(&entry->key, tests[i].word))
            return tests[i].compile(self, field, &entry->val);
    return tr_error_set(
        self->error, -EINVAL, "filter: expected eq, ne, in, lt, lte, gt, gte, prefix or exists");
}

static int compile_field(compiler_t *self, const char *name, tr_value_t v) {
    field_t field;
    int rc = read_field(name, &field, self->error);
    if (rc < 0)
        return rc;
    if (tr_value_is_array(v))
        return equals_any(self, &field, v);
    if (!tr_value_is_map(v))
        return equals(self, &field, v);
    put(self, "(1");
    for (uint32_t i = 0; i < v->via.map.size && rc == 0; i++) {
        put(self, " AND ");
        rc = compile_test(self, &field, &v->via.map.ptr[i]);
    }
    put(self, ")");
    return rc;
}

static int compile_list(compiler_t *self, const char *word, tr_value_t list) {
    bool all = strcmp(word, "and") == 0;
    int rc = 0;
    if (!tr_value_is_array(list))
        return tr_error_set(self->error, -EINVAL, "filter: %s: expected a list of filters", word);
    put(self, all ? "(1" : "(0");
    for (size_t i = 0; i < tr_value_size(list) && rc == 0; i++) {
        put(self, all ? " AND " : " OR ");
        rc = compile_map(self, tr_value_at(list, i));
    }
    put(self, ")");
    return rc;
}

static int compile_entry(compiler_t *self, const msgpack_object_kv *entry) {
    char name[FIELD_MAX + 1];
    if (tr_value_copy(&entry->key, name, sizeof name) < 0)
        return tr_error_set(
            self->error, -EINVAL, "filter: expected the name of a field, of %d bytes at most", FIELD_MAX);
    if (strcmp(name, "and") == 0 || strcmp(name, "or") == 0)
        return compile_list(self, name, &entry->val);
    if (strcmp(name, "not") != 0)
        return compile_field(self, name, &entry->val);
    put(self, "NOT ");
    return compile_map(self, &entry->val);
}

/* As deep as a content may be: TR_CONTENT_DEPTH_MAX. */
static int compile_map(compiler_t *self, tr_value_t map) {
    int rc = 0;
    if (!tr_value_is_map(map))
        return tr_error_set(self->error, -EINVAL, "filter: expected a map");
    put(self, "(1");
    for (uint32_t i = 0; i < map->via.map.size && rc == 0; i++) {
        put(self, " AND ");
        rc = compile_entry(self, &map->via.map.ptr[i]);
    }
    put(self, ")");
    return rc;
}

int tr_filter_compile(tr_value_t filter, tr_filter_t *ret_filter, tr_error_t *error) {
    tr_filter_t f = {0};
    compiler_t self = {&f, error};
    int rc = filter ? compile_map(&self, filter) : 0;
    if (rc == 0 && f.sql.failed)
        rc = -ENOMEM;
    if (rc < 0)
        tr_filter_finish(&f);
    else
        *ret_filter = f;
    return rc == -ENOMEM ? tr_error_set(error, rc, "out of memory") : rc;
}

void tr_filter_finish(tr_filter_t *self) {
    for (size_t i = 0; i < self->count; i++)
        free(self->values[i].text);
    free(self->values);
    tr_textbuf_finish(&self->sql);
    *self = (tr_filter_t){0};
}

const char *tr_filter_sql(const tr_filter_t *self) {
    return self->sql.length ? self->sql.bytes : "1";
}

void tr_filter_bind(const tr_filter_t *self, sqlite3_stmt *s, int first) {
    for (size_t i = 0; i < self->count; i++) {
        const tr_filter_value_t *v = &self->values[i];
        int at = first + (int)i;
        if (v->kind == TR_FILTER_TEXT)
            sqlite3_bind_text64(s, at, v->text, v->length, SQLITE_STATIC, SQLITE_UTF8);
        else if (v->kind == TR_FILTER_INT)
            sqlite3_bind_int64(s, at, v->integer);
        else
            sqlite3_bind_double(s, at, v->real);
    }
}
