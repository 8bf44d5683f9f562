#include "tools/verbs/decisions.h"

#include "tools/cli/output.h"
#include "tools/cli/output_yaml.h"

#include <string.h>

static const tr_column_t columns[] = {
    {"option", TR_COLUMN_TEXT},
    {"place", TR_COLUMN_NUMBER},
    {"points", TR_COLUMN_NUMBER},
    {"support", TR_COLUMN_NUMBER},
    {"in-play", TR_COLUMN_TEXT, .wide = true},
    {"chosen", TR_COLUMN_TEXT},
};

#define COLUMNS (sizeof columns / sizeof *columns)

static void put_option(tr_output_t *output, const json_t *decision, const json_t *option) {
    const char *winner = json_string_value(json_object_get(decision, "winner"));
    const char *name = json_string_value(json_object_get(option, "option"));
    for (size_t i = 0; i + 1 < COLUMNS; i++) {
        json_t *value = json_object_get(option, columns[i].name);
        tr_output_json(output, value ? json_incref(value) : json_null());
    }
    tr_output_json(output, json_boolean(winner && name && strcmp(winner, name) == 0));
    tr_output_row(output);
}

/* From the best on; those that were not counted last. */
static void put_options(tr_output_t *output, const json_t *decision) {
    const json_t *options = json_object_get(decision, "options");
    size_t count = json_array_size(options);
    for (size_t place = 1; place <= count + 1; place++)
        for (size_t i = 0; i < count; i++) {
            const json_t *option = json_array_get(options, i);
            json_int_t its = json_integer_value(json_object_get(option, "place"));
            if ((size_t)its == place || (its == 0 && place == count + 1))
                put_option(output, decision, option);
        }
}

static int put_table(const tr_call_t *call, const tr_cli_common_t *common, const json_t *decision) {
    tr_output_t *output = NULL;
    tr_output_config_t config = {call->out, (tr_output_format_t)common->output, columns, COLUMNS};
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    put_options(output, decision);
    return tr_cli_finish(call, &output);
}

static void tell(const tr_call_t *call, const json_t *decision) {
    const char *id = json_string_value(json_object_get(decision, "decision"));
    const char *state = json_string_value(json_object_get(decision, "state"));
    const char *why = json_string_value(json_object_get(decision, "why"));
    fprintf(call->err, "%s: %s%s%s\n", id ? id : "", state ? state : "", why ? ": " : "", why ? why : "");
    if (state && strcmp(state, "waiting_person") == 0)
        fprintf(call->err, "decide it with: troupe votes settle %s OPTION\n", id ? id : "");
}

int tr_decisions_put(const tr_call_t *call, const tr_cli_common_t *common, const json_t *decision) {
    int code = TR_EXIT_OK;
    if (common->output == TR_OUTPUT_JSON)
        json_dumpf(decision, call->out, JSON_INDENT(2)), fputc('\n', call->out);
    else if (common->output == TR_OUTPUT_YAML)
        tr_output_yaml(decision, false, call->out);
    else
        code = put_table(call, common, decision);
    if (common->output != TR_OUTPUT_JSON && common->output != TR_OUTPUT_YAML)
        tell(call, decision);
    const char *state = json_string_value(json_object_get(decision, "state"));
    bool decided = state && (strcmp(state, "decided") == 0 || strcmp(state, "voting") == 0 ||
                                strcmp(state, "mediation") == 0);
    return code == TR_EXIT_OK && !decided ? TR_EXIT_REFUSED : code;
}
