/*
 * teller: calls a poll now and then, and counts it by three methods (lib/decision).
 *
 *   args: {"every": 10, "wait": 500}
 *
 * At every `every`-th step it calls a poll; ballots that have come `wait` milliseconds later are counted: by plurality (of the first places), Borda
 * and Schulze. Event: {"poll": n, "ballots": n, "plurality": [options], "borda": ..., "schulze": ..., "rankings": [[how many, [places]], ...]}: the
 * winners of each, and what was voted, so that whoever reads it can count again; null where there are more than 120 different ballots. Measures: polls,
 * and disagreements (of the methods).
 */
#include "sim/behaviours/table.h"

#include "lib/decision/count.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 16
#define TOLD_MAX    120 /* different ballots: all that four options can have, and more */
#define ARENA_MAX   (64u << 20)

typedef struct teller_args {
    int64_t every, wait;
} teller_args_t;

typedef struct teller {
    tr_part_t part;
    int64_t every, wait;
    uint64_t polls;
    size_t options, count, room; /* ballots */
    int32_t *places;             /* `options` for each */
} teller_t;

static const tr_arg_t known[] = {
    {"every", TR_ARG_WHOLE, offsetof(teller_args_t, every), .min = 1, .max = 1000000},
    {"wait", TR_ARG_WHOLE, offsetof(teller_args_t, wait), .min = 1, .max = 86400000},
    TR_PART_ARG,
};

static int read_args(tr_value_t args, teller_args_t *ret, tr_problem_t *problem) {
    *ret = (teller_args_t){.every = 10, .wait = 500};
    return tr_args_read(known, sizeof known / sizeof *known, args, ret, problem);
}

int tr_teller_check(tr_value_t args, tr_problem_t *problem) {
    return read_args(args, &(teller_args_t){0}, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    teller_t *t = state;
    teller_args_t read;
    int rc = read_args(args, &read, NULL);
    t->every = read.every;
    t->wait = read.wait;
    if (rc == 0)
        rc = tr_part_init(&t->part, self, args);
    return rc == 0 ? tr_subscribe(self, "sim.ballot") : rc;
}

/* ---- ballots ---- */

/* One with other options than the first, or places that are none, is not counted. */
static int take(teller_t *t, tr_value_t ballot) {
    size_t options = tr_value_size(ballot);
    if (!tr_value_is_array(ballot) || options < 2 || options > OPTIONS_MAX ||
        (t->count && options != t->options))
        return 0;
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 64;
        int32_t *places = reallocarray(t->places, room * OPTIONS_MAX, sizeof *places);
        if (!places)
            return -ENOMEM;
        t->places = places;
        t->room = room;
    }
    t->options = options;
    for (size_t i = 0; i < options; i++) {
        int64_t place = tr_value_int(tr_value_at(ballot, i), 0);
        t->places[t->count * options + i] = place > 0 && place <= OPTIONS_MAX ? (int32_t)place : 0;
    }
    t->count++;
    return 0;
}

/* The marks of a ballot as this method has them. */
static void mark(const teller_t *t, tr_method_t method, int32_t *marks) {
    memcpy(marks, t->places, t->count * t->options * sizeof *marks);
    for (size_t i = 0; method == TR_METHOD_PLURALITY && i < t->count * t->options; i++)
        marks[i] = marks[i] == 1;
}

/* A bit for each winner; 0: out of memory. */
static uint32_t winners_of(const teller_t *t, tr_method_t method, tr_arena_t *arena) {
    tr_ballot_t *ballots = tr_arena_alloc(arena, t->count * sizeof *ballots);
    int32_t *marks = tr_arena_alloc(arena, t->count * t->options * sizeof *marks);
    tr_count_t count;
    if (!ballots || !marks)
        return 0;
    mark(t, method, marks);
    for (size_t i = 0; i < t->count; i++)
        ballots[i] = (tr_ballot_t){.weight = TR_WEIGHT_ONE, .marks = marks + i * t->options};
    uint32_t winners = 0;
    if (tr_count(&(tr_poll_t){.method = method, .options = t->options}, ballots, t->count, arena, &count,
            NULL) < 0)
        return 0;
    for (unsigned i = 0; i < t->options; i++)
        winners |= count.places[i] == 1 ? 1u << i : 0;
    return winners;
}

static void write_winners(tr_content_writer_t *w, const char *method, uint32_t winners) {
    tr_write_str(w, method);
    tr_write_array(w, (size_t)__builtin_popcount(winners));
    for (unsigned i = 0; i < OPTIONS_MAX; i++)
        if (winners & 1u << i)
            tr_write_uint(w, i);
}

/* How many have each of the different ballots, which are told by the first that there is of each; 0: too many. */
static size_t group(const teller_t *t, size_t *first, uint64_t *count) {
    size_t n = 0, size = t->options * sizeof *t->places;
    for (size_t i = 0; i < t->count; i++) {
        size_t at = 0;
        while (at < n && memcmp(t->places + first[at] * t->options, t->places + i * t->options, size) != 0)
            at++;
        if (at == TOLD_MAX)
            return 0;
        if (at == n) {
            first[n] = i;
            count[n++] = 0;
        }
        count[at]++;
    }
    return n;
}

static void write_rankings(tr_content_writer_t *w, const teller_t *t) {
    size_t first[TOLD_MAX];
    uint64_t count[TOLD_MAX];
    size_t n = group(t, first, count);
    tr_write_str(w, "rankings");
    if (n == 0) {
        tr_write_nil(w);
        return;
    }
    tr_write_array(w, n);
    for (size_t i = 0; i < n; i++) {
        tr_write_array(w, 2);
        tr_write_uint(w, count[i]);
        tr_write_array(w, t->options);
        for (size_t k = 0; k < t->options; k++)
            tr_write_int(w, t->places[first[i] * t->options + k]);
    }
}

static void count_poll(tr_agent_t *self, void *state, void *arg) {
    static const tr_method_t methods[] = {TR_METHOD_PLURALITY, TR_METHOD_BORDA, TR_METHOD_SCHULZE};
    teller_t *t = state;
    tr_arena_t arena;
    tr_content_writer_t w;
    uint32_t winners[3] = {0};
    (void)arg;
    if (t->count == 0)
        return;
    tr_content_writer_init(&w);
    tr_write_map(&w, 6);
    tr_write_kv_uint(&w, "poll", ++t->polls);
    tr_write_kv_uint(&w, "ballots", t->count);
    for (size_t i = 0; i < 3; i++) {
        tr_arena_init(&arena, ARENA_MAX + t->count * 2 * sizeof(tr_ballot_t));
        winners[i] = winners_of(t, methods[i], &arena);
        tr_arena_finish(&arena);
        write_winners(&w, tr_method_words[methods[i]], winners[i]);
    }
    write_rankings(&w, t);
    tr_publish_content(self, "sim.event", &w);
    tr_part_measure(self, "polls", 1);
    tr_part_measure(self, "disagreements", winners[0] != winners[1] || winners[1] != winners[2]);
    t->count = 0;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    teller_t *t = state;
    uint64_t step = 0;
    if (tr_message_type(message) == TR_MESSAGE_EVENT && strcmp(tr_message_topic(message), "sim.ballot") == 0)
        return take(t, tr_message_value(message));
    if (tr_part_news(message, &step) != TR_PART_STEP || step % (uint64_t)t->every != 0)
        return 0;
    int rc = tr_publish(self, "sim.poll", "\x01", 1);
    return rc == 0 && !tr_timer_start(self, t->wait, count_poll, NULL) ? -ENOMEM : rc;
}

static void fini(tr_agent_t *self, void *state) {
    teller_t *t = state;
    (void)self;
    free(t->places);
}

const tr_behaviour_t tr_sim_teller = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "teller",
    .summary = "calls polls, and counts them by three methods",
    .state_size = sizeof(teller_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
