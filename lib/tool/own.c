#include "lib/tool/own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/tool/expression.h"

typedef struct own {
    tr_tool_t tool; /* first */
    json_t *schema;
} own_t;

static void start_calculate(tr_tool_call_t *call) {
    const json_t *expression = json_object_get(call->arguments, "expression");
    char text[64];
    double value;
    tr_error_t error = {0};
    if (tr_expression_value(json_string_value(expression), json_string_length(expression), &value, &error) <
        0) {
        tr_tool_call_error(call, error.text, strlen(error.text));
        return;
    }
    snprintf(text, sizeof text, "%.15g", value);
    tr_tool_call_done(call, text, strlen(text));
}

static void start_clock(tr_tool_call_t *call) {
    char text[64];
    time_t now = (time_t)(tr_clock_wall_ms() / 1000);
    struct tm utc;
    gmtime_r(&now, &utc);
    tr_tool_call_done(call, text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ, %A", &utc));
}

static void cancel(tr_tool_call_t *call) {
    (void)call; /* they have ended when they began */
}

static void destroy(tr_tool_t *tool) {
    own_t *self = (own_t *)tool;
    json_decref(self->schema);
    free(self);
}

static const struct {
    tr_tool_ops_t ops;
    const char *name, *description, *schema;
} tools[] = {
    {{start_calculate, cancel, destroy}, "calculate",
        "Works out arithmetic: + - * / % ^ (powers), parentheses, pi, e, sqrt, abs, round, floor, ceil, ln, "
        "log, exp, sin, "
        "cos, tan.",
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"expression\"],\"properties\":{"
        "\"expression\":{\"type\":\"string\",\"minLength\":1,\"description\":\"for example (2 + 3) * 4\"}}}"},
    {{start_clock, cancel, destroy}, "clock", "Tells what time and date it is now, in UTC.",
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}"},
};

static int add(tr_tools_t *self, size_t at) {
    own_t *own = calloc(1, sizeof *own);
    json_t *schema = json_loads(tools[at].schema, 0, NULL);
    if (!own || !schema) {
        json_decref(schema);
        free(own);
        return -ENOMEM;
    }
    own->schema = schema;
    own->tool = (tr_tool_t){.ops = &tools[at].ops,
        .name = tools[at].name,
        .description = tools[at].description,
        .parameters = schema,
        .repeatable = true};
    return tr_tools_add(self, &own->tool);
}

int tr_tools_add_own(tr_tools_t *self) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof tools / sizeof *tools; i++)
        if (!tr_tools_find(self, tools[i].name))
            rc = add(self, i);
    return rc;
}
