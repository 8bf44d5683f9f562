/* `troupe bench`: reads what is wanted, makes the cases of it, runs them. */
#include "tools/bench/curve.h"
#include "tools/bench/report.h"
#include "tools/verbs/verbs.h"

#include "lib/base/suggest.h"

#include <errno.h>
#include <string.h>

#define CASES_MAX 64

typedef struct options {
    tr_cli_common_t common;
    int transport;
    size_t size;
    int64_t agents, count, runs;
    const char *pin, *conninfo;
    bool raw_only, json, check, curve;
} options_t;

static const char *const transports[] = {"tcp", "ipc", NULL};

static const tr_option_t table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    {"json", 0, NULL, TR_BOOL(options_t, json), NULL, "One JSON object a line: the same as -o json.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"transport", 0, "NAME", TR_WORD(options_t, transport), "tcp", "What links run over.",
        .words = transports, .flags = TR_OPTION_FLAG_ONLY},
    {"size", 0, "SIZE", TR_SIZE(options_t, size), NULL,
        "Bytes of a message's content, in place of the workload's.", .max = 1 << 20,
        .flags = TR_OPTION_FLAG_ONLY},
    {"agents", 0, "N", TR_INT(options_t, agents), NULL,
        "Agents, processes, links or subscribers, in place of the workload's.", .max = 1000000,
        .flags = TR_OPTION_FLAG_ONLY},
    {"count", 0, "N", TR_INT(options_t, count), NULL,
        "Messages, cycles or steps (sim) of each run, in place of the workload's.", .max = INT64_C(1) << 40,
        .flags = TR_OPTION_FLAG_ONLY},
    {"pin", 0, "CPUS", TR_STRING(options_t, pin), NULL,
        "The CPUs that all processes are kept to (0, or 0,2-3), or `free`, in place of the workload's.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"runs", 'n', "N", TR_INT(options_t, runs), NULL,
        "Runs of each side; without it 5 where the target is a ratio, otherwise 3.", .min = 1,
        .max = TR_BENCH_RUNS_MAX, .flags = TR_OPTION_FLAG_ONLY},
    {"raw-only", 0, NULL, TR_BOOL(options_t, raw_only), NULL, "Only the raw limits.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"curve", 0, NULL, TR_BOOL(options_t, curve), NULL,
        "Our side's broker and links prove themselves with certificates, and are encrypted; the raw side is "
        "as "
        "ever. Not for workloads with watchers of the topic stream (fanout), and without targets.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"conninfo", 0, "FILE", TR_STRING(options_t, conninfo), NULL,
        "For tasks: a PostgreSQL database in place of the coordinator's file, by a file with a connection "
        "string. "
        "Its schema troupe_bench has all runs' tasks, and stays there. Without targets.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"check", 0, NULL, TR_BOOL(options_t, check), NULL, "End with 3 when a target is missed.",
        .flags = TR_OPTION_FLAG_ONLY},
};

static const tr_program_t program = {
    .name = "troupe bench",
    .summary = "Measure speed and size against the raw limit of this machine",
    .usage = "[WORKLOAD...|all] [OPTION...]",
    .description =
        "Each workload runs on a broker and processes of its own, on ports that the kernel chooses, and "
        "leaves "
        "nothing behind. Where there is a raw limit, the same work is done by plain libzmq programs, on the "
        "same "
        "transport and CPUs; the ratio of the two is what the targets are about, as the figures themselves "
        "belong "
        "to a machine and its load.\n\n"
        "The two sides take turns, raw first, in short runs: A B A B. A value is the median of its side's "
        "runs. "
        "The ratio is not that of the two medians, but the median of the ratios of neighbours: each run of "
        "ours "
        "to the raw run just before it and to the one just after. What drifts, or disturbs a machine for a "
        "while, "
        "meets both of a pair. How far these ratios lie apart (-o wide, or ratio_min and ratio_max in JSON) "
        "tells "
        "how far to trust them: on a quiet machine they differ by a few hundredths. The first tenth of each "
        "run "
        "warms it up and is not measured. The processor time of all processes for each message (cpu) depends "
        "less on what else runs than the clock does.\n\n"
        "Without a workload, shows which there are, with their targets.",
    .examples = "# what there is\n"
                "troupe bench\n\n"
                "# the round trip on one core, and where the kernel places the processes\n"
                "troupe bench rtt\n\n"
                "# what certificates and encryption cost\n"
                "troupe bench route --curve\n\n"
                "# a world of fewer agents and steps\n"
                "troupe bench sim --agents 10000 --count 50\n\n"
                "# everything, for a program to read\n"
                "troupe bench all --json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "WORKLOAD...",
    .most_arguments = 16,
};

static bool is_workload(const char *name) {
    for (const tr_bench_case_t *c = tr_bench_cases; c->workload; c++)
        if (strcmp(c->workload, name) == 0)
            return true;
    return strcmp(name, "all") == 0;
}

static const char *nearest_workload(const char *name) {
    const char *words[CASES_MAX + 2];
    size_t n = 0;
    for (const tr_bench_case_t *c = tr_bench_cases; c->workload && n < CASES_MAX; c++)
        words[n++] = c->workload;
    words[n++] = "all";
    words[n] = NULL;
    return tr_suggest(name, words);
}

static bool wanted(const tr_call_t *call, const tr_bench_case_t *c) {
    for (size_t i = 0; i < call->arguments.count; i++)
        if ((strcmp(call->arguments.items[i], "all") == 0 && !c->apart) ||
            strcmp(call->arguments.items[i], c->workload) == 0)
            return true;
    return false;
}

static void unbind(tr_bench_case_t *c) {
    for (size_t i = 0; i < TR_BENCH_METRICS; i++)
        c->metrics[i].bound = TR_BENCH_UNBOUND;
}

static bool compares(const tr_bench_case_t *c) {
    return c->metrics[0].bound == TR_BENCH_RATIO_MIN || c->metrics[0].bound == TR_BENCH_RATIO_MAX;
}

/* One number is all that some workloads are about. */
static bool takes_agents(const tr_bench_case_t *c) {
    return c->agents && c->agents != c->agents_max;
}

/* The targets are about the table's sizes and numbers: others have none. */
static void apply(const options_t *o, tr_bench_case_t *c) {
    c->runs = o->runs ? (int)o->runs : compares(c) ? 5 : c->apart ? 1 : 3;
    c->transport = transports[o->transport];
    if (o->pin)
        c->pin = o->pin;
    if (o->size && c->size && o->size != c->size) {
        c->size = o->size;
        unbind(c);
    }
    if (o->agents && takes_agents(c) && o->agents != c->agents) {
        c->agents = (uint32_t)o->agents;
        unbind(c);
    }
    if (o->conninfo || o->curve || (o->count && (uint64_t)o->count < c->count))
        unbind(c); /* too short to tell, or another thing */
    if (o->count && c->count)
        c->count = (uint64_t)o->count;
    if (o->count && c->raw_count)
        c->raw_count = (uint64_t)o->count;
}

/* An option can make two cases one; the one that still has its target stays. */
static bool same(const tr_bench_case_t *a, const tr_bench_case_t *b) {
    return a->ours == b->ours && a->raw == b->raw && a->size == b->size && a->agents == b->agents &&
           strcmp(a->pin, b->pin) == 0;
}

static size_t make_cases(const tr_call_t *call, tr_bench_case_t *cases) {
    size_t n = 0;
    for (const tr_bench_case_t *c = tr_bench_cases; c->workload && n < CASES_MAX; c++) {
        tr_bench_case_t mine = *c;
        if (!wanted(call, c))
            continue;
        apply(call->options, &mine);
        size_t at = 0;
        while (at < n && !same(&cases[at], &mine))
            at++;
        if (at == n)
            n++;
        else if (mine.metrics[0].bound == TR_BENCH_UNBOUND)
            continue;
        cases[at] = mine;
    }
    return n;
}

static int check_agents(const tr_call_t *call) {
    const options_t *o = call->options;
    for (const tr_bench_case_t *c = tr_bench_cases; c->workload; c++)
        if (wanted(call, c) && takes_agents(c) && c->agents_max && o->agents > (int64_t)c->agents_max)
            return tr_cli_usage(call, "--agents: %s takes at most %u", c->workload, c->agents_max);
    return TR_EXIT_OK;
}

/* The stream's watchers are plain sockets. */
static bool watches(const tr_call_t *call) {
    for (const tr_bench_case_t *c = tr_bench_cases; c->workload; c++)
        if (wanted(call, c) && c->ours == tr_bench_fanout)
            return true;
    return false;
}

static int check_arguments(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_error_t error = {0};
    cpu_set_t cpus;
    bool any;
    for (size_t i = 0; i < call->arguments.count; i++) {
        const char *name = call->arguments.items[i], *near = nearest_workload(name);
        if (!is_workload(name) && near)
            return tr_cli_usage(call, "there is no workload %.60s: did you mean %s?", name, near);
        if (!is_workload(name))
            return tr_cli_usage(
                call, "there is no workload %.60s; `troupe bench` shows which there are", name);
    }
    if (o->size && o->size < TR_BENCH_CONTENT)
        return tr_cli_usage(call, "--size: expected %d or more", TR_BENCH_CONTENT);
    if (o->curve && watches(call))
        return tr_cli_usage(call, "--curve: fanout has watchers without certificates");
    if (o->conninfo && (call->arguments.count != 1 || strcmp(call->arguments.items[0], "tasks") != 0))
        return tr_cli_usage(call, "--conninfo is for tasks alone");
    if (o->pin && tr_bench_cpus(o->pin, &cpus, &any, &error) < 0)
        return tr_cli_usage(call, "%s", error.text);
    return check_agents(call);
}

static int exit_of(int error) {
    return error == -ETIMEDOUT ? TR_EXIT_TIMEOUT : error == -EINTR ? 130 : TR_EXIT_UNREACHABLE;
}

typedef struct outcome {
    int code;
    bool missed; /* a target */
} outcome_t;

static outcome_t run_cases(
    const tr_call_t *call, tr_bench_t *bench, const tr_bench_case_t *cases, size_t n, tr_output_t *output) {
    const options_t *o = call->options;
    outcome_t outcome = {0};
    for (size_t i = 0; i < n && !bench->interrupted; i++) {
        tr_bench_result_t result;
        tr_error_t error = {0};
        if (o->raw_only && !cases[i].raw)
            continue;
        int r = tr_bench_run(bench, &cases[i], o->raw_only, call->err, &result, &error);
        if (r < 0) { /* the others are worth running all the same */
            outcome.code = tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", error.text);
            outcome.code = exit_of(r);
            continue;
        }
        tr_bench_report_add(output, (tr_output_format_t)o->common.output, &result);
        for (size_t j = 0; j < result.rows_n; j++)
            outcome.missed |= result.rows[j].judged && !result.rows[j].pass;
        if (result.note[0])
            fprintf(call->err, "%s: %s\n", cases[i].workload, result.note);
    }
    return outcome;
}

static int measure(const tr_call_t *call, tr_bench_t *bench) {
    const options_t *o = call->options;
    tr_bench_case_t cases[CASES_MAX];
    tr_output_t *output = NULL;
    int r = tr_bench_report_new(call->out, (tr_output_format_t)o->common.output, &output);
    if (r < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", strerror(-r));
    outcome_t outcome = run_cases(call, bench, cases, make_cases(call, cases), output);
    int code = tr_cli_finish(call, &output);
    if (outcome.code)
        return outcome.code;
    return code == TR_EXIT_OK && o->check && outcome.missed ? TR_EXIT_REFUSED : code;
}

static int run(const tr_call_t *call) {
    options_t mine = *(const options_t *)call->options;
    tr_call_t own = *call;
    own.options = &mine;
    if (mine.json)
        mine.common.output = TR_OUTPUT_JSON;
    int code = check_arguments(&own);
    if (code != TR_EXIT_OK)
        return code;
    if (!call->arguments.count) {
        tr_output_t *output = NULL;
        int r = tr_bench_report_cases(call->out, (tr_output_format_t)mine.common.output, &output);
        return r < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", strerror(-r)) : tr_cli_finish(call, &output);
    }
    tr_bench_t bench;
    tr_error_t error = {0};
    int r = tr_bench_init(&bench, &error);
    bench.conninfo = mine.conninfo;
    if (r == 0 && mine.curve && (r = tr_bench_curve(&bench, &error)) < 0)
        tr_bench_finish(&bench);
    if (r < 0)
        return tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", error.text);
    code = measure(&own, &bench);
    tr_bench_finish(&bench);
    return code;
}

static void put_workloads(FILE *out) {
    fputs("all", out);
    for (const tr_bench_case_t *c = tr_bench_cases; c->workload; c++)
        if (c == tr_bench_cases || strcmp(c[-1].workload, c->workload) != 0)
            fprintf(out, " %s", c->workload);
}

const tr_verb_t tr_verb_bench = {"bench", TR_VERB_SUPPORT, &program, sizeof(options_t), run, put_workloads};
