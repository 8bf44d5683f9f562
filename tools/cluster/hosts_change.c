/* What is done with a fleet on bare machines while it runs: each host's own `troupe` does it, and here it is added up. */
#include "lib/base/clock.h"
#include "lib/base/share.h"
#include "tools/cli/reach.h"
#include "tools/cluster/hosts.h"
#include "tools/cluster/hosts_keys.h"
#include "tools/cluster/spread.h"
#include "tools/fleet/fleet_certs.h"
#include "tools/verbs/ps_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORWARD_MS 20000
#define RETRY_US   50000
#define WORDS_MOST 400

tr_ssh_t tr_hosts_ssh(const tr_apart_t *self) {
    return (tr_ssh_t){.config = self->ssh_config, .program = self->program};
}

static const char *text_of(const json_t *host, const char *key) {
    return json_string_value(json_object_get(host, key));
}

/* Words of a command, which is of this host's fleet. */
typedef struct words {
    const char *items[WORDS_MOST + 1];
    size_t count;
} words_t;

static void word(words_t *self, const char *text) {
    if (self->count < WORDS_MOST)
        self->items[self->count++] = text;
}

static void begin_words(words_t *self, const tr_apart_t *apart, const json_t *host, const char *verb) {
    word(self, verb);
    word(self, "--fleet");
    word(self, text_of(host, "fleet"));
    if (*apart->remote) {
        word(self, "--state");
        word(self, apart->remote);
    }
}

static int run_words(
    const tr_apart_t *self, const json_t *host, words_t *words, char **ret_out, tr_error_t *error) {
    tr_ssh_t ssh = tr_hosts_ssh(self);
    if (words->count == WORDS_MOST)
        return tr_error_set(error, -E2BIG, "too many arguments for a host");
    words->items[words->count] = NULL;
    return tr_ssh_troupe(&ssh, text_of(host, "at"), words->items, NULL, ret_out, error);
}

static int no_group(const tr_apart_t *self, const char *group, tr_error_t *error) {
    return tr_error_set(error, -ENOENT, "the fleet %s has no group \"%s\"", self->fleet, group);
}

/* One that grows may have no agents there. */
static bool has_group(const json_t *host, const char *group) {
    return json_object_get(json_object_get(host, "groups"), group) != NULL;
}

/* ---- down ---- */

static int end_one(const tr_apart_t *self, const json_t *host, bool kill, bool purge, int64_t timeout_ms,
    tr_error_t *error) {
    tr_ssh_t ssh = tr_hosts_ssh(self);
    const char *const words[] = {"host", *self->remote ? "--state" : NULL, self->remote, NULL};
    json_t *request = json_pack("{s:s, s:O, s:b, s:b, s:I}", "action", "end", "fleet",
        json_object_get(host, "fleet"), "kill", kill, "purge", purge, "timeout", (json_int_t)timeout_ms);
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    int rc = text ? tr_ssh_troupe(&ssh, text_of(host, "at"), words, text, NULL, error)
                  : tr_error_set(error, -ENOMEM, "out of memory");
    free(text);
    return rc;
}

/* One that cannot be reached keeps none of the others; it is what is left. */
int tr_hosts_down(
    const tr_call_t *call, tr_apart_t *self, bool kill, bool purge, int64_t timeout_ms, tr_error_t *error) {
    int rc = 0;
    for (size_t i = 0; i < json_array_size(self->hosts);) {
        tr_error_t why = {0};
        bool ended = end_one(self, json_array_get(self->hosts, i), kill, purge, timeout_ms, &why) == 0;
        if (!ended && kill)
            tr_cli_fail(call, TR_EXIT_OK, "%s: what runs there is forgotten", why.text);
        if (ended || kill) {
            json_array_remove(self->hosts, i);
            continue;
        }
        if (rc == 0)
            rc = tr_error_set(
                error, why.code, "%s; `troupe down %s --kill` forgets it", why.text, self->fleet);
        i++;
    }
    return rc == 0 || tr_apart_save(self, error) == 0 ? rc : error->code;
}

/* ---- how many ---- */

static int scale_at(const tr_apart_t *self, const json_t *host, const char *group, int64_t count, bool wait,
    int64_t timeout_ms, tr_error_t *error) {
    char wish[TR_NAME_MAX + 32], timeout[32];
    words_t words = {0};
    snprintf(wish, sizeof wish, "%s=%lld", group, (long long)count);
    snprintf(timeout, sizeof timeout, "%lldms", (long long)timeout_ms);
    begin_words(&words, self, host, "scale");
    word(&words, "--timeout");
    word(&words, timeout);
    if (!wait)
        word(&words, "--no-wait");
    word(&words, wish);
    return run_words(self, host, &words, NULL, error);
}

/* How many hosts have a group. */
static size_t hosts_of(const tr_apart_t *self, const char *group) {
    size_t i, n = 0;
    json_t *host;
    json_array_foreach(self->hosts, i, host) n += has_group(host, group);
    return n;
}

/* Evenly over the hosts that had one when the fleet began. */
static int scale_group(
    tr_apart_t *self, const char *group, int64_t count, bool wait, int64_t timeout_ms, tr_error_t *error) {
    size_t i, k = 0, n = hosts_of(self, group);
    json_t *host;
    int rc = n ? 0 : no_group(self, group, error);
    json_array_foreach(self->hosts, i, host) if (rc == 0 && has_group(host, group)) rc =
        scale_at(self, host, group, tr_spread_share(count, k++, n), wait, timeout_ms, error);
    return rc;
}

int tr_hosts_scale(
    const tr_call_t *call, tr_apart_t *self, const json_t *groups, bool wait, int64_t timeout_ms) {
    const char *group;
    json_t *count;
    tr_error_t error = {0};
    json_object_foreach((json_t *)(uintptr_t)groups, group, count) {
        int rc = scale_group(self, group, json_integer_value(count), wait, timeout_ms, &error);
        if (rc < 0)
            return tr_cli_fail(call, rc == -ENOENT ? TR_EXIT_UNREACHABLE : TR_EXIT_REFUSED, "%s", error.text);
    }
    return TR_EXIT_OK;
}

/* ---- who runs ---- */

static int rows_of(const tr_apart_t *self, const json_t *host, json_t *rows, tr_error_t *error) {
    words_t words = {0};
    char *text = NULL;
    size_t i;
    json_t *row;
    begin_words(&words, self, host, "ps");
    word(&words, "-o");
    word(&words, "json");
    int rc = run_words(self, host, &words, &text, error);
    json_t *list = rc == 0 ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (rc == 0 && !list)
        rc = tr_error_set(error, -EPROTO, "%s: `troupe ps` did not answer with JSON", text_of(host, "at"));
    json_array_foreach(list, i, row) {
        json_object_set(row, "host", json_object_get(host, "at"));
        json_array_append(rows, row);
    }
    json_decref(list);
    return rc;
}

/* ---- attach, detach ---- */

static void put_list(words_t *words, const json_t *agent, const char *key, const char *option) {
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(agent, key), i, item) {
        word(words, option);
        word(words, json_string_value(item));
    }
}

static void put_text(words_t *words, const char *option, const char *text) {
    if (!text)
        return;
    word(words, option);
    word(words, text);
}

/* The entry as options of `troupe attach`; args: its JSON. */
static void put_entry(words_t *words, const json_t *agent, const char *args) {
    const json_t *exec = json_object_get(agent, "exec"), *item;
    size_t i;
    word(words, text_of(agent, "name"));
    put_text(words, "--behaviour", text_of(agent, "behaviour"));
    put_text(words, "--load", text_of(agent, "load"));
    put_text(words, "--args", args);
    put_list(words, agent, "services", "--service");
    put_list(words, agent, "subscribe", "--subscribe");
    put_list(words, agent, "publish", "--publish");
    put_list(words, agent, "ask", "--ask");
    if (json_is_true(json_object_get(agent, "durable")))
        word(words, "--durable");
    if (!exec)
        return;
    put_text(words, "--exec-mode", text_of(exec, "mode"));
    put_text(words, "--exec-timeout", text_of(exec, "timeout"));
    word(words, "--");
    json_array_foreach(json_object_get(exec, "command"), i, item) word(words, json_string_value(item));
}

/* How many run there: the coordinator, or somebody there, may have changed it. */
static int count_running(
    const tr_apart_t *self, const json_t *host, const char *group, int64_t *ret_count, tr_error_t *error) {
    json_t *rows = json_array(), *row;
    size_t i;
    int64_t count = 0;
    int rc = rows_of(self, host, rows, error);
    json_array_foreach(rows, i, row) {
        const char *of = text_of(row, "group");
        count += of && strcmp(of, group) == 0;
    }
    json_decref(rows);
    if (rc == 0)
        *ret_count = count;
    return rc;
}

/* After an error: what does not run is known no more; the host that cannot say so may have it. Returns what `error` has. */
static int forget_begun(const tr_apart_t *self, json_t *host, const char *group, tr_error_t *error) {
    tr_error_t why = *error;
    int64_t count = 0;
    if (count_running(self, host, group, &count, NULL) < 0 || count > 0)
        return tr_error_set(
            error, why.code, "%s; it may run there: `troupe detach %s` ends it", why.text, group);
    json_object_del(json_object_get(host, "groups"), group);
    return tr_apart_save(self, error) < 0 ? error->code : why.code;
}

/* Written down before the host is asked: whatever comes in between, `detach` and new keys find it. */
static int attach_new(const tr_apart_t *self, json_t *host, const json_t *agent, int64_t count,
    int64_t timeout_ms, tr_error_t *error) {
    char number[32], timeout[32];
    words_t words = {0};
    const json_t *args = json_object_get(agent, "args");
    char *text = args ? json_dumps(args, JSON_COMPACT) : NULL;
    snprintf(number, sizeof number, "%lld", (long long)count);
    snprintf(timeout, sizeof timeout, "%lldms", (long long)timeout_ms);
    begin_words(&words, self, host, "attach");
    put_text(&words, "--timeout", timeout);
    put_text(&words, "--count", number);
    put_entry(&words, agent, text);
    json_object_set_new(json_object_get(host, "groups"), text_of(agent, "name"), json_integer(count));
    int rc = tr_apart_save(self, error);
    if (rc == 0 && (rc = run_words(self, host, &words, NULL, error)) < 0)
        rc = forget_begun(self, host, text_of(agent, "name"), error);
    free(text);
    return rc;
}

static int attach_at(const tr_apart_t *self, const json_t *host, const char *group, int64_t count,
    int64_t timeout_ms, tr_error_t *error) {
    char number[32], timeout[32];
    words_t words = {0};
    snprintf(number, sizeof number, "%lld", (long long)count);
    snprintf(timeout, sizeof timeout, "%lldms", (long long)timeout_ms);
    begin_words(&words, self, host, "attach");
    put_text(&words, "--timeout", timeout);
    put_text(&words, "--count", number);
    word(&words, group);
    return run_words(self, host, &words, NULL, error);
}

/* A further member is where the fewest are. */
static int attach_more(
    const tr_apart_t *self, const char *group, int64_t count, int64_t timeout_ms, tr_error_t *error) {
    int64_t has[TR_SPREAD_HOSTS_MAX], to[TR_SPREAD_HOSTS_MAX], all = 0;
    const json_t *hosts[TR_SPREAD_HOSTS_MAX];
    size_t i, n = 0;
    json_t *host;
    int rc = 0;
    json_array_foreach(self->hosts, i, host) {
        if (rc < 0 || !has_group(host, group) || n == TR_SPREAD_HOSTS_MAX)
            continue;
        if ((rc = count_running(self, host, group, &has[n], error)) < 0)
            break;
        to[n] = has[n];
        all += has[n];
        hosts[n++] = host;
    }
    tr_share_out(to, n, all + count);
    for (i = 0; rc == 0 && i < n; i++)
        if (to[i] > has[i])
            rc = attach_at(self, hosts[i], group, to[i] - has[i], timeout_ms, error);
    return rc;
}

int tr_hosts_attach(
    const tr_apart_t *self, const json_t *agent, int64_t count, int64_t timeout_ms, tr_error_t *error) {
    const char *group = text_of(agent, "name");
    size_t n = hosts_of(self, group);
    bool new = json_object_size(agent) > 1;
    if (new &&n)
        return tr_error_set(error, -EEXIST, "the name %s is taken", group);
    if (!new && !n)
        return no_group(self, group, error);
    return new ? attach_new(self, json_array_get(self->hosts, 0), agent, count, timeout_ms, error)
               : attach_more(self, group, count, timeout_ms, error);
}

/* One that has it no more has done so before, and what it said then did not get here. */
static int detach_at(const tr_apart_t *self, const json_t *host, const char *name, tr_error_t *error) {
    char none[TR_NAME_MAX + 32];
    words_t words = {0};
    snprintf(none, sizeof none, "there is no agent \"%s\"", name);
    begin_words(&words, self, host, "detach");
    word(&words, name);
    int rc = run_words(self, host, &words, NULL, error);
    return rc < 0 && strstr(error->text, none) ? 0 : rc;
}

/* What is done is written down at once, and one that is away keeps none of the others: the same again is for those that are left. */
int tr_hosts_detach(const tr_call_t *call, const tr_apart_t *self, const char *name, tr_error_t *error) {
    size_t i, failed = 0, n = hosts_of(self, name);
    json_t *host;
    if (!n)
        return no_group(self, name, error);
    json_array_foreach(self->hosts, i, host) {
        tr_error_t why = {0};
        if (!has_group(host, name))
            continue;
        if (detach_at(self, host, name, &why) < 0) {
            failed++;
            tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", why.text);
            continue;
        }
        json_object_del(json_object_get(host, "groups"), name);
        int rc = tr_apart_save(self, error);
        if (rc < 0)
            return rc;
    }
    return failed ? tr_error_set(error, -EREMOTEIO,
                        "%zu of %zu hosts have %s yet: the same command again ends it there", failed, n, name)
                  : 0;
}

/* ---- looking ---- */

static int put_rows(const tr_call_t *call, const json_t *rows) {
    const tr_cli_common_t *common = call->options; /* the first member of each verb's options that has one */
    tr_column_t columns[TR_PS_COLUMNS];
    tr_output_t *output = NULL;
    size_t i;
    json_t *row;
    tr_ps_columns(rows, columns);
    for (i = 0; i < TR_PS_COLUMNS; i++)
        columns[i].wide = columns[i].wide && strcmp(columns[i].name, "host") != 0;
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)common->output,
        .columns = columns,
        .column_count = TR_PS_COLUMNS,
        .colour = tr_output_colour(call->out)};
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    json_array_foreach(rows, i, row) {
        for (size_t k = 0; k < TR_PS_COLUMNS; k++) {
            json_t *cell = json_object_get(row, columns[k].name);
            if (json_is_integer(cell))
                tr_output_number(output, json_integer_value(cell));
            else if (json_is_string(cell))
                tr_output_text(output, json_string_value(cell));
            else if (cell && !json_is_null(cell))
                tr_output_json(output, json_incref(cell));
            else
                tr_output_null(output);
        }
        tr_output_row(output);
    }
    return tr_cli_finish(call, &output);
}

/* A host that is away is said, and the others are shown. */
int tr_hosts_ps(const tr_call_t *call, const tr_apart_t *self) {
    json_t *rows = json_array(), *host;
    size_t i;
    int code = TR_EXIT_OK;
    json_array_foreach(self->hosts, i, host) {
        tr_error_t error = {0};
        if (rows_of(self, host, rows, &error) < 0)
            code = tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", error.text);
    }
    int put = put_rows(call, rows);
    json_decref(rows);
    return code == TR_EXIT_OK ? put : code;
}

/* Its output is this process's own. */
static pid_t follow_one(
    const tr_apart_t *self, const json_t *host, const char *group, const char *lines, bool follow) {
    tr_ssh_t ssh = tr_hosts_ssh(self);
    words_t words = {0};
    tr_buffer_t command;
    tr_run_t run = {0};
    word(&words, self->program);
    begin_words(&words, self, host, "logs");
    put_text(&words, "--lines", lines);
    if (follow)
        word(&words, "--follow");
    if (group)
        word(&words, group);
    words.items[words.count] = NULL;
    tr_buffer_init(&command, 0);
    tr_ssh_quote(words.items, &command);
    tr_ssh_begin(&ssh, &run);
    tr_run_add_all(&run, (const char *const[]){"--", text_of(host, "at"), tr_buffer_string(&command), NULL});
    pid_t pid = command.failed ? -1 : fork();
    if (pid == 0) {
        tr_run_exec(&run, NULL);
        _exit(127);
    }
    tr_buffer_finish(&command);
    return pid;
}

int tr_hosts_logs(
    const tr_call_t *call, const tr_apart_t *self, const char *group, int64_t lines, bool follow) {
    char number[32];
    size_t i, begun = 0, failed = 0;
    int status;
    json_t *host;
    snprintf(number, sizeof number, "%lld", (long long)lines);
    fflush(call->out);
    json_array_foreach(self->hosts, i, host) {
        if (group && strcmp(group, TR_FLEET_BROKER) != 0 && !has_group(host, group))
            continue;
        pid_t pid = follow_one(self, host, group, number, follow);
        begun++;
        failed += pid < 0;
        if (pid > 0 && !follow) /* one after the other, or lines are mixed */
            failed += waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    while (follow && wait(&status) > 0)
        failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (!begun)
        return tr_cli_fail(
            call, TR_EXIT_UNREACHABLE, "the fleet %s has no group \"%s\"", self->fleet, group ? group : "");
    return failed ? tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%zu host(s) did not show their logs", failed)
                  : TR_EXIT_OK;
}

/* ---- the way to the first host's broker ---- */

/* The port of "tcp://HOST:PORT"; NULL for others. */
static const char *port_of(const char *endpoint) {
    const char *colon = endpoint && strncmp(endpoint, "tcp://", 6) == 0 ? strrchr(endpoint, ':') : NULL;
    return colon ? colon + 1 : NULL;
}

/* An address of loopback of this process's own, with ports as they are there: the broker tells of its stream by the port alone. */
int tr_hosts_reach(const tr_apart_t *self, char *out_endpoint, char *out_cert, tr_error_t *error) {
    json_t *host = json_array_get(self->hosts, 0);
    const char *link = port_of(text_of(host, "endpoint")), *stream = port_of(text_of(host, "stream"));
    char address[32], ways[2][128], place[PATH_MAX];
    unsigned n = (unsigned)getpid();
    tr_ssh_t ssh = tr_hosts_ssh(self);
    tr_run_t run = {0};
    pid_t pid;
    if (!link || !stream)
        return tr_error_set(error, -ENOENT,
            "the fleet %s did not begin, or its broker has no tcp:// address: `troupe down %s` ends what "
            "runs",
            self->fleet, self->fleet);
    snprintf(address, sizeof address, "127.%u.%u.%u", 64 + (n >> 16) % 64, (n >> 8) & 255, 1 + n % 254);
    snprintf(ways[0], sizeof ways[0], "%s:%.5s:127.0.0.1:%.5s", address, link, link);
    snprintf(ways[1], sizeof ways[1], "%s:%.5s:127.0.0.1:%.5s", address, stream, stream);
    snprintf(out_endpoint, TR_STATE_ENDPOINT_MAX + 1, "tcp://%s:%.5s", address, link);
    tr_ssh_begin(&ssh, &run);
    tr_run_add_all(&run, (const char *const[]){"-N", "-o", "ExitOnForwardFailure=yes", "-L", ways[0], "-L",
                             ways[1], "--", text_of(host, "at"), NULL});
    int rc = tr_hosts_place(self, text_of(host, "fleet"), place, error);
    if (rc == 0)
        rc = tr_fleet_certs_secret(place, TR_FLEET_OPERATOR, out_cert, error);
    if (rc == 0 && !json_is_true(json_object_get(host, "secure")))
        *out_cert = '\0';
    if (rc == 0)
        rc = tr_run_beside(&run, &pid, error);
    if (rc < 0)
        return rc;
    int64_t until_ms = tr_clock_ms() + FORWARD_MS;
    while ((rc = tr_reach(out_endpoint, 1000, -1, NULL)) < 0 && tr_clock_ms() < until_ms &&
           waitpid(pid, NULL, WNOHANG) == 0)
        usleep(RETRY_US);
    return rc < 0
               ? tr_error_set(error, -ETIMEDOUT,
                     "%s: ssh does not lead to the broker at %s: `ssh %s true` must work without a question",
                     text_of(host, "at"), text_of(host, "endpoint"), text_of(host, "at"))
               : 0;
}
