/* The operations of the built-in mind over lists of texts. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/builtin_private.h"
#include "agentd/mind/choice.h"
#include "agentd/mind/places.h"
#include "lib/text/textbuf.h"

#define LIST_MAX  10000
#define SHARPNESS 4 /* how much a difference of scores says: 4 times .25 makes an option e times as likely */

bool tr_builtin_list(const tr_mind_request_t *request, const char *key, bool is_needed, char *detail,
    tr_builtin_list_t *ret_list) {
    const json_t *array = json_object_get(request->input, key);
    size_t count = json_array_size(array);
    bool is_well = array ? json_is_array(array) && count <= LIST_MAX : !is_needed;
    for (size_t i = 0; is_well && i < count; i++)
        is_well = json_is_string(json_array_get(array, i));
    if (!is_well || (is_needed && count == 0)) {
        snprintf(detail, TR_BUILTIN_DETAIL, "%s: expected a list of texts, %d at most", key, LIST_MAX);
        return false;
    }
    *ret_list = (tr_builtin_list_t){calloc(count + 1, sizeof *ret_list->items), count};
    for (size_t i = 0; ret_list->items && i < count; i++) {
        const json_t *item = json_array_get(array, i);
        ret_list->items[i] = (tr_text_span_t){json_string_value(item), json_string_length(item)};
    }
    return true;
}

static tr_text_span_t text_of(const tr_mind_request_t *request) {
    return (tr_text_span_t){request->text ? request->text : "", request->length};
}

static json_t *places_of(const double *scores, size_t count, size_t most) {
    tr_place_t *places = calloc(count, sizeof *places);
    for (size_t i = 0; places && i < count; i++)
        places[i] = (tr_place_t){i, scores[i]};
    if (places)
        tr_places_sort(places, count);
    json_t *list = places ? tr_places_json(places, count, most) : NULL;
    free(places);
    return list;
}

int tr_builtin_rank(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    (void)self;
    tr_builtin_list_t list;
    size_t most;
    if (!tr_builtin_number(request, "most", LIST_MAX, LIST_MAX, detail, &most) ||
        !tr_builtin_list(request, "candidates", true, detail, &list))
        return 0;
    double *scores = calloc(list.count, sizeof *scores);
    int rc = list.items && scores ? tr_rank(text_of(request), list.items, list.count, scores) : -ENOMEM;
    if (rc == 0 && !(*ret_value = places_of(scores, list.count, most)))
        rc = -ENOMEM;
    free(scores);
    free(list.items);
    return rc;
}

/* With why it was chosen: `why` has all but the option. */
static json_t *choice_of(const tr_builtin_list_t *options, const double *scores, tr_choice_t why) {
    json_t *list = json_array();
    size_t best = 0;
    double sum = 0;
    for (size_t i = 1; i < options->count; i++)
        best = scores[i] > scores[best] ? i : best;
    why.option = options->items[best];
    for (size_t i = 0; i < options->count; i++) {
        sum += exp(SHARPNESS * (scores[i] - scores[best]));
        json_array_append_new(list, json_real(scores[i]));
    }
    return json_pack("{s:I, s:s%, s:f, s:o, s:o}", "index", (json_int_t)best, "option", why.option.text,
        why.option.length, "confidence", 1 / sum, "scores", list, "reason", tr_choice_reason(&why));
}

/* The mood of each piece of evidence. */
static double *weigh(tr_builtin_t *self, const tr_builtin_list_t *evidence) {
    double *moods = calloc(evidence->count + 1, sizeof *moods);
    for (size_t i = 0; moods && i < evidence->count; i++) {
        tr_mind_words_read(evidence->items[i].text, evidence->items[i].length, &self->words);
        moods[i] = tr_sentiment_score(self->sentiment, &self->words);
    }
    return moods;
}

static int choose(tr_builtin_t *self, tr_text_span_t profile, const tr_builtin_list_t *options,
    const tr_builtin_list_t *evidence, json_t **ret_value) {
    if (!options->items || !evidence->items)
        return -ENOMEM;
    double *moods = weigh(self, evidence), *scores = calloc(options->count, sizeof *scores);
    int rc = moods && scores ? tr_choose(profile, options->items, options->count, evidence->items, moods,
                                   evidence->count, scores)
                             : -ENOMEM;
    tr_choice_t why = {
        .profile = profile, .evidence = evidence->items, .moods = moods, .evidence_count = evidence->count};
    if (rc == 0 && !(*ret_value = choice_of(options, scores, why)))
        rc = -ENOMEM;
    free(moods);
    free(scores);
    return rc;
}

int tr_builtin_choose(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    tr_builtin_list_t options = {0}, evidence = {0};
    int rc = 0;
    if (tr_builtin_list(request, "options", true, detail, &options) &&
        tr_builtin_list(request, "evidence", false, detail, &evidence))
        rc = choose(self, text_of(request), &options, &evidence, ret_value);
    free(options.items);
    free(evidence.items);
    return rc;
}

static json_t *rewrite_of(const tr_rewrite_t *rewrite) {
    json_t *terms = json_array();
    tr_textbuf_t query = {0};
    for (size_t i = 0; i < rewrite->count; i++) {
        const tr_rewrite_term_t *term = &rewrite->items[i];
        tr_textbuf_add_string(&query, i > 0 ? " " : "");
        tr_textbuf_add_string(&query, term->text);
        json_array_append_new(terms, json_pack("{s:s, s:f, s:s}", "term", term->text, "weight", term->weight,
                                         "from", tr_rewrite_source_word(term->source)));
    }
    char *joined = tr_textbuf_take(&query);
    json_t *value = json_pack("{s:s, s:o}", "query", joined ? joined : "", "terms", terms);
    free(joined);
    return value;
}

int tr_builtin_rewrite(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    tr_builtin_list_t corpus;
    tr_rewrite_t rewrite;
    size_t most;
    if (!tr_builtin_number(request, "most", 8, 100, detail, &most) ||
        !tr_builtin_list(request, "corpus", false, detail, &corpus))
        return 0;
    int rc = corpus.items
                 ? tr_rewrite(self->thesaurus, text_of(request), corpus.items, corpus.count, most, &rewrite)
                 : -ENOMEM;
    free(corpus.items);
    if (rc < 0)
        return rc;
    *ret_value = rewrite_of(&rewrite);
    tr_rewrite_finish(&rewrite);
    return *ret_value ? 0 : -ENOMEM;
}
