/* The fields of a request: checked against its route, and written as what an agent is asked. */
#include "gateway/http/exchange.h"
#include "gateway/http/server.h"
#include "lib/base/options.h"
#include "lib/base/suggest.h"
#include "proto/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 64

static const char *const type_words[] = {
    [TR_WEB_TEXT] = "a text",
    [TR_WEB_INTEGER] = "a whole number",
    [TR_WEB_NUMBER] = "a number",
    [TR_WEB_BOOLEAN] = "true or false",
    [TR_WEB_LIST] = "a list",
    [TR_WEB_OBJECT] = "an object",
    [TR_WEB_ANY] = "any value",
};

/* ---- the query ---- */

static const char *next_pair(const tr_web_exchange_t *self, const char *pair) {
    const char *next = pair ? pair + strlen(pair) + 1 : self->query;
    return next < self->query + self->query_len ? next : NULL;
}

const char *tr_web_query(const tr_web_exchange_t *self, const char *name) {
    size_t len = strlen(name);
    for (const char *pair = NULL; (pair = next_pair(self, pair));)
        if (strncmp(pair, name, len) == 0 && pair[len] == '=')
            return pair + len + 1;
    return NULL;
}

const char *tr_web_text(const tr_web_exchange_t *self, const char *name) {
    const char *text = json_string_value(json_object_get(self->body, name));
    return text ? text : tr_web_query(self, name);
}

/* A text of path or query as its type says. NULL: it is none. */
static json_t *value_of(tr_web_type_t type, const char *text, size_t len) {
    char copy[64];
    int64_t number;
    bool truth;
    tr_error_t error;
    if (type == TR_WEB_TEXT || type == TR_WEB_ANY)
        return json_stringn(text, len);
    if (type == TR_WEB_OBJECT || type == TR_WEB_LIST) {
        json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        if (value && (type == TR_WEB_OBJECT ? json_is_object(value) : json_is_array(value)))
            return value;
        json_decref(value);
        return NULL;
    }
    if (len >= sizeof copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (type == TR_WEB_BOOLEAN)
        return tr_parse_bool(copy, &truth, &error) == 0 ? json_boolean(truth) : NULL;
    if (type == TR_WEB_INTEGER)
        return tr_parse_int(copy, INT64_MIN, INT64_MAX, &number, &error) == 0 ? json_integer(number) : NULL;
    char *end;
    double real = strtod(copy, &end);
    return len && !*end ? json_real(real) : NULL;
}

/* ---- checking ---- */

static bool fits(tr_web_type_t type, const json_t *value) {
    switch (type) {
    case TR_WEB_TEXT: return json_is_string(value);
    case TR_WEB_INTEGER: return json_is_integer(value);
    case TR_WEB_NUMBER: return json_is_number(value);
    case TR_WEB_BOOLEAN: return json_is_boolean(value);
    case TR_WEB_LIST: return json_is_array(value);
    case TR_WEB_OBJECT: return json_is_object(value);
    case TR_WEB_ANY: return true;
    }
    return false;
}

static bool wrong_type(tr_web_exchange_t *self, const tr_web_field_t *field) {
    bool counts = field->type == TR_WEB_INTEGER && field->place != TR_WEB_IN_BODY;
    tr_web_problem_of(self, field->name, 400, "unrecognised-parameter-value", "%s: expected %s%s",
        field->name, type_words[field->type], counts ? ", 0 or more" : "");
    return false;
}

/* It is refused: cut or replaced, two people would be one to an agent that remembers its users. */
static bool too_long(tr_web_exchange_t *self, const tr_web_field_t *field) {
    tr_web_problem_of(self, field->name, 400, "unrecognised-parameter-value",
        "%s: expected at most %zu bytes: give a shorter one, or a hash of it", field->name, field->most);
    return false;
}

/* Of path or query: numbers there count something, or are some thing's own. */
static bool text_fits(const tr_web_field_t *field, const char *text, size_t len) {
    json_t *value = value_of(field->type, text, len);
    bool good = value && !(json_is_integer(value) && json_integer_value(value) < 0);
    json_decref(value);
    return good;
}

/* Which of two was meant nobody knows. */
static bool is_first(const tr_web_exchange_t *self, const char *pair, size_t len) {
    for (const char *other = NULL; (other = next_pair(self, other)) && other != pair;)
        if (strcspn(other, "=") == len && memcmp(other, pair, len) == 0)
            return false;
    return true;
}

static bool unknown(tr_web_exchange_t *self, tr_web_place_t place, const char *name, size_t len) {
    const char *names[NAMES_MAX + 1], *near;
    char text[64];
    size_t n = 0;
    for (const tr_web_field_t *f = self->match.route->fields; f && f->name && n < NAMES_MAX; f++)
        if (f->place == place)
            names[n++] = f->name;
    names[n] = NULL;
    len = len < sizeof text ? len : sizeof text - 1;
    memcpy(text, name, len);
    text[len] = '\0';
    near = tr_suggest(text, names);
    tr_web_problem_of(self, text, 400, "unexpected-argument", "%s is no %s of this%s%s%s", text,
        place == TR_WEB_IN_BODY ? "member" : "parameter", near ? "; did you mean " : "", near ? near : "",
        near ? "?" : "");
    return false;
}

static bool check_query(tr_web_exchange_t *self) {
    bool any = tr_web_route_field(self->match.route, TR_WEB_IN_QUERY, "*", 1);
    for (const char *pair = NULL; (pair = next_pair(self, pair));) {
        size_t len = strcspn(pair, "=");
        if (len == 15 && memcmp(pair, "idempotency-key", 15) == 0 && self->method == TR_WEB_POST)
            continue; /* in place of the header (again.c) */
        const tr_web_field_t *field = tr_web_route_field(self->match.route, TR_WEB_IN_QUERY, pair, len);
        if (!field && any)
            continue;
        if (!field)
            return unknown(self, TR_WEB_IN_QUERY, pair, len);
        const char *text = pair + len + (pair[len] == '=');
        if (!text_fits(field, text, strlen(text)))
            return wrong_type(self, field);
        if (!is_first(self, pair, len)) {
            tr_web_problem_of(
                self, field->name, 400, "unrecognised-parameter-value", "%s is given twice", field->name);
            return false;
        }
    }
    return true;
}

static bool check_body(tr_web_exchange_t *self) {
    const tr_web_route_t *route = self->match.route;
    bool any = tr_web_route_field(route, TR_WEB_IN_BODY, "*", 1);
    bool openai =
        strncmp(route->path, "/v1/", 4) == 0; /* whose clients write null for what they do not say */
    const char *name;
    json_t *value;
    json_object_foreach(self->body, name, value) {
        const tr_web_field_t *field = tr_web_route_field(route, TR_WEB_IN_BODY, name, strlen(name));
        if (!field && !any)
            return unknown(self, TR_WEB_IN_BODY, name, strlen(name));
        bool none = openai && json_is_null(value) && !(field && field->required);
        if (field && !none && !fits(field->type, value))
            return wrong_type(self, field);
        if (field && field->most && json_string_length(value) > field->most)
            return too_long(self, field);
    }
    return true;
}

static bool check_path(tr_web_exchange_t *self) {
    for (const tr_web_field_t *f = self->match.route->fields; f && f->name; f++) {
        if (f->place != TR_WEB_IN_PATH)
            continue;
        tr_web_part_t part = tr_web_match_part(&self->match, f->name);
        if (!text_fits(f, part.at, part.len))
            return wrong_type(self, f);
    }
    return true;
}

static bool check_required(tr_web_exchange_t *self) {
    for (const tr_web_field_t *f = self->match.route->fields; f && f->name; f++) {
        bool there = f->place == TR_WEB_IN_PATH ||
                     (f->place == TR_WEB_IN_BODY ? json_object_get(self->body, f->name) != NULL
                                                 : tr_web_query(self, f->name) != NULL);
        if (f->required && !there) {
            tr_web_problem_of(self, f->name, 400, "missing-argument", "%s is missing: %s", f->name, f->help);
            return false;
        }
    }
    return true;
}

bool tr_web_check_fields(tr_web_exchange_t *self) {
    return check_path(self) && check_query(self) && check_body(self) && check_required(self);
}

/* ---- writing ---- */

static json_t *given(const tr_web_exchange_t *self, const tr_web_field_t *f) {
    const char *text;
    tr_web_part_t part;
    switch (f->place) {
    case TR_WEB_IN_PATH:
        part = tr_web_match_part(&self->match, f->name);
        return value_of(f->type, part.at, part.len);
    case TR_WEB_IN_QUERY:
        text = tr_web_query(self, f->name);
        return text ? value_of(f->type, text, strlen(text)) : NULL;
    case TR_WEB_IN_BODY: break;
    }
    return NULL;
}

json_t *tr_web_fields(const tr_web_exchange_t *self, const char *action) {
    json_t *all = json_pack("{s:s}", "action", action), *value;
    for (const tr_web_field_t *f = self->match.route->fields; f && f->name; f++)
        if ((value = given(self, f)))
            json_object_set_new(all, f->name, value);
    if (self->body)
        json_object_update_missing(all, self->body);
    return all;
}

int tr_web_write_fields(const tr_web_exchange_t *self, const char *action, tr_content_writer_t *out) {
    json_t *all = tr_web_fields(self, action);
    int rc = all ? tr_json_write(all, out) : -ENOMEM;
    json_decref(all);
    return rc;
}

int64_t tr_web_timeout(const tr_web_exchange_t *self) {
    const json_t *value = json_object_get(self->body, "wait-ms");
    int64_t most = tr_web_server_options(self->server)->wait_ms;
    int64_t ms = json_is_integer(value) ? json_integer_value(value) : most;
    return ms < 1 ? 1 : ms > most ? most : ms;
}
