#include "tools/kb/own.h"

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/process.h"
#include "tools/cluster/run.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLEET   "fleet: eval\nknowledge: {}\nagents: []\n"
#define FILE_OF "fleet.yaml"
#define LOOK_US 20000 /* between two looks at whether it is there, or gone */
#define END_MS  10000 /* that it has for its end */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st;
    (void)type;
    (void)where;
    remove(path);
    return 0; /* what stays is not worth stopping for, ignoring */
}

static int fail(const tr_call_t *call, const char *what, int rc) {
    return tr_cli_fail(
        call, TR_EXIT_REFUSED, "cannot start a knowledge base of its own: %s: %s", what, strerror(-rc));
}

static int make_file(const tr_call_t *call, tr_kb_own_t *self, char *path, size_t size) {
    const char *parent = getenv("TMPDIR");
    int n = snprintf(self->directory, sizeof self->directory, "%s/troupe-eval-XXXXXX",
        parent && *parent ? parent : "/tmp");
    if ((size_t)n >= sizeof self->directory || !mkdtemp(self->directory)) {
        int rc = (size_t)n >= sizeof self->directory ? -ENAMETOOLONG : -errno;
        self->directory[0] = '\0';
        return fail(call, "a temporary directory (TMPDIR)", rc);
    }
    snprintf(self->state, sizeof self->state, "%s/state", self->directory);
    snprintf(path, size, "%s/" FILE_OF, self->directory);
    int rc = tr_file_write(path, FLEET, strlen(FLEET), 0600);
    return rc < 0 ? fail(call, path, rc) : TR_EXIT_OK;
}

static int start(const tr_call_t *call, tr_kb_own_t *self) {
    char path[sizeof self->directory + sizeof FILE_OF + 1], program[PATH_MAX];
    tr_error_t error = {0};
    int code = make_file(call, self, path, sizeof path);
    if (code != TR_EXIT_OK)
        return code;
    int rc = tr_process_program(program, sizeof program);
    if (rc < 0)
        return fail(call, "where this program is", rc);
    tr_run_t run = {0};
    tr_run_add_all(&run, (const char *const[]){program, "up", path, "--state", self->state, NULL});
    rc = tr_run_beside(&run, &self->pid, &error);
    return rc < 0 ? tr_cli_fail(
                        call, TR_EXIT_REFUSED, "cannot start a knowledge base of its own: %s", error.text)
                  : TR_EXIT_OK;
}

static bool has_ended(tr_kb_own_t *self) {
    if (self->pid > 0 && (waitpid(self->pid, NULL, WNOHANG) == self->pid || errno == ECHILD))
        self->pid = 0;
    return self->pid == 0;
}

/* TR_EXIT_OK: wait on. */
static int goes_on(const tr_call_t *call, tr_kb_own_t *self, int64_t until_ms) {
    int number = tr_process_next_signal(self->signals);
    if (number > 0)
        return TR_EXIT_SIGNAL + number;
    if (has_ended(self))
        return tr_cli_fail(call, TR_EXIT_REFUSED,
            "a knowledge base of its own did not start: start a fleet with `knowledge: {}` to see why");
    return tr_clock_ms() > until_ms ? tr_cli_fail(call, TR_EXIT_TIMEOUT,
                                          "a knowledge base of its own is not there in time (--timeout)")
                                    : TR_EXIT_OK;
}

static int find_it(const tr_call_t *quiet, const tr_cli_common_t *common) {
    tr_cli_place_t place;
    int code = tr_cli_find_place(quiet, common, &place);
    return code == TR_EXIT_OK && place.assumed ? TR_EXIT_UNREACHABLE : code;
}

static int ask_it(const tr_call_t *quiet, tr_cli_session_t *session) {
    json_t *answer = NULL;
    tr_cli_session_renew(session);
    int code =
        tr_cli_ask_json(session, quiet, TR_KB_SERVICE, json_pack("{s:s}", "action", "namespaces"), &answer);
    json_decref(answer);
    return code;
}

/* Until it answers. What it says where it does not yet, nobody wants to know. */
static int wait_for(const tr_call_t *call, const tr_call_t *quiet, tr_kb_own_t *self,
    const tr_cli_common_t *common, tr_cli_session_t **ret_session) {
    int64_t until_ms = tr_clock_ms() + common->timeout_ms;
    int code = TR_EXIT_OK;
    while (code == TR_EXIT_OK && find_it(quiet, common) != TR_EXIT_OK) {
        usleep(LOOK_US);
        code = goes_on(call, self, until_ms);
    }
    if (code == TR_EXIT_OK)
        code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = common}, ret_session);
    while (code == TR_EXIT_OK) {
        int said = ask_it(quiet, *ret_session);
        if (said == TR_EXIT_OK || said >= TR_EXIT_SIGNAL)
            return said;
        usleep(LOOK_US);
        code = goes_on(call, self, until_ms);
    }
    return code;
}

static int reach(
    const tr_call_t *call, tr_kb_own_t *self, const tr_cli_common_t *common, tr_cli_session_t **ret_session) {
    tr_call_t quiet = *call;
    quiet.err = fopen("/dev/null", "we");
    int code =
        quiet.err ? wait_for(call, &quiet, self, common, ret_session) : fail(call, "/dev/null", -errno);
    if (quiet.err)
        fclose(quiet.err);
    return code;
}

int tr_kb_own_begin(
    const tr_call_t *call, tr_kb_own_t *ret_own, tr_cli_common_t *common, tr_cli_session_t **ret_session) {
    tr_error_t error = {0};
    *ret_own = (tr_kb_own_t){.signals = -1};
    int rc = tr_process_signals(&ret_own->signals, &error); /* before there is anything to remove */
    int code = rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text) : start(call, ret_own);
    if (code != TR_EXIT_OK)
        return code;
    common->state = ret_own->state;
    return reach(call, ret_own, common, ret_session);
}

void tr_kb_own_end(tr_kb_own_t *self) {
    int64_t until_ms = tr_clock_ms() + END_MS;
    if (self->pid > 0)
        kill(self->pid, SIGTERM);
    while (!has_ended(self)) {
        if (tr_clock_ms() > until_ms)
            kill(self->pid, SIGKILL);
        usleep(LOOK_US);
    }
    if (self->directory[0] && self->signals >= 0)
        close(self->signals);
    if (self->directory[0])
        nftw(self->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    *self = (tr_kb_own_t){.pid = 0};
}
