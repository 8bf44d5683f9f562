/*
 * The port through which a behaviour asks for language work: one set of operations, and several minds that carry them out. A
 * behaviour does not know which mind it has.
 *
 *     tr_mind_builtin_new(&(tr_mind_builtin_options_t){0}, &mind, &error);
 *     watch tr_mind_fd(mind) for reading (tr_watch); when it is readable: tr_mind_work(mind);
 *     tr_mind_ask(mind, &(tr_mind_request_t){.op = TR_MIND_INTENT, .text = text, .length = n, .on_done = done, .arg = x}, &error);
 *
 * on_done is called exactly once for a request that was taken, always from tr_mind_work and never from tr_mind_ask: also by a
 * mind that knows the answer at once, so that a behaviour written with one works with the others. Answers come in any order.
 *
 * What is asked for (`text`, and `input`, a JSON object) and what is answered (`value`, JSON) is the same for all minds. "label",
 * "score" and "confidence" are 0..1 where nothing else is said; lists are best first:
 *
 *   operation    input                                  value
 *   sentiment    -                                      {"label": "positive"|"neutral"|"negative", "score": -1..1}
 *   intent       {"most": 3}                            {"label": "search"|...|"unknown", "confidence", "others": [{"label", "confidence"}]}
 *   entities     {"most": 100}                          [{"kind": "date"|..., "text", "count", "offset", "length"}] (bytes of the
 *                                                       text as the mind has cleaned it: white space is single blanks)
 *   summarise    {"sentences": 3}                       {"text", "sentences": [{"text", "score", "index"}], "language"}
 *   rank         {"candidates": [text ...], "most"}     [{"index", "score": 0 or more}]
 *   choose       {"options": [text ...], "evidence":    {"index", "option", "confidence", "scores": [per option], "reason"}; `text` is the
 *                [text ...]}                            chooser's profile; the reason is in words, "" or missing where there is none; with "may-propose" perhaps "proposal", an option that is none of them
 *   rewrite      {"most": 8, "corpus": [text ...]}      {"query", "terms": [{"term", "weight", "from": "query"|"stem"|"synonym"|
 *                                                       "acronym"}]}
 *   answer       {"passages": [text ...], "sentences":  {"text": "" where they do not say it, with [N] behind each sentence: passage N from 1 on,
 *                3}                                     "citations": [{"passage": from 0 on, "text": the sentence (of the built-in mind)}]}
 *   instruction  {"actions": [text ...]}                {"understood": true, "action", "parameters": {}} or {"understood": false,
 *                                                       "reason", "suggestions": [text ...]}; "actions" are names of more than the grammar has, for
 *                                                       minds that know words
 *   embed        {"texts": [text ...]}; without it       {"model", "dimensions", "vectors": [[number ...]]}: of length 1, one a text,
 *                the text itself                        in their order; "warning" where the mind has a poor substitute
 *   plan         {"skills": [text ...], "most": 16}      {"task", "priority": 0..9, "method", "subtasks": [{"id", "description",
 *                                                       "skills": [], "needs": [ids]}]}: no circles, no skill but those
 *   dialogue     {"context": {} of the answer before,   {"state": "act"|"ask"|"chat"|"dropped"|"unclear", "reply", "action",
 *                "actions" as above}                    "parameters": {} (act), "missing" (ask), "context": {}}; "dialogue.h" says what
 *                                                       the context is
 *   judge        {"question", "criteria": [text ...],   {"score", "verdict": "good"|"fair"|"poor", "judgements": [{"criterion", "score",
 *                "evidence": [text ...], "most": 300}   "reason"}]}: one for each criterion ("judge.h" says which there are)
 *   act          {"tools", "steps", "context"}          {"calls": [{"tool", "arguments"}]} or {"answer", "evidence"}: "act.h" says what they are
 *   transcribe   {"audio": base64 of 8 MiB at most,     {"text", "language": where it is known}
 *                "language": "en"}; no text
 *   speak        {"language": "en", "voice", "format":  {"audio": base64, "type": "audio/wav"|...}; `text` is what is said, of 4000 bytes at most
 *                "wav"}
 *   describe_image {"image": base64 of a PNG or JPEG    {"text", "words": those that stand in it, "type": "png"|"jpeg", "width", "height"}; `text` is a question
 *                of 8 MiB at most}                      about it, or empty
 *
 * Where a model wrote a summary, its "sentences" is empty: the words are its own.
 *
 * entities and summarise also take "language" (ISO 639-1), for who knows it: it need not be found out then.
 *
 * Threads: a mind belongs to one thread.
 */
#ifndef TR_AGENTD_MIND_MIND_H
#define TR_AGENTD_MIND_MIND_H

#include "lib/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_mind tr_mind_t;

typedef enum tr_mind_op {
    TR_MIND_SENTIMENT,
    TR_MIND_INTENT,
    TR_MIND_ENTITIES,
    TR_MIND_SUMMARISE,
    TR_MIND_RANK,
    TR_MIND_CHOOSE,
    TR_MIND_REWRITE,
    TR_MIND_INSTRUCTION,
    TR_MIND_EMBED,
    TR_MIND_PLAN,
    TR_MIND_DIALOGUE,
    TR_MIND_JUDGE,
    TR_MIND_ANSWER,
    TR_MIND_ACT,
    TR_MIND_TRANSCRIBE,
    TR_MIND_SPEAK,
    TR_MIND_DESCRIBE_IMAGE,
    TR_MIND_OPS,
} tr_mind_op_t;

typedef enum tr_mind_status {
    TR_MIND_OK,
    TR_MIND_INVALID,     /* the input is not what the operation wants; detail says what is wrong */
    TR_MIND_UNSUPPORTED, /* this mind cannot do it */
    TR_MIND_OVER,        /* it would cost more than the request allows */
    TR_MIND_FAILED,      /* the mind could not; detail says why and whether it helps to ask again */
    TR_MIND_STATUSES,
} tr_mind_status_t;

/* What language models cost: tokens of both ways, and billionths of the unit that prices are written in (docs/models.md). */
typedef struct tr_mind_cost {
    uint64_t tokens, nano;
} tr_mind_cost_t;

/* Borrowed for on_done; json_incref what is to be kept. */
typedef struct tr_mind_result {
    tr_mind_op_t op;
    tr_mind_status_t status;
    const char *detail;   /* of a failure; else "" */
    const json_t *value;  /* NULL but for TR_MIND_OK */
    const char *by;       /* who answered: "built-in", "model NAME" */
    const char *fallback; /* why it was not the model that answers usually; "" = it was */
    tr_mind_cost_t cost;  /* also of what failed */
    bool
        is_usual; /* no model is configured for the operation: the built-in mind answers it always, whatever `fallback` says */
    const char *prompt; /* of a model: by which prompt of which version, "dialogue 5"; NULL = by none */
} tr_mind_result_t;

typedef void (*tr_mind_done_fn)(void *arg, const tr_mind_result_t *result);

/*
 * A part of the reply of a dialogue, as it comes: borrowed for the call. It is a draft: what a model writes is checked when it is whole, so the parts may
 * begin anew, and the reply of the value is the one that counts. What was not told by then is in it.
 */
typedef struct tr_mind_piece {
    const char *text; /* whole characters; with a NUL after them */
    size_t length;
    bool is_first; /* what came before is void */
    bool acts;     /* the turn asks for an action, as far as is known by now */
} tr_mind_piece_t;

/* From tr_mind_work, before on_done, and never after it. It may ask, but not destroy the mind. */
typedef void (*tr_mind_piece_fn)(void *arg, const tr_mind_piece_t *piece);

/* All of it is borrowed for tr_mind_ask, which copies what it needs. */
typedef struct tr_mind_request {
    tr_mind_op_t op;
    const char *text; /* UTF-8; bytes that are not are taken as U+FFFD */
    size_t length;
    const json_t *input; /* NULL = all as it usually is */
    tr_mind_done_fn on_done;
    void *arg;
    tr_mind_piece_fn on_piece; /* of dialogue; NULL = only the whole */
    tr_mind_cost_t most;       /* it may cost; 0 = as the configuration says */
    int64_t total_ms; /* it may take; 0 = as the configuration says. What is there at once takes none */
    bool builtin;     /* the built-in mind is enough, also where a model answers else */
    const char *task; /* whose budget it is on (docs/models.md); NULL = nobody's */
    const char *conversation; /* told in spans; NULL = none */
    const char *traceparent;  /* W3C trace context that it is asked under; NULL = none */
} tr_mind_request_t;

/* One request to a model's server, and what came of it (lib/llm/llm.h). Borrowed for the call. */
struct tr_llm_span;
typedef void (*tr_mind_span_fn)(void *arg, const struct tr_llm_span *span);

#define TR_MIND_TEXT_MAX ((size_t)4 * 1024 * 1024)

/* What the mind is, in words that may be shown to a user: "built-in: ...". */
const char *tr_mind_describe(const tr_mind_t *self);
/* Readable when tr_mind_work has something to do. */
int tr_mind_fd(const tr_mind_t *self);
void tr_mind_work(tr_mind_t *self);
/* 0; -EINVAL (no such operation, no on_done), -EFBIG (more than TR_MIND_TEXT_MAX), -ENOMEM: then on_done is not called. */
int tr_mind_ask(tr_mind_t *self, const tr_mind_request_t *request, tr_error_t *error);
/* Ends what was asked with this arg, without a word: a model's server is not waited for any more. What that has cost by then, as no result will tell it. Not from a
 * callback of the same request. */
tr_mind_cost_t tr_mind_cancel(tr_mind_t *self, const void *arg);
/* From now on each request to a model's server is told; a mind that asks none tells none. */
void tr_mind_on_span(tr_mind_t *self, tr_mind_span_fn on_span, void *arg);
/* Drops what is not answered yet without a word. Not from on_done. NULL-safe, nulls the reference. */
void tr_mind_destroy(tr_mind_t **self);

/* "sentiment", "intent" ... */
const char *tr_mind_op_word(tr_mind_op_t op);
/* TR_MIND_OPS where there is none of this name. */
tr_mind_op_t tr_mind_op_find(const char *word);
/* "ok", "invalid" ... */
const char *tr_mind_status_word(tr_mind_status_t status);

#endif
