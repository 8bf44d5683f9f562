/*
 * A server of MCP as a process: a message is a line of its stdin or stdout. It gets of our environment only what a program needs to run, and what the
 * configuration adds: keys of ours are not its business. The last that it wrote to its stderr is told when it ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tool/child_watch.h"
#include "lib/tool/mcp.h"

#define INPUT_BYTES   ((size_t)16 << 20) /* that it has not read yet */
#define VARIABLES_MAX 96
#define LAST_BYTES    120

typedef struct stdio_wire {
    tr_mcp_wire_t wire; /* first */
    const tr_mcp_config_t *config;
    tr_child_t *child;
    tr_child_watch_t watch;
    char last[LAST_BYTES + 1]; /* line of its stderr */
} stdio_t;

static stdio_t *stdio_of(tr_mcp_wire_t *wire) {
    return (stdio_t *)wire;
}

/* ---- what it says ---- */

static void keep_last(stdio_t *self) {
    const char *line;
    size_t len;
    tr_lines_t *errors = tr_child_errors(self->child);
    for (int r; (r = tr_lines_peek(errors, &line, &len)) != 0;) {
        if (r < 0 || len == 0) {
            if (r > 0)
                tr_lines_take(errors);
            continue;
        }
        snprintf(self->last, sizeof self->last, "%.*s", (int)(len < LAST_BYTES ? len : LAST_BYTES), line);
        tr_lines_take(errors);
    }
}

/* What a message answers, as far as it came: many say the result first, and then of what it is. */
static json_int_t answered_by(const stdio_t *self, const char *begun, size_t came) {
    const char *end = memchr(begun, '\n', came);
    size_t len = end ? (size_t)(end - begun) : came;
    json_int_t id = tr_mcp_find_answered(begun, len);
    return id == TR_MCP_NO_ID && tr_mcp_is_answer(begun, len) ? tr_mcp_only(self->wire.mcp) : id;
}

/* Where it can be seen what it answers, that has its answer; all else is lost. */
static void refuse(stdio_t *self, json_int_t id) {
    char why[120];
    tr_mcp_t *mcp = self->wire.mcp;
    const tr_child_t *child = self->child;
    snprintf(why, sizeof why,
        "it said a message of more than %lld bytes; raise message-max, or ask it for less",
        (long long)self->config->message_max);
    if (id != TR_MCP_NO_ID)
        tr_mcp_unanswered(mcp, id, false, TR_TOOL_TOO_LARGE, why);
    if (self->child == child)
        tr_mcp_lost(mcp, TR_TOOL_TOO_LARGE, why);
}

/* False: the connection is closed. */
static bool read_messages(stdio_t *self) {
    const char *line, *begun;
    size_t len;
    tr_lines_t *output = tr_child_output(self->child);
    for (int r; self->child;) {
        size_t came = tr_lines_bytes(output, &begun);
        if ((r = tr_lines_peek(output, &line, &len)) == 0)
            break;
        if (r < 0) {
            refuse(self, answered_by(self, begun, came)); /* thrown away, and still in memory */
            return false;
        }
        char *copy = len ? strndup(line, len) : NULL; /* it may close the connection, and so the lines */
        tr_lines_take(output);
        bool goes_on = len == 0 || (copy && tr_mcp_heard(self->wire.mcp, copy, len, TR_MCP_NO_ID));
        free(copy);
        if (!goes_on)
            return false;
    }
    return self->child != NULL;
}

static void tell_end(stdio_t *self) {
    char how[40], why[sizeof self->last + 160];
    snprintf(why, sizeof why, "it ended with %s%s%s; look at its command: %.60s",
        tr_child_how(self->child, how, sizeof how), *self->last ? ", and said last: " : "", self->last,
        self->config->command.items[0]);
    tr_mcp_lost(self->wire.mcp, TR_TOOL_UNAVAILABLE, why);
}

static void on_ready(void *arg, int fd, uint32_t events) {
    stdio_t *self = arg;
    (void)events;
    tr_child_unwatch(&self->watch);
    tr_child_handle(self->child, fd);
    keep_last(self);
    tr_child_t *child = self->child;
    if (!read_messages(self) || self->child != child)
        return; /* closed, or another is there already */
    if (tr_child_ended(self->child)) {
        tr_child_unwatch(&self->watch); /* what was answered may have begun it anew */
        tell_end(self);
    } else {
        tr_child_watch(&self->watch, self->child);
    }
}

/* ---- the port ---- */

/* Of ours, what a program needs. */
static size_t inherit(char *out[], size_t most) {
    static const char *const names[] = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && n < most; i++) {
        const char *value = getenv(names[i]);
        if (value && asprintf(&out[n], "%s=%s", names[i], value) >= 0)
            n++;
    }
    return n;
}

static int open_child(tr_mcp_wire_t *wire, tr_error_t *error) {
    stdio_t *self = stdio_of(wire);
    const tr_pairs_t *more = &self->config->env;
    char *env[VARIABLES_MAX + 1] = {NULL};
    size_t n = inherit(env, VARIABLES_MAX);
    for (size_t i = 0; i < more->count && n < VARIABLES_MAX; i++)
        if (asprintf(&env[n], "%s=%s", more->items[i].key, more->items[i].value) >= 0)
            n++;
    env[n] = NULL;
    self->last[0] = '\0';
    int rc = tr_child_start(&(tr_child_options_t){.command = self->config->command.items,
                                .cwd = self->config->cwd,
                                .env = (const char *const *)env,
                                .only_env = true,
                                .line_max = (size_t)self->config->message_max},
        &self->child, error);
    for (size_t i = 0; i < n; i++)
        free(env[i]);
    if (rc == 0)
        tr_child_watch(&self->watch, self->child);
    return rc;
}

static int send_line(tr_mcp_wire_t *wire, const tr_mcp_letter_t *letter, tr_error_t *error) {
    stdio_t *self = stdio_of(wire);
    size_t len = strlen(letter->text);
    if (!self->child)
        return tr_error_set(error, -EPIPE, "it is not there");
    if (tr_child_pending(self->child) + len > INPUT_BYTES)
        return tr_error_set(error, -EAGAIN, "it does not read what it is told");
    if (tr_child_write(self->child, letter->text, len) < 0 || tr_child_write(self->child, "\n", 1) < 0)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_child_watch(&self->watch, self->child); /* there may be more to write */
    return 0;
}

static bool drop(tr_mcp_wire_t *wire, json_int_t id) {
    (void)wire, (void)id;
    return false;
}

static void close_child(tr_mcp_wire_t *wire) {
    stdio_t *self = stdio_of(wire);
    tr_child_unwatch(&self->watch);
    tr_child_destroy(&self->child);
}

static void destroy(tr_mcp_wire_t *wire) {
    close_child(wire);
    free(wire);
}

static const tr_mcp_wire_ops_t ops = {open_child, send_line, drop, close_child, destroy};

int tr_mcp_stdio_new(
    tr_llm_loop_t *loop, const tr_mcp_config_t *config, tr_mcp_wire_t **ret_wire, tr_error_t *error) {
    stdio_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->wire.ops = &ops;
    self->watch = (tr_child_watch_t){.loop = loop, .on_ready = on_ready, .arg = self};
    self->config = config;
    *ret_wire = &self->wire;
    return 0;
}
