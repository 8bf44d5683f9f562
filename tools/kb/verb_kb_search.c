/* `troupe kb search`: passages that answer a question. */
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/kb/kb.h"
#include "tools/verbs/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNIPPET 100 /* bytes of a passage in a table */

typedef struct options {
    tr_cli_common_t common;
    const char *ns, *filter, *like;
    int64_t k, per_document, half_life_ms;
    int mode;
    bool explain, rewrite, rerank, summary;
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
    {"learnt", TR_COLUMN_NUMBER}, {"vector", TR_COLUMN_NUMBER}, {"lexical-part", TR_COLUMN_NUMBER},
    {"vector-part", TR_COLUMN_NUMBER}, {"lead-part", TR_COLUMN_NUMBER}, {"vector-share", TR_COLUMN_NUMBER},
    {"age-part", TR_COLUMN_NUMBER}, {"text", TR_COLUMN_TEXT}};
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
    static const char *const keys[] = {"score", "lexical", "vector", "learnt", "lexical-part", "vector-part",
        "lead-part", "vector-share", "age-part"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *score = json_object_get(result, keys[i]);
        char out[32];
        snprintf(out, sizeof out, "%.3f", json_number_value(score));
        if (json_is_number(score))
            json_object_set_new(result, keys[i], json_loads(out, JSON_DECODE_ANY, NULL));
    }
}

/* What the passages say, and which ones. */
static void print_summary(const tr_call_t *call, const json_t *answer) {
    const char *text = json_string_value(json_object_get(answer, "text"));
    const json_t *citation;
    size_t i;
    tr_cli_print_format(call->out, "%s\n", text && *text ? text : "None of what was found says it.");
    json_array_foreach(json_object_get(answer, "citations"), i, citation) tr_cli_print_format(call->out,
        "[%d] %s, chunk %d\n", (int)json_integer_value(json_object_get(citation, "number")),
        json_string_value(json_object_get(citation, "id")),
        (int)json_integer_value(json_object_get(citation, "chunk")));
    fputc('\n', call->out);
}

/* With a summary there is one answer, and not a list. */
static int print_answer(const tr_call_t *call, const json_t *answer) {
    tr_cli_dump_json(answer, call->out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    fputc('\n', call->out);
    return TR_EXIT_OK;
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
    if (o->summary && o->common.output == TR_OUTPUT_JSON)
        return print_answer(call, answer);
    if (o->summary && table)
        print_summary(call, answer);
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

/* ID, or ID#CHUNK. */
static json_t *like_of(const char *like) {
    const char *hash = strrchr(like, '#');
    char *end = NULL;
    long chunk = hash && hash[1] ? strtol(hash + 1, &end, 10) : 0;
    bool is_place = hash && end && *end == '\0' && chunk >= 0;
    return json_pack("{s:s%, s:I}", "id", like, is_place ? (size_t)(hash - like) : strlen(like), "chunk",
        (json_int_t)(is_place ? chunk : 0));
}

static json_t *request_of(const options_t *o, json_t *query) {
    json_t *request = json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "action", "search", "namespace", o->ns,
        "mode", modes[o->mode], "k", (json_int_t)o->k, "per-document", (json_int_t)o->per_document, "explain",
        (int)o->explain);
    if (o->like)
        json_object_set_new(request, "like", like_of(o->like));
    else
        json_object_set(request, "query", query);
    if (o->half_life_ms)
        json_object_set_new(request, "half-life-ms", json_integer(o->half_life_ms));
    if (o->rewrite)
        json_object_set_new(request, "rewrite", json_true());
    if (o->rerank)
        json_object_set_new(request, "rerank", json_true());
    if (o->summary)
        json_object_set_new(request, "summary", json_true());
    return request;
}

static const char *what_is_wrong(const tr_call_t *call) {
    const options_t *o = call->options;
    if (!o->like && call->arguments.count == 0)
        return "QUERY: missing, or --like";
    if (o->like && (call->arguments.count || o->rewrite || o->rerank || o->summary))
        return "--like: expected no QUERY with it, nor --rewrite, --rerank or --summary";
    return NULL;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *wrong = what_is_wrong(call);
    json_t *query = query_of(call), *answer = NULL;
    bool thinks = o->rewrite || o->rerank || o->summary;
    if (wrong || !query) {
        json_decref(query);
        return tr_cli_usage(call, "%s", wrong ? wrong : "QUERY: expected UTF-8");
    }
    json_t *request = request_of(o, query);
    json_decref(query);
    int code = tr_kb_set_filter(call, request, o->filter);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_once(call, &o->common, thinks ? TR_KB_LIBRARIAN : TR_KB_SERVICE, request, &answer);
    else
        json_decref(request);
    if (code == TR_EXIT_OK) {
        tr_kb_tell_missing(call, answer);
        code = print(call, answer);
    }
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
    {"like", 0, "ID[#CHUNK]", TR_STRING(options_t, like), NULL,
        "In place of a query: what is like that passage of a document (its first, where no chunk is given).",
        .flags = TR_OPTION_FLAG_ONLY},
    {"half-life", 0, "TIME", TR_DURATION(options_t, half_life_ms), "0",
        "What is older counts less: half for each such time since the document was changed. 0: age does not "
        "matter.",
        .min = 0, .max = INT64_MAX / 4, .flags = TR_OPTION_FLAG_ONLY},
    {"rewrite", 0, NULL, TR_BOOL(options_t, rewrite), NULL,
        "A mind adds words that may be meant. This and the next two need an agent with the behaviour "
        "librarian.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"rerank", 0, NULL, TR_BOOL(options_t, rerank), NULL,
        "A mind judges the best 20, and brings them in another order.", .flags = TR_OPTION_FLAG_ONLY},
    {"summary", 0, NULL, TR_BOOL(options_t, summary), NULL,
        "A mind says what the passages say of it, with the number of the passage behind each sentence.",
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
                "troupe kb search -n machine --like bash/README#2\n"
                "troupe kb search -n machine --summary how does bash read its startup files\n"
                "troupe kb search -n machine -k 3 --filter '{\"kind\": \"doc\"}' -o json 'job control'",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[QUERY...]",
    .most_arguments = 256,
};

const tr_verb_t tr_verb_kb_search = {"kb search", TR_VERB_TALK, &program, sizeof(options_t), run};
