/* Tasks that are submitted. */
#include "coordinator/desk.h"
#include "lib/base/random.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPOSER   "composer" /* the service of who composes, where none is said */
#define BUDGET_MAX INT64_C(1000000000000000)
#define TIME_MAX   INT64_C(8640000000000) /* ms: 100,000 days, as of a duration on a command line */
#define MOMENT_MAX                                                                                           \
    INT64_C(                                                                                                 \
        1000000000000000) /* ms: further away than any calendar; sums with it are no numbers that overflow */
#define CALLBACKS                                                                                            \
    "result." /* what the topics begin with on which ends are told: no other topic can be written to through a task */

typedef struct draft {
    tr_task_wish_t wish;
    char id[TR_TASK_ID_MAX + 1], key[129], description[TR_TASK_TEXT_MAX + 1], language[65];
    char skill_names[TR_TASK_SKILLS_MAX][TR_NAME_MAX + 1];
    const char *skills[TR_TASK_SKILLS_MAX];
    char (*need_ids)[TR_TASK_ID_MAX + 1];
    const char **needs;
    char callback[TR_TASK_TOPIC_MAX + 1];
    tr_content_writer_t input;
    bool existed; /* it was submitted before under this key: id is that one's */
} draft_t;

/* A text that may be missing; false when it is too long or no text. */
static bool read_text(tr_value_t task, const char *key, char *out, size_t size, const char **ret) {
    tr_value_t v = tr_value_get(task, key);
    *ret = NULL;
    if (!v)
        return true;
    *ret = out;
    return tr_value_copy(v, out, size) == 0;
}

/* What may be missing; false where it is of another kind. */
static bool read_whole(tr_value_t task, const char *key, int64_t *value) {
    tr_value_t v = tr_value_get(task, key);
    if (v)
        *value = tr_value_int(v, INT64_MIN);
    return *value != INT64_MIN;
}

static bool read_flag(tr_value_t task, const char *key, bool *ret) {
    tr_value_t v = tr_value_get(task, key);
    *ret = tr_value_bool(v, false);
    return !v || *ret == tr_value_bool(v, true);
}

/* A key that is written wrongly would be a gate that is not there. */
static const char *find_unknown(tr_value_t task) {
    static const char *const keys[] = {"id", "key", "description", "skills", "needs", "input", "language",
        "callback", "compose", "priority", "tries", "timeout-ms", "delay-ms", "within-ms", "due_ms",
        "deadline_ms", "approval", "assign", "budget"};
    return tr_value_has_only(task, keys, sizeof keys / sizeof *keys)
               ? NULL
               : "tasks: expected no other keys than id, key, description, skills, needs, input, language, "
                 "callback, compose, priority, tries, timeout-ms, delay-ms, within-ms, due_ms, deadline_ms, "
                 "approval, assign, budget, each once";
}

static const char *read_skills(tr_value_t task, draft_t *d) {
    tr_value_t skills = tr_value_get(task, "skills");
    d->wish.skill_count = tr_value_size(skills);
    d->wish.skills = d->skills;
    if (d->wish.composes && !skills) {
        d->skills[d->wish.skill_count++] = COMPOSER;
        return NULL;
    }
    if ((skills && !tr_value_is_array(skills)) || d->wish.skill_count == 0 ||
        d->wish.skill_count > TR_TASK_SKILLS_MAX)
        return "skills: expected a list of 1 to 16 names of services";
    for (size_t i = 0; i < d->wish.skill_count; i++) {
        d->skills[i] = d->skill_names[i];
        if (tr_value_copy(tr_value_at(skills, i), d->skill_names[i], sizeof d->skill_names[i]) < 0 ||
            !tr_name_valid(d->skills[i], strlen(d->skills[i])))
            return "skills: expected names of services, without svc:";
    }
    return NULL;
}

static const char *read_needs(tr_value_t task, draft_t *d) {
    tr_value_t needs = tr_value_get(task, "needs");
    size_t n = tr_value_size(needs);
    if ((needs && !tr_value_is_array(needs)) || n > TR_TASK_NEEDS_MAX)
        return "needs: expected a list of at most 256 tasks";
    d->need_ids = calloc(n + 1, sizeof *d->need_ids);
    d->needs = calloc(n + 1, sizeof *d->needs);
    if (!d->need_ids || !d->needs)
        return "out of memory";
    d->wish.needs = d->needs;
    d->wish.need_count = n;
    for (size_t i = 0; i < n; i++) {
        d->needs[i] = d->need_ids[i];
        if (tr_value_copy(tr_value_at(needs, i), d->need_ids[i], sizeof d->need_ids[i]) < 0)
            return "needs: expected the ids of tasks";
    }
    return NULL;
}

static const char *read_budget(tr_value_t task, tr_task_wish_t *w) {
    tr_value_t budget = tr_value_get(task, "budget");
    size_t known = 0;
    if (budget && !tr_value_is_map(budget))
        return "budget: expected a map of tokens, micro_cost and time-ms";
    for (int i = 0; budget && i < TR_PURSE_KINDS; i++) {
        tr_value_t limit = tr_value_get(budget, tr_purse_words[i]);
        known += limit != NULL;
        w->budget.of[i] = limit ? tr_value_int(limit, 0) : 0;
        if (limit && (w->budget.of[i] < 1 || w->budget.of[i] > BUDGET_MAX))
            return "budget: tokens, micro_cost and time-ms: expected whole numbers of 1 or more";
    }
    return known == tr_value_size(budget) ? NULL
                                          : "budget: expected tokens, micro_cost, time-ms and nothing else";
}

/* Its end may be told on a topic, and its parts may be composed. */
static const char *read_ends(tr_value_t task, draft_t *d) {
    size_t prefix = strlen(CALLBACKS);
    if (!read_text(task, "callback", d->callback, sizeof d->callback, &d->wish.callback) ||
        (d->wish.callback && (strncmp(d->callback, CALLBACKS, prefix) != 0 ||
                                 !tr_topic_valid(d->callback, strlen(d->callback)))))
        return "callback: expected a topic of at most 128 bytes that begins with \"" CALLBACKS "\"";
    if (!read_flag(task, "compose", &d->wish.composes))
        return "compose: expected true or false";
    if (d->wish.composes && tr_value_size(tr_value_get(task, "needs")) == 0)
        return "compose: expected needs: the tasks whose results it is composed of";
    return NULL;
}

/* How its agent is found: a tr_task_way_t, or -1. */
static int read_way(const tr_question_t *q, tr_value_t task) {
    tr_value_t way = tr_value_get(task, "assign");
    for (int i = 0; way && tr_task_way_words[i]; i++)
        if (tr_value_equals(way, tr_task_way_words[i]))
            return i;
    return way ? -1 : q->coordinator->options->assign;
}

static const char *read_numbers(const tr_question_t *q, tr_value_t task, tr_task_wish_t *w) {
    const tr_coordinator_options_t *o = q->coordinator->options;
    int64_t priority = 4, tries = o->tries, delay_ms = 0, within_ms = 0, at_ms = 0;
    int way;
    w->timeout_ms = o->timeout_ms;
    if (!read_whole(task, "priority", &priority) || !read_whole(task, "tries", &tries) ||
        !read_whole(task, "delay-ms", &delay_ms) || !read_whole(task, "within-ms", &within_ms) ||
        !read_whole(task, "due_ms", &at_ms) || !read_whole(task, "timeout-ms", &w->timeout_ms) ||
        !read_whole(task, "deadline_ms", &w->deadline_ms))
        return "priority, tries, delay-ms, within-ms, due_ms, timeout-ms, deadline_ms: expected whole "
               "numbers";
    if (!read_flag(task, "approval", &w->approval))
        return "approval: expected true or false";
    if (priority < 0 || priority > TR_PRIORITY_MAX)
        return "priority: expected 0 to 9";
    if (tries < 1 || tries > TR_TASK_TRIES_MAX)
        return "tries: expected 1 to 100";
    if (delay_ms < 0 || delay_ms > TIME_MAX || within_ms < 0 || within_ms > TIME_MAX || w->timeout_ms < 1 ||
        w->timeout_ms > TIME_MAX)
        return "delay-ms, within-ms, timeout-ms: expected times of 100000 days at most, which are not "
               "negative";
    if (within_ms && w->deadline_ms)
        return "within-ms, deadline_ms: expected one of them: both are the deadline";
    if (at_ms < 0 || at_ms > MOMENT_MAX || w->deadline_ms < 0 || w->deadline_ms > MOMENT_MAX)
        return "due_ms, deadline_ms: expected milliseconds since 1970";
    if ((way = read_way(q, task)) < 0)
        return "assign: expected direct, contract-net or mind";
    w->way = (tr_task_way_t)way;
    w->priority = (uint32_t)priority;
    w->tries_max = (uint32_t)tries;
    w->created_ms = q->now_ms;
    w->due_ms = delay_ms ? q->now_ms + delay_ms : at_ms;
    if (within_ms)
        w->deadline_ms = q->now_ms + within_ms;
    return NULL;
}

/* The input is sent as it is: a text in another language as the bytes of the text. */
static const char *read_input(tr_value_t task, draft_t *d) {
    tr_value_t input = tr_value_get(task, "input");
    if (!read_text(task, "language", d->language, sizeof d->language, &d->wish.language))
        return "language: expected a text of at most 64 bytes";
    if (d->wish.language && input) {
        d->wish.input = tr_value_str(input, &d->wish.input_len);
        if (!d->wish.input)
            return "input: with a language it is a text";
    } else if (input) {
        const char *wrong =
            d->wish.need_count > 0 ? tr_reference_wrong(input, d->needs, d->wish.need_count) : NULL;
        if (wrong)
            return wrong;
        tr_write_value(&d->input, input);
        if (tr_content_writer_take(&d->input, &d->wish.input, &d->wish.input_len) < 0)
            return "out of memory";
    }
    return d->wish.input_len > TR_TASK_INPUT_MAX ? "input: more than 4 MiB" : NULL;
}

static const char *read_names(const tr_question_t *q, tr_value_t task, draft_t *d) {
    if (!read_text(task, "id", d->id, sizeof d->id, &d->wish.id) || (d->wish.id && !tr_desk_is_id(d->id)))
        return "id: expected 1 to 64 of A-Z a-z 0-9 _ - + ~";
    if (!read_text(task, "key", d->key, sizeof d->key, &d->wish.key))
        return "key: expected a text of at most 128 bytes";
    if (!read_text(task, "description", d->description, sizeof d->description, &d->wish.description))
        return "description: expected a text of at most 1000 bytes";
    if (d->wish.key && tr_store_find_key(q->coordinator->store, d->key, d->id) == 0) {
        d->existed = true;
        d->wish.id = d->id;
        return NULL;
    }
    if (!d->wish.id)
        tr_desk_make_id('t', d->id);
    d->wish.id = d->id;
    return NULL;
}

static const char *read_draft(const tr_question_t *q, tr_value_t task, draft_t *d) {
    tr_content_writer_init(&d->input);
    const char *wrong = tr_value_is_map(task) ? read_names(q, task, d) : "tasks: expected a list of maps";
    d->wish.trace = tr_question_trace(q); /* what is done for it belongs to the trace of the request */
    if (!wrong)
        wrong = find_unknown(task);
    if (!wrong)
        wrong = read_ends(task, d);
    if (!wrong)
        wrong = read_skills(task, d);
    if (!wrong)
        wrong = read_needs(task, d);
    if (!wrong)
        wrong = read_numbers(q, task, &d->wish);
    if (!wrong)
        wrong = read_budget(task, &d->wish);
    return wrong ? wrong : read_input(task, d);
}

static void finish_drafts(draft_t *drafts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(drafts[i].need_ids);
        free(drafts[i].needs);
        tr_content_writer_finish(&drafts[i].input);
    }
    free(drafts);
}

static void tell_submitted(const tr_question_t *q, const draft_t *drafts, size_t count) {
    tr_content_writer_t *w = tr_question_answer(q);
    if (!w)
        return;
    tr_write_map(w, 1);
    tr_write_str(w, "tasks");
    tr_write_array(w, count);
    for (size_t i = 0; i < count; i++) {
        tr_write_map(w, 2);
        tr_write_kv(w, "task", drafts[i].id);
        tr_write_kv_bool(w, "existed", drafts[i].existed);
    }
}

/* A database is far away: it is asked once whether any of these is there, and not of each. */
static void look_for_all(const tr_question_t *q, tr_task_wish_t *wishes, size_t count) {
    char *ids =
        count > 1 && tr_store_shared(q->coordinator->store) ? malloc(count * (TR_TASK_ID_MAX + 2)) : NULL;
    char *end = ids;
    for (size_t i = 0; i < count && ids; i++)
        end = stpcpy(i ? stpcpy(end, " ") : end, wishes[i].id);
    bool none = ids && tr_store_has_none(q->coordinator->store, ids);
    for (size_t i = 0; i < count && none; i++)
        wishes[i].known_new = true;
    free(ids);
}

/* All that are new, or none. */
static void add_drafts(const tr_question_t *q, draft_t *drafts, size_t count) {
    size_t n = 0;
    tr_error_t error = {0};
    tr_task_wish_t *wishes = calloc(count + 1, sizeof *wishes);
    for (size_t i = 0; i < count && wishes; i++)
        if (!drafts[i].existed)
            wishes[n++] = drafts[i].wish;
    if (wishes)
        look_for_all(q, wishes, n);
    int rc = wishes ? tr_board_add(q->coordinator->board, wishes, n, q->now_ms, &error) : -ENOMEM;
    free(wishes);
    if (rc == 0)
        tell_submitted(q, drafts, count);
    else if (rc == -ENOMEM)
        tr_question_fail(q, rc);
    else
        tr_question_refuse(
            q, rc == -EEXIST ? "already-registered" : "unrecognised-parameter-value", error.text);
}

#define OTHER_WORK                                                                                           \
    "key: it is that of another task: what is submitted again under a key has the same description, "        \
    "skills, "                                                                                               \
    "language and input"

/* Whoever takes a key for other work would wait for a result that is not its own. */
static const char *check_key(const tr_question_t *q, const draft_t *d) {
    tr_task_t *task = NULL;
    if (!d->existed)
        return NULL;
    if (tr_store_load(q->coordinator->store, d->id, &task) < 0)
        return "key: the task that has it cannot be read: submit it again";
    const char *wrong = tr_task_is_work(task, &d->wish) ? NULL : OTHER_WORK;
    tr_task_destroy(&task);
    return wrong;
}

/* Those under one key are one task: the first. What is wrong, or NULL. */
static const char *find_twins(draft_t *drafts, size_t count) {
    tr_map_t keys;
    const char *wrong = NULL;
    tr_map_init(&keys, tr_random_seed());
    for (size_t i = 0; i < count && !wrong; i++) {
        draft_t *d = &drafts[i];
        if (!d->wish.key || d->existed)
            continue;
        const draft_t *first = tr_map_find_ptr(&keys, d->key, strlen(d->key));
        d->existed = first != NULL;
        if (first)
            memcpy(d->id, first->id, sizeof d->id);
        if (first)
            wrong = tr_task_same_work(&first->wish, &d->wish) ? NULL : OTHER_WORK;
        else if (tr_map_put(&keys, d->key, strlen(d->key), (uint64_t)(uintptr_t)d) < 0)
            wrong = "out of memory";
    }
    tr_map_finish(&keys);
    return wrong;
}

void tr_desk_submit(tr_question_t *q) {
    tr_value_t tasks = tr_value_get(q->content, "tasks");
    size_t count = tr_value_size(tasks);
    const char *wrong = NULL;
    if (!tr_value_is_array(tasks) || count == 0 || count > 10000) {
        tr_question_refuse(q, "missing-argument", "tasks: expected a list of 1 to 10000 maps");
        return;
    }
    draft_t *drafts = calloc(count, sizeof *drafts);
    for (size_t i = 0; i < count && drafts && !wrong; i++) {
        wrong = read_draft(q, tr_value_at(tasks, i), &drafts[i]);
        if (!wrong)
            wrong = check_key(q, &drafts[i]);
    }
    if (drafts && !wrong)
        wrong = find_twins(drafts, count);
    if (!drafts)
        tr_question_fail(q, -ENOMEM);
    else if (wrong)
        tr_question_refuse(q, "unrecognised-parameter-value", wrong);
    else
        add_drafts(q, drafts, count);
    if (drafts)
        finish_drafts(drafts, count);
}

/* ---- for schedules ---- */

const char *tr_desk_task_wrong(const tr_question_t *q, tr_value_t task) {
    draft_t *draft = calloc(1, sizeof *draft);
    const char *wrong = draft ? read_draft(q, task, draft) : "out of memory";
    if (draft && !wrong && (draft->wish.key || tr_value_get(task, "id")))
        wrong = "task: each has an id of its own, and no key";
    if (draft && !wrong && (tr_value_get(task, "deadline_ms") || tr_value_get(task, "due_ms")))
        wrong =
            "task: expected within-ms and delay-ms, from each time on, in place of deadline_ms and due_ms";
    if (draft)
        finish_drafts(draft, 1);
    return wrong;
}

int tr_desk_submit_one(
    tr_coordinator_t *self, tr_value_t task, const char *id, int64_t now_ms, tr_error_t *error) {
    const tr_question_t q = {.coordinator = self, .now_ms = now_ms};
    draft_t *draft = calloc(1, sizeof *draft);
    if (!draft)
        return tr_error_set(error, -ENOMEM, "out of memory");
    const char *wrong = read_draft(&q, task, draft);
    draft->wish.id = id;
    int rc = wrong ? tr_error_set(error, -EINVAL, "%s", wrong)
                   : tr_board_add(self->board, &draft->wish, 1, now_ms, error);
    finish_drafts(draft, 1);
    return rc;
}
