#include "tools/cli/rows.h"

#include "tools/cli/cli_json.h"

static int open_session(
    const tr_call_t *call, const tr_cli_common_t *common, tr_cli_session_t **ret_session) {
    return tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = common}, ret_session);
}

int tr_cli_ask_once(const tr_call_t *call, const tr_cli_common_t *common, const char *service,
    json_t *request, json_t **ret_answer) {
    tr_cli_session_t *session = NULL;
    int code = open_session(call, common, &session);
    *ret_answer = NULL;
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(session, call, service, request, ret_answer);
    else
        json_decref(request);
    tr_cli_session_close(&session);
    return code;
}

int tr_cli_begin_table(const tr_call_t *call, const tr_cli_common_t *common, const tr_cli_table_t *table,
    bool stream, tr_output_t **ret_output) {
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)common->output,
        .columns = table->columns,
        .column_count = table->count,
        .stream = stream,
        .colour = tr_output_colour(call->out)};
    return tr_output_new(&config, ret_output) == 0 ? TR_EXIT_OK
                                                   : tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
}

void tr_cli_put_object(tr_output_t *output, const tr_cli_table_t *table, const json_t *object) {
    for (size_t i = 0; i < table->count; i++) {
        json_t *value = json_object_get(object, table->columns[i].name);
        tr_output_json(output, value ? json_incref(value) : json_null());
    }
    tr_output_row(output);
}

int tr_cli_put_objects(const tr_call_t *call, const tr_cli_common_t *common, const tr_cli_table_t *table,
    const json_t *objects) {
    tr_output_t *output = NULL;
    const json_t *object;
    size_t i;
    int code = tr_cli_begin_table(call, common, table, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    json_array_foreach(objects, i, object) tr_cli_put_object(output, table, object);
    return tr_cli_finish(call, &output);
}

/* ---- by pages ---- */

static int list_pages(
    const tr_call_t *call, tr_cli_session_t *session, const tr_cli_listing_t *l, tr_output_t *output) {
    int64_t before = 0, shown = 0;
    int code = TR_EXIT_OK;
    do {
        json_t *page = NULL, *one;
        json_t *request = json_pack("{s:s, s:I}", "action", l->action, "before", (json_int_t)before);
        size_t i;
        tr_cli_set_text(request, "state", l->state);
        tr_cli_session_renew(session);
        code = tr_cli_ask_json(session, call, l->service, request, &page);
        before = json_integer_value(json_object_get(page, "before"));
        json_array_foreach(json_object_get(page, l->key), i, one) if (l->most == 0 || shown++ < l->most)
            tr_cli_put_object(output, &l->table, one);
        json_decref(page);
    } while (code == TR_EXIT_OK && before && (l->most == 0 || shown < l->most));
    return code;
}

int tr_cli_list(const tr_call_t *call, const tr_cli_common_t *common, const tr_cli_listing_t *listing) {
    tr_cli_session_t *session = NULL;
    tr_output_t *output = NULL;
    int code = open_session(call, common, &session);
    if (code == TR_EXIT_OK)
        code = tr_cli_begin_table(call, common, &listing->table, false, &output);
    if (code == TR_EXIT_OK)
        code = list_pages(call, session, listing, output);
    int written = output ? tr_cli_finish(call, &output) : TR_EXIT_OK;
    tr_cli_session_close(&session);
    return code == TR_EXIT_OK ? written : code;
}
