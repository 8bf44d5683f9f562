/*
 * How many dead letters there are: of each mailbox and queue, and of all. They lie in the journal until somebody sends them again or drops
 * them, outside of what a queue may hold, and none is ever dropped to make room. So a mailbox whose letters are at their limit takes no new
 * durable message (BUSY) until some of them are seen to; so does, when those of all are at theirs, each that has any. What was acknowledged
 * before still becomes a letter where it must: there may be as many over the limit as were in the queue.
 *
 * A box is there as long as there are letters of its name, whether or not there is such a queue now.
 */
#include "broker/core/durable/durable.h"

#include <stdio.h>
#include <stdlib.h>

tr_letter_box_t *tr_letter_box_find(const tr_core_t *core, const char *queue, size_t len) {
    return tr_map_find_ptr(&core->durable->boxes, queue, len);
}

static tr_queue_t *queue_named(tr_core_t *core, const char *name, size_t len) {
    const tr_service_t *s = tr_service_get(core, name, len, false);
    return s ? s->durable : NULL;
}

/* NULL when out of memory: then these are counted among all alone. */
static tr_letter_box_t *box_of(tr_core_t *core, const char *queue, size_t len) {
    tr_map_t *boxes = &core->durable->boxes;
    tr_letter_box_t *box = tr_map_find_ptr(boxes, queue, len);
    if (box || !(box = calloc(1, sizeof *box)))
        return box;
    if (tr_map_put(boxes, queue, len, (uint64_t)(uintptr_t)box) < 0) {
        free(box);
        return NULL;
    }
    tr_queue_t *q = queue_named(core, queue, len);
    if (q)
        q->box = box;
    return box;
}

static void tell(tr_core_t *core, const char *queue, size_t len, uint64_t records, uint64_t bytes) {
    char name[TR_AID_MAX + 16], detail[160];
    snprintf(name, sizeof name, "%.*s", (int)len, queue);
    snprintf(detail, sizeof detail,
        "%llu dead letters, %llu bytes: new durable messages are answered busy until some are sent again or "
        "dropped",
        (unsigned long long)records, (unsigned long long)bytes);
    tr_event(core, TR_EVENT_LETTERS_FULL, name, detail);
}

/* Whether it is at its limits, which is told when it comes there. */
static void judge(tr_core_t *core, tr_letter_box_t *box, const char *queue, size_t len) {
    const tr_core_config_t *c = &core->config;
    const tr_core_stats_t *s = &core->stats;
    tr_durable_t *d = core->durable;
    bool was = d->boxes_full, is = s->letters >= c->letters_records || s->letter_bytes >= c->letters_bytes;
    if (is && !was)
        tell(core, "all", 3, s->letters, s->letter_bytes);
    d->boxes_full = is;
    core->stats.letters_full += (uint64_t)is - was;
    if (!box)
        return;
    was = box->full;
    is = box->records >= c->letters_each_records || box->bytes >= c->letters_each_bytes;
    if (is && !was)
        tell(core, queue, len, box->records, box->bytes);
    box->full = is;
    core->stats.letters_full += (uint64_t)is - was;
}

void tr_letter_count(tr_core_t *core, const char *queue, size_t len, size_t size) {
    tr_letter_box_t *box = len ? box_of(core, queue, len) : NULL;
    core->stats.letters++;
    core->stats.letter_bytes += size;
    if (box) {
        box->records++;
        box->bytes += size;
    }
    judge(core, box, queue, len);
}

static void take(uint64_t *from, uint64_t n) {
    *from -= n < *from ? n : *from;
}

void tr_letter_uncount(tr_core_t *core, const char *queue, size_t len, size_t size) {
    tr_letter_box_t *box = tr_letter_box_find(core, queue, len);
    core->stats.letters--;
    take(&core->stats.letter_bytes, size);
    if (box) {
        take(&box->records, 1);
        take(&box->bytes, size);
    }
    judge(core, box, queue, len);
    if (!box || box->records)
        return;
    tr_queue_t *q = queue_named(core, queue, len);
    if (q)
        q->box = NULL;
    core->stats.letters_full -= box->full;
    tr_map_delete(&core->durable->boxes, queue, len);
    free(box);
}

void tr_letters_say(tr_core_t *core, const tr_queue_t *queue) {
    snprintf(core->durable->words, sizeof core->durable->words,
        "there are too many dead letters%s: `troupe dlq` sends them again, or drops them",
        queue->box->full ? " of this mailbox or queue" : ", and some are of this mailbox or queue");
}

void tr_letter_boxes_finish(tr_durable_t *durable) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&durable->boxes, &cursor)))
        free((void *)(uintptr_t)slot->value);
    tr_map_finish(&durable->boxes);
}
