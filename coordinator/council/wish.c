#include "coordinator/council/wish.h"

#include "coordinator/council/council.h"
#include "lib/decision/record.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WEIGHT_MAX 1e5 /* of one voter, in votes */
#define SEED       UINT64_C(0x2545f4914f6cdd1d)

typedef enum weigh { BY_HEAD, BY_RECORD, BY_SKILLS } weigh_t;

static const char *const weigh_words[] = {"none", "record", "skills"};

typedef struct completing {
    const tr_coordinator_t *coordinator;
    tr_value_t asked, skills;
    weigh_t weigh;
    const char *trace;
    char own[TR_AID_MAX + 1];
    tr_map_t named;            /* voters that are named, or are there by a service */
    tr_content_writer_t seats; /* maps, one behind the other */
    size_t count;
} completing_t;

/* ---- weights ---- */

static double weight_by_record(const completing_t *c, const char *voter) {
    uint32_t right, wrong;
    if (tr_store_record(c->coordinator->store, voter, &right, &wrong) < 0)
        return 1;
    return (double)tr_record_weight(right, wrong) / (double)TR_WEIGHT_ONE;
}

typedef struct matching {
    const completing_t *c;
    const char *voter;
    double weight;
} matching_t;

/* One vote, and one more for all of the skills that it is about, a part of one for a part of them. */
static void match_skills(void *arg, const tr_worker_t *worker) {
    matching_t *m = arg;
    size_t n = tr_value_size(m->c->skills), offered = 0;
    char skill[TR_NAME_MAX + 1];
    if (strcmp(worker->name, m->voter) != 0)
        return;
    for (size_t i = 0; i < n; i++)
        offered += tr_value_copy(tr_value_at(m->c->skills, i), skill, sizeof skill) == 0 &&
                   tr_worker_offers(worker, skill);
    m->weight = 1 + (n ? (double)offered / (double)n : 0);
}

static double weight_of(const completing_t *c, const char *voter) {
    matching_t m = {c, voter, 1};
    if (c->weigh == BY_RECORD)
        return weight_by_record(c, voter);
    if (c->weigh == BY_SKILLS)
        tr_board_each_worker(c->coordinator->board, NULL, match_skills, &m);
    return m.weight;
}

/* ---- voters ---- */

static tr_value_t name_of(tr_value_t voter) {
    return tr_value_is_map(voter) ? tr_value_get(voter, "name") : voter;
}

static void add_seat(completing_t *c, const char *voter, tr_value_t weight) {
    tr_write_map(&c->seats, 2);
    tr_write_kv(&c->seats, "name", voter);
    tr_write_str(&c->seats, "weight");
    if (weight)
        tr_write_value(&c->seats, weight);
    else
        tr_write_double(&c->seats, weight_of(c, voter));
    c->count++;
}

typedef struct providers {
    completing_t *c;
    tr_value_t weight; /* of each; NULL: as it is weighed */
    size_t count;
    bool failed;
} providers_t;

/* Who is named himself, or was there by another service, is there once. */
static void add_provider(void *arg, const tr_worker_t *worker) {
    providers_t *p = arg;
    size_t len = strlen(worker->name);
    if (strcmp(worker->name, p->c->own) == 0)
        return;
    p->count++;
    if (tr_map_find(&p->c->named, worker->name, len))
        return;
    p->failed |= tr_map_put(&p->c->named, worker->name, len, 1) < 0;
    add_seat(p->c, worker->name, p->weight);
}

static const char *add_service(completing_t *c, const char *name, tr_value_t weight) {
    providers_t p = {c, weight, 0, false};
    tr_board_each_worker(c->coordinator->board, name, add_provider, &p);
    return p.failed ? "out of memory" : p.count == 0 ? "voters: no agent offers one of the services" : NULL;
}

typedef struct named {
    char name[2 * TR_AID_MAX]; /* the whole AID, person:NAME, or svc:NAME */
    bool service;
    tr_value_t weight; /* NULL: none is given */
} named_t;

static const char *read_voter(const completing_t *c, tr_value_t v, named_t *ret) {
    static const char *const keys[] = {"name", "weight"};
    char name[TR_AID_MAX + 1];
    const char *platform = strchr(c->own, '@');
    if (tr_value_copy(name_of(v), name, sizeof name) < 0 || !*name ||
        (tr_value_is_map(v) && !tr_value_has_only(v, keys, 2)))
        return "voters: expected names, svc:NAME, person:NAME, or maps with name and weight";
    ret->weight = tr_value_is_map(v) ? tr_value_get(v, "weight") : NULL;
    double weight = ret->weight ? tr_value_double(ret->weight, -1) : 1;
    if (!(weight >= 0 && weight <= WEIGHT_MAX))
        return "voters: expected weights from 0 to 100000";
    ret->service = strncmp(name, "svc:", 4) == 0;
    bool whole = ret->service || strchr(name, '@') || strncmp(name, TR_PERSON, strlen(TR_PERSON)) == 0;
    snprintf(ret->name, sizeof ret->name, "%s%s", name, whole ? "" : platform);
    return NULL;
}

/* Those that are named, before any service is looked at: their weight is what is said of them. */
static const char *note_named(completing_t *c, tr_value_t voters) {
    for (size_t i = 0; i < tr_value_size(voters); i++) {
        named_t voter;
        const char *wrong = read_voter(c, tr_value_at(voters, i), &voter);
        if (wrong)
            return wrong;
        if (!voter.service && tr_map_put(&c->named, voter.name, strlen(voter.name), 1) < 0)
            return "out of memory";
    }
    return NULL;
}

static const char *add_voters(completing_t *c) {
    tr_value_t voters = tr_value_get(c->asked, "voters");
    if (!tr_value_is_array(voters) || tr_value_size(voters) == 0)
        return "voters: expected a list of names, svc:NAME or person:NAME";
    const char *wrong = note_named(c, voters);
    for (size_t i = 0; i < tr_value_size(voters) && !wrong; i++) {
        named_t voter;
        wrong = read_voter(c, tr_value_at(voters, i), &voter);
        if (!wrong && voter.service)
            wrong = add_service(c, voter.name + 4, voter.weight);
        else if (!wrong)
            add_seat(c, voter.name, voter.weight);
    }
    return wrong;
}

/* ---- all of it ---- */

bool tr_wish_asks_who_offers(tr_value_t asked) {
    tr_value_t voters = tr_value_get(asked, "voters");
    bool does = tr_value_equals(tr_value_get(asked, "weigh"), weigh_words[BY_SKILLS]);
    for (size_t i = 0; i < tr_value_size(voters) && !does; i++) {
        size_t len;
        const char *name = tr_value_str(name_of(tr_value_at(voters, i)), &len);
        does = name && len > 4 && memcmp(name, "svc:", 4) == 0;
    }
    return does;
}

static const char *read_weigh(completing_t *c) {
    tr_value_t weigh = tr_value_get(c->asked, "weigh");
    for (c->weigh = BY_HEAD; weigh && c->weigh <= BY_SKILLS; c->weigh++)
        if (tr_value_equals(weigh, weigh_words[c->weigh]))
            break;
    if (c->weigh > BY_SKILLS)
        return "weigh: expected none, record or skills";
    c->skills = tr_value_get(c->asked, "skills");
    bool names = tr_value_is_array(c->skills) && tr_value_size(c->skills) <= TR_MOTION_SKILLS_MAX;
    for (size_t i = 0; names && i < tr_value_size(c->skills); i++) {
        char skill[TR_NAME_MAX + 1];
        names = tr_value_copy(tr_value_at(c->skills, i), skill, sizeof skill) == 0;
    }
    return (c->weigh == BY_SKILLS || c->skills) && !names
               ? "skills: expected a list of services, 64 at most, for votes weighed by them"
               : NULL;
}

/* A rule that is written wrongly would be one that is not there. */
static const char *find_unknown(tr_value_t asked) {
    static const char *const keys[] = {"action", "question", "options", "voters", "context", "method",
        "score-max", "quorum", "quorum-share", "majority", "tie", "keep", "lot", "within-ms", "rounds",
        "agreement", "mediator", "person", "secret", "weigh", "skills", "id", "key"};
    return tr_value_has_only(asked, keys, sizeof keys / sizeof *keys)
               ? NULL
               : "expected no other keys than action, question, options, voters, context, method, score-max, "
                 "quorum, quorum-share, majority, tie, keep, lot, within-ms, rounds, agreement, mediator, "
                 "person, secret, weigh, skills, id, key, each once";
}

/* What is kept as it was asked for. */
static bool is_kept(tr_value_t key) {
    return !tr_value_equals(key, "voters") && !tr_value_equals(key, "action") &&
           !tr_value_equals(key, "lot") && !tr_value_equals(key, "trace") && !tr_value_equals(key, "edition");
}

static int64_t draw_lot(const completing_t *c) {
    int64_t lot = tr_value_int(tr_value_get(c->asked, "lot"), INT64_MIN);
    if (lot == INT64_MIN && getentropy(&lot, sizeof lot) < 0)
        lot = (int64_t)(uintptr_t)c; /* any number that nobody chose */
    return lot == INT64_MIN ? 0 : lot;
}

static void write_all(const completing_t *c, tr_content_writer_t *out) {
    const msgpack_object_map *map = &c->asked->via.map;
    const void *seats;
    size_t len, kept = 0;
    for (uint32_t i = 0; i < map->size; i++)
        kept += is_kept(&map->ptr[i].key);
    tr_write_map(out, kept + 3 + (c->trace != NULL));
    for (uint32_t i = 0; i < map->size; i++) {
        if (!is_kept(&map->ptr[i].key))
            continue;
        tr_write_value(out, &map->ptr[i].key);
        tr_write_value(out, &map->ptr[i].val);
    }
    if (c->trace)
        tr_write_kv(out, "trace", c->trace);
    tr_write_kv_uint(out, "edition", TR_EDITION);
    tr_write_kv_int(out, "lot", draw_lot(c));
    tr_write_str(out, "voters");
    tr_write_array(out, c->count);
    if (tr_content_writer_take(&c->seats, &seats, &len) == 0)
        msgpack_sbuffer_write(&out->buffer, seats, len);
    else
        out->failed = true;
}

/* Of a replayed wish this is not asked: what was opened goes on. */
static const char *quorum_wrong(const completing_t *c) {
    int64_t quorum = tr_value_int(tr_value_get(c->asked, "quorum"), 0);
    return quorum > (int64_t)c->count ? "quorum: expected at most as many ballots as there are voters" : NULL;
}

const char *tr_wish_complete(
    const tr_coordinator_t *self, tr_value_t asked, const char *trace, tr_content_writer_t *out) {
    completing_t c = {.coordinator = self, .asked = asked, .trace = trace};
    tr_agent_aid(self->agent, c.own);
    tr_content_writer_init(&c.seats);
    tr_map_init(&c.named, SEED);
    const char *wrong = find_unknown(asked);
    if (!wrong)
        wrong = read_weigh(&c);
    if (!wrong)
        wrong = add_voters(&c);
    if (!wrong)
        wrong = quorum_wrong(&c);
    if (!wrong)
        write_all(&c, out);
    tr_content_writer_finish(&c.seats);
    tr_map_finish(&c.named);
    return wrong;
}
