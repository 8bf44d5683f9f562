#include "tools/verbs/trace_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 256u

const tr_column_t tr_trace_columns[TR_TRACE_COLUMNS] = {
    {"start", TR_COLUMN_NUMBER},
    {"took", TR_COLUMN_NUMBER},
    {"span", TR_COLUMN_TEXT},
    {"agent", TR_COLUMN_TEXT},
    {"detail", TR_COLUMN_TEXT},
};

typedef struct node {
    const json_t *span;
    const char *id, *parent;
    int64_t start_us;
    bool shown;
} node_t;

typedef struct tree {
    node_t *nodes; /* as they begin */
    size_t n;
    tr_output_t *output;
} tree_t;

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

void tr_print_us(int64_t us, char *out, size_t size) {
    if (us < 1000)
        snprintf(out, size, "%" PRId64 "us", us);
    else if (us < 1000000)
        snprintf(out, size, "%.1fms", (double)us / 1000);
    else
        snprintf(out, size, "%.2fs", (double)us / 1000000);
}

/* ---- a row ---- */

static void add_attribute(char *out, size_t size, const char *key, const json_t *value) {
    size_t len = strlen(out);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    const char *plain = json_string_value(value);
    if (len < size && !json_is_null(value))
        snprintf(out + len, size - len, "%s%s=%s", len ? " " : "", key, plain ? plain : text ? text : "");
    free(text);
}

/* A broker is no agent: `route` and `deliver` are its own spans. */
static bool is_of_broker(const json_t *span) {
    const char *name = text_of(span, "name");
    return (!strcmp(name, "route") || !strcmp(name, "deliver")) &&
           !strncmp(text_of(span, "agent"), "broker@", 7);
}

static void print_route(const json_t *attributes, char *out, size_t size) {
    int64_t ahead = number_of(attributes, "troupe.queue.ahead"),
            tries = number_of(attributes, "troupe.queue.tries");
    snprintf(out, size, "to %s", text_of(attributes, "messaging.destination.name"));
    size_t len = strlen(out);
    if (ahead)
        snprintf(out + len, size - len, ", behind %" PRId64, ahead);
    else if (tries)
        snprintf(out + len, size - len, ", after %" PRId64 " %s", tries, tries == 1 ? "try" : "tries");
}

/* Why it failed; of a message where it went; of all else what is said of it. */
static void print_detail(const json_t *span, char *out, size_t size) {
    json_t *attributes = json_object_get(span, "attributes"), *value;
    const char *error = text_of(span, "error"), *kind = text_of(span, "kind"), *key;
    out[0] = 0;
    if (*error)
        snprintf(out, size, "failed: %s", error);
    else if (is_of_broker(span))
        print_route(attributes, out, size);
    else if (!strcmp(kind, "producer"))
        snprintf(out, size, "to %s", text_of(attributes, "messaging.destination.name"));
    else if (!strcmp(kind, "consumer"))
        snprintf(out, size, "from %s", text_of(attributes, "troupe.from"));
    else
        json_object_foreach(attributes, key, value) add_attribute(out, size, key, value);
}

static void put_row(const tree_t *t, const node_t *node, unsigned depth) {
    char text[TEXT_SIZE];
    tr_print_us(node->start_us - t->nodes[0].start_us, text, sizeof text);
    tr_output_text(t->output, text);
    tr_print_us(number_of(node->span, "took_us"), text, sizeof text);
    tr_output_text(t->output, text);
    snprintf(text, sizeof text, "%*s%s%s", depth ? (int)(depth - 1) * 2 : 0, "", depth ? "└ " : "",
        text_of(node->span, "name"));
    tr_output_text(t->output, text);
    tr_output_text(t->output, text_of(node->span, "agent"));
    print_detail(node->span, text, sizeof text);
    tr_output_text(t->output, text);
    tr_output_row(t->output);
}

/* ---- the tree ---- */

static int by_start(const void *a, const void *b) {
    int64_t x = ((const node_t *)a)->start_us, y = ((const node_t *)b)->start_us;
    return x < y ? -1 : x > y;
}

static bool is_there(const tree_t *t, const char *id) {
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->nodes[i].id, id))
            return true;
    return false;
}

static void show(tree_t *t, node_t *node, unsigned depth) {
    if (node->shown)
        return;
    node->shown = true; /* before its children: ids that go round end here */
    put_row(t, node, depth);
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->nodes[i].parent, node->id))
            show(t, &t->nodes[i], depth < 40 ? depth + 1 : depth);
}

int tr_trace_put_tree(const json_t *spans, tr_output_t *output) {
    size_t n = json_array_size(spans);
    tree_t t = {.nodes = calloc(n ? n : 1, sizeof *t.nodes), .n = n, .output = output};
    if (!t.nodes)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *span = json_array_get(spans, i);
        t.nodes[i] = (node_t){
            span, text_of(span, "span"), text_of(span, "parent"), number_of(span, "start_us"), false};
    }
    qsort(t.nodes, n, sizeof *t.nodes, by_start);
    for (size_t i = 0; i < n; i++)
        if (!is_there(&t, t.nodes[i].parent))
            show(&t, &t.nodes[i], 0);
    for (size_t i = 0; i < n; i++)
        show(&t, &t.nodes[i], 0);
    free(t.nodes);
    return 0;
}

/* ---- the whole ---- */

typedef struct sum {
    int64_t first_us, last_us;
    size_t failed;
    json_t *agents; /* a set */
} sum_t;

static void add_up(sum_t *sum, const json_t *span) {
    int64_t start = number_of(span, "start_us"), end = start + number_of(span, "took_us");
    sum->first_us = sum->first_us && sum->first_us < start ? sum->first_us : start;
    sum->last_us = sum->last_us > end ? sum->last_us : end;
    sum->failed += *text_of(span, "error") != 0;
    if (!is_of_broker(span))
        json_object_set_new(sum->agents, text_of(span, "agent"), json_true());
}

const char *tr_trace_sum_up(const json_t *spans, char *out, size_t size) {
    sum_t sum = {.agents = json_object()};
    size_t i, n = json_array_size(spans), agents;
    char took[32], failed[40] = "";
    json_t *span;
    json_array_foreach(spans, i, span) add_up(&sum, span);
    agents = json_object_size(sum.agents);
    json_decref(sum.agents);
    tr_print_us(sum.last_us - sum.first_us, took, sizeof took);
    if (sum.failed)
        snprintf(failed, sizeof failed, ", %zu failed", sum.failed);
    snprintf(out, size, "%s, %zu span%s of %zu agent%s%s", took, n, n == 1 ? "" : "s", agents,
        agents == 1 ? "" : "s", failed);
    return out;
}
