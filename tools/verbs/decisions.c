#include "tools/verbs/decisions.h"

#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/output_yaml.h"
#include "tools/cli/rows.h"

#include <string.h>

static const tr_column_t columns[] = {
    {"option", TR_COLUMN_TEXT},
    {"place", TR_COLUMN_NUMBER},
    {"points", TR_COLUMN_NUMBER},
    {"support", TR_COLUMN_NUMBER},
    {"in-play", TR_COLUMN_TEXT, .wide = true},
    {"chosen", TR_COLUMN_TEXT},
};

static const tr_cli_table_t table = {columns, sizeof columns / sizeof *columns};

static void put_option(tr_output_t *output, const json_t *decision, const json_t *option) {
    const char *winner = json_string_value(json_object_get(decision, "winner"));
    const char *name = json_string_value(json_object_get(option, "option"));
    json_t *row = json_copy((json_t *)option);
    json_object_set_new(row, "chosen", json_boolean(winner && name && strcmp(winner, name) == 0));
    tr_cli_put_object(output, &table, row);
    json_decref(row);
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
    int code = tr_cli_begin_table(call, common, &table, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    put_options(output, decision);
    return tr_cli_finish(call, &output);
}

static void tell(const tr_call_t *call, const json_t *decision) {
    const char *id = json_string_value(json_object_get(decision, "decision"));
    const char *state = json_string_value(json_object_get(decision, "state"));
    const char *why = json_string_value(json_object_get(decision, "why"));
    tr_cli_print_format(
        call->err, "%s: %s%s%s\n", id ? id : "", state ? state : "", why ? ": " : "", why ? why : "");
    if (state && strcmp(state, "waiting_person") == 0)
        fprintf(call->err, "decide it with: troupe votes settle %s OPTION\n", id ? id : "");
}

/* false: -o asks for a table. */
static bool put_whole(const tr_call_t *call, const tr_cli_common_t *common, const json_t *value) {
    if (common->output == TR_OUTPUT_JSON)
        tr_cli_dump_json(value, call->out, JSON_INDENT(2)), fputc('\n', call->out);
    else if (common->output == TR_OUTPUT_YAML)
        tr_output_yaml(value, false, call->out);
    else
        return false;
    return true;
}

int tr_decisions_put(const tr_call_t *call, const tr_cli_common_t *common, const json_t *decision) {
    int code = TR_EXIT_OK;
    if (!put_whole(call, common, decision)) {
        code = put_table(call, common, decision);
        tell(call, decision);
    }
    const char *state = json_string_value(json_object_get(decision, "state"));
    bool decided = state && (strcmp(state, "decided") == 0 || strcmp(state, "voting") == 0 ||
                                strcmp(state, "mediation") == 0);
    return code == TR_EXIT_OK && !decided ? TR_EXIT_REFUSED : code;
}

void tr_decisions_put_opened(const tr_call_t *call, const tr_cli_common_t *common, const json_t *opened) {
    if (!put_whole(call, common, opened))
        tr_cli_print_format(call->out, "%s\n", json_string_value(json_object_get(opened, "decision")));
}

/* ---- what is done with one ---- */

json_t *tr_decisions_about(const tr_call_t *call, const char *action) {
    return json_pack("{s:s, s:s}", "action", action, "decision", call->arguments.items[0]);
}

int tr_decisions_order(const tr_call_t *call, const tr_cli_common_t *common, json_t *request) {
    json_t *answer = NULL;
    int code = tr_cli_ask_once(call, common, TR_DECISIONS_SERVICE, request, &answer);
    if (code == TR_EXIT_OK) {
        json_object_set_new(answer, "decision", json_string(call->arguments.items[0]));
        if (!put_whole(call, common, answer) && common->output == TR_OUTPUT_NAME)
            fprintf(call->out, "%s\n", call->arguments.items[0]);
    }
    json_decref(answer);
    return code;
}

/* ---- all of one ---- */

/* Whether there is more, behind what is there now. */
static bool add_page(json_t *page, json_t *history, json_t *votes) {
    size_t before = json_array_size(history) + json_array_size(votes);
    json_array_extend(history, json_object_get(page, "history"));
    json_array_extend(votes, json_object_get(page, "votes"));
    bool more = json_is_integer(json_object_get(page, "history-next")) ||
                json_is_integer(json_object_get(page, "votes-next"));
    return more && json_array_size(history) + json_array_size(votes) > before;
}

static void put_together(json_t *decision, json_t *history, json_t *votes) {
    json_object_set(decision, "history", history);
    json_object_set(decision, "votes", votes);
    json_object_del(decision, "history-next");
    json_object_del(decision, "votes-next");
}

int tr_decisions_fetch(tr_cli_session_t *session, const tr_call_t *call, const char *id, json_t **ret) {
    json_t *history = json_array(), *votes = json_array(), *page = NULL;
    int code;
    do {
        json_t *request =
            json_pack("{s:s, s:s, s:I, s:I}", "action", "decision", "decision", id, "history-from",
                (json_int_t)json_array_size(history), "votes-from", (json_int_t)json_array_size(votes));
        json_decref(page);
        page = NULL;
        tr_cli_session_renew(session);
        code = tr_cli_ask_json(session, call, TR_DECISIONS_SERVICE, request, &page);
    } while (code == TR_EXIT_OK && add_page(page, history, votes));
    if (code == TR_EXIT_OK)
        put_together(page, history, votes);
    json_decref(history);
    json_decref(votes);
    *ret = page;
    return code;
}

int tr_decisions_fetch_once(const tr_call_t *call, const tr_cli_common_t *common, json_t **ret) {
    tr_cli_session_t *session = NULL;
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = common}, &session);
    *ret = NULL;
    if (code == TR_EXIT_OK)
        code = tr_decisions_fetch(session, call, call->arguments.items[0], ret);
    tr_cli_session_close(&session);
    return code;
}
