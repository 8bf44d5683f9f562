#include "tools/doctor/doctor.h"
#include "tools/verbs/verbs.h"

#include <string.h>

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
        "Checks this machine, the installation, the fleets that run here and their brokers, or the broker at "
        "--connect. Each check is ok, warn, fail, or skip where it could not be made, with what was found "
        "and what "
        "to do about it. Nothing is changed, but that the state of fleets whose supervisor died is cleaned "
        "away.\n\n"
        "Exit codes: 0 when nothing fails, 3 when something does, 2 when nothing answers at --connect.",
    .examples = "troupe doctor\n"
                "troupe doctor --connect tcp://node1:5570 -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

/* ---- looking ---- */

/* The broker of each fleet that runs here (of the one that is asked for); where none does, at the default
   place. */
static int look_at_fleets(const tr_call_t *call, const tr_state_list_t *fleets, tr_report_t *report) {
    const options_t *o = call->options;
    size_t seen = 0;
    int code = TR_EXIT_OK;
    for (size_t i = 0; i < fleets->count && code < TR_EXIT_SIGNAL; i++) {
        const tr_state_info_t *info = &fleets->items[i];
        tr_cli_common_t common = o->common;
        if (!info->running || (common.fleet && strcmp(common.fleet, info->fleet) != 0))
            continue;
        common.fleet = info->fleet;
        report->about = common.fleet;
        code = tr_doctor_broker_look(report, call, &common);
        report->about = NULL;
        seen++;
    }
    if (seen == 0 && o->common.fleet)
        tr_report_add(report, "broker", TR_HEALTH_FAIL,
            "Start it with `troupe up FILE`, or say where its state is with --state.",
            "no fleet \"%.80s\" runs here", o->common.fleet);
    else if (seen == 0)
        code = tr_doctor_broker_look(report, call, &o->common);
    return code >= TR_EXIT_SIGNAL ? code : TR_EXIT_OK;
}

static int look(const tr_call_t *call, tr_report_t *report) {
    const options_t *o = call->options;
    tr_state_list_t fleets = {0};
    tr_error_t error = {0};
    tr_doctor_machine_look(report);
    tr_doctor_programs_look(report);
    tr_doctor_modules_look(report);
    tr_doctor_state_look(report, o->common.state);
    if (tr_state_list(o->common.state, &fleets, &error) < 0) {
        tr_report_add(report, "fleets", TR_HEALTH_FAIL, "Name another place with --state.", "%s", error.text);
        return TR_EXIT_OK;
    }
    tr_doctor_fleets(report, &fleets);
    int code = o->common.connect ? tr_doctor_broker_look(report, call, &o->common)
                                 : look_at_fleets(call, &fleets, report);
    tr_state_list_finish(&fleets);
    return code;
}

/* ---- telling ---- */

static void print_finding(const tr_finding_t *finding, bool colour, FILE *out) {
    static const char *const colours[] = {"\033[32m", "\033[2m", "\033[33m", "\033[31m"};
    fprintf(out, "%s%-4s%s  %-15s  %s\n", colour ? colours[finding->health] : "",
        tr_health_name(finding->health), colour ? "\033[0m" : "", finding->check, finding->found);
    if (*finding->cure)
        fprintf(out, "%23s%s\n", "", finding->cure);
}

static int print_all(const tr_call_t *call, const tr_report_t *report) {
    bool colour = tr_output_colour(call->out);
    size_t failed = tr_report_count(report, TR_HEALTH_FAIL), warned = tr_report_count(report, TR_HEALTH_WARN);
    for (size_t i = 0; i < report->count; i++)
        print_finding(&report->items[i], colour, call->out);
    fprintf(call->out, "\n%zu failed, %zu warned, %zu ok\n", failed, warned,
        tr_report_count(report, TR_HEALTH_OK));
    bool written = fflush(call->out) == 0 && !ferror(call->out);
    return written ? TR_EXIT_OK : tr_cli_fail(call, TR_EXIT_REFUSED, "the result could not be written");
}

static int put(const tr_call_t *call, const tr_report_t *report) {
    static const tr_column_t columns[] = {{"check", TR_COLUMN_TEXT}, {"result", TR_COLUMN_STATE},
        {"found", TR_COLUMN_TEXT}, {"cure", TR_COLUMN_TEXT}};
    const options_t *o = call->options;
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)o->common.output,
        .columns = columns,
        .column_count = sizeof columns / sizeof *columns};
    tr_output_t *output = NULL;
    if (config.format == TR_OUTPUT_TABLE || config.format == TR_OUTPUT_WIDE)
        return print_all(call, report);
    if (tr_output_new(&config, &output) < 0)
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

/* Nobody at --connect is a finding too, and has an exit code of its own. */
static int run(const tr_call_t *call) {
    tr_report_t report = {0};
    int code = look(call, &report);
    bool tell = code == TR_EXIT_OK || code == TR_EXIT_UNREACHABLE;
    int told = report.no_memory ? tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory")
               : tell           ? put(call, &report)
                                : code;
    if (code == TR_EXIT_OK && told == TR_EXIT_OK && tr_report_worst(&report) == TR_HEALTH_FAIL)
        told = TR_EXIT_REFUSED;
    tr_report_finish(&report);
    return code == TR_EXIT_UNREACHABLE ? code : told;
}

const tr_verb_t tr_verb_doctor = {"doctor", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
