/*
 * The whole course is worked out anew each time from the task and the steps that were made: part by part, candidate by candidate, until one is found that no step was
 * made for. So nothing needs to be remembered between two questions.
 */
#include "agentd/mind/act.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/act_arguments.h"
#include "agentd/mind/draft.h"
#include "agentd/mind/instruction_parts.h"
#include "lib/text/textbuf.h"

#define BEFORE_MOST 2000 /* bytes that "it" may stand for */
#define NAME_WEIGHT 3    /* how often a tool's name counts beside its description */
#define SYNONYMS    6

/* ---- input ---- */

static bool is_tool(const json_t *tool) {
    return json_string_length(json_object_get(tool, "name")) > 0 &&
           json_is_object(json_object_get(tool, "parameters"));
}

static bool is_step(const json_t *step) {
    return json_is_string(json_object_get(step, "tool")) &&
           json_is_object(json_object_get(step, "arguments")) &&
           json_is_string(json_object_get(step, "status")) && json_is_string(json_object_get(step, "text"));
}

const char *tr_act_wrong(const json_t *input) {
    const json_t *tools = json_object_get(input, "tools"), *steps = json_object_get(input, "steps");
    const json_t *context = json_object_get(input, "context");
    if (!json_is_array(tools) || json_array_size(tools) > TR_ACT_TOOLS_MOST)
        return "tools: expected a list, 256 at most";
    if ((steps && !json_is_array(steps)) || json_array_size(steps) > TR_ACT_STEPS_MOST)
        return "steps: expected a list, 256 at most";
    for (size_t i = 0; i < json_array_size(tools); i++)
        if (!is_tool(json_array_get(tools, i)))
            return "tools: expected each with a name and parameters";
    for (size_t i = 0; i < json_array_size(steps); i++)
        if (!is_step(json_array_get(steps, i)))
            return "steps: expected each with tool, arguments, status and text";
    return context && !json_is_string(context) ? "context: expected a text" : NULL;
}

/* ---- which tool ---- */

typedef struct candidate {
    const json_t *tool;
    json_t *arguments;
    double score;
} candidate_t;

typedef struct candidates {
    candidate_t items[TR_ACT_TRIES];
    size_t count;
} candidates_t;

static void finish_candidates(candidates_t *self) {
    for (size_t i = 0; i < self->count; i++)
        json_decref(self->items[i].arguments);
    self->count = 0;
}

/* Keeps the best few; of equal ones the first. */
static void add_candidate(candidates_t *self, candidate_t candidate) {
    size_t at = self->count;
    while (at > 0 && self->items[at - 1].score < candidate.score)
        at--;
    if (at == TR_ACT_TRIES) {
        json_decref(candidate.arguments);
        return;
    }
    if (self->count == TR_ACT_TRIES)
        json_decref(self->items[--self->count].arguments);
    memmove(&self->items[at + 1], &self->items[at], (self->count - at) * sizeof *self->items);
    self->items[at] = candidate;
    self->count++;
}

/* Its name as words, some times, and what it says of itself. */
static char *words_of(const json_t *tool) {
    tr_textbuf_t out = {0};
    const char *description = json_string_value(json_object_get(tool, "description"));
    for (int i = 0; i < NAME_WEIGHT; i++) {
        for (const char *at = json_string_value(json_object_get(tool, "name")); *at; at++)
            tr_textbuf_add(&out, strchr("_-", *at) ? " " : at, 1);
        tr_textbuf_add_string(&out, ". ");
    }
    tr_textbuf_add_string(&out, description ? description : "");
    return tr_textbuf_take(&out);
}

/* The part with what its words may also be called. */
static char *widened(tr_thesaurus_t *thesaurus, tr_part_t part) {
    tr_rewrite_t rewrite = {0};
    tr_textbuf_t out = {0};
    int rc = tr_rewrite(thesaurus, (tr_text_span_t){part.text, part.length}, NULL, 0, SYNONYMS, &rewrite);
    tr_textbuf_add(&out, part.text, part.length);
    for (size_t i = 0; rc == 0 && i < rewrite.count; i++) {
        tr_textbuf_add_string(&out, " ");
        tr_textbuf_add_string(&out, rewrite.items[i].text);
    }
    if (rc == 0)
        tr_rewrite_finish(&rewrite);
    return tr_textbuf_take(&out);
}

/* How well each tool's words fit; freed by the caller. NULL when out of memory. */
static double *scores_of(tr_thesaurus_t *thesaurus, tr_part_t part, const json_t *tools) {
    size_t count = json_array_size(tools);
    tr_text_span_t *texts = calloc(count + 1, sizeof *texts);
    double *scores = calloc(count + 1, sizeof *scores);
    char *query = widened(thesaurus, part);
    bool is_well = texts && scores && query;
    for (size_t i = 0; is_well && i < count; i++) {
        texts[i].text = words_of(json_array_get(tools, i));
        texts[i].length = texts[i].text ? strlen(texts[i].text) : 0;
        is_well = texts[i].text;
    }
    if (is_well)
        is_well = tr_rank((tr_text_span_t){query, strlen(query)}, texts, count, scores) == 0;
    for (size_t i = 0; texts && i < count; i++)
        free((char *)(uintptr_t)texts[i].text);
    free(texts);
    free(query);
    if (is_well)
        return scores;
    free(scores);
    return NULL;
}

/* A tool whose words do not fit is one all the same where its argument is of a kind that speaks for itself. */
static int find_candidates(tr_thesaurus_t *thesaurus, tr_part_t part, const char *before, const json_t *tools,
    candidates_t *ret_candidates) {
    double *scores = scores_of(thesaurus, part, tools);
    for (size_t i = 0; scores && i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        double telling = 0;
        json_t *arguments = tr_act_arguments(json_object_get(tool, "parameters"), part, before, &telling);
        if (arguments && scores[i] + telling > 0)
            add_candidate(ret_candidates, (candidate_t){tool, arguments, scores[i] + telling});
        else
            json_decref(arguments);
    }
    free(scores);
    return scores ? 0 : -ENOMEM;
}

/* ---- the course ---- */

/* The next part of a task: up to "then", or to the end of a sentence. */
static tr_part_t next_part(tr_part_t *rest) {
    tr_part_t first, after;
    char *copy = strndup(rest->text, rest->length);
    size_t sentence = copy ? tr_draft_sentence(copy) : rest->length;
    free(copy);
    tr_part_t part = {rest->text, sentence < rest->length ? sentence : rest->length};
    tr_part_t left = {rest->text + part.length, rest->length - part.length};
    if (tr_part_split(part, "and then", &first, &after) || tr_part_split(part, "then", &first, &after)) {
        part = first;
        left = (tr_part_t){after.text, rest->length - (size_t)(after.text - rest->text)};
    }
    *rest = tr_part_trim(left);
    return tr_part_trim(part);
}

typedef struct course {
    tr_thesaurus_t *thesaurus;
    const json_t *tools, *steps;
    size_t at; /* steps that were gone through */
    json_t *evidence;
    tr_textbuf_t said;
    char before[BEFORE_MOST + 1];
    json_t *call;   /* what is to be done now */
    bool uncertain; /* whether a step was done: another tool might do the same a second time */
} course_t;

static bool is_status(const json_t *step, const char *status) {
    return strcmp(json_string_value(json_object_get(step, "status")), status) == 0;
}

/* What a step said: the texts within it, where it is JSON. */
static void add_said(const json_t *value, tr_textbuf_t *out) {
    static const char *const keys[] = {"text", "answer", "summary", "result", "results"};
    if (json_is_string(value)) {
        tr_textbuf_add_string(out, out->length > 0 ? "\n" : "");
        tr_textbuf_add_string(out, json_string_value(value));
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        add_said(json_array_get(value, i), out);
    for (size_t i = 0; json_is_object(value) && i < sizeof keys / sizeof *keys; i++)
        add_said(json_object_get(value, keys[i]), out);
}

static void take_said(course_t *self, const json_t *step) {
    const char *text = json_string_value(json_object_get(step, "text"));
    json_t *value = json_loads(text, 0, NULL);
    tr_textbuf_t out = {0};
    add_said(value, &out);
    char *said = tr_textbuf_take(&out);
    const char *told = said && *said ? said : text;
    tr_textbuf_add_string(&self->said, self->said.length > 0 ? "\n" : "");
    tr_textbuf_add_string(&self->said, told);
    size_t length = strnlen(told, BEFORE_MOST);
    while (told[length] && length > 0 && ((unsigned char)told[length] & 0xC0) == 0x80)
        length--;
    memcpy(self->before, told, length);
    self->before[length] = '\0';
    json_decref(value);
    free(said);
}

/* Goes through the steps that were made for a part; where one is missing, that is the call. */
static int take_part(course_t *self, tr_part_t part) {
    candidates_t found = {0};
    bool is_done = false;
    int rc = find_candidates(self->thesaurus, part, *self->before ? self->before : NULL, self->tools, &found);
    for (size_t i = 0; rc == 0 && i < found.count && !is_done && !self->call && !self->uncertain; i++) {
        const json_t *step = json_array_get(self->steps, self->at);
        if (!step) {
            self->call = json_pack("{s:O, s:O}", "tool", json_object_get(found.items[i].tool, "name"),
                "arguments", found.items[i].arguments);
            rc = self->call ? 0 : -ENOMEM;
            break;
        }
        is_done = is_status(step, "ok");
        if (is_done) {
            take_said(self, step);
            json_array_append_new(self->evidence, json_integer((json_int_t)self->at));
        }
        self->uncertain = self->uncertain || is_status(step, TR_ACT_UNCERTAIN);
        self->at++;
    }
    finish_candidates(&found);
    return rc;
}

static json_t *value_of(course_t *self, const char **ret_why) {
    char *said = tr_textbuf_take(&self->said);
    json_t *value = NULL;
    if (self->uncertain)
        *ret_why =
            "whether a tool has done what it was called for is not known, since its process ended meanwhile: "
            "see what it has done, and then ask for what is left";
    else if (self->call)
        value = json_pack("{s:[O]}", "calls", self->call);
    else if (json_array_size(self->evidence) > 0)
        value = json_pack("{s:s, s:O}", "answer", said ? said : "", "evidence", self->evidence);
    else
        *ret_why = json_array_size(self->steps) > 0
                       ? "none of the tools that fit it succeeded"
                       : "none of the tools fits the task, or what they need is not in it";
    free(said);
    return value;
}

int tr_act_next(tr_thesaurus_t *thesaurus, const char *text, size_t length, const json_t *input,
    json_t **ret_value, const char **ret_why) {
    course_t course = {.thesaurus = thesaurus,
        .tools = json_object_get(input, "tools"),
        .steps = json_object_get(input, "steps"),
        .evidence = json_array()};
    tr_part_t rest = tr_part_trim((tr_part_t){text, length});
    int rc = course.evidence ? 0 : -ENOMEM;
    while (rc == 0 && rest.length > 0 && !course.call && !course.uncertain)
        rc = take_part(&course, next_part(&rest));
    *ret_value = NULL;
    if (rc == 0)
        *ret_value = value_of(&course, ret_why);
    tr_textbuf_finish(&course.said);
    json_decref(course.call);
    json_decref(course.evidence);
    return rc;
}
