#include "tools/doctor.h"
#include "tools/verbs.h"

#include <sys/resource.h>
#include <zmq.h>

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe doctor",
    .summary = "Look for what is wrong with this machine or a fleet",
    .description =
        "Checks this machine, the installation, the fleets that run here and, where there is one, the "
        "broker: each "
        "finding is ok, warn, fail or skip, with what was found and what to do about it.\n\n"
        "Exit codes: 0 when nothing fails, 3 when something does, 2 when nothing answers at --connect.",
    .examples = "troupe doctor\n"
                "troupe doctor --connect tcp://node1:5570 -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

static size_t limit(rlim_t value) {
    return value == RLIM_INFINITY || value > SIZE_MAX ? SIZE_MAX : (size_t)value;
}

static void look_here(tr_report_t *report) {
    int major, minor, patch;
    struct rlimit files = {0};
    tr_doctor_troupe(report);
    zmq_version(&major, &minor, &patch);
    tr_doctor_zmq(report, major, minor, patch);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        tr_doctor_files(report, limit(files.rlim_cur), limit(files.rlim_max));
}

static int put(const tr_call_t *call, const tr_report_t *report) {
    static const tr_column_t columns[] = {{"check", TR_COLUMN_TEXT}, {"result", TR_COLUMN_STATE},
        {"found", TR_COLUMN_TEXT}, {"cure", TR_COLUMN_TEXT}};
    const options_t *o = call->options;
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)o->common.output,
        .columns = columns,
        .column_count = sizeof columns / sizeof *columns,
        .colour = tr_output_colour(call->out)};
    tr_output_t *output = NULL;
    if (report->no_memory || tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    for (size_t i = 0; i < report->count; i++) {
        const tr_finding_t *finding = &report->items[i];
        tr_output_text(output, finding->check);
        tr_output_text(output, tr_health_name(finding->health));
        tr_output_text(output, finding->found);
        tr_output_text(output, *finding->cure ? finding->cure : NULL);
        tr_output_row(output);
    }
    return tr_cli_finish(call, &output);
}

static int run(const tr_call_t *call) {
    tr_report_t report = {0};
    look_here(&report);
    int code = put(call, &report);
    if (code == TR_EXIT_OK && tr_report_worst(&report) == TR_HEALTH_FAIL)
        code = TR_EXIT_REFUSED;
    tr_report_finish(&report);
    return code;
}

const tr_verb_t tr_verb_doctor = {"doctor", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
