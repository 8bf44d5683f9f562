/* `troupe kb search`: passages that answer a question. */
#include "tools/kb/kb.h"
#include "tools/verbs/verbs.h"

#include <stdio.h>
#include <string.h>

#define SNIPPET 100 /* bytes of a passage in a table */

typedef struct options {
    tr_cli_common_t common;
    const char *ns, *filter;
    int64_t k, per_document;
    int mode;
    bool explain;
} options_t;

#define COLUMNS_BEFORE                                                                                       \
    {"id", TR_COLUMN_TEXT}, {"score", TR_COLUMN_NUMBER}, {"title", TR_COLUMN_TEXT},                          \
        {"heading", TR_COLUMN_TEXT, .wide = true}, {"chunk", TR_COLUMN_NUMBER, .wide = true},                \
        {"offset", TR_COLUMN_NUMBER, .wide = true}, {"source", TR_COLUMN_TEXT, .wide = true},                \
        {"taint", TR_COLUMN_TEXT, .wide = true}, {                                                           \
        "metadata", TR_COLUMN_TEXT, .wide = true                                                             \
    }

static const tr_column_t plain_columns[] = {COLUMNS_BEFORE, {"text", TR_COLUMN_TEXT}};
static const tr_column_t explained_columns[] = {COLUMNS_BEFORE, {"lexical", TR_COLUMN_NUMBER},
    {"vector", TR_COLUMN_NUMBER}, {"lexical-part", TR_COLUMN_NUMBER}, {"vector-part", TR_COLUMN_NUMBER},
    {"vector-share", TR_COLUMN_NUMBER}, {"text", TR_COLUMN_TEXT}};
static const char *const modes[] = {"hybrid", "lexical", "vectors", NULL};

/* For a table: the beginning, on one line. */
static json_t *shorten(const char *text) {
    char out[SNIPPET + 8];
    size_t n = strlen(text);
    bool cut = n > SNIPPET;
    n = cut ? SNIPPET : n;
    while (cut && n > 0 && (text[n] & 0xc0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++)
        out[i] = text[i] == '\n' || text[i] == '\t' ? ' ' : text[i];
    strcpy(out + n, cut ? "..." : "");
    return json_string(out);
}

static void shorten_scores(json_t *result) {
    static const char *const keys[] = {
        "score", "lexical", "vector", "lexical-part", "vector-part", "vector-share"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *score = json_object_get(result, keys[i]);
        char out[32];
        snprintf(out, sizeof out, "%.3f", json_number_value(score));
        if (json_is_number(score))
            json_object_set_new(result, keys[i], json_loads(out, JSON_DECODE_ANY, NULL));
    }
}

static int print(const tr_call_t *call, const json_t *answer) {
    const options_t *o = call->options;
    const tr_column_t *columns = o->explain ? explained_columns : plain_columns;
    size_t count = o->explain ? sizeof explained_columns / sizeof *columns
                              : sizeof plain_columns / sizeof *columns,
           i;
    bool table = o->common.output == TR_OUTPUT_TABLE || o->common.output == TR_OUTPUT_WIDE;
    tr_output_t *output = NULL;
    json_t *result;
    int code = tr_cli_begin_table(call, &o->common, &(tr_cli_table_t){columns, count}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    json_array_foreach(json_object_get(answer, "results"), i, result) {
        const char *text = json_string_value(json_object_get(result, "text"));
        if (o->explain)
            json_object_update(result, json_object_get(result, "explain"));
        if (table && text)
            json_object_set_new(result, "text", shorten(text));
        if (table)
            shorten_scores(result);
        tr_cli_put_object(output, &(tr_cli_table_t){columns, count}, result);
    }
    return tr_cli_finish(call, &output);
}

/* All arguments together are the query. */
static json_t *query_of(const tr_call_t *call) {
    json_t *words = json_string("");
    for (size_t i = 0; i < call->arguments.count && words; i++) {
        json_t *more =
            json_sprintf("%s%s%s", json_string_value(words), i ? " " : "", call->arguments.items[i]);
        json_decref(words);
        words = more;
    }
    return words;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *query = query_of(call), *answer = NULL;
    if (!query)
        return tr_cli_usage(call, "QUERY: expected UTF-8");
    json_t *request = json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:b}", "action", "search", "namespace", o->ns,
        "mode", modes[o->mode], "query", query, "k", (json_int_t)o->k, "per-document",
        (json_int_t)o->per_document, "explain", (int)o->explain);
    int code = tr_kb_set_filter(call, request, o->filter);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_once(call, &o->common, TR_KB_SERVICE, request, &answer);
    else
        json_decref(request);
    if (code == TR_EXIT_OK)
        code = print(call, answer);
    json_decref(answer);
    return code;
}

static const tr_option_t table[] = {
    TR_KB_NAMESPACE_OPTION(options_t),
    {"count", 'k', "N", TR_INT(options_t, k), "10", "How many results at most.", .min = 1, .max = 1000,
        .flags = TR_OPTION_FLAG_ONLY},
    {"per-document", 0, "N", TR_INT(options_t, per_document), "1",
        "How many passages of one document at most; 0 is all.", .min = 0, .max = 1000,
        .flags = TR_OPTION_FLAG_ONLY},
    {"filter", 0, "JSON", TR_STRING(options_t, filter), NULL,
        "Only documents whose metadata pass, as {\"year\": {\"gte\": 1990}, \"not\": {\"kind\": \"draft\"}}.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"mode", 0, "MODE", TR_WORD(options_t, mode), "hybrid",
        "By words and vectors, by words alone (BM25), or by vectors alone.", .words = modes,
        .flags = TR_OPTION_FLAG_ONLY},
    {"explain", 0, NULL, TR_BOOL(options_t, explain), NULL,
        "How each score has come about: what words and vectors have said of it, and what each of them "
        "counts.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe kb search",
    .summary = "Find passages in the knowledge base",
    .description = "The best passages for QUERY, the best one first. The higher its score, the better a "
                   "passage is; scores of two queries "
                   "cannot be compared.",
    .examples = "troupe kb search how are links encrypted --namespace manual\n"
                "troupe kb search -n machine -k 3 --filter '{\"kind\": \"doc\"}' -o json 'job control'",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "QUERY...",
    .least_arguments = 1,
    .most_arguments = 256,
};

const tr_verb_t tr_verb_kb_search = {"kb search", TR_VERB_TALK, &program, sizeof(options_t), run};
