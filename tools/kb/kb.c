#include "tools/kb/kb.h"

int tr_kb_ask(const tr_call_t *call, const tr_cli_common_t *common, json_t *request, json_t **ret_answer) {
    tr_cli_session_config_t config = {.call = call, .common = common};
    tr_cli_session_t *session = NULL;
    int code = tr_cli_session_open(&config, &session);
    *ret_answer = NULL;
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(session, call, TR_KB_SERVICE, request, ret_answer);
    else
        json_decref(request);
    tr_cli_session_close(&session);
    return code;
}

int tr_kb_set_filter(const tr_call_t *call, json_t *request, const char *filter) {
    json_error_t wrong;
    json_t *json = filter ? json_loads(filter, 0, &wrong) : NULL;
    if (filter && !json_is_object(json)) {
        json_decref(json);
        return tr_cli_usage(call, "--filter: expected a JSON object, as {\"year\": {\"gte\": 1990}}%s%s",
            json ? "" : ": ", json ? "" : wrong.text);
    }
    if (json)
        json_object_set_new(request, "filter", json);
    return TR_EXIT_OK;
}

int tr_kb_output(const tr_call_t *call, const tr_cli_common_t *common, const tr_column_t *columns,
    size_t count, tr_output_t **ret_output) {
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)common->output,
        .columns = columns,
        .column_count = count,
        .colour = tr_output_colour(call->out)};
    return tr_output_new(&config, ret_output) == 0 ? TR_EXIT_OK
                                                   : tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
}

void tr_kb_row(tr_output_t *output, const tr_column_t *columns, size_t count, const json_t *object) {
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(object, columns[i].name);
        tr_output_json(output, value ? json_incref(value) : json_null());
    }
    tr_output_row(output);
}
