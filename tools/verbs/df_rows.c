#include "tools/verbs/df_rows.h"

#include <errno.h>
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

/* What the description has beyond the columns. */
static void put_properties(tr_output_t *output, const json_t *description) {
    static const char *const shown[] = {
        "name", "services", "behaviour", "protocols", "ontologies", "languages"};
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

static int by_name(const void *a, const void *b) {
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
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++)
        put_row(output, sorted[i], tr_df_agent(agents, name_of(sorted[i])), format);
    free(sorted);
    return 0;
}
