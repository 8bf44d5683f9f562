/* `troupe kb get`, `ls`, `rm`, `stat`, `snapshot`: documents of the knowledge base, and its namespaces. */
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/kb/kb.h"
#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    const char *ns, *filter;
    bool all;
} options_t;

static const tr_column_t document_columns[] = {
    {"id", TR_COLUMN_TEXT},
    {"title", TR_COLUMN_TEXT},
    {"format", TR_COLUMN_TEXT},
    {"chunks", TR_COLUMN_NUMBER},
    {"changed_ms", TR_COLUMN_TIME},
    {"added_ms", TR_COLUMN_TIME, .wide = true},
    {"agent", TR_COLUMN_TEXT, .wide = true},
    {"conversation", TR_COLUMN_TEXT, .wide = true},
    {"taint", TR_COLUMN_TEXT, .wide = true},
    {"source", TR_COLUMN_TEXT, .wide = true},
    {"metadata", TR_COLUMN_TEXT, .wide = true},
};
#define DOCUMENT_COLUMNS (sizeof document_columns / sizeof *document_columns)

/* ---- get ---- */

static json_t *get_request(const options_t *o, const char *id, size_t offset) {
    return json_pack(
        "{s:s, s:s, s:s, s:I}", "action", "get", "namespace", o->ns, "id", id, "offset", (json_int_t)offset);
}

/* The whole text, part by part: *ret_document is the last answer. */
static int get_text(
    const tr_call_t *call, tr_cli_session_t *session, json_t **ret_document, json_t **ret_text) {
    const options_t *o = call->options;
    size_t have = 0, length = 1;
    json_t *text = json_string("");
    int code = TR_EXIT_OK;
    *ret_document = NULL;
    while (code == TR_EXIT_OK && have < length) {
        json_t *document = NULL;
        code = tr_cli_ask_json(
            session, call, TR_KB_SERVICE, get_request(o, call->arguments.items[0], have), &document);
        if (code != TR_EXIT_OK)
            break;
        json_t *part = json_object_get(document, "text"),
               *more = json_sprintf("%s%s", json_string_value(text), json_string_value(part));
        length = (size_t)json_integer_value(json_object_get(document, "length"));
        if (json_string_length(part) == 0)
            length = have; /* it has become shorter meanwhile */
        have += json_string_length(part);
        json_decref(text);
        text = more;
        json_decref(*ret_document);
        *ret_document = document;
    }
    *ret_text = text;
    return code;
}

static int run_get(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    json_t *document = NULL, *text = NULL;
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = get_text(call, session, &document, &text);
    tr_cli_session_close(&session);
    if (code == TR_EXIT_OK && o->common.output == TR_OUTPUT_JSON) {
        json_object_set(document, "text", text);
        tr_cli_dump_json(document, call->out, JSON_INDENT(2));
        fputc('\n', call->out);
    } else if (code == TR_EXIT_OK) {
        tr_cli_print_format(call->out, "%s\n", json_string_value(text));
    }
    json_decref(document);
    json_decref(text);
    return code;
}

static const tr_option_t get_table[] = {
    TR_KB_NAMESPACE_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t get_program = {
    .name = "troupe kb get",
    .summary = "Print a document of the knowledge base",
    .description = "Its text, as it is searched; with -o json all that is known of it.",
    .examples = "troupe kb get protocol.md --namespace manual",
    .options = get_table,
    .option_count = sizeof get_table / sizeof *get_table,
    .env_prefix = "TROUPE",
    .arguments = "ID",
    .least_arguments = 1,
    .most_arguments = 1,
};

const tr_verb_t tr_verb_kb_get = {"kb get", TR_VERB_TALK, &get_program, sizeof(options_t), run_get};

/* ---- ls ---- */

static int list_pages(const tr_call_t *call, tr_cli_session_t *session, tr_output_t *output) {
    const options_t *o = call->options;
    json_t *after = json_string(""), *document;
    int code = TR_EXIT_OK;
    size_t i;
    while (code == TR_EXIT_OK && json_is_string(after)) {
        json_t *page = NULL,
               *request = json_pack("{s:s, s:s, s:o}", "action", "list", "namespace", o->ns, "after", after);
        after = NULL;
        code = tr_kb_set_filter(call, request, o->filter);
        if (code != TR_EXIT_OK) {
            json_decref(request);
            break;
        }
        code = tr_cli_ask_json(session, call, TR_KB_SERVICE, request, &page);
        json_array_foreach(json_object_get(page, "documents"), i, document)
            tr_cli_put_object(output, &(tr_cli_table_t){document_columns, DOCUMENT_COLUMNS}, document);
        after = json_incref(json_object_get(page, "after"));
        tr_kb_tell_missing(call, page);
        json_decref(page);
    }
    json_decref(after);
    return code;
}

static int run_ls(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    tr_output_t *output = NULL;
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = tr_cli_begin_table(
            call, &o->common, &(tr_cli_table_t){document_columns, DOCUMENT_COLUMNS}, false, &output);
    if (code == TR_EXIT_OK)
        code = list_pages(call, session, output);
    tr_cli_session_close(&session);
    if (code == TR_EXIT_OK)
        return tr_cli_finish(call, &output);
    tr_output_destroy(&output);
    return code;
}

#define FILTER_OPTION(text)                                                                                  \
    { "filter", 0, "JSON", TR_STRING(options_t, filter), NULL, text, .flags = TR_OPTION_FLAG_ONLY }

static const tr_option_t ls_table[] = {
    TR_KB_NAMESPACE_OPTION(options_t),
    FILTER_OPTION("Only documents whose metadata pass."),
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "30s"),
};

static const tr_program_t ls_program = {
    .name = "troupe kb ls",
    .summary = "List the documents of a namespace",
    .description = "By their ids. `troupe kb stat` lists the namespaces.",
    .examples = "troupe kb ls --namespace manual",
    .options = ls_table,
    .option_count = sizeof ls_table / sizeof *ls_table,
    .env_prefix = "TROUPE",
};

const tr_verb_t tr_verb_kb_ls = {"kb ls", TR_VERB_TALK, &ls_program, sizeof(options_t), run_ls};

/* ---- rm ---- */

static json_t *rm_request(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *request = json_pack("{s:s, s:s}", "action", o->all ? "drop" : "remove", "namespace", o->ns);
    json_t *ids = call->arguments.count ? json_array() : NULL;
    for (size_t i = 0; i < call->arguments.count; i++)
        json_array_append_new(ids, json_string(call->arguments.items[i]));
    if (ids)
        json_object_set_new(request, "ids", ids);
    return request;
}

static int ask_rm(const tr_call_t *call, uint64_t *ret_removed) {
    const options_t *o = call->options;
    bool more = true;
    int code = TR_EXIT_OK;
    while (more && code == TR_EXIT_OK) {
        json_t *request = rm_request(call), *answer = NULL;
        code = tr_kb_set_filter(call, request, o->filter);
        if (code == TR_EXIT_OK)
            code = tr_cli_ask_once(call, &o->common, TR_KB_SERVICE, request, &answer);
        else
            json_decref(request);
        *ret_removed += (uint64_t)json_integer_value(json_object_get(answer, "removed"));
        more = json_is_true(json_object_get(answer, "more"));
        json_decref(answer);
    }
    return code;
}

static int run_rm(const tr_call_t *call) {
    static const tr_column_t column[] = {{"removed", TR_COLUMN_NUMBER}};
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    uint64_t removed = 0;
    if ((call->arguments.count > 0) + (o->filter != NULL) + o->all != 1)
        return tr_cli_usage(call, "expected one of: IDs, --filter, --all");
    int code = ask_rm(call, &removed);
    if (code == TR_EXIT_OK)
        code = tr_cli_begin_table(call, &o->common, &(tr_cli_table_t){column, 1}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    tr_output_number(output, (int64_t)removed);
    tr_output_row(output);
    return tr_cli_finish(call, &output);
}

static const tr_option_t rm_table[] = {
    TR_KB_NAMESPACE_OPTION(options_t),
    FILTER_OPTION("All documents whose metadata pass."),
    {"all", 0, NULL, TR_BOOL(options_t, all), NULL, "The namespace with all that is in it.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "60s"),
};

static const tr_program_t rm_program = {
    .name = "troupe kb rm",
    .summary = "Remove documents from the knowledge base",
    .description = "Those with the IDs, those that pass a filter, or a whole namespace. An ID that is not "
                   "there counts as not removed.",
    .examples = "troupe kb rm protocol.md --namespace manual\n"
                "troupe kb rm -n machine --filter '{\"kind\": \"doc\"}'",
    .options = rm_table,
    .option_count = sizeof rm_table / sizeof *rm_table,
    .env_prefix = "TROUPE",
    .arguments = "[ID...]",
    .most_arguments = 256,
};

const tr_verb_t tr_verb_kb_rm = {"kb rm", TR_VERB_TALK, &rm_program, sizeof(options_t), run_rm};

/* ---- stat ---- */

static int run_stat(const tr_call_t *call) {
    static const tr_column_t columns[] = {{"namespace", TR_COLUMN_TEXT}, {"language", TR_COLUMN_TEXT},
        {"documents", TR_COLUMN_NUMBER}, {"chunks", TR_COLUMN_NUMBER}, {"pending", TR_COLUMN_NUMBER},
        {"index", TR_COLUMN_TEXT}, {"vectors", TR_COLUMN_NUMBER, .wide = true},
        {"segments", TR_COLUMN_NUMBER, .wide = true}, {"delta", TR_COLUMN_NUMBER, .wide = true},
        {"version", TR_COLUMN_NUMBER, .wide = true}, {"hits", TR_COLUMN_NUMBER, .wide = true}};
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    json_t *answer = NULL, *ns;
    size_t i;
    int code =
        tr_cli_ask_once(call, &o->common, TR_KB_SERVICE, json_pack("{s:s}", "action", "namespaces"), &answer);
    if (code == TR_EXIT_OK)
        code = tr_cli_begin_table(
            call, &o->common, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, false, &output);
    if (code == TR_EXIT_OK) {
        tr_kb_tell_missing(call, answer);
        json_array_foreach(json_object_get(answer, "namespaces"), i, ns)
            tr_cli_put_object(output, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, ns);
        code = tr_cli_finish(call, &output);
    }
    json_decref(answer);
    return code;
}

static const tr_option_t stat_table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t stat_program = {
    .name = "troupe kb stat",
    .summary = "List the namespaces of the knowledge base",
    .description = "With how much is in each; pending are chunks that are found by words, and not yet by "
                   "vectors. The index of vectors "
                   "is made when it is needed first: none, reading, building, ready. Hits are searches that "
                   "were answered as "
                   "they had been before (-o wide).",
    .examples = "troupe kb stat",
    .options = stat_table,
    .option_count = sizeof stat_table / sizeof *stat_table,
    .env_prefix = "TROUPE",
};

const tr_verb_t tr_verb_kb_stat = {"kb stat", TR_VERB_TALK, &stat_program, sizeof(options_t), run_stat};

/* ---- snapshot ---- */

static int run_snapshot(const tr_call_t *call) {
    static const tr_column_t columns[] = {{"path", TR_COLUMN_TEXT}, {"shard", TR_COLUMN_TEXT}};
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    json_t *answer = NULL, *path;
    size_t i;
    int code = tr_cli_ask_once(call, &o->common, TR_KB_SERVICE,
        json_pack("{s:s, s:s}", "action", "snapshot", "name", call->arguments.items[0]), &answer);
    json_t *paths = json_object_get(answer, "paths");
    tr_cli_table_t table = {columns, paths ? 2 : 1};
    if (code == TR_EXIT_OK)
        code = tr_cli_begin_table(call, &o->common, &table, false, &output);
    if (code == TR_EXIT_OK) {
        json_array_foreach(paths, i, path) tr_cli_put_object(output, &table, path);
        if (!paths)
            tr_cli_put_object(output, &table, answer);
        code = tr_cli_finish(call, &output);
    }
    json_decref(answer);
    return code;
}

static const tr_option_t snapshot_table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10m"),
};

static const tr_program_t snapshot_program = {
    .name = "troupe kb snapshot",
    .summary = "Copy the knowledge base",
    .description =
        "All that is in it now, as one file in the directory of its data (snapshots/NAME.db), in "
        "place of one of that name. The path is "
        "printed; `troupe-kbd --restore PATH` begins with it. Of shards each makes its own, one after "
        "the other's last write or before it.",
    .examples = "troupe kb snapshot monday",
    .options = snapshot_table,
    .option_count = sizeof snapshot_table / sizeof *snapshot_table,
    .env_prefix = "TROUPE",
    .arguments = "NAME",
    .least_arguments = 1,
    .most_arguments = 1,
};

const tr_verb_t tr_verb_kb_snapshot = {
    "kb snapshot", TR_VERB_SUPPORT, &snapshot_program, sizeof(options_t), run_snapshot};
