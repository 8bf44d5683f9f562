/*
 * librarian: the mind beside the knowledge base. It answers questions from what stands there, with citations, and searches with a mind's help.
 *
 *   args: {"knowledge": "svc:kb", "namespace": "default", "k": 6, "sentences": 3}
 *
 *   TEXT, {"action": "answer", "query", "sentences", ...}    {"text", "citations", "query", "by"}: what the passages that were found say of it, with
 *                                                             [N] behind each sentence; "citations" tells where N is from
 *   {"action": "search", "query", "rewrite", "rerank",       as the knowledge base answers (docs/knowledge.md), and "query", "by"; with
 *    "summary", "sentences", ...}                             "summary" also "text" and "citations"
 *
 * What else is in a request (namespace, k, mode, filter, like, half-life-ms, explain ...) is the knowledge base's to read. The steps: rewrite (the mind adds words
 * that may be meant, with less weight than the query's, also such as a first search has shown), search, rerank (the mind judges the best 20; its judgement counts more where it is a
 * model's), answer. All of it is asked in the name of who asks.
 */
#include "agentd/behaviours/errand.h"
#include "agentd/behaviours/librarian_job.h"
#include "agentd/behaviours/table.h"
#include "agentd/behaviours/thinker.h"
#include "lib/agent/json_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 30000

typedef struct librarian {
    tr_thinker_t thinker;
    tr_errands_t errands;
    tr_librarian_defaults_t defaults;
    char knowledge[TR_AID_MAX + 8];
} librarian_t;

static const tr_arg_t known_args[] = {
    {"knowledge", TR_ARG_TEXT, offsetof(librarian_t, knowledge), TR_AID_MAX + 8, .check = tr_arg_is_aid,
        .expected = "NAME, NAME@PLATFORM or svc:NAME"},
    {"namespace", TR_ARG_TEXT, offsetof(librarian_t, defaults.ns), sizeof((librarian_t *)0)->defaults.ns,
        .expected = "a namespace"},
    {"k", TR_ARG_WHOLE, offsetof(librarian_t, defaults.k), 0, .min = 1, .max = 50},
    {"sentences", TR_ARG_WHOLE, offsetof(librarian_t, defaults.sentences), 0, .min = 1, .max = 20},
    TR_THINKER_ARG,
};

static int read_args(tr_value_t args, librarian_t *librarian, tr_problem_t *problem) {
    strcpy(librarian->knowledge, "svc:kb");
    librarian->defaults = (tr_librarian_defaults_t){.ns = "default", .k = 6, .sentences = 3};
    return tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, librarian, problem);
}

int tr_librarian_check(tr_value_t args, tr_problem_t *problem) {
    librarian_t *read = calloc(1, sizeof *read);
    int rc = read ? read_args(args, read, problem) : -ENOMEM;
    free(read);
    return rc;
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    librarian_t *librarian = state;
    int rc = read_args(args, librarian, NULL);
    return rc < 0 ? rc : tr_thinker_init(&librarian->thinker, self, args);
}

/* ---- the steps, the last one first ---- */

static int think(librarian_t *self, const tr_message_t *message, tr_mind_op_t op, json_t *input,
    tr_thought_fn on_said, json_t *job) {
    const char *query = tr_librarian_query(job);
    return tr_thinker_ask(&self->thinker, message,
        &(tr_thinker_question_t){.op = op,
            .text = query,
            .length = strlen(query),
            .input = input,
            .on_said = on_said,
            .carried = json_incref(job)}); /* what fails is told to who asked */
}

static void conclude(librarian_t *self, const tr_message_t *message, json_t *job) {
    tr_thinker_answer_json(&self->thinker, message, TR_INFORM, tr_librarian_answer(job));
}

static void on_answered(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *job) {
    librarian_t *self = state;
    if (tr_thinker_failed(&self->thinker, message, result))
        return;
    tr_librarian_cite(job, result->value, result->by);
    conclude(self, message, job);
}

/* Where nothing was found there is nothing to think about. */
static void answer(librarian_t *self, const tr_message_t *message, json_t *job) {
    json_t *input = tr_librarian_passages(job);
    if (input)
        think(self, message, TR_MIND_ANSWER, input, on_answered, job);
    else
        conclude(self, message, job);
}

static void on_ranked(void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *job) {
    librarian_t *self = state;
    if (tr_thinker_failed(&self->thinker, message, result))
        return;
    tr_librarian_rank(job, result->value, result->by);
    tr_librarian_cut(job);
    answer(self, message, job);
}

static void rank(librarian_t *self, const tr_message_t *message, json_t *job) {
    json_t *input = tr_librarian_candidates(job);
    if (input) {
        think(self, message, TR_MIND_RANK, input, on_ranked, job);
        return;
    }
    tr_librarian_cut(job);
    answer(self, message, job);
}

/* What the knowledge base said, a new reference; NULL: it failed, and who asked was told. */
static json_t *content_of(librarian_t *self, const tr_message_t *under, const tr_message_t *found) {
    json_t *content = tr_answer_json(found);
    if (tr_answer_is_good(found))
        return content;
    tr_thinker_answer_json(&self->thinker, under, TR_FAILURE, content);
    return NULL;
}

static void on_found(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *found, json_t *job) {
    json_t *content = content_of(state, under, found);
    (void)agent;
    if (!content)
        return;
    tr_librarian_found(job, content);
    rank(state, under, job);
}

/* Consumes the request. */
static void ask_base(
    librarian_t *self, const tr_message_t *message, json_t *request, tr_errand_fn on_answer, json_t *job) {
    int rc = tr_errand_send(&self->errands, self->thinker.agent, message, self->knowledge, request, ASK_MS,
        on_answer, json_incref(job));
    if (rc < 0)
        tr_thinker_answer_reason(&self->thinker, message, TR_FAILURE, "internal-error", strerror(-rc));
}

static void search(librarian_t *self, const tr_message_t *message, json_t *job) {
    ask_base(self, message, tr_librarian_search(job), on_found, job);
}

static void on_rewritten(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *job) {
    librarian_t *self = state;
    if (tr_thinker_failed(&self->thinker, message, result))
        return;
    tr_librarian_widen(job, result->value, result->by);
    search(self, message, job);
}

/* The mind reads what stands near the query: what acronyms mean there, and which words are used for each other. */
static void on_corpus(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *found, json_t *job) {
    json_t *content = content_of(state, under, found);
    (void)agent;
    if (!content)
        return;
    think(state, under, TR_MIND_REWRITE, tr_librarian_corpus(content), on_rewritten, job);
    json_decref(content);
}

static int receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    librarian_t *self = state;
    const char *wrong = NULL;
    size_t length;
    (void)agent;
    if (!tr_thinker_asked(&self->thinker, message))
        return 0;
    const char *text = tr_thinker_text(message, "text", &length);
    json_t *job =
        tr_librarian_job(&self->defaults, text, text ? length : 0, tr_message_value(message), &wrong);
    if (!job)
        tr_thinker_answer_reason(&self->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value", wrong);
    else if (tr_librarian_rewrites(job))
        ask_base(self, message, tr_librarian_corpus_search(job), on_corpus, job);
    else
        search(self, message, job);
    json_decref(job);
    return 0;
}

static void fini(tr_agent_t *agent, void *state) {
    librarian_t *self = state;
    (void)agent;
    tr_errands_finish(&self->errands);
    tr_thinker_finish(&self->thinker);
}

const tr_behaviour_t tr_behaviour_librarian = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "librarian",
    .summary = "answers from the knowledge base, with citations",
    .state_size = sizeof(librarian_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
