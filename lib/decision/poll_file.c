#include "lib/decision/poll_file.h"

#include "lib/decision/delegation.h"
#include "lib/yaml/yaml_table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One entry of `ballots`. */
typedef struct entry {
    const char *voter, *weight, *choice, *delegate;
    tr_texts_t approve;
    tr_text_lists_t ranking;
    tr_pairs_t scores;
    bool abstain;
    int64_t count;
} entry_t;

typedef struct document {
    tr_texts_t options;
    int method, tie;
    int64_t quorum, score_max, lot, edition;
    const char *majority, *quorum_share, *electorate, *keep;
    tr_yaml_list_t entries;
} document_t;

#define OF_ENTRY(member)    offsetof(entry_t, member)
#define OF_DOCUMENT(member) offsetof(document_t, member)

static const entry_t usual_entry = {.count = 1};

static const tr_yaml_field_t entry_fields[] = {
    {"voter", TR_YAML_TEXT, OF_ENTRY(voter)},
    {"weight", TR_YAML_TEXT, OF_ENTRY(weight)},
    {"count", TR_YAML_WHOLE, OF_ENTRY(count), .min = 1, .max = TR_BALLOTS_MAX},
    {"choice", TR_YAML_TEXT, OF_ENTRY(choice)},
    {"approve", TR_YAML_TEXTS, OF_ENTRY(approve), .max = TR_OPTIONS_MAX},
    {"ranking", TR_YAML_TEXT_LISTS, OF_ENTRY(ranking), .max = TR_OPTIONS_MAX},
    {"scores", TR_YAML_PAIRS, OF_ENTRY(scores), .max = TR_OPTIONS_MAX},
    {"abstain", TR_YAML_TRUTH, OF_ENTRY(abstain)},
    {"delegate", TR_YAML_TEXT, OF_ENTRY(delegate)},
};

static const tr_yaml_table_t entry_table = {
    entry_fields, sizeof entry_fields / sizeof *entry_fields, sizeof(entry_t), .initial = &usual_entry};

static const document_t usual = {.method = TR_METHOD_SCHULZE, .edition = TR_EDITION};

static const tr_yaml_field_t fields[] = {
    {"options", TR_YAML_TEXTS, OF_DOCUMENT(options), true, 1, TR_OPTIONS_MAX},
    {"method", TR_YAML_WORD, OF_DOCUMENT(method), .words = tr_method_words},
    {"score-max", TR_YAML_WHOLE, OF_DOCUMENT(score_max), .min = 1, .max = TR_SCORE_MAX},
    {"quorum", TR_YAML_WHOLE, OF_DOCUMENT(quorum), .min = 0, .max = TR_BALLOTS_MAX},
    {"quorum-share", TR_YAML_TEXT, OF_DOCUMENT(quorum_share)},
    {"electorate", TR_YAML_TEXT, OF_DOCUMENT(electorate)},
    {"majority", TR_YAML_TEXT, OF_DOCUMENT(majority)},
    {"tie", TR_YAML_WORD, OF_DOCUMENT(tie), .words = tr_tie_words},
    {"lot", TR_YAML_WHOLE, OF_DOCUMENT(lot), .min = INT64_MIN + 1, .max = INT64_MAX},
    {"keep", TR_YAML_TEXT, OF_DOCUMENT(keep)},
    {"edition", TR_YAML_WHOLE, OF_DOCUMENT(edition), .min = 1, .max = TR_EDITION},
    {"ballots", TR_YAML_SECTIONS, OF_DOCUMENT(entries), true, 0, TR_BALLOTS_MAX, .table = &entry_table},
};

static const tr_yaml_table_t table = {fields, sizeof fields / sizeof *fields, sizeof(document_t),
    .initial = &usual, .bytes_max = TR_POLL_FILE_BYTES_MAX, .nodes_max = TR_POLL_FILE_NODES_MAX};

typedef struct reading {
    const tr_yaml_file_t *file;
    tr_arena_t *arena;
    tr_error_t *error;
    document_t document;
    tr_poll_file_t *out;
    char key[64]; /* of what is being read */
} reading_t;

static entry_t *entry_at(const reading_t *r, size_t i) {
    return (entry_t *)r->document.entries.items + i;
}

static const char *key_of(reading_t *r, size_t entry, const char *member) {
    snprintf(r->key, sizeof r->key, "ballots[%zu]%s%s", entry, *member ? "." : "", member);
    return r->key;
}

static int no_memory(const reading_t *r) {
    return tr_error_set(r->error, -ENOMEM, "out of memory");
}

/* ---- numbers and names ---- */

/* A number that is not negative, in millionths. */
static int read_part(reading_t *r, const char *key, const char *text, double most, uint64_t *ret) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < 0 || value > most)
        return tr_yaml_file_wrong(
            r->file, key, r->error, "expected a number from 0 to %.0f, found \"%.60s\"", most, text);
    *ret = (uint64_t)llround(value * TR_WEIGHT_ONE);
    return 0;
}

/* TR_NOBODY where there is none of that name. */
static size_t find_option(const reading_t *r, const char *name, size_t len) {
    const tr_texts_t *options = &r->document.options;
    for (size_t i = 0; i < options->count; i++)
        if (strlen(options->items[i]) == len && memcmp(options->items[i], name, len) == 0)
            return i;
    return TR_NOBODY;
}

static int mark(reading_t *r, const char *key, const char *name, size_t len, int32_t value, int32_t *marks) {
    size_t option = find_option(r, name, len);
    if (option == TR_NOBODY)
        return tr_yaml_file_wrong(r->file, key, r->error, "\"%.*s\" is none of the options", (int)len, name);
    if (marks[option])
        return tr_yaml_file_wrong(r->file, key, r->error, "\"%.*s\" stands there twice", (int)len, name);
    marks[option] = value;
    return 0;
}

/* ---- one ballot ---- */

/* An option, or "a = b = c": those that share a place. */
static int mark_beside(
    reading_t *r, const char *key, const char *text, int32_t place, int32_t *marks, int32_t *beside) {
    if (find_option(r, text, strlen(text)) != TR_NOBODY) {
        ++*beside;
        return mark(r, key, text, strlen(text), place, marks);
    }
    for (const char *end; text; text = *end ? end + 1 : NULL) {
        end = strchrnul(text, '=');
        const char *from = text + strspn(text, " "), *to = end;
        while (to > from && to[-1] == ' ')
            to--;
        int rc = mark(r, key, from, (size_t)(to - from), place, marks);
        if (rc < 0)
            return rc;
        ++*beside;
    }
    return 0;
}

static int mark_ranking(reading_t *r, const char *key, const tr_text_lists_t *ranking, int32_t *marks) {
    int32_t place = 1;
    for (size_t i = 0; i < ranking->count; i++) {
        const tr_texts_t *texts = &ranking->items[i];
        int32_t beside = 0;
        for (size_t j = 0; j < texts->count; j++) {
            int rc = mark_beside(r, key, texts->items[j], place, marks, &beside);
            if (rc < 0)
                return rc;
        }
        place += beside;
    }
    return 0;
}

static int mark_scores(reading_t *r, const char *key, const tr_pairs_t *scores, int32_t *marks) {
    for (size_t i = 0; i < scores->count; i++) {
        const tr_pair_t *pair = &scores->items[i];
        char *end;
        long value = strtol(pair->value, &end, 10);
        if (end == pair->value || *end || value < 0 || value > r->out->poll.score_max)
            return tr_yaml_file_wrong(r->file, key, r->error, "%.60s: expected 0 to %d, found \"%.60s\"",
                pair->key, (int)r->out->poll.score_max, pair->value);
        if (value == 0)
            continue;
        int rc = mark(r, key, pair->key, strlen(pair->key), (int32_t)value, marks);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* What the method reads of a ballot. */
static const char *const said_in[] = {"choice", "approve", "scores", "ranking", "ranking"};

static int read_marks(reading_t *r, size_t at, const entry_t *e, int32_t *marks) {
    const char *key = key_of(r, at, said_in[r->out->poll.method]);
    int rc = 0;
    switch (r->out->poll.method) {
    case TR_METHOD_PLURALITY: return mark(r, key, e->choice, strlen(e->choice), 1, marks);
    case TR_METHOD_SCORE: return mark_scores(r, key, &e->scores, marks);
    case TR_METHOD_APPROVAL:
        for (size_t i = 0; i < e->approve.count && rc == 0; i++)
            rc = mark(r, key, e->approve.items[i], strlen(e->approve.items[i]), 1, marks);
        return rc;
    default: return mark_ranking(r, key, &e->ranking, marks);
    }
}

/* Exactly one of what may be said, and that in the words of the method. */
static int check_entry(reading_t *r, size_t at, const entry_t *e) {
    const bool said[] = {e->choice, e->approve.items, e->scores.items, e->ranking.items, e->ranking.items};
    bool votes = said[r->out->poll.method];
    int n = (e->choice != NULL) + (e->approve.items != NULL) + (e->scores.items != NULL) +
            (e->ranking.items != NULL) + e->abstain + (e->delegate != NULL);
    if (n != 1 || !(votes || e->abstain || e->delegate))
        return tr_yaml_file_wrong(r->file, key_of(r, at, ""), r->error,
            "expected one of: %s, abstain, delegate", said_in[r->out->poll.method]);
    if (e->count > 1 && (e->voter || e->delegate))
        return tr_yaml_file_wrong(
            r->file, key_of(r, at, "count"), r->error, "several have no name and delegate to nobody");
    return 0;
}

/* An empty list; scores of 0 that are there are some. */
static bool says_nothing(const reading_t *r, const entry_t *e, const int32_t *marks) {
    for (size_t i = 0; i < r->out->poll.options; i++)
        if (marks[i])
            return false;
    return e->scores.count == 0;
}

static int read_ballot(reading_t *r, size_t at, const entry_t *e, tr_ballot_t *ret) {
    int32_t *marks = tr_arena_alloc(r->arena, r->out->poll.options * sizeof *marks);
    int rc = check_entry(r, at, e);
    *ret = (tr_ballot_t){.weight = TR_WEIGHT_ONE, .abstains = e->abstain, .marks = marks};
    if (rc == 0 && !marks)
        rc = no_memory(r);
    if (rc == 0 && e->weight)
        rc = read_part(r, key_of(r, at, "weight"), e->weight, 1e6, &ret->weight);
    if (rc < 0)
        return rc;
    memset(marks, 0, r->out->poll.options * sizeof *marks);
    if (e->abstain || e->delegate)
        return 0;
    rc = read_marks(r, at, e, marks);
    ret->abstains = says_nothing(r, e, marks) && r->out->rules.edition > 1;
    return rc;
}

/* ---- all of them ---- */

typedef struct named {
    const char *voter;
    size_t entry;
} named_t;

static int by_voter(const void *a, const void *b) {
    return strcmp(((const named_t *)a)->voter, ((const named_t *)b)->voter);
}

/* The voters that have names, in the order of these; -EINVAL where two have the same. */
static int sort_voters(reading_t *r, named_t *named, size_t *ret_count) {
    size_t n = 0;
    for (size_t i = 0; i < r->document.entries.count; i++)
        if (entry_at(r, i)->voter)
            named[n++] = (named_t){entry_at(r, i)->voter, i};
    if (n)
        qsort(named, n, sizeof *named, by_voter);
    for (size_t i = 1; i < n; i++)
        if (strcmp(named[i].voter, named[i - 1].voter) == 0)
            return tr_yaml_file_wrong(r->file, key_of(r, named[i].entry, "voter"), r->error,
                "\"%.60s\" votes twice", named[i].voter);
    *ret_count = n;
    return 0;
}

static int settle_delegates(reading_t *r, tr_ballot_t *ballots) {
    size_t n = r->document.entries.count, count = 0;
    named_t *named = tr_arena_alloc(r->arena, (n + 1) * sizeof *named);
    tr_voter_t *voters = tr_arena_alloc(r->arena, (n + 1) * sizeof *voters);
    if (!named || !voters)
        return no_memory(r);
    int rc = sort_voters(r, named, &count);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const entry_t *e = entry_at(r, i);
        voters[i] = (tr_voter_t){.votes = !e->delegate, .delegate = TR_NOBODY, .weight = ballots[i].weight};
        const named_t *who = e->delegate && count ? bsearch(&(named_t){.voter = e->delegate}, named, count,
                                                        sizeof *named, by_voter)
                                                  : NULL;
        if (e->delegate && !who)
            rc = tr_yaml_file_wrong(
                r->file, key_of(r, i, "delegate"), r->error, "no ballot is \"%.60s\"'s", e->delegate);
        else if (who)
            voters[i].delegate = who->entry;
    }
    if (rc == 0 && tr_delegate_votes(voters, n, r->arena, &r->out->lost) < 0)
        rc = no_memory(r);
    for (size_t i = 0; i < n && rc == 0; i++) {
        ballots[i].weight = voters[i].weight;
        ballots[i].carried = voters[i].carries;
    }
    return rc;
}

/* Where it is not said how many may vote, those who are in the file may. */
static void suppose_electorate(reading_t *r) {
    tr_poll_file_t *out = r->out;
    if (r->document.electorate)
        return;
    out->rules.electorate = out->lost;
    for (size_t i = 0; i < out->ballot_count; i++)
        out->rules.electorate += out->ballots[i].weight;
}

/* As many as there are of each, without those who delegated. */
static int expand(reading_t *r, const tr_ballot_t *ballots) {
    size_t total = 0, n = r->document.entries.count;
    for (size_t i = 0; i < n; i++)
        total += entry_at(r, i)->delegate ? 0 : (size_t)entry_at(r, i)->count;
    if (total > TR_BALLOTS_MAX)
        return tr_error_set(r->error, -E2BIG, "%zu ballots, where %u are the most", total, TR_BALLOTS_MAX);
    tr_ballot_t *out = tr_arena_alloc(r->arena, (total + 1) * sizeof *out);
    if (!out)
        return no_memory(r);
    for (size_t i = 0; i < n; i++)
        for (int64_t k = 0; k < entry_at(r, i)->count && !entry_at(r, i)->delegate; k++)
            out[r->out->ballot_count++] = ballots[i];
    r->out->ballots = out;
    suppose_electorate(r);
    return 0;
}

static int read_ballots(reading_t *r) {
    size_t n = r->document.entries.count;
    tr_ballot_t *ballots = tr_arena_alloc(r->arena, (n + 1) * sizeof *ballots);
    int rc = ballots ? 0 : no_memory(r);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = read_ballot(r, i, entry_at(r, i), &ballots[i]);
    if (rc == 0)
        rc = settle_delegates(r, ballots);
    return rc == 0 ? expand(r, ballots) : rc;
}

/* ---- the rules ---- */

static int read_share(reading_t *r, const char *key, const char *text, uint32_t *ret) {
    uint64_t value = 0;
    int rc = text ? read_part(r, key, text, 100, &value) : 0;
    *ret = (uint32_t)(value / 100);
    return rc;
}

static int read_rules(reading_t *r) {
    const document_t *d = &r->document;
    tr_rules_t *rules = &r->out->rules;
    *rules = (tr_rules_t){.edition = (unsigned)d->edition,
        .quorum = (size_t)d->quorum,
        .tie = (tr_tie_t)d->tie,
        .lot = (uint64_t)d->lot};
    int rc = read_share(r, "majority", d->majority, &rules->majority);
    if (rc == 0)
        rc = read_share(r, "quorum-share", d->quorum_share, &rules->quorum_share);
    if (rc == 0 && d->electorate)
        rc = read_part(r, "electorate", d->electorate, 1e9, &rules->electorate);
    if (rc == 0 && !d->keep != (d->tie != TR_TIE_KEEP))
        rc = tr_yaml_file_wrong(
            r->file, d->keep ? "keep" : "tie", r->error, "`tie: keep` and `keep: OPTION` go together");
    if (rc == 0 && d->keep && (rules->keep = find_option(r, d->keep, strlen(d->keep))) == TR_NOBODY)
        rc = tr_yaml_file_wrong(r->file, "keep", r->error, "\"%.60s\" is none of the options", d->keep);
    return rc;
}

static int check_options(reading_t *r) {
    const tr_texts_t *options = &r->document.options;
    for (size_t i = 0; i < options->count; i++) {
        const char *name = options->items[i];
        if (!*name)
            return tr_yaml_file_wrong(r->file, "options", r->error, "expected names, found an empty one");
        if (find_option(r, name, strlen(name)) != i)
            return tr_yaml_file_wrong(r->file, "options", r->error, "\"%.60s\" stands there twice", name);
    }
    return 0;
}

int tr_poll_file_read(const tr_yaml_file_t *file, tr_arena_t *arena, tr_poll_file_t *ret, tr_error_t *error) {
    reading_t r = {.file = file, .arena = arena, .error = error, .out = ret};
    *ret = (tr_poll_file_t){0};
    int rc = tr_yaml_table_read(&table, file->bytes, file->len, file->path, arena, &r.document, error);
    if (rc < 0)
        return rc;
    ret->options = r.document.options.items;
    ret->poll = (tr_poll_t){.method = (tr_method_t)r.document.method,
        .options = r.document.options.count,
        .score_max = r.document.score_max ? (int32_t)r.document.score_max : 10};
    rc = check_options(&r);
    if (rc == 0)
        rc = read_rules(&r);
    return rc == 0 ? read_ballots(&r) : rc;
}
