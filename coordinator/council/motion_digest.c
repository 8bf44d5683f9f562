/*
 * What is kept and told of what comes in: what was read of it, in the words of the protocol, and nothing else. So no event is larger
 * or deeper than what it says needs, whoever sends it.
 */
#include "coordinator/council/motion_private.h"

#include <errno.h>
#include <string.h>

/* ---- ballots ---- */

static void write_approved(tr_content_writer_t *w, const tr_motion_t *d, const int32_t *marks) {
    size_t n = 0;
    for (size_t i = 0; i < d->option_count; i++)
        n += marks[i] != 0;
    tr_write_array(w, n);
    for (size_t i = 0; i < d->option_count; i++)
        if (marks[i])
            tr_write_str(w, d->options[i]);
}

/* What has 0 is left out; but who gives 0 to all has said so. */
static void write_scores(tr_content_writer_t *w, const tr_motion_t *d, const int32_t *marks) {
    size_t n = 0, first = 0;
    for (size_t i = 0; i < d->option_count; i++)
        n += marks[i] != 0;
    while (!d->in_play[first])
        first++;
    tr_write_map(w, n ? n : 1);
    if (!n)
        tr_write_kv_int(w, d->options[first], 0);
    for (size_t i = 0; i < d->option_count; i++)
        if (marks[i])
            tr_write_kv_int(w, d->options[i], marks[i]);
}

static size_t count_at(const tr_motion_t *d, const int32_t *marks, int32_t place) {
    size_t n = 0;
    for (size_t i = 0; i < d->option_count; i++)
        n += marks[i] == place;
    return n;
}

static void write_ranking(tr_content_writer_t *w, const tr_motion_t *d, const int32_t *marks) {
    size_t places = 0;
    int32_t most = (int32_t)d->option_count;
    for (int32_t place = 1; place <= most; place++)
        places += count_at(d, marks, place) > 0;
    tr_write_array(w, places);
    for (int32_t place = 1; place <= most; place++) {
        size_t beside = count_at(d, marks, place);
        if (beside > 1)
            tr_write_array(w, beside);
        for (size_t i = 0; i < d->option_count && beside; i++)
            if (marks[i] == place)
                tr_write_str(w, d->options[i]);
    }
}

static void write_votes(tr_content_writer_t *w, const tr_motion_t *d, const int32_t *marks) {
    switch (d->poll.method) {
    case TR_METHOD_PLURALITY: tr_write_str(w, d->options[tr_motion_favourite(d, marks)]); break;
    case TR_METHOD_APPROVAL: write_approved(w, d, marks); break;
    case TR_METHOD_SCORE: write_scores(w, d, marks); break;
    default: write_ranking(w, d, marks);
    }
}

static void write_said(tr_content_writer_t *w, const tr_motion_t *d, const tr_said_t *said) {
    if (said->state == TR_SEAT_ABSTAINED) {
        tr_write_kv_bool(w, "abstain", true);
    } else if (said->state == TR_SEAT_DELEGATED) {
        tr_write_kv(w, "delegate", d->seats[said->delegate].voter);
    } else {
        tr_write_str(w, tr_motion_said_in(d));
        write_votes(w, d, said->marks);
    }
}

/* The first `most` of the remarks, as far as there are some: how many. */
static size_t write_remarks(tr_content_writer_t *w, tr_value_t value, size_t most) {
    size_t len, count = 0;
    for (size_t i = 0; i < most; i++) {
        const char *text = tr_motion_remark(value, &tr_motion_remarks[i], &len);
        count += text != NULL;
        if (!w || !text)
            continue;
        tr_write_str(w, tr_motion_remarks[i].key);
        tr_write_strn(w, text, len);
    }
    return count;
}

static size_t count_remarks(tr_value_t value, size_t most) {
    return write_remarks(NULL, value, most);
}

static int digest_ballot(tr_content_writer_t *w, const tr_motion_t *d, tr_value_t ballot, tr_error_t *error) {
    tr_said_t said;
    double confidence = tr_value_double(tr_value_get(ballot, "confidence"), 0);
    bool sure = confidence > 0 && confidence <= 1;
    int rc = tr_motion_read_ballot(d, ballot, &said, error);
    if (rc < 0)
        return rc;
    tr_write_map(w, 1u + count_remarks(ballot, TR_REMARKS) + sure + (said.proposal != NULL));
    write_said(w, d, &said);
    write_remarks(w, ballot, TR_REMARKS);
    if (sure)
        tr_write_kv_double(w, "confidence", confidence);
    if (said.proposal) {
        tr_write_str(w, "proposal");
        tr_write_strn(w, said.proposal, said.proposal_len);
    }
    return 0;
}

/* ---- what else is said ---- */

/* Who names nothing has not helped: that has no value. */
static int digest_mediation(tr_content_writer_t *w, tr_value_t value, tr_error_t *error) {
    tr_value_t options = tr_value_get(value, "options");
    size_t n = tr_value_size(options), len;
    if (!tr_value_is_map(value))
        return 0;
    bool fits = tr_value_is_array(options) && n > 0 && n <= TR_MOTION_OPTIONS_MAX;
    for (size_t i = 0; i < n && fits; i++)
        fits = tr_value_str(tr_value_at(options, i), &len) && len <= TR_MOTION_OPTION_MAX;
    if (!fits)
        return tr_error_set(error, -EINVAL, "options: expected a list of 1 to %u texts of 1 to %u bytes",
            TR_MOTION_OPTIONS_MAX, TR_MOTION_OPTION_MAX);
    tr_write_map(w, 1u + count_remarks(value, TR_REMARKS));
    tr_write_str(w, "options");
    tr_write_value(w, options);
    write_remarks(w, value, TR_REMARKS);
    return 0;
}

/* An option, a reason, both or neither. edition: 0 = none. */
static int digest_choice(tr_content_writer_t *w, const tr_motion_t *d, tr_value_t value, unsigned edition) {
    size_t option = tr_motion_option(d, tr_value_get(value, "option"));
    if (!value)
        return 0;
    tr_write_map(w, (size_t)(option != TR_NOBODY) + count_remarks(value, 1) + (edition > 0));
    if (edition)
        tr_write_kv_uint(w, "edition", edition);
    if (option != TR_NOBODY)
        tr_write_kv(w, "option", d->options[option]);
    write_remarks(w, value, 1);
    return 0;
}

static bool is_list_of_names(tr_value_t v) {
    size_t len;
    bool fits = tr_value_is_array(v) && tr_value_size(v) <= TR_MOTION_SKILLS_MAX;
    for (size_t i = 0; i < tr_value_size(v) && fits; i++)
        fits = tr_value_str(tr_value_at(v, i), &len) && len <= 256;
    return fits;
}

/* The lot is told with the rules, when all have voted; skills were not bounded once. */
static int digest_wish(tr_content_writer_t *w, tr_value_t wish) {
    static const char *const keys[] = {"question", "context", "options", "voters", "method", "score-max",
        "quorum", "quorum-share", "majority", "tie", "keep", "within-ms", "rounds", "agreement", "mediator",
        "person", "secret", "weigh", "skills", "edition", "trace"};
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            tr_value_t v = tr_value_get(wish, keys[i]);
            if (!v || (strcmp(keys[i], "skills") == 0 && !is_list_of_names(v)))
                continue;
            count += pass == 0;
            if (pass == 0)
                continue;
            tr_write_str(w, keys[i]);
            tr_write_value(w, v);
        }
        if (pass == 0)
            tr_write_map(w, count);
    }
    return 0;
}

int tr_motion_say(
    const tr_motion_t *self, const tr_motion_event_t *event, tr_content_writer_t *w, tr_error_t *error) {
    switch (event->what) {
    case TR_MOTION_OPENED: return digest_wish(w, event->value);
    case TR_MOTION_BALLOT: return digest_ballot(w, self, event->value, error);
    case TR_MOTION_MEDIATED: return digest_mediation(w, event->value, error);
    case TR_MOTION_COUNTED: return 0;
    default: return digest_choice(w, self, event->value, 0);
    }
}

int tr_motion_digest(
    const tr_motion_t *self, const tr_motion_event_t *event, tr_content_writer_t *w, tr_error_t *error) {
    return event->what == TR_MOTION_TRUTH ? digest_choice(w, self, event->value, TR_EDITION)
                                          : tr_motion_say(self, event, w, error);
}
