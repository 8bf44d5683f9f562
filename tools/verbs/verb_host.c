/* `troupe host`: the far end of `troupe up --on ssh`. */
#include "lib/base/buffer.h"
#include "lib/base/file.h"
#include "lib/base/process.h"
#include "tools/cli/cli_json.h"
#include "tools/cluster/host.h"
#include "tools/cluster/unit.h"
#include "tools/fleet/fleet.h"
#include "tools/fleet/state.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    tr_cli_common_t common;
    const char *unit;
} options_t;

static const tr_option_t table[] = {
    {"unit", 0, "FLEET", TR_STRING(options_t, unit), NULL,
        "Print the unit of systemd that a fleet of this name has here, and do nothing.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_STATE_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe host",
    .summary = "Be one host of a fleet on several (by `troupe up --on ssh`)",
    .description =
        "What `troupe up --on ssh` and `troupe down` run on each host: takes a request from stdin (JSON), "
        "writes the fleet file and the "
        "keys that this host needs below the state directory, and starts the fleet: as a unit of systemd "
        "(the user's own, or for root the machine's), or as plain processes where no systemd runs. It "
        "answers with JSON. It ends with 3 when "
        "the request is not valid, or the fleet did not start.",
    .examples = "troupe host --unit office-0",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

static int print_unit(const tr_call_t *call, const options_t *o, const char *own) {
    char root[PATH_MAX];
    tr_error_t error = {0};
    tr_buffer_t text;
    if (!tr_fleet_name_valid(o->unit, strlen(o->unit)))
        return tr_cli_usage(call, "--unit: \"%.100s\" cannot name a fleet", o->unit);
    if (tr_state_where(o->common.state, o->unit, root, &error) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    *strrchr(root, '/') = '\0';
    tr_unit_t unit = {.fleet = o->unit, .program = own, .root = root, .system = geteuid() == 0};
    tr_buffer_init(&text, 0);
    tr_unit_print(&unit, &text);
    bool good = !text.failed && fputs(tr_buffer_string(&text), call->out) >= 0 && fflush(call->out) == 0;
    tr_buffer_finish(&text);
    return good ? TR_EXIT_OK : tr_cli_fail(call, TR_EXIT_REFUSED, "the result could not be written");
}

static int read_request(json_t **ret_request, tr_error_t *error) {
    char *bytes = NULL;
    size_t len = 0;
    json_error_t where;
    int rc = tr_file_read_fd(STDIN_FILENO, TR_HOST_REQUEST_MAX, &bytes, &len);
    if (rc < 0 || len > TR_HOST_REQUEST_MAX)
        rc = tr_error_set(
            error, rc < 0 ? rc : -E2BIG, "stdin: %s", rc < 0 ? strerror(-rc) : "a request is smaller");
    else if (!(*ret_request = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &where)))
        rc = tr_error_set(error, -EINVAL, "stdin: line %d: %s", where.line, where.text);
    if (bytes)
        explicit_bzero(bytes, len);
    free(bytes);
    return rc;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    char own[PATH_MAX];
    json_t *request = NULL, *answer = NULL;
    tr_error_t error = {0};
    int rc = tr_process_program(own, sizeof own);
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "/proc/self/exe: %s", strerror(-rc));
    if (o->unit)
        return print_unit(call, o, own);
    tr_host_side_t side = {.call = call, .program = own, .state = o->common.state};
    rc = read_request(&request, &error);
    if (rc == 0)
        rc = tr_host_side_take(&side, request, &answer, &error);
    json_decref(request);
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    bool good = answer && tr_cli_dump_json(answer, call->out, JSON_COMPACT) == 0 &&
                fputc('\n', call->out) != EOF && fflush(call->out) == 0;
    json_decref(answer);
    return good ? TR_EXIT_OK : tr_cli_fail(call, TR_EXIT_REFUSED, "the answer could not be written");
}

const tr_verb_t tr_verb_host = {"host", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
