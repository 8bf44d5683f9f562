#include "tools/cli/session.h"
#include "tools/cluster/apart.h"
#include "tools/cluster/spread.h"
#include "tools/up/dry_run.h"
#include "tools/up/up.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    tr_cli_common_t common;
    bool detach, dry_run;
    int64_t grace_ms;
    int on;
    const char *context, *namespace, *image;
    bool keys;
    const char *ssh_config, *program, *remote;
    bool plain;
    int64_t peers_port;
} options_t;

static const tr_option_t table[] = {
    {"detach", 'd', NULL, TR_BOOL(options_t, detach), NULL,
        "Return when the fleet is ready, and leave it running in the background.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"dry-run", 'n', NULL, TR_BOOL(options_t, dry_run), NULL,
        "Check the file and what it names, and show what would run. Nothing is started; shared objects are "
        "loaded to look at them.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"timeout", 't', "TIME", TR_DURATION(options_t, common.timeout_ms), "60s",
        "Give up when not all agents are registered within this time.", .min = 1,
        .flags = TR_OPTION_FLAG_ONLY},
    {"grace", 0, "TIME", TR_DURATION(options_t, grace_ms), "10s",
        "An agent that is asked to end has this time for the message in work before it is killed.", .min = 1,
        .max = 3600000, .flags = TR_OPTION_FLAG_ONLY},
    {"on", 0, "WHERE", TR_WORD(options_t, on), "here",
        "Where it runs: here, as processes of this machine; kubernetes, by kubectl; podman, in containers "
        "of this machine; or ssh, on the HOSTs.",
        .words = tr_apart_words, .flags = TR_OPTION_FLAG_ONLY},
    {"context", 0, "NAME", TR_STRING(options_t, context), NULL, "Of kubectl, in place of its current one.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"namespace", 0, "NAME", TR_STRING(options_t, namespace), NULL,
        "On Kubernetes: a namespace that is there, in place of one with the fleet's name, which is made.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"image", 0, "IMAGE", TR_STRING(options_t, image), "localhost/troupe:" TROUPE_VERSION,
        "Of its containers (k8s/images/build makes one); what agents load or run must be in it, "
        "in " TR_APART_FOLDER ".",
        .flags = TR_OPTION_FLAG_ONLY},
    {"keys", 0, NULL, TR_BOOL(options_t, keys), NULL,
        "On Kubernetes: make the certificates and print them, a ConfigMap and Secrets, for `kubectl apply -f "
        "-`; all else is then the "
        "chart's or kustomize's. Nothing is started.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"ssh-config", 0, "FILE", TR_STRING(options_t, ssh_config), NULL,
        "With --on ssh: ssh's own configuration file, in place of the user's.", .flags = TR_OPTION_FLAG_ONLY},
    {"program", 0, "PATH", TR_STRING(options_t, program), "troupe",
        "With --on ssh: this command on the hosts.", .flags = TR_OPTION_FLAG_ONLY},
    {"host-state", 0, "DIR", TR_STRING(options_t, remote), NULL,
        "With --on ssh: --state of the hosts; else what is usual there.", .flags = TR_OPTION_FLAG_ONLY},
    {"peers-port", 0, "PORT", TR_INT(options_t, peers_port), "5573",
        "With --on ssh: where the brokers of the hosts are linked with each other; another one for each "
        "fleet "
        "that shares hosts.",
        .min = 1, .max = 65535, .flags = TR_OPTION_FLAG_ONLY},
    {"plain", 0, NULL, TR_BOOL(options_t, plain), NULL,
        "With --on ssh: plain processes, also where systemd runs.", .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_STATE_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe up",
    .summary = "Start a fleet: its broker and its agents",
    .description =
        "Starts what the file names, waits until all agents are registered, and stays: what dies "
        "is started again by the "
        "restart policy of the file. Ctrl-C or SIGTERM ends the agents, which finish the message "
        "in work, and then the "
        "broker; a second one kills them. With --detach it returns when the fleet is ready, and "
        "`troupe down` ends it.\n\n"
        "State and logs are in .troupe/FLEET/ (--state, TROUPE_STATE), or in the XDG state "
        "directory where that cannot be "
        "made. With `journal: true` in the file its durable messages are kept there, too, when the "
        "fleet ends, and the next `troupe up` goes on with them.\n\n"
        "Before anything is started, behaviours, shared objects, programs, arguments and "
        "the broker's options are checked; an error names "
        "file, line, key and what was expected. It ends with 3 when the file is not valid, the "
        "fleet runs already, or something "
        "cannot be started, and "
        "with 4 when the agents were not registered in time; with 70 when a supervisor of the file gave up "
        "and has "
        "none above it.",
    .examples = "troupe up digest.yaml\n"
                "troupe up digest.yaml --on kubernetes --image registry.example/troupe:0.1.0\n"
                "troupe up digest.yaml --on kubernetes --dry-run   # the objects as YAML\n"
                "troupe up digest.yaml --on podman\n"
                "troupe up digest.yaml --on ssh ada@node1 ada@node2   # which have Troupe installed\n"
                "troupe up --detach digest.yaml\n"
                "troupe up --dry-run digest.yaml\n"
                "sed s/count:.4/count:.2/ digest.yaml | troupe up -   # folders in it are from here",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "FLEET [HOST...]",
    .least_arguments = 1,
    .most_arguments = 1 + TR_SPREAD_HOSTS_MAX,
};

/* The code of the start, which the supervisor writes. */
static int wait_for_start(const tr_call_t *call, int fd) {
    unsigned char code;
    ssize_t n;
    do
        n = read(fd, &code, 1);
    while (n < 0 && errno == EINTR);
    return n == 1 ? code
                  : tr_cli_fail(call, TR_EXIT_REFUSED, "the supervisor died while it started the fleet");
}

static int run_here(tr_up_t **up, int report) {
    int code = tr_up_run(*up, report);
    tr_up_destroy(up);
    return code;
}

/* The supervisor is this process's child in a session of its own, so that no terminal's end reaches it. */
static int run_detached(const tr_call_t *call, tr_up_t **up) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "cannot make a pipe: %s", strerror(errno));
    fflush(call->out);
    fflush(call->err);
    pid_t pid = fork();
    if (pid < 0) {
        close(fds[0]);
        close(fds[1]);
        return tr_cli_fail(call, TR_EXIT_REFUSED, "cannot start the supervisor: %s", strerror(errno));
    }
    if (pid == 0) {
        close(fds[0]);
        setsid();
        return run_here(up, fds[1]);
    }
    close(fds[1]);
    int code = wait_for_start(call, fds[0]);
    close(fds[0]);
    tr_up_leave(up);
    return code;
}

static int up_apart(const tr_call_t *call, const options_t *o, const char *path) {
    tr_apart_up_t up = {
        .call = call,
        .path = path,
        .state = o->common.state,
        .on = (tr_apart_on_t)o->on,
        .context = o->context,
        .namespace = o->namespace,
        .image = o->image,
        .dry_run = o->dry_run,
        .keys = o->keys && o->on == TR_APART_KUBERNETES,
        .timeout_ms = o->common.timeout_ms,
        .ssh_config = o->ssh_config,
        .program = o->program,
        .remote = o->remote,
        .plain = o->plain,
        .peers_port = o->peers_port,
        .hosts = call->arguments.items + 1,
        .host_count = call->arguments.count - 1,
    };
    return tr_apart_up(&up);
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *path = call->arguments.items[0];
    if (o->on == TR_APART_SSH ? call->arguments.count < 2 : call->arguments.count > 1)
        return tr_cli_usage(call, o->on == TR_APART_SSH
                                      ? "--on ssh needs the hosts behind the file: [USER@]HOST ..."
                                      : "expected one FLEET: hosts are for --on ssh");
    if (o->keys && o->on != TR_APART_KUBERNETES)
        return tr_cli_usage(call, "--keys is for --on kubernetes");
    if (o->keys && o->dry_run)
        return tr_cli_usage(call,
            "--keys makes the certificates, and --dry-run makes nothing: call `troupe up` "
            "twice, once with each; what both print belongs together");
    if (o->on != TR_APART_HERE)
        return up_apart(call, o, path);
    if (o->dry_run)
        return tr_dry_run(call, path, o->common.state, (tr_output_format_t)o->common.output);
    tr_up_config_t config = {
        .call = call,
        .path = path,
        .state = o->common.state,
        .output = (tr_output_format_t)o->common.output,
        .timeout_ms = o->common.timeout_ms,
        .grace_ms = o->grace_ms,
    };
    tr_up_t *up = NULL;
    int code = tr_up_new(&config, &up);
    if (code != TR_EXIT_OK)
        return code;
    code = o->detach ? run_detached(call, &up) : run_here(&up, -1);
    tr_up_destroy(&up); /* where it could not even begin */
    return code;
}

const tr_verb_t tr_verb_up = {"up", TR_VERB_FLEET, &program, sizeof(options_t), run};
