#include "tools/verbs/df_rows.h"

#include "lib/base/clock.h"
#include <errno.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const tr_column_t tr_df_columns[TR_DF_COLUMNS] = {
    {"name", TR_COLUMN_TEXT},
    {"services", TR_COLUMN_TEXT},
    {"behaviour", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE, .wide = true},
    {"host", TR_COLUMN_TEXT, .wide = true},
    {"protocols", TR_COLUMN_TEXT, .wide = true},
    {"ontologies", TR_COLUMN_TEXT, .wide = true},
    {"languages", TR_COLUMN_TEXT, .wide = true},
    {"labels", TR_COLUMN_TEXT, .wide = true},
    {"likeness", TR_COLUMN_NUMBER, .wide = true},
    {"lease", TR_COLUMN_DURATION, .wide = true},
    {"card", TR_COLUMN_TEXT, .wide = true},
    {"properties", TR_COLUMN_TEXT, .wide = true},
};

json_t *tr_df_template(json_t *template, const char *service) {
    json_t *whole = template ? template : json_object();
    json_t *services = json_object_get(whole, "services");
    if (!services) {
        services = json_array();
        json_object_set_new(whole, "services", services);
    }
    if (json_is_array(services) && json_array_append_new(services, json_string(service)) == 0)
        return whole;
    json_decref(whole);
    return NULL;
}

/* ---- services ---- */

static const char *service_name(const json_t *service) {
    const char *name =
        json_string_value(json_is_object(service) ? json_object_get(service, "name") : service);
    return name ? name : "";
}

char *tr_df_services_text(const json_t *services) {
    char *text = NULL;
    size_t size = 0, i;
    json_t *service;
    if (json_array_size(services) == 0)
        return NULL;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    json_array_foreach(services, i, service) {
        const json_t *capacity = json_object_get(service, "capacity");
        fprintf(out, "%s%s", i ? ", " : "", service_name(service));
        if (json_is_integer(capacity))
            fprintf(out, " (%" JSON_INTEGER_FORMAT ")", json_integer_value(capacity));
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static void put_services(tr_output_t *output, const json_t *services, tr_output_format_t format) {
    if (format == TR_OUTPUT_JSON || format == TR_OUTPUT_YAML) {
        tr_output_json(output, json_is_array(services) ? json_deep_copy(services) : json_array());
        return;
    }
    char *text = tr_df_services_text(services);
    tr_output_text(output, text);
    free(text);
}

/* ---- agents ---- */

static bool is_digits(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return len > 0 && len < 10 && (len == 1 || text[0] != '0');
}

/* Whether an AID of `len` bytes without its platform is one of a range: its name, '-', and a number
 * below count. */
static bool in_range(const json_t *agent, const char *entry, size_t entry_len, const char *aid, size_t len) {
    if (len < entry_len + 2 || memcmp(aid, entry, entry_len) != 0 || aid[entry_len] != '-')
        return false;
    const char *number = aid + entry_len + 1;
    return is_digits(number, len - entry_len - 1) &&
           strtoll(number, NULL, 10) < json_integer_value(json_object_get(agent, "count"));
}

const json_t *tr_df_agent(const json_t *agents, const char *aid) {
    size_t i, len = strcspn(aid, "@");
    json_t *agent;
    const json_t *range = NULL;
    json_array_foreach(agents, i, agent) {
        const char *name = json_string_value(json_object_get(agent, "name"));
        size_t name_len = name ? strcspn(name, "@") : 0;
        bool one = json_integer_value(json_object_get(agent, "count")) <= 1;
        if (name_len == len && memcmp(name, aid, len) == 0)
            return agent;
        if (name && !one && in_range(agent, name, name_len, aid, len))
            range = agent;
    }
    return range;
}

/* ---- rows ---- */

static void put_copy(tr_output_t *output, const json_t *value) {
    if (value)
        tr_output_json(output, json_deep_copy(value));
    else
        tr_output_null(output);
}

/* What is left of it; null where it ends with its agent. */
static void put_lease(tr_output_t *output, const json_t *description) {
    const json_t *until = json_object_get(description, "lease-until-ms");
    int64_t left_ms = json_integer_value(until) - tr_clock_wall_ms();
    if (until)
        tr_output_number(output, left_ms > 0 ? left_ms : 0);
    else
        tr_output_null(output);
}

/* What the description has beyond the columns. */
static void put_properties(tr_output_t *output, const json_t *description) {
    static const char *const shown[] = {"name", "services", "behaviour", "protocols", "ontologies",
        "languages", "labels", "card", "likeness", "lease-until-ms"};
    json_t *rest = json_copy((json_t *)description);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        json_object_del(rest, shown[i]);
    if (json_object_size(rest) > 0) {
        tr_output_json(output, json_incref(rest));
    } else {
        tr_output_null(output);
    }
    json_decref(rest);
}

static const char *name_of(const json_t *description) {
    const char *name = json_string_value(json_object_get(description, "name"));
    return name ? name : "";
}

int tr_df_compare(const void *a, const void *b) {
    double like = json_real_value(json_object_get(*(json_t *const *)a, "likeness")) -
                  json_real_value(json_object_get(*(json_t *const *)b, "likeness"));
    if (like != 0)
        return like > 0 ? -1 : 1;
    return strverscmp(name_of(*(json_t *const *)a), name_of(*(json_t *const *)b)); /* echo-2 before echo-10 */
}

static void put_row(
    tr_output_t *output, const json_t *description, const json_t *agent, tr_output_format_t format) {
    const json_t *behaviour = json_object_get(description, "behaviour");
    tr_output_text(output, name_of(description));
    put_services(output, json_object_get(description, "services"), format);
    put_copy(output, behaviour ? behaviour : json_object_get(agent, "behaviour"));
    put_copy(output, json_object_get(agent, "state"));
    put_copy(output, json_object_get(agent, "host"));
    put_copy(output, json_object_get(description, "protocols"));
    put_copy(output, json_object_get(description, "ontologies"));
    put_copy(output, json_object_get(description, "languages"));
    put_copy(output, json_object_get(description, "labels"));
    put_copy(output, json_object_get(description, "likeness"));
    put_lease(output, description);
    put_copy(output, json_object_get(description, "card"));
    put_properties(output, description);
    tr_output_row(output);
}

int tr_df_put(const json_t *found, const json_t *agents, tr_output_format_t format, tr_output_t *output) {
    size_t n = json_array_size(found);
    const json_t **sorted = calloc(n + 1, sizeof *sorted);
    if (!sorted)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        sorted[i] = json_array_get(found, i);
    qsort(sorted, n, sizeof *sorted, tr_df_compare);
    for (size_t i = 0; i < n; i++)
        put_row(output, sorted[i], tr_df_agent(agents, name_of(sorted[i])), format);
    free(sorted);
    return 0;
}

/* ---- events ---- */

void tr_df_event_columns(tr_column_t out[TR_DF_EVENT_COLUMNS]) {
    out[0] = (tr_column_t){"event", TR_COLUMN_STATE, .width = 12};
    memcpy(out + 1, tr_df_columns, sizeof tr_df_columns);
    out[1].width = out[2].width = 20;
    out[3].wide = true; /* of the AMS, mostly */
}

void tr_df_put_event(
    const char *event, const json_t *description, tr_output_format_t format, tr_output_t *output) {
    tr_output_text(output, event);
    put_row(output, description, NULL, format);
}

/* ---- one description ---- */

const tr_column_t tr_df_lines[2] = {{"about", TR_COLUMN_TEXT}, {"what", TR_COLUMN_TEXT}};

/* A text as it is, all else as JSON; NULL where it is absent or there is no memory. */
static char *text_of(const json_t *value) {
    if (json_is_string(value))
        return strdup(json_string_value(value));
    return value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
}

static void put_line(tr_output_t *output, const char *about, json_t *what) {
    tr_output_text(output, about);
    tr_output_json(output, what);
    tr_output_row(output);
}

/* "NAME {what else there is}" */
static void put_named(tr_output_t *output, const char *about, const json_t *object, const char *key) {
    json_t *rest = json_is_object(object) ? json_copy((json_t *)object) : NULL;
    const char *name = json_string_value(rest ? json_object_get(rest, key) : object);
    char *more = NULL;
    json_t *line;
    if (rest && json_object_del(rest, key) == 0 && json_object_size(rest) > 0)
        more = text_of(rest);
    line = more ? json_sprintf("%s %s", name ? name : "?", more) : json_string(name ? name : "?");
    put_line(output, about, line ? line : json_null());
    free(more);
    json_decref(rest);
}

static void put_each(tr_output_t *output, const char *about, const json_t *list, const char *key) {
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one) put_named(output, about, one, key);
}

static void put_card(tr_output_t *output, const json_t *card) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)card, key, value) {
        char about[80];
        snprintf(about, sizeof about, "card %.70s", key);
        if (strcmp(key, "skills") == 0)
            put_each(output, "skill", value, "id");
        else
            put_line(output, about, json_incref(value));
    }
}

void tr_df_put_lines(const json_t *description, tr_output_t *output) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)description, key, value) {
        if (strcmp(key, "services") == 0)
            put_each(output, "service", value, "name");
        else if (strcmp(key, "card") == 0)
            put_card(output, value);
        else if (strcmp(key, "lease-until-ms") == 0) {
            char left[32];
            tr_print_duration(json_integer_value(value) - tr_clock_wall_ms(), left, sizeof left);
            put_line(output, "lease", json_sprintf("%s left", left));
        } else
            put_line(output, key, json_incref(value));
    }
}
