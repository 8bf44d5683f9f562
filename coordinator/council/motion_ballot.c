/* What a voter says, into marks. */
#include "coordinator/council/motion_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const said_in[] = {"choice", "approve", "scores", "ranking", "ranking"};

typedef struct reading {
    const tr_motion_t *decision;
    const char *key;
    tr_said_t *said;
    tr_error_t *error;
} reading_t;

/* The option's index, or -EINVAL. A text may be long: not all of it is repeated. */
static int find_option(const reading_t *r, tr_value_t name) {
    size_t len = 0, option = tr_motion_option(r->decision, name);
    const char *text = tr_value_str(name, &len);
    int shown = len > 100 ? 100 : (int)len;
    if (option == TR_NOBODY)
        return text ? tr_error_set(
                          r->error, -EINVAL, "%s: \"%.*s\" is none of the options", r->key, shown, text)
                    : tr_error_set(r->error, -EINVAL, "%s: expected the texts of options", r->key);
    if (!r->decision->in_play[option])
        return tr_error_set(r->error, -EINVAL, "%s: \"%.*s\" is not in play any more", r->key, shown, text);
    return (int)option;
}

static int mark(const reading_t *r, tr_value_t name, int32_t value) {
    int option = find_option(r, name);
    if (option < 0)
        return option;
    if (r->said->marks[option])
        return tr_error_set(
            r->error, -EINVAL, "%s: \"%s\" stands there twice", r->key, r->decision->options[option]);
    r->said->marks[option] = value;
    return 0;
}

static int mark_scores(const reading_t *r, tr_value_t scores) {
    int32_t most = r->decision->poll.score_max;
    int rc = tr_value_is_map(scores)
                 ? 0
                 : tr_error_set(r->error, -EINVAL, "scores: expected a map of options to numbers");
    for (size_t i = 0; i < tr_value_size(scores) && rc == 0; i++) {
        const msgpack_object_kv *kv = &scores->via.map.ptr[i];
        int64_t score = tr_value_int(&kv->val, -1);
        if (score < 0 || score > most)
            return tr_error_set(r->error, -EINVAL, "scores: expected whole numbers from 0 to %d", (int)most);
        rc = mark(r, &kv->key, (int32_t)score);
    }
    return rc;
}

static int mark_ranking(const reading_t *r, tr_value_t ranking) {
    int32_t place = 1;
    int rc = tr_value_is_array(ranking)
                 ? 0
                 : tr_error_set(r->error, -EINVAL, "ranking: expected a list, the best option first");
    for (size_t i = 0; i < tr_value_size(ranking) && rc == 0; i++) {
        tr_value_t at = tr_value_at(ranking, i);
        size_t beside = tr_value_is_array(at) ? tr_value_size(at) : 1;
        if (!tr_value_is_array(at))
            rc = mark(r, at, place);
        for (size_t j = 0; j < beside && rc == 0 && tr_value_is_array(at); j++)
            rc = mark(r, tr_value_at(at, j), place);
        place += (int32_t)beside;
    }
    return rc;
}

static int mark_approved(const reading_t *r, tr_value_t approved) {
    int rc = tr_value_is_array(approved)
                 ? 0
                 : tr_error_set(r->error, -EINVAL, "approve: expected a list of options");
    for (size_t i = 0; i < tr_value_size(approved) && rc == 0; i++)
        rc = mark(r, tr_value_at(approved, i), 1);
    return rc;
}

static int read_marks(const reading_t *r, tr_value_t v) {
    switch (r->decision->poll.method) {
    case TR_METHOD_PLURALITY: return mark(r, v, 1);
    case TR_METHOD_APPROVAL: return mark_approved(r, v);
    case TR_METHOD_SCORE: return mark_scores(r, v);
    default: return mark_ranking(r, v);
    }
}

static int read_delegate(const reading_t *r, tr_value_t v) {
    char name[257];
    r->said->state = TR_SEAT_DELEGATED;
    r->said->delegate =
        tr_value_copy(v, name, sizeof name) == 0 ? tr_motion_seat(r->decision, name) : TR_NOBODY;
    return r->said->delegate == TR_NOBODY
               ? tr_error_set(r->error, -EINVAL, "delegate: expected one of the voters")
               : 0;
}

static bool is_blank(char c) {
    return (unsigned char)c <= ' ';
}

static int read_proposal(const reading_t *r, tr_value_t v) {
    r->said->proposal = tr_value_str(v, &r->said->proposal_len);
    const char *text = r->said->proposal;
    size_t len = r->said->proposal_len;
    bool fits = text && len && len <= TR_MOTION_OPTION_MAX && !memchr(text, '\0', len) &&
                !is_blank(text[0]) && !is_blank(text[len - 1]);
    return fits ? 0
                : tr_error_set(r->error, -EINVAL,
                      "proposal: expected a text of 1 to %u bytes, with no blank at its ends",
                      TR_MOTION_OPTION_MAX);
}

/* An empty list of options; scores of 0 that are there are some. Once it counted as a vote, for nothing. */
static bool says_nothing(const reading_t *r, tr_value_t votes) {
    for (size_t i = 0; i < r->decision->option_count; i++)
        if (r->said->marks[i])
            return false;
    return r->decision->rules.edition > 1 && !(tr_value_is_map(votes) && tr_value_size(votes));
}

const char *tr_motion_said_in(const tr_motion_t *self) {
    return said_in[self->poll.method];
}

int tr_motion_check_keys(const tr_motion_t *self, tr_value_t ballot, tr_error_t *error) {
    const char *const keys[] = {said_in[self->poll.method], "abstain", "delegate", "reason", "by", "fallback",
        "confidence", "proposal"};
    return !tr_value_is_map(ballot) || tr_value_has_only(ballot, keys, sizeof keys / sizeof *keys)
               ? 0
               : tr_error_set(error, -EINVAL,
                     "expected no other keys than %s, abstain, delegate, reason, by, fallback, confidence, "
                     "proposal, each once",
                     keys[0]);
}

int tr_motion_read_ballot(const tr_motion_t *self, tr_value_t ballot, tr_said_t *ret, tr_error_t *error) {
    reading_t r = {self, said_in[self->poll.method], ret, error};
    tr_value_t votes = tr_value_get(ballot, r.key), delegate = tr_value_get(ballot, "delegate");
    tr_value_t proposal = tr_value_get(ballot, "proposal");
    bool abstains = tr_value_bool(tr_value_get(ballot, "abstain"), false);
    *ret = (tr_said_t){.delegate = TR_NOBODY, .state = abstains ? TR_SEAT_ABSTAINED : TR_SEAT_VOTED};
    if ((votes != NULL) + (delegate != NULL) + abstains != 1)
        return tr_error_set(error, -EINVAL, "expected a map with one of: %s, abstain, delegate", r.key);
    if (proposal && read_proposal(&r, proposal) < 0)
        return -EINVAL;
    if (delegate)
        return read_delegate(&r, delegate);
    int rc = votes ? read_marks(&r, votes) : 0;
    if (rc == 0 && says_nothing(&r, votes))
        ret->state = TR_SEAT_ABSTAINED;
    return rc;
}

size_t tr_motion_favourite(const tr_motion_t *self, const int32_t *marks) {
    bool places = tr_method_ranks(self->poll.method);
    size_t best = TR_NOBODY, beside = 0;
    for (size_t i = 0; i < self->option_count; i++) {
        int better = best == TR_NOBODY ? 1 : places ? marks[best] - marks[i] : marks[i] - marks[best];
        if (marks[i] == 0 || better < 0)
            continue;
        beside = better == 0 ? beside + 1 : 0;
        best = i;
    }
    return beside ? TR_NOBODY : best;
}
