/* A decision in a sentence. */
#include "lib/decision/ruling_private.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct text {
    char *out;
    size_t size, len;
} text_t;

static void __attribute__((format(printf, 2, 3))) put(text_t *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->out + t->len, t->size - t->len, format, args);
    va_end(args);
    if (n > 0)
        t->len = t->len + (size_t)n < t->size ? t->len + (size_t)n : t->size - 1;
}

static void put_names(text_t *t, const tr_ruling_t *o, const char *const *names) {
    for (size_t i = 0; i < o->best_count; i++)
        put(t, "%s%s", i == 0 ? "" : i + 1 == o->best_count ? " and " : ", ", names[o->best[i]]);
}

static double percent(uint32_t share) {
    return (double)share / 10000;
}

/* The option that it does worst against; itself where it is the only one. */
static size_t hardest(const tr_count_t *c, size_t option) {
    size_t found = option;
    for (size_t j = 0; j < c->poll.options; j++)
        if (j != option && (found == option || c->pairs[option * c->poll.options + j] <
                                                   c->pairs[option * c->poll.options + found]))
            found = j;
    return found;
}

static void put_support(text_t *t, const tr_ruling_t *o, const tr_count_t *c, const char *const *names) {
    double share = percent(o->support);
    size_t rival = c->pairs ? hardest(c, o->winner) : o->winner;
    switch (c->poll.method) {
    case TR_METHOD_PLURALITY: put(t, "%.4g %% of the votes are for it", share); break;
    case TR_METHOD_APPROVAL: put(t, "%.4g %% of the votes accept it", share); break;
    case TR_METHOD_SCORE:
        put(t, "its mean score is %.4g of %d", share * c->poll.score_max / 100, (int)c->poll.score_max);
        break;
    default:
        if (rival == o->winner)
            put(t, "it is the only option");
        else
            put(t, "%.4g %% of the votes have it above %s, which comes closest to it", share, names[rival]);
    }
}

static void put_decided(
    text_t *t, const tr_ruling_t *o, const tr_count_t *c, const tr_rules_t *rules, const char *const *names) {
    static const char *const by[] = {
        "", "as the one that was listed first", "by lot", "as what there is already"};
    put(t, "%s wins by %s: ", names[o->winner], tr_method_words[c->poll.method]);
    put_support(t, o, c, names);
    if (o->best_count > 1) {
        put(t, "; ");
        put_names(t, o, names);
        put(t, " are equal, and it was taken %s", by[rules ? rules->tie : TR_TIE_NONE]);
    }
    put(t, ".");
}

/* Which of the two rules has failed, and by how much. */
static void put_quorum(text_t *t, const tr_count_t *c, const tr_rules_t *rules) {
    size_t there = tr_ruling_took_part(c, rules);
    put(t, "Nothing is decided: ");
    if (there < rules->quorum)
        put(t, "%zu took part, where the quorum is %zu.", there, rules->quorum);
    else
        put(t, "%.6g %% of the votes took part, where the quorum is %.6g %%.",
            percent(tr_ruling_turnout(c, rules)), percent(rules->quorum_share));
}

void tr_ruling_explain(const tr_ruling_t *self, const tr_count_t *count, const tr_rules_t *rules,
    const char *const *names, char *out, size_t size) {
    text_t t = {out, size, 0};
    *out = '\0';
    switch (self->verdict) {
    case TR_VERDICT_DECIDED: put_decided(&t, self, count, rules, names); break;
    case TR_VERDICT_NO_BALLOTS:
        put(&t, "Nothing is decided: nobody %s.", count->weight ? "is for any of the options" : "voted");
        break;
    case TR_VERDICT_NO_QUORUM: put_quorum(&t, count, rules); break;
    case TR_VERDICT_TIED:
        put(&t, "Nothing is decided: ");
        put_names(&t, self, names);
        put(&t, " are equal.");
        break;
    case TR_VERDICT_NO_MAJORITY:
        put(&t, "Nothing is decided: %s comes first, but ", names[self->winner]);
        put_support(&t, self, count, names);
        put(&t, ", where more than %.4g %% is needed.", percent(rules->majority));
        break;
    }
}
