/*
 * `troupe kb eval DIR`: how good the search is on a collection with judgements, through everything that a user goes through. DIR has
 * docs.jsonl ({"id", "title", "text"}), queries.jsonl ({"id", "text"}) and qrels.tsv (query, document, gain).
 */
#include "lib/base/clock.h"
#include "tools/cli/cli_json.h"
#include "tools/kb/load.h"
#include "tools/kb/measure.h"
#include "tools/kb/own.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define K       10
#define LOOK_MS 20 /* between two looks at whether all is ready */

typedef struct options {
    tr_cli_common_t common;
    const char *language;
    int mode;
} options_t;

typedef struct eval {
    const tr_call_t *call;
    const char *directory;
    tr_cli_common_t common; /* where it is asked */
    tr_kb_own_t own;
    tr_cli_session_t *session;
    tr_kb_load_t load;
    char ns[64];
    json_t *gains;   /* query -> document -> gain */
    json_t *queries; /* query -> text */
    double ndcg, recall, rr;
    size_t asked;
    int64_t load_ms, search_ms;
} eval_t;

static const char *const modes[] = {"hybrid", "lexical", "vectors", NULL};

static const tr_column_t columns[] = {
    {"ndcg@10", TR_COLUMN_NUMBER},
    {"recall@10", TR_COLUMN_NUMBER},
    {"mrr", TR_COLUMN_NUMBER},
    {"queries", TR_COLUMN_NUMBER},
    {"documents", TR_COLUMN_NUMBER},
    {"chunks", TR_COLUMN_NUMBER},
    {"load_ms", TR_COLUMN_DURATION},
    {"search_ms", TR_COLUMN_DURATION},
};

/* ---- files ---- */

typedef int (*line_fn)(eval_t *self, char *line);

static int read_lines(eval_t *self, const char *name, line_fn each) {
    char path[PATH_MAX], *line = NULL;
    size_t room = 0, number = 0;
    int code = TR_EXIT_OK;
    snprintf(path, sizeof path, "%s/%s", self->directory, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return tr_cli_fail(self->call, TR_EXIT_REFUSED, "%s: %s", path, strerror(errno));
    while (code == TR_EXIT_OK && getline(&line, &room, file) > 0) {
        number++;
        line[strcspn(line, "\r\n")] = '\0';
        if (!*line || each(self, line) == TR_EXIT_OK)
            continue;
        code = tr_cli_fail(self->call, TR_EXIT_REFUSED, "%s: line %zu cannot be used", path, number);
    }
    free(line);
    fclose(file);
    return code;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int take_document(eval_t *self, char *line) {
    json_t *document = json_loads(line, 0, NULL);
    const char *text = text_of(document, "text"), *title = text_of(document, "title");
    tr_kb_item_t item = {
        .id = text_of(document, "id"), .title = *title ? title : NULL, .bytes = text, .len = strlen(text)};
    if (!item.len) { /* what has only a title is found by that */
        item.bytes = title;
        item.len = strlen(title);
    }
    int code = !*item.id ? TR_EXIT_REFUSED : item.len ? tr_kb_load_add(&self->load, &item) : TR_EXIT_OK;
    json_decref(document);
    return code;
}

static int take_query(eval_t *self, char *line) {
    json_t *query = json_loads(line, 0, NULL);
    const char *id = text_of(query, "id"), *text = text_of(query, "text");
    int code = *id && *text && json_object_set_new(self->queries, id, json_string(text)) == 0
                   ? TR_EXIT_OK
                   : TR_EXIT_REFUSED;
    json_decref(query);
    return code;
}

static int take_gain(eval_t *self, char *line) {
    char *rest = line, *query = strsep(&rest, "\t"), *document = strsep(&rest, "\t"), *end = NULL;
    double gain = rest ? strtod(rest, &end) : 0;
    if (!document || !rest || end == rest)
        return TR_EXIT_REFUSED;
    json_t *of = json_object_get(self->gains, query);
    if (!of) {
        of = json_object();
        json_object_set_new(self->gains, query, of);
    }
    return json_object_set_new(of, document, json_real(gain)) == 0 ? TR_EXIT_OK : TR_EXIT_REFUSED;
}

/* ---- asking ---- */

static int judge(eval_t *self, const json_t *of, const json_t *results) {
    double ranked[K] = {0}, *judged = calloc(json_object_size(of) + 1, sizeof *judged);
    size_t count = 0, found = 0, i;
    const char *id;
    json_t *gain, *result;
    if (!judged)
        return tr_cli_fail(self->call, TR_EXIT_REFUSED, "out of memory");
    json_object_foreach((json_t *)(uintptr_t)of, id, gain) judged[count++] = json_real_value(gain);
    json_array_foreach(results, i, result) if (found < K) ranked[found++] =
        json_real_value(json_object_get(of, text_of(result, "id")));
    tr_kb_measures_t m = tr_kb_measure(ranked, found, judged, count, K);
    self->ndcg += m.ndcg;
    self->recall += m.recall;
    self->rr += m.rr;
    self->asked++;
    free(judged);
    return TR_EXIT_OK;
}

static int ask_all(eval_t *self) {
    const options_t *o = self->call->options;
    int code = TR_EXIT_OK;
    const char *id;
    const json_t *text;
    int64_t begun = tr_clock_ms();
    json_object_foreach(self->queries, id, text) {
        json_t *of = json_object_get(self->gains, id), *answer = NULL;
        if (!of || code != TR_EXIT_OK)
            continue;
        tr_cli_session_renew(self->session);
        code = tr_cli_ask_json(self->session, self->call, TR_KB_SERVICE,
            json_pack("{s:s, s:s, s:s, s:O, s:i, s:b}", "action", "search", "mode", modes[o->mode],
                "namespace", self->ns, "query", text, "k", K, "text", 0),
            &answer);
        if (code == TR_EXIT_OK)
            code = judge(self, of, json_object_get(answer, "results"));
        json_decref(answer);
    }
    self->search_ms = tr_clock_ms() - begun;
    return code;
}

static bool is_pending(const eval_t *self, const json_t *answer) {
    const json_t *ns;
    size_t i;
    json_array_foreach(json_object_get(answer, "namespaces"), i,
        ns) if (strcmp(text_of(ns, "namespace"), self->ns) ==
                0) return json_integer_value(json_object_get(ns, "pending")) > 0;
    return false;
}

/* Until all have their vectors. */
static int wait_for_vectors(eval_t *self) {
    bool pending = true, never = false;
    int code = TR_EXIT_OK;
    while (pending && code == TR_EXIT_OK) {
        json_t *answer = NULL;
        tr_cli_session_renew(self->session);
        code = tr_cli_ask_json(
            self->session, self->call, TR_KB_SERVICE, json_pack("{s:s}", "action", "namespaces"), &answer);
        pending = is_pending(self, answer);
        json_decref(answer);
        if (code == TR_EXIT_OK && pending)
            code = tr_cli_wait(self->session, &never, tr_clock_ms() + LOOK_MS);
        code = code == TR_EXIT_TIMEOUT ? TR_EXIT_OK : code;
    }
    return code;
}

static int load_all(eval_t *self) {
    const options_t *o = self->call->options;
    int64_t begun = tr_clock_ms();
    tr_kb_load_init(&self->load, self->call, self->session, self->ns);
    self->load.language = o->language;
    int code = read_lines(self, "docs.jsonl", take_document);
    if (code == TR_EXIT_OK)
        code = tr_kb_load_flush(&self->load);
    if (code == TR_EXIT_OK && o->mode != 1)
        code = wait_for_vectors(self);
    tr_kb_load_finish(&self->load);
    self->load_ms = tr_clock_ms() - begun;
    return code;
}

static void drop(eval_t *self) {
    json_t *answer = NULL;
    tr_cli_session_renew(self->session);
    tr_cli_ask_json(self->session, self->call, TR_KB_SERVICE,
        json_pack("{s:s, s:s}", "action", "drop", "namespace", self->ns), &answer);
    json_decref(answer);
}

static int print(eval_t *self) {
    const options_t *o = self->call->options;
    double n = self->asked ? (double)self->asked : 1;
    json_t *row = json_pack("{s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I}", "ndcg@10", self->ndcg / n,
        "recall@10", self->recall / n, "mrr", self->rr / n, "queries", (json_int_t)self->asked, "documents",
        (json_int_t)self->load.added, "chunks", (json_int_t)self->load.chunks, "load_ms",
        (json_int_t)self->load_ms, "search_ms", (json_int_t)self->search_ms);
    if (o->common.output == TR_OUTPUT_JSON) { /* one object: there is one result */
        tr_cli_dump_json(row, self->call->out, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
        fputc('\n', self->call->out);
        json_decref(row);
        return TR_EXIT_OK;
    }
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(
        self->call, &o->common, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, false, &output);
    for (size_t i = 0; i < 3; i++) {
        char text[32];
        snprintf(text, sizeof text, "%.4f", json_real_value(json_object_get(row, columns[i].name)));
        json_object_set_new(row, columns[i].name, json_loads(text, JSON_DECODE_ANY, NULL));
    }
    if (code == TR_EXIT_OK) {
        tr_cli_put_object(output, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, row);
        code = tr_cli_finish(self->call, &output);
    }
    json_decref(row);
    return code;
}

/* At the fleet that is named or runs here; where there is none, at one of its own. */
static int open_session(eval_t *self) {
    tr_cli_place_t place;
    int code = tr_cli_find_place(self->call, &self->common, &place);
    bool own = code == TR_EXIT_OK && place.assumed && !self->common.fleet;
    if (code == TR_EXIT_OK)
        code = tr_cli_session_open(
            &(tr_cli_session_config_t){.call = self->call, .common = &self->common, .quiet = own},
            &self->session);
    if (code != TR_EXIT_UNREACHABLE || !own)
        return code;
    fprintf(self->call->err, "troupe kb eval: no fleet runs here: asking a knowledge base of its own\n");
    return tr_kb_own_begin(self->call, &self->own, &self->common, &self->session);
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    eval_t self = {.call = call,
        .common = o->common,
        .directory = call->arguments.items[0],
        .gains = json_object(),
        .queries = json_object()};
    snprintf(self.ns, sizeof self.ns, "eval-%d-%llx", (int)getpid(), (unsigned long long)tr_clock_ns());
    int code = read_lines(&self, "queries.jsonl", take_query);
    if (code == TR_EXIT_OK)
        code = read_lines(&self, "qrels.tsv", take_gain);
    if (code == TR_EXIT_OK)
        code = open_session(&self);
    if (code == TR_EXIT_OK) {
        code = load_all(&self);
        if (code == TR_EXIT_OK)
            code = ask_all(&self);
        drop(&self);
    }
    if (code == TR_EXIT_OK)
        code = print(&self);
    tr_cli_session_close(&self.session);
    tr_kb_own_end(&self.own);
    json_decref(self.gains);
    json_decref(self.queries);
    return code;
}

static const tr_option_t table[] = {
    {"language", 'l', "LANGUAGE", TR_STRING(options_t, language), NULL,
        "Of the documents; english where nothing says it.", .flags = TR_OPTION_FLAG_ONLY},
    {"mode", 0, "MODE", TR_WORD(options_t, mode), "hybrid",
        "As of `troupe kb search`: hybrid, lexical or vectors.", .words = modes,
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "60s"),
};

static const tr_program_t program = {
    .name = "troupe kb eval",
    .summary = "Measure the search on a collection with judgements",
    .description = "DIR has docs.jsonl (a line {\"id\", \"title\", \"text\"} for each document), "
                   "queries.jsonl ({\"id\", \"text\"}) and qrels.tsv "
                   "(query, document and gain, with tabs between). The documents are put into a namespace "
                   "that is gone afterwards; where no fleet runs here, into a knowledge base that is started "
                   "for this alone. "
                   "nDCG has linear gains; recall and the mean reciprocal rank count what has a gain over 0; "
                   "all are up to rank "
                   "10, and means over the queries that have judgements.",
    .examples = "troupe kb eval data/cranfield\n"
                "troupe kb eval data/cranfield -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "DIR",
    .least_arguments = 1,
    .most_arguments = 1,
};

const tr_verb_t tr_verb_kb_eval = {"kb eval", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
