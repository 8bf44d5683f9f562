#include "tools/up/dry_run.h"

#include "tools/fleet/fleet_check.h"
#include "tools/fleet/plan.h"
#include "tools/fleet/state.h"

#include <stdlib.h>
#include <string.h>

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"agents", TR_COLUMN_NUMBER},
    {"restart", TR_COLUMN_TEXT, .wide = true},
    {"directory", TR_COLUMN_TEXT, .wide = true},
    {"environment", TR_COLUMN_TEXT, .wide = true},
    {"command", TR_COLUMN_TEXT},
};

/* A line for people, a list for programs. */
static void put_command(tr_output_t *output, const tr_plan_process_t *process, bool table) {
    if (table) {
        char *text = tr_plan_command(process);
        tr_output_text(output, text);
        free(text);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; list && process->argv[i]; i++)
        json_array_append_new(list, json_string(process->argv[i]));
    tr_output_json(output, list);
}

static json_t *environment(const tr_child_spec_t *spec) {
    json_t *object = json_object();
    for (size_t i = 0; object && i < spec->env_count; i++)
        json_object_set_new(object, spec->env[i].key, json_string(spec->env[i].value));
    return object;
}

static void put_process(
    tr_output_t *output, const tr_plan_t *plan, const tr_plan_process_t *process, bool table) {
    tr_child_spec_t spec = tr_plan_spec(plan, process, NULL);
    tr_output_text(output, process->name);
    tr_output_number(output, process->agents);
    tr_output_text(output, tr_restart_words[spec.restart.when]);
    tr_output_text(output, spec.directory);
    tr_output_json(output, environment(&spec));
    put_command(output, process, table);
    tr_output_row(output);
}

static int put_plan(const tr_call_t *call, const tr_plan_t *plan, tr_output_format_t format) {
    tr_output_config_t config = {call->out, format, columns, sizeof columns / sizeof *columns};
    tr_output_t *output = NULL;
    int rc = tr_output_new(&config, &output);
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", strerror(-rc));
    bool table = format == TR_OUTPUT_TABLE || format == TR_OUTPUT_WIDE;
    for (size_t i = 0; i < plan->count; i++)
        put_process(output, plan, &plan->processes[i], table);
    return tr_cli_finish(call, &output);
}

int tr_dry_run(const tr_call_t *call, const char *path, const char *state, tr_output_format_t format) {
    char directory[PATH_MAX];
    tr_error_t error = {0};
    tr_fleet_t *fleet = NULL;
    int rc = tr_fleet_load(path, &fleet, &error);
    if (rc == 0)
        rc = tr_fleet_check_scaled(fleet, &error);
    if (rc < 0) {
        tr_fleet_destroy(&fleet);
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    }
    if (tr_state_where(state, fleet->name, directory, &error) == 0)
        fleet->state = directory;
    tr_programs_t programs = {"troupe-broker", "troupe-agentd"};
    bool found = tr_programs_find(&programs, &error) == 0;
    if (!found)
        tr_cli_fail(call, TR_EXIT_OK, "note: only the file was checked: %s", error.text);
    tr_plan_t *plan = NULL;
    rc = tr_plan_make(fleet, &programs, NULL, &plan, &error);
    if (rc == 0 && found)
        rc = tr_fleet_check(plan, &error);
    int code = rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text) : put_plan(call, plan, format);
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
    return code;
}
