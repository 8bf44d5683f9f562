/* What is done with a fleet on bare machines while it runs: each host's own `troupe` does it, and here it is added up. */
#include "lib/base/clock.h"
#include "tools/cli/reach.h"
#include "tools/cluster/hosts.h"
#include "tools/cluster/hosts_ask.h"
#include "tools/cluster/hosts_keys.h"
#include "tools/cluster/hosts_scale.h"
#include "tools/fleet/fleet_certs.h"
#include "tools/verbs/ps_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORWARD_MS 20000
#define RETRY_US   50000

tr_ssh_t tr_hosts_ssh(const tr_apart_t *self) {
    return (tr_ssh_t){.config = self->ssh_config, .program = self->program};
}

static const char *text_of(const json_t *host, const char *key) {
    return json_string_value(json_object_get(host, key));
}

int tr_hosts_no_group(const tr_apart_t *self, const char *group, tr_error_t *error) {
    return tr_error_set(error, -ENOENT, "the fleet %s has no group \"%s\"", self->fleet, group);
}

bool tr_hosts_has(const json_t *host, const char *group) {
    return json_object_get(json_object_get(host, "groups"), group) != NULL;
}

size_t tr_hosts_with(const tr_apart_t *self, const char *group) {
    size_t i, n = 0;
    json_t *host;
    json_array_foreach(self->hosts, i, host) n += tr_hosts_has(host, group);
    return n;
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
    size_t all = json_array_size(self->hosts), left = 0;
    int worst = 0;
    while (left < json_array_size(self->hosts)) {
        tr_error_t why = {0};
        int rc = end_one(self, json_array_get(self->hosts, left), kill, purge, timeout_ms, &why);
        if (rc < 0)
            tr_cli_fail(
                call, tr_apart_exit(rc), "%s%s", why.text, kill ? ": what runs there is forgotten" : "");
        if (rc == 0 || kill) {
            json_array_remove(self->hosts, left);
            continue;
        }
        worst = tr_hosts_worse(worst, rc);
        left++;
    }
    if (!left)
        return 0;
    int rc = tr_apart_save(self, error);
    return rc < 0 ? rc
                  : tr_error_set(error, worst,
                        "%zu of %zu hosts have not ended it: the same command again ends it there, and "
                        "`troupe down %s "
                        "--kill` forgets it",
                        left, all, self->fleet);
}

/* ---- attach, detach ---- */

static void put_list(tr_hosts_ask_t *ask, const json_t *agent, const char *key, const char *option) {
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(agent, key), i, item)
        tr_hosts_ask_option(ask, option, json_string_value(item));
}

/* The entry as options of `troupe attach`; args: its JSON. */
static void put_entry(tr_hosts_ask_t *ask, const json_t *agent, const char *args) {
    const json_t *exec = json_object_get(agent, "exec"), *item;
    size_t i;
    tr_hosts_ask_word(ask, text_of(agent, "name"));
    tr_hosts_ask_option(ask, "--behaviour", text_of(agent, "behaviour"));
    tr_hosts_ask_option(ask, "--load", text_of(agent, "load"));
    tr_hosts_ask_option(ask, "--args", args);
    put_list(ask, agent, "services", "--service");
    put_list(ask, agent, "subscribe", "--subscribe");
    put_list(ask, agent, "publish", "--publish");
    put_list(ask, agent, "ask", "--ask");
    if (json_is_true(json_object_get(agent, "durable")))
        tr_hosts_ask_word(ask, "--durable");
    if (!exec)
        return;
    tr_hosts_ask_option(ask, "--exec-mode", text_of(exec, "mode"));
    tr_hosts_ask_option(ask, "--exec-timeout", text_of(exec, "timeout"));
    tr_hosts_ask_word(ask, "--");
    json_array_foreach(json_object_get(exec, "command"), i, item)
        tr_hosts_ask_word(ask, json_string_value(item));
}

/* After an error: what does not run is known no more; the host that cannot say so may have it. Returns what `error` has. */
static int forget_begun(const tr_apart_t *self, json_t *host, const char *group, tr_error_t *error) {
    tr_error_t why = *error;
    int64_t count = 0;
    if (tr_hosts_count(self, host, group, &count) < 0 || count > 0)
        return tr_error_set(
            error, why.code, "%s; it may run there: `troupe detach %s` ends it", why.text, group);
    json_object_del(json_object_get(host, "groups"), group);
    return tr_apart_save(self, error) < 0 ? error->code : why.code;
}

/* Written down before the host is asked: whatever comes in between, `detach` and new keys find it. */
static int attach_new(const tr_apart_t *self, json_t *host, const json_t *agent, int64_t count,
    int64_t timeout_ms, json_t *rows, tr_error_t *error) {
    tr_hosts_ask_t ask = {0};
    const char *group = text_of(agent, "name");
    const json_t *args = json_object_get(agent, "args");
    char *text = args ? json_dumps(args, JSON_COMPACT) : NULL;
    tr_hosts_ask_begin(&ask, self, host, "attach");
    tr_hosts_ask_option(&ask, "-o", "json");
    tr_hosts_ask_timeout(&ask, timeout_ms);
    tr_hosts_ask_word(&ask, "--count");
    tr_hosts_ask_format(&ask, "%lld", (long long)count);
    put_entry(&ask, agent, text);
    json_object_set_new(json_object_get(host, "groups"), group, json_integer(count));
    int rc = tr_apart_save(self, error);
    if (rc == 0 && (rc = tr_hosts_ask_one(self, &ask, error)) < 0)
        rc = forget_begun(self, host, group, error);
    else if (rc == 0 && (rc = tr_hosts_ask_rows(&ask, rows)) < 0)
        tr_error_set(error, rc, "%s", ask.error.text);
    tr_hosts_ask_finish(&ask);
    free(text);
    return rc;
}

int tr_hosts_attach(
    const tr_call_t *call, const tr_apart_t *self, const json_t *agent, int64_t count, int64_t timeout_ms) {
    const char *group = text_of(agent, "name");
    size_t n = tr_hosts_with(self, group);
    bool new = json_object_size(agent) > 1;
    tr_error_t error = {0};
    json_t *rows = json_array();
    int rc = 0, code = TR_EXIT_OK;
    if (new &&n)
        rc = tr_error_set(&error, -EEXIST, "the name %s is taken", group);
    else if (!new && !n)
        rc = tr_hosts_no_group(self, group, &error);
    else if (new)
        rc = attach_new(self, json_array_get(self->hosts, 0), agent, count, timeout_ms, rows, &error);
    else
        code = tr_hosts_attach_more(call, self, group, count, timeout_ms, rows);
    if (rc < 0)
        code = tr_cli_fail(call, tr_apart_exit(rc), "%s", error.text);
    if (json_array_size(rows) > 0) {
        int put = tr_hosts_put_begun(call, rows);
        code = code == TR_EXIT_OK ? put : code;
    }
    json_decref(rows);
    return code;
}

/* One that has it no more has done so before, and what it said then did not get here. */
static int detach_at(const tr_apart_t *self, json_t *host, const char *name, tr_error_t *error) {
    char none[TR_NAME_MAX + 32];
    tr_hosts_ask_t ask = {0};
    snprintf(none, sizeof none, "there is no agent \"%s\"", name);
    tr_hosts_ask_begin(&ask, self, host, "detach");
    tr_hosts_ask_word(&ask, name);
    int rc = tr_hosts_ask_one(self, &ask, error);
    tr_hosts_ask_finish(&ask);
    return rc < 0 && strstr(error->text, none) ? 0 : rc;
}

/* What is done is written down at once, and one that is away keeps none of the others: the same again is for those that are left. */
int tr_hosts_detach(const tr_call_t *call, const tr_apart_t *self, const char *name, tr_error_t *error) {
    size_t i, failed = 0, n = tr_hosts_with(self, name);
    json_t *host;
    int worst = 0;
    if (!n)
        return tr_hosts_no_group(self, name, error);
    json_array_foreach(self->hosts, i, host) {
        tr_error_t why = {0};
        if (!tr_hosts_has(host, name))
            continue;
        int rc = detach_at(self, host, name, &why);
        if (rc < 0) {
            failed++;
            worst = tr_hosts_worse(worst, rc);
            tr_cli_fail(call, tr_apart_exit(rc), "%s", why.text);
            continue;
        }
        json_object_del(json_object_get(host, "groups"), name);
        rc = tr_apart_save(self, error);
        if (rc < 0)
            return rc;
    }
    return failed ? tr_error_set(error, worst,
                        "%zu of %zu hosts have %s yet: the same command again ends it there", failed, n, name)
                  : 0;
}

/* ---- looking ---- */

/* A host that is away is said, and the others are shown. */
int tr_hosts_ps(const tr_call_t *call, const tr_apart_t *self) {
    tr_column_t columns[TR_PS_COLUMNS];
    json_t *rows = json_array();
    int code = tr_apart_exit(tr_hosts_rows(call, self, rows));
    tr_ps_columns(rows, columns);
    for (size_t i = 0; i < TR_PS_COLUMNS; i++)
        columns[i].wide = columns[i].wide && strcmp(columns[i].name, "host") != 0;
    int put = tr_hosts_put(call, columns, TR_PS_COLUMNS, rows);
    json_decref(rows);
    return code == TR_EXIT_OK ? put : code;
}

/* Its output is this process's own. */
static pid_t follow_one(const tr_apart_t *self, json_t *host, const char *group, int64_t lines, bool follow) {
    tr_ssh_t ssh = tr_hosts_ssh(self);
    tr_hosts_ask_t ask = {0};
    tr_buffer_t command;
    tr_run_t run = {0};
    tr_hosts_ask_word(&ask, self->program);
    tr_hosts_ask_begin(&ask, self, host, "logs");
    tr_hosts_ask_word(&ask, "--lines");
    tr_hosts_ask_format(&ask, "%lld", (long long)lines);
    if (follow)
        tr_hosts_ask_word(&ask, "--follow");
    if (group)
        tr_hosts_ask_word(&ask, group);
    tr_buffer_init(&command, 0);
    tr_ssh_quote(ask.words, &command);
    tr_ssh_begin(&ssh, &run);
    tr_run_add_all(&run, (const char *const[]){"--", text_of(host, "at"), tr_buffer_string(&command), NULL});
    pid_t pid = command.failed || ask.rc < 0 ? -1 : fork();
    if (pid == 0) {
        tr_run_exec(&run, NULL);
        _exit(127);
    }
    tr_buffer_finish(&command);
    tr_hosts_ask_finish(&ask);
    return pid;
}

int tr_hosts_logs(
    const tr_call_t *call, const tr_apart_t *self, const char *group, int64_t lines, bool follow) {
    size_t i, begun = 0, failed = 0;
    int status;
    json_t *host;
    fflush(call->out);
    json_array_foreach(self->hosts, i, host) {
        if (group && strcmp(group, TR_FLEET_BROKER) != 0 && !tr_hosts_has(host, group))
            continue;
        pid_t pid = follow_one(self, host, group, lines, follow);
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
