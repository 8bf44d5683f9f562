#include "tools/cluster/hosts_ask.h"

#include "tools/cluster/hosts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

/* The way to all of them may be one machine (ProxyJump), whose sshd turns away some of those that come while ten have not shown who they are (MaxStartups). */
#define AT_ONCE 8

static const char *text_of(const json_t *host, const char *key) {
    return json_string_value(json_object_get(host, key));
}

/* ---- words ---- */

/* One too many is counted, and found when it is asked. */
void tr_hosts_ask_word(tr_hosts_ask_t *self, const char *word) {
    if (self->count < TR_HOSTS_WORDS_MOST)
        self->words[self->count] = word;
    self->count++;
}

void tr_hosts_ask_option(tr_hosts_ask_t *self, const char *option, const char *text) {
    if (!text)
        return;
    tr_hosts_ask_word(self, option);
    tr_hosts_ask_word(self, text);
}

void tr_hosts_ask_format(tr_hosts_ask_t *self, const char *format, ...) {
    va_list args;
    va_start(args, format);
    json_t *text = json_vsprintf(format, args);
    va_end(args);
    if (!self->kept)
        self->kept = json_array();
    if (!text || json_array_append_new(self->kept, text) < 0)
        self->rc = tr_error_set(&self->error, -ENOMEM, "out of memory");
    else
        tr_hosts_ask_word(self, json_string_value(text));
}

void tr_hosts_ask_timeout(tr_hosts_ask_t *self, int64_t timeout_ms) {
    tr_hosts_ask_word(self, "--timeout");
    tr_hosts_ask_format(self, "%lldms", (long long)timeout_ms);
}

void tr_hosts_ask_begin(tr_hosts_ask_t *self, const tr_apart_t *apart, json_t *host, const char *verb) {
    self->host = host;
    tr_hosts_ask_word(self, verb);
    tr_hosts_ask_option(self, "--fleet", text_of(host, "fleet"));
    tr_hosts_ask_option(self, "--state", *apart->remote ? apart->remote : NULL);
}

void tr_hosts_ask_finish(tr_hosts_ask_t *self) {
    json_decref(self->kept);
    free(self->out);
    *self = (tr_hosts_ask_t){0};
}

void tr_hosts_asks_destroy(tr_hosts_ask_t **asks, size_t count) {
    for (size_t i = 0; *asks && i < count; i++)
        tr_hosts_ask_finish(&(*asks)[i]);
    free(*asks);
    *asks = NULL;
}

/* ---- asking ---- */

static void start(const tr_ssh_t *ssh, tr_hosts_ask_t *self) {
    self->work = (tr_ssh_work_t){.running = {.in = -1, .out = -1, .err = -1}};
    if (self->rc == 0 && self->count > TR_HOSTS_WORDS_MOST)
        self->rc = tr_error_set(&self->error, -E2BIG, "too many arguments for a host");
    if (self->rc == 0)
        self->rc = tr_ssh_start(ssh, text_of(self->host, "at"), self->words, NULL, &self->work, &self->error);
}

static void end(const tr_ssh_t *ssh, tr_hosts_ask_t *self) {
    tr_error_t error = {0};
    int rc = tr_ssh_end(ssh, &self->work, &self->out, &error);
    if (self->rc == 0 && rc < 0) {
        self->rc = rc;
        self->error = error;
    }
}

void tr_hosts_ask_all(const tr_apart_t *apart, tr_hosts_ask_t *asks, size_t count) {
    tr_ssh_t ssh = tr_hosts_ssh(apart);
    for (size_t i = 0; i < count + AT_ONCE; i++) {
        if (i >= AT_ONCE && i - AT_ONCE < count)
            end(&ssh, &asks[i - AT_ONCE]);
        if (i < count)
            start(&ssh, &asks[i]);
    }
}

int tr_hosts_ask_one(const tr_apart_t *apart, tr_hosts_ask_t *self, tr_error_t *error) {
    tr_hosts_ask_all(apart, self, 1);
    return self->rc < 0 ? tr_error_set(error, self->rc, "%s", self->error.text) : 0;
}

int tr_hosts_ask_rows(tr_hosts_ask_t *self, json_t *rows) {
    json_t *list = self->rc == 0 && self->out ? json_loads(self->out, 0, NULL) : NULL, *row;
    size_t i;
    if (self->rc == 0 && !json_is_array(list))
        self->rc = tr_error_set(&self->error, -EPROTO,
            "%s: `troupe %s` there did not answer with JSON: is it of this version?",
            text_of(self->host, "at"), self->words[0]);
    json_array_foreach(list, i, row) {
        json_object_set(row, "host", json_object_get(self->host, "at"));
        json_array_append(rows, row);
    }
    json_decref(list);
    return self->rc;
}

/* ---- telling ---- */

static int rank(int rc) {
    return rc == 0 ? 0 : rc == -EHOSTUNREACH ? 1 : rc == -ETIMEDOUT ? 2 : 3;
}

int tr_hosts_worse(int one, int other) {
    return rank(one) < rank(other) ? other : one;
}

int tr_hosts_ask_tell(const tr_call_t *call, const tr_hosts_ask_t *asks, size_t count) {
    int worst = 0;
    for (size_t i = 0; i < count; i++) {
        if (asks[i].rc < 0)
            tr_cli_fail(call, tr_apart_exit(asks[i].rc), "%s", asks[i].error.text);
        worst = tr_hosts_worse(worst, asks[i].rc);
    }
    return worst;
}

/* ---- rows ---- */

static void put_cell(tr_output_t *output, json_t *cell) {
    if (json_is_integer(cell))
        tr_output_number(output, json_integer_value(cell));
    else if (json_is_string(cell))
        tr_output_text(output, json_string_value(cell));
    else if (cell && !json_is_null(cell))
        tr_output_json(output, json_incref(cell));
    else
        tr_output_null(output);
}

int tr_hosts_put(const tr_call_t *call, const tr_column_t *columns, size_t count, const json_t *rows) {
    const tr_cli_common_t *common = call->options; /* the first member of each verb's options that has one */
    tr_output_t *output = NULL;
    size_t i;
    json_t *row;
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)common->output,
        .columns = columns,
        .column_count = count,
        .colour = tr_output_colour(call->out)};
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    json_array_foreach(rows, i, row) {
        for (size_t k = 0; k < count; k++)
            put_cell(output, json_object_get(row, columns[k].name));
        tr_output_row(output);
    }
    return tr_cli_finish(call, &output);
}
