/*
 * Makers: on whose behalf queues and producers were made, the holder of a certificate or another broker. Both are in tables that all share,
 * and stay for a while after they are of use, so each maker may have so many of them only. Who has no certificate, on a broker without or on
 * a socket of this machine, is trusted with all of them.
 *
 * The journal has a queue's maker with it, and a producer's in its name, so that a new start forgives nobody.
 */
#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/guard.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct kind {
    const char *name, *option;
} kind_t;

static const kind_t kinds[TR_MADE] = {
    [TR_MADE_QUEUE] = {"durable queues", "--queues-each"},
    [TR_MADE_PRODUCER] = {"producers", "--producers-each"},
};

static uint32_t most(const tr_core_t *core, tr_made_t what) {
    return what == TR_MADE_QUEUE ? core->config.queues_each : core->config.producers_each;
}

size_t tr_maker_name(const tr_session_t *by, char out[TR_MAKER_MAX + 1]) {
    int len = 0;
    out[0] = 0;
    if (by && by->neighbour)
        len = snprintf(out, TR_MAKER_MAX + 1, "@%s", by->neighbour->platform);
    else if (by && by->guest)
        len = snprintf(out, TR_MAKER_MAX + 1, "%s", by->guest->identity->name);
    return (size_t)len;
}

static tr_maker_t *maker_of(tr_core_t *core, const char *name, size_t len) {
    tr_map_t *makers = &core->durable->makers;
    tr_maker_t *m = tr_map_find_ptr(makers, name, len);
    if (m)
        return m;
    m = calloc(1, sizeof *m);
    if (m && (m->name = strndup(name, len)) && tr_map_put(makers, name, len, (uint64_t)(uintptr_t)m) == 0)
        return m;
    if (m)
        free(m->name);
    free(m);
    return NULL;
}

static bool refuse(tr_core_t *core, tr_maker_t *maker, const tr_session_t *by, tr_made_t what) {
    char *words = core->durable->words;
    bool far = maker->name[0] == '@';
    snprintf(words, sizeof core->durable->words,
        "%s %.100s has had %u %s made, as many as it may (%s): those of no use are given up after a while",
        far ? "the broker of" : "the certificate", maker->name + far, maker->made[what], kinds[what].name,
        kinds[what].option);
    if (!maker->told[what])
        tr_audit(core, TR_EVENT_LIMIT, by, far ? NULL : maker->name, kinds[what].name, words);
    maker->told[what] = true;
    return false;
}

bool tr_maker_charge(tr_core_t *core, const tr_made_for_t *whom, tr_made_t what, tr_maker_t **ret_maker) {
    *ret_maker = NULL;
    if (!whom->len)
        return true;
    tr_maker_t *m = maker_of(core, whom->name, whom->len);
    if (!m)
        return false;
    if (whom->by && most(core, what) && m->made[what] >= most(core, what))
        return refuse(core, m, whom->by, what);
    m->made[what]++;
    *ret_maker = m;
    return true;
}

void tr_maker_release(tr_core_t *core, tr_maker_t *maker, tr_made_t what) {
    if (!maker)
        return;
    maker->made[what]--;
    maker->told[what] = false;
    for (unsigned i = 0; i < TR_MADE; i++)
        if (maker->made[i])
            return;
    tr_map_delete(&core->durable->makers, maker->name, strlen(maker->name));
    free(maker->name);
    free(maker);
}

void tr_makers_finish(tr_durable_t *durable) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&durable->makers, &cursor))) {
        tr_maker_t *m = (tr_maker_t *)(uintptr_t)slot->value;
        free(m->name);
        free(m);
    }
    tr_map_finish(&durable->makers);
}

const char *tr_durable_words(tr_core_t *core, const char *otherwise) {
    tr_durable_t *d = core->durable;
    if (!d || !d->words[0])
        return otherwise;
    memcpy(d->said, d->words, sizeof d->said);
    d->words[0] = 0;
    return d->said;
}
