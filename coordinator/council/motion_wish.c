/* What is asked for with a decision, checked. */
#include "coordinator/council/motion_private.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int tr_motion_read_text(tr_value_t map, const char *key, size_t most, char **ret, tr_error_t *error) {
    size_t len;
    const char *text = tr_value_str(tr_value_get(map, key), &len);
    *ret = NULL;
    if (!text || len == 0 || len > most || memchr(text, '\0', len))
        return tr_error_set(error, -EINVAL, "%s: expected a text of 1 to %zu bytes", key, most);
    *ret = strndup(text, len);
    return *ret ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

/* One that may be missing. */
static int read_more(tr_value_t map, const char *key, size_t most, char **ret, tr_error_t *error) {
    return tr_value_get(map, key) ? tr_motion_read_text(map, key, most, ret, error) : 0;
}

static int read_word(
    tr_value_t map, const char *key, const char *const *words, int otherwise, tr_error_t *error) {
    tr_value_t v = tr_value_get(map, key);
    if (!v)
        return otherwise;
    for (int i = 0; words[i]; i++)
        if (tr_value_equals(v, words[i]))
            return i;
    return tr_error_set(error, -EINVAL, "%s: expected %s, %s ...", key, words[0], words[1]);
}

/* A whole number, `otherwise` where it is missing. */
static int read_number(
    tr_value_t map, const char *key, int64_t least, int64_t most, int64_t *value, tr_error_t *error) {
    tr_value_t v = tr_value_get(map, key);
    int64_t n = v ? tr_value_int(v, INT64_MIN) : *value;
    if (n < least || n > most)
        return tr_error_set(error, -EINVAL, "%s: expected a whole number from %lld to %lld", key,
            (long long)least, (long long)most);
    *value = n;
    return 0;
}

/* Per cent, into millionths. */
static int read_share(tr_value_t map, const char *key, uint32_t *share, tr_error_t *error) {
    tr_value_t v = tr_value_get(map, key);
    double percent = tr_value_double(v, v ? NAN : *share / 1e4);
    if (!(percent >= 0 && percent <= 100))
        return tr_error_set(error, -EINVAL, "%s: expected per cent, 0 to 100", key);
    *share = (uint32_t)lround(percent * 1e4);
    return 0;
}

static int read_options(tr_motion_t *self, tr_value_t wish, tr_error_t *error) {
    tr_value_t options = tr_value_get(wish, "options");
    size_t n = tr_value_size(options);
    if (!tr_value_is_array(options) || n < 2 || n > TR_MOTION_OPTIONS_MAX)
        return tr_error_set(
            error, -EINVAL, "options: expected a list of 2 to %u texts", TR_MOTION_OPTIONS_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *text = tr_value_str(tr_value_at(options, i), &len);
        if (!text || len == 0 || len > TR_MOTION_OPTION_MAX || memchr(text, '\0', len))
            return tr_error_set(
                error, -EINVAL, "options: expected texts of 1 to %u bytes", TR_MOTION_OPTION_MAX);
        if (tr_motion_option(self, tr_value_at(options, i)) != TR_NOBODY)
            return tr_error_set(error, -EINVAL, "options: \"%.*s\" stands there twice", (int)len, text);
        if (!(self->options[i] = strndup(text, len)))
            return tr_error_set(error, -ENOMEM, "out of memory");
        self->in_play[i] = true;
        self->option_count++;
    }
    return 0;
}

/* ---- voters ---- */

static int read_seat(tr_motion_t *self, tr_value_t v, tr_seat_t *seat, int32_t *marks, tr_error_t *error) {
    double weight = tr_value_double(tr_value_get(v, "weight"), 1);
    *seat = (tr_seat_t){.delegate = TR_NOBODY, .carried_by = TR_NOBODY, .marks = marks};
    if (tr_value_copy(tr_value_is_map(v) ? tr_value_get(v, "name") : v, seat->voter, sizeof seat->voter) <
            0 ||
        !*seat->voter)
        return tr_error_set(error, -EINVAL, "voters: expected names, or maps with name and weight");
    if (!(weight >= 0 && weight <= 1e5))
        return tr_error_set(
            error, -EINVAL, "voters: the weight of %.200s is not from 0 to 100000", seat->voter);
    seat->weight = (uint64_t)llround(weight * (double)TR_WEIGHT_ONE);
    if (tr_motion_seat(self, seat->voter) != TR_NOBODY)
        return tr_error_set(error, -EINVAL, "voters: %.200s stands there twice", seat->voter);
    return tr_map_put(&self->seat_of, seat->voter, strlen(seat->voter), (uint64_t)(seat - self->seats)) == 0
               ? 0
               : tr_error_set(error, -ENOMEM, "out of memory");
}

static int read_voters(tr_motion_t *self, tr_value_t wish, tr_error_t *error) {
    tr_value_t voters = tr_value_get(wish, "voters");
    size_t n = tr_value_size(voters);
    int rc = 0;
    if (!tr_value_is_array(voters) || n == 0 || n > TR_MOTION_VOTERS_MAX)
        return tr_error_set(error, -EINVAL, "voters: expected a list of 1 to %u names", TR_MOTION_VOTERS_MAX);
    self->seats = calloc(n, sizeof *self->seats);
    int32_t *marks = calloc(n * TR_MOTION_OPTIONS_MAX, sizeof *marks);
    if (!self->seats || !marks) {
        free(marks);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    self->seats[0].marks = marks; /* owned by the first seat from here on */
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = read_seat(
            self, tr_value_at(voters, i), &self->seats[i], marks + i * TR_MOTION_OPTIONS_MAX, error);
        self->seat_count++;
        self->rules.electorate += self->seats[i].weight;
    }
    return rc;
}

/* ---- rules ---- */

static int read_tie(tr_motion_t *self, tr_value_t wish, tr_error_t *error) {
    tr_value_t keep = tr_value_get(wish, "keep");
    int64_t lot = 0;
    int tie = read_word(wish, "tie", tr_tie_words, TR_TIE_NONE, error);
    int rc = tie < 0 ? tie : read_number(wish, "lot", INT64_MIN + 1, INT64_MAX, &lot, error);
    if (rc < 0)
        return rc;
    self->rules.tie = (tr_tie_t)tie;
    self->rules.lot = (uint64_t)lot;
    if ((keep != NULL) != (tie == TR_TIE_KEEP))
        return tr_error_set(error, -EINVAL, "keep: goes together with the tie rule \"keep\"");
    self->rules.keep = keep ? tr_motion_option(self, keep) : 0;
    return self->rules.keep == TR_NOBODY ? tr_error_set(error, -EINVAL, "keep: none of the options") : 0;
}

static int read_rules(tr_motion_t *self, tr_value_t wish, tr_error_t *error) {
    int64_t score_max = 10, quorum = 0, edition = 1;
    int method = read_word(wish, "method", tr_method_words, TR_METHOD_PLURALITY, error);
    int rc = method < 0 ? method : read_number(wish, "score-max", 1, TR_SCORE_MAX, &score_max, error);
    if (rc == 0)
        rc = read_number(wish, "quorum", 0, TR_MOTION_VOTERS_MAX, &quorum, error);
    if (rc == 0)
        rc = read_number(wish, "edition", 1, TR_EDITION, &edition, error);
    if (rc == 0)
        rc = read_share(wish, "quorum-share", &self->rules.quorum_share, error);
    if (rc == 0)
        rc = read_share(wish, "majority", &self->rules.majority, error);
    if (rc < 0)
        return rc;
    self->poll = (tr_poll_t){(tr_method_t)method, self->option_count, (int32_t)score_max};
    self->rules.quorum = (size_t)quorum;
    self->rules.edition = (unsigned)edition;
    return read_tie(self, wish, error);
}

static int read_flag(tr_value_t wish, const char *key, bool *ret, tr_error_t *error) {
    tr_value_t v = tr_value_get(wish, key);
    *ret = tr_value_bool(v, false);
    return !v || *ret == tr_value_bool(v, true)
               ? 0
               : tr_error_set(error, -EINVAL, "%s: expected true or false", key);
}

static int read_rounds(tr_motion_t *self, tr_value_t wish, tr_error_t *error) {
    int64_t rounds = 1, within_ms = TR_MOTION_WITHIN_MS;
    self->agreement = TR_MOTION_AGREEMENT;
    int rc = read_number(wish, "rounds", 1, TR_MOTION_ROUNDS_MAX, &rounds, error);
    if (rc == 0)
        rc = read_number(wish, "within-ms", 1, INT64_C(86400000) * 365, &within_ms, error);
    if (rc == 0)
        rc = read_share(wish, "agreement", &self->agreement, error);
    self->rounds = (uint32_t)rounds;
    self->within_ms = within_ms;
    if (rc == 0)
        rc = read_flag(wish, "secret", &self->secret, error);
    return rc == 0 ? read_flag(wish, "person", &self->person, error) : rc;
}

int tr_motion_read_wish(tr_motion_t *self, tr_value_t wish, tr_error_t *error) {
    int rc = tr_value_is_map(wish) ? 0 : tr_error_set(error, -EINVAL, "expected a map");
    if (rc == 0)
        rc = tr_motion_read_text(wish, "question", TR_MOTION_QUESTION_MAX, &self->question, error);
    if (rc == 0)
        rc = read_more(wish, "context", TR_MOTION_CONTEXT_MAX, &self->context, error);
    if (rc == 0)
        rc = read_more(wish, "trace", TR_MOTION_TRACE_MAX, &self->trace, error);
    if (rc == 0)
        rc = read_more(wish, "mediator", 256, &self->mediator, error);
    if (rc == 0)
        rc = read_options(self, wish, error);
    if (rc == 0)
        rc = read_voters(self, wish, error);
    if (rc == 0)
        rc = read_rules(self, wish, error);
    return rc == 0 ? read_rounds(self, wish, error) : rc;
}
