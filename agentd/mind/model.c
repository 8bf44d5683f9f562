/*
 * Each request that was taken is one `asked_t`, from tr_mind_ask to its on_done. It is first with lib/llm, and, where that fails, with the
 * built-in mind. Its fd is an epoll of both, so that the loop watches one thing.
 *
 * Of a reply that is wanted in pieces the draft is gathered while lib/llm works, and told once after it: a piece for each time that something
 * came, however many events of the stream that was.
 */
#include "agentd/mind/model.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agentd/mind/draft.h"
#include "agentd/mind/model_private.h"
#include "agentd/mind/senses_input.h"
#include "lib/base/random.h"
#include "lib/llm/llm.h"

#define WHY_MAX 512

typedef struct asked asked_t;

typedef struct {
    tr_mind_t mind; /* first */
    int epoll;
    tr_llm_t *llm;
    tr_mind_t *builtin;
    tr_mind_prompt_t prompts[TR_MIND_OPS];
    uint64_t mark, accounts;
    char mark_text[17]; /* as it stands in what is asked */
    char *agent;
    bool is_strict;
    asked_t *all;
    asked_t *drafted; /* those of which pieces wait */
} model_t;

struct asked {
    model_t *model;
    asked_t *next;
    tr_mind_request_t request; /* with copies of its own */
    tr_llm_call_t *call;       /* that lib/llm works on; NULL = none */
    json_t *data;
    tr_draft_t draft;
    asked_t *next_drafted;
    bool is_drafted; /* among those of the model */
    tr_mind_cost_t cost;
    char account[40];  /* of what it may cost; "" = of none */
    char why[WHY_MAX]; /* the built-in mind answers; "" = it does not */
    bool has_none;     /* there is no model for it */
};

static void drop_draft(asked_t *asked) {
    asked_t **at = &asked->model->drafted;
    if (!asked->is_drafted)
        return;
    while (*at != asked)
        at = &(*at)->next_drafted;
    *at = asked->next_drafted;
    asked->is_drafted = false;
}

static void forget(asked_t *asked) {
    for (asked_t **at = &asked->model->all; *at; at = &(*at)->next)
        if (*at == asked) {
            *at = asked->next;
            break;
        }
    drop_draft(asked);
    tr_draft_finish(&asked->draft);
    if (*asked->account && asked->model->llm)
        tr_llm_forget(asked->model->llm, asked->account);
    free((char *)(uintptr_t)asked->request.text);
    json_decref((json_t *)(uintptr_t)asked->request.input);
    json_decref(asked->data);
    free(asked);
}

/* The last of a request: after it, it is gone. */
static void deliver(asked_t *asked, const tr_mind_result_t *result) {
    asked->request.on_done(asked->request.arg, result);
    forget(asked);
}

static void on_builtin(void *arg, const tr_mind_result_t *result) {
    asked_t *asked = arg;
    tr_mind_result_t told = *result;
    told.fallback = asked->why;
    told.cost = asked->cost;
    told.is_usual = asked->has_none;
    deliver(asked, &told);
}

static void on_builtin_piece(void *arg, const tr_mind_piece_t *piece) {
    asked_t *asked = arg;
    asked->request.on_piece(asked->request.arg, piece);
}

/* 0, or what tr_mind_ask answers. */
static int ask_builtin(asked_t *asked, tr_error_t *error) {
    tr_mind_request_t request = asked->request;
    request.on_done = on_builtin;
    request.on_piece = request.on_piece ? on_builtin_piece : NULL;
    request.arg = asked;
    drop_draft(asked);
    return tr_mind_ask(asked->model->builtin, &request, error);
}

/* Whether nobody else may answer: vectors of two models do not compare, and a course that one mind began is not for another one to end. */
static bool is_final(const asked_t *asked) {
    return asked->model->is_strict || asked->request.op == TR_MIND_EMBED ||
           json_array_size(json_object_get(asked->request.input, "steps")) > 0;
}

static void fall_back(asked_t *asked, const char *by, tr_mind_status_t status) {
    tr_error_t error = {0};
    if (status == TR_MIND_FAILED && !is_final(asked) && ask_builtin(asked, &error) == 0)
        return;
    deliver(asked, &(tr_mind_result_t){.op = asked->request.op,
                       .status = status,
                       .detail = asked->why,
                       .by = by,
                       .fallback = "",
                       .cost = asked->cost});
}

static void explain(asked_t *asked, const tr_llm_result_t *result) {
    if (result->status == TR_LLM_OK)
        snprintf(
            asked->why, sizeof asked->why, "%s: the answer does not fit what was asked about", result->model);
    else
        snprintf(asked->why, sizeof asked->why, "%s: %s", tr_llm_status_word(result->status), result->detail);
}

static json_t *vector_of(const float *floats, size_t count) {
    double sum = 0;
    json_t *vector = json_array();
    for (size_t i = 0; i < count; i++)
        sum += (double)floats[i] * (double)floats[i];
    for (size_t i = 0; i < count; i++)
        json_array_append_new(vector, json_real(sum > 0 ? (double)floats[i] / sqrt(sum) : 0));
    return vector;
}

static json_t *vectors_of(const tr_llm_result_t *result) {
    json_t *list = json_array();
    for (size_t i = 0; i < result->vectors_n; i++)
        json_array_append_new(list, vector_of(result->vectors + i * result->dimensions, result->dimensions));
    return json_pack("{s:s, s:I, s:o}", "model", result->model, "dimensions", (json_int_t)result->dimensions,
        "vectors", list);
}

static json_t *value_of(const asked_t *asked, const tr_llm_result_t *result) {
    if (tr_mind_is_sense(asked->request.op))
        return tr_mind_sense_value(asked->request.op, result, asked->data);
    switch (asked->request.op) {
    case TR_MIND_EMBED: return vectors_of(result);
    case TR_MIND_ACT: return tr_mind_act_value(result, asked->data);
    default: return tr_mind_value_of(asked->request.op, result->json, asked->data);
    }
}

static tr_mind_cost_t cost_of(const tr_llm_usage_t *usage) {
    return (tr_mind_cost_t){usage->input_tokens + usage->output_tokens, usage->nano};
}

static void on_model(void *arg, const tr_llm_result_t *result) {
    asked_t *asked = arg;
    char by[256], by_prompt[64];
    bool is_over = result->status == TR_LLM_OVER_BUDGET && *asked->account;
    asked->call = NULL;
    json_t *value = result->status == TR_LLM_OK ? value_of(asked, result) : NULL;
    snprintf(by, sizeof by, "model %s", result->model);
    const tr_mind_prompt_t *prompt = &asked->model->prompts[asked->request.op];
    snprintf(by_prompt, sizeof by_prompt, "%s%s%s", tr_mind_op_word(asked->request.op),
        *prompt->version ? " " : "", prompt->version);
    asked->cost = cost_of(&result->usage);
    if (!value) {
        explain(asked, result);
        fall_back(asked, by, is_over ? TR_MIND_OVER : TR_MIND_FAILED);
        return;
    }
    deliver(asked, &(tr_mind_result_t){.op = asked->request.op,
                       .status = TR_MIND_OK,
                       .detail = "",
                       .value = value,
                       .by = by,
                       .fallback = "",
                       .cost = asked->cost,
                       .prompt = prompt->system ? by_prompt : NULL});
    json_decref(value);
}

/* ---- a reply in pieces ---- */

static void on_draft(void *arg, size_t offset, const char *text, size_t length) {
    asked_t *asked = arg;
    tr_draft_feed(&asked->draft, offset, text, length);
    if (asked->is_drafted)
        return;
    asked->is_drafted = true;
    asked->next_drafted = asked->model->drafted;
    asked->model->drafted = asked;
}

static void tell_drafts(model_t *self) {
    tr_mind_piece_t piece;
    for (asked_t *asked; (asked = self->drafted);) {
        drop_draft(asked);
        if (tr_draft_take(&asked->draft, &piece))
            asked->request.on_piece(asked->request.arg, &piece);
    }
}

/* ---- what is asked ---- */

static int start_embed(asked_t *asked, tr_llm_request_t *request, tr_error_t *error) {
    json_t *texts = json_object_get(asked->data, "texts");
    json_t *input = texts ? json_incref(texts) : json_pack("[O]", json_object_get(asked->data, "text"));
    request->op = TR_LLM_EMBED;
    request->input = input;
    int rc = input ? tr_llm_start(asked->model->llm, request, &asked->call, error) : -ENOMEM;
    json_decref(input);
    return rc;
}

static int start_chat(asked_t *asked, tr_llm_request_t *request, tr_error_t *error) {
    const tr_mind_prompt_t *prompt = &asked->model->prompts[asked->request.op];
    bool acts = asked->request.op == TR_MIND_ACT;
    json_t *tools = acts ? tr_mind_act_tools(asked->data) : NULL;
    json_t *messages = acts ? tr_mind_act_messages(prompt, asked->model->mark, asked->data)
                            : tr_mind_prompt_messages(prompt, asked->model->mark, asked->data);
    request->op = TR_LLM_CHAT;
    request->messages = messages;
    request->tools = tools;
    json_t *schema = tr_mind_prompt_schema(prompt, asked->data);
    request->schema = schema;
    request->schema_name = tr_mind_op_word(asked->request.op);
    int rc = messages && (acts ? tools : schema)
                 ? tr_llm_start(asked->model->llm, request, &asked->call, error)
                 : -ENOMEM;
    json_decref(schema);
    json_decref(messages);
    json_decref(tools);
    return rc;
}

/* An account of its own for what it may cost, from which the client reserves before it asks. */
static int limit(asked_t *asked, tr_llm_request_t *request) {
    const tr_mind_cost_t *most = &asked->request.most;
    if (most->tokens == 0 && most->nano == 0)
        return 0;
    snprintf(asked->account, sizeof asked->account, "task:mind-%" PRIu64, asked->model->accounts++);
    request->purse = asked->account;
    return tr_llm_limit(asked->model->llm, asked->account, most->tokens, most->nano);
}

static bool has_model(const asked_t *asked) {
    tr_mind_op_t op = asked->request.op;
    tr_llm_op_t kind = op == TR_MIND_EMBED        ? TR_LLM_EMBED
                       : op == TR_MIND_TRANSCRIBE ? TR_LLM_TRANSCRIBE
                       : op == TR_MIND_SPEAK      ? TR_LLM_SPEAK
                                                  : TR_LLM_CHAT;
    return tr_llm_has_model(asked->model->llm, kind, tr_mind_op_word(op));
}

/* -EFBIG, -ENOENT and what tr_llm_start answers: it was not asked. */
static int start(asked_t *asked, tr_error_t *error) {
    tr_llm_request_t request = {.operation = tr_mind_op_word(asked->request.op),
        .agent = asked->model->agent,
        .temperature = 0,
        .unkeyed = asked->model->mark_text,
        .traceparent = asked->request.traceparent,
        .task = asked->request.task,
        .conversation = asked->request.conversation,
        .total_ms = asked->request.total_ms,
        .on_draft = asked->request.on_piece ? on_draft : NULL,
        .on_done = on_model,
        .arg = asked};
    const tr_mind_prompt_t *prompt = &asked->model->prompts[asked->request.op];
    if (prompt->system) {
        request.prompt = request.operation;
        request.prompt_version = prompt->version;
        request.own_prompt = prompt->is_own;
    }
    if (asked->request.length > TR_MIND_MODEL_TEXT_MAX)
        return tr_error_set(error, -EFBIG, "the text is too long for a model: %zu bytes, %zu at most",
            asked->request.length, TR_MIND_MODEL_TEXT_MAX);
    asked->has_none = !has_model(asked);
    if (!is_final(asked) && asked->has_none) /* nothing need be prepared for what cannot be */
        return tr_error_set(
            error, -ENOENT, "%s: %s", tr_llm_status_word(TR_LLM_NO_PROVIDER), TR_LLM_NO_MODEL);
    asked->data = tr_mind_prompt_data(asked->model->builtin, &asked->request);
    if (!asked->data || limit(asked, &request) < 0)
        return tr_error_set(error, -ENOMEM, "out of memory");
    if (tr_mind_is_sense(asked->request.op))
        return tr_mind_sense_start(asked->model->llm, &asked->model->prompts[asked->request.op],
            asked->model->mark, asked->request.op, asked->data, &request, &asked->call, error);
    return asked->request.op == TR_MIND_EMBED ? start_embed(asked, &request, error)
                                              : start_chat(asked, &request, error);
}

static asked_t *copy_of(model_t *self, const tr_mind_request_t *request) {
    asked_t *asked = calloc(1, sizeof *asked);
    char *text = asked ? malloc(request->length + 1) : NULL;
    if (!text) {
        free(asked);
        return NULL;
    }
    if (request->length > 0)
        memcpy(text, request->text, request->length);
    text[request->length] = '\0';
    *asked = (asked_t){.model = self, .next = self->all, .request = *request};
    asked->request.text = text;
    asked->request.input = json_deep_copy(request->input);
    self->all = asked;
    return asked;
}

static int ask(tr_mind_t *mind, const tr_mind_request_t *request, tr_error_t *error) {
    model_t *self = (model_t *)mind;
    tr_error_t why = {0};
    asked_t *asked = copy_of(self, request);
    if (!asked)
        return tr_error_set(error, -ENOMEM, "mind: %s: out of memory", tr_mind_op_word(request->op));
    bool is_well = tr_mind_input_is_well(&asked->request);
    bool by_model = is_well && !request->builtin;
    int rc = by_model ? start(asked, &why) : 0;
    asked->request.traceparent = asked->request.task = asked->request.conversation = NULL; /* were borrowed */
    if (by_model && rc == 0)
        return 0;
    snprintf(asked->why, sizeof asked->why, "%s", why.text);
    rc = by_model && is_final(asked)
             ? tr_error_set(error, rc, "mind: %s: %s", tr_mind_op_word(request->op), why.text)
             : ask_builtin(asked, error);
    if (rc < 0)
        forget(asked);
    return rc;
}

static int get_fd(const tr_mind_t *mind) {
    return ((const model_t *)mind)->epoll;
}

static void work(tr_mind_t *mind) {
    model_t *self = (model_t *)mind;
    tr_llm_work(self->llm);
    tell_drafts(self);
    tr_mind_work(self->builtin);
}

static tr_mind_cost_t cancel(tr_mind_t *mind, const void *arg) {
    model_t *self = (model_t *)mind;
    tr_mind_cost_t spent = {0};
    for (asked_t *asked = self->all, *next; asked; asked = next) {
        next = asked->next;
        if (asked->request.arg != arg)
            continue;
        tr_llm_usage_t usage = asked->call ? tr_llm_cancel(self->llm, &asked->call) : (tr_llm_usage_t){0};
        tr_mind_cost_t cost = cost_of(&usage);
        tr_mind_cancel(self->builtin, asked); /* which costs nothing */
        spent.tokens += asked->cost.tokens + cost.tokens;
        spent.nano += asked->cost.nano + cost.nano;
        forget(asked);
    }
    return spent;
}

static void destroy(tr_mind_t *mind) {
    model_t *self = (model_t *)mind;
    tr_llm_close(&self->llm);
    tr_mind_destroy(&self->builtin);
    while (self->all)
        forget(self->all);
    tr_mind_prompts_finish(self->prompts);
    if (self->epoll >= 0)
        close(self->epoll);
    free(self->agent);
    free(self);
}

static const tr_mind_kind_t kind = {
    .description = "model: a language model whose answers are checked; where it fails, the built-in mind",
    .fd = get_fd,
    .work = work,
    .ask = ask,
    .cancel = cancel,
    .destroy = destroy,
};

static int watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void on_span(void *arg, const tr_llm_span_t *span) {
    const model_t *self = arg;
    if (self->mind.on_span)
        self->mind.on_span(self->mind.span_arg, span);
}

static int fill(model_t *self, const tr_mind_model_options_t *options, tr_error_t *error) {
    self->is_strict = options->is_strict;
    self->mark = tr_random_seed();
    snprintf(self->mark_text, sizeof self->mark_text, "%016" PRIx64, self->mark);
    if (options->agent && !(self->agent = strdup(options->agent)))
        return tr_error_set(error, -ENOMEM, "out of memory");
    char *repair = NULL, version[TR_PROMPT_VERSION_SIZE] = "";
    int rc = tr_mind_builtin_new(&options->builtin, &self->builtin, error);
    if (rc == 0)
        rc = tr_mind_prompts_load(options->prompts, self->builtin, self->mark, self->prompts, error);
    if (rc == 0)
        rc = tr_mind_prompt_repair(options->prompts, self->mark, &repair, version, error);
    if (rc == 0)
        rc = tr_llm_open(&(tr_llm_options_t){.config = options->config,
                             .config_len = options->config_len,
                             .config_name = options->config_name,
                             .repair_prompt = repair,
                             .repair_version = version,
                             .on_span = on_span,
                             .arg = self},
            &self->llm, error);
    free(repair);
    if (rc < 0)
        return rc;
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    rc = self->epoll < 0 ? -errno : watch(self->epoll, tr_llm_fd(self->llm));
    if (rc == 0)
        rc = watch(self->epoll, tr_mind_fd(self->builtin));
    return rc < 0 ? tr_error_set(error, rc, "mind: epoll: %s", strerror(-rc)) : 0;
}

int tr_mind_model_new(const tr_mind_model_options_t *options, tr_mind_t **ret_mind, tr_error_t *error) {
    model_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->mind.kind = &kind;
    self->epoll = -1;
    int rc = fill(self, options, error);
    if (rc < 0) {
        destroy(&self->mind);
        return rc;
    }
    *ret_mind = &self->mind;
    return 0;
}
