/*
 * Dead letters: durable messages that cannot be delivered any more are kept in the journal with the reason, for somebody to look at,
 * and to send again or drop (letters.c has the actions).
 *
 * A letter is read before it is sent again or dropped, and others may be reading it then. So its number is remembered as `spent` until the
 * batch with its end is written: what was read before that, and answered after it, is not used a second time.
 */
#include "broker/core/durable/durable.h"
#include "broker/core/lease.h"
#include "broker/core/platform/quarantine.h"

#include "lib/store/journal.h"

#include <stdlib.h>

static tr_letter_t *letter_new(tr_core_t *core, const tr_lease_t *lease, tr_reason_t why) {
    tr_letter_t *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    tr_buffer_init(&l->value, 0);
    tr_record_t record = tr_lease_record(lease);
    if (lease->attempt || lease->seen)
        record.h.flags |= TR_FLAG_REDELIVERED; /* what is sent again from here may have been seen */
    tr_letter_write(&l->value, &(tr_letter_info_t){.reason = why,
                                   .attempts = lease->attempt,
                                   .wall_ms = core->now.wall_ms,
                                   .queue = lease->block->queue->service->name,
                                   .record = record});
    if (l->value.failed) {
        free(l);
        return NULL;
    }
    l->number = core->durable->next_letter;
    return l;
}

/* Out of memory: the message is neither settled nor kept as a letter; it comes again with the next start. */
void tr_queue_bury(tr_core_t *core, tr_lease_t *lease, tr_reason_t why) {
    tr_durable_t *d = core->durable;
    tr_batch_t *batch = lease->block ? tr_batch_open(core) : NULL;
    tr_letter_t *letter = batch ? letter_new(core, lease, why) : NULL;
    if (letter) {
        letter->next = batch->letters;
        batch->letters = letter;
        batch->wanted = true;
        d->next_letter++;
        const char *queue = lease->block->queue->service->name;
        tr_letter_count(core, queue, strlen(queue), letter->value.size);
    }
    if (letter || !lease->block)
        tr_queue_settle(core, lease);
    else
        free(lease);
}

/* A damaged one is of nobody. */
void tr_letter_recover(tr_core_t *core, uint64_t number, const void *value, size_t len) {
    tr_letter_info_t letter = {.queue = ""};
    tr_letter_read(&letter, value, len);
    tr_letter_count(core, letter.queue, letter.queue_len, len);
    if (number >= core->durable->next_letter)
        core->durable->next_letter = number + 1;
}

static const char *key_of(const uint64_t *number) {
    return (const char *)number;
}

bool tr_letter_spent(const tr_core_t *core, uint64_t number) {
    return tr_map_find(&core->durable->spent, key_of(&number), sizeof number) != NULL;
}

/* False when out of memory. */
static bool remember(tr_core_t *core, tr_batch_t *batch, uint64_t number) {
    if (batch->spent_n == batch->spent_cap) {
        size_t cap = batch->spent_cap ? batch->spent_cap * 2 : 16;
        uint64_t *grown = realloc(batch->spent, cap * sizeof *grown);
        if (!grown)
            return false;
        batch->spent = grown;
        batch->spent_cap = cap;
    }
    if (tr_map_put(&core->durable->spent, key_of(&number), sizeof number, 1) < 0)
        return false;
    batch->spent[batch->spent_n++] = number;
    return true;
}

static void forget_last(tr_core_t *core, tr_batch_t *batch) {
    const uint64_t *number = &batch->spent[--batch->spent_n];
    tr_map_delete(&core->durable->spent, key_of(number), sizeof *number);
}

void tr_letters_written(tr_core_t *core, tr_batch_t *batch) {
    while (batch->spent_n)
        forget_last(core, batch);
}

/* Its end goes with the batch. False when out of memory: all is as it was. */
static bool put_end(tr_core_t *core, tr_batch_t *batch, uint64_t number) {
    tr_key_t key = tr_key_numbered(TR_KEY_LETTER, number);
    if (!remember(core, batch, number))
        return false;
    if (tr_batch_more(batch, TR_JOURNAL_DELETE, &key, NULL, 0)) {
        batch->sync = true;
        return true;
    }
    forget_last(core, batch);
    return false;
}

bool tr_letter_drop(tr_core_t *core, uint64_t number, const tr_letter_info_t *letter, size_t size) {
    tr_batch_t *batch = tr_batch_open(core);
    if (!batch || !put_end(core, batch, number))
        return false;
    tr_letter_uncount(core, letter->queue, letter->queue_len, size);
    return true;
}

tr_reason_t tr_letter_requeue(tr_core_t *core, uint64_t number, const tr_letter_info_t *letter, size_t size) {
    tr_service_t *s = tr_service_get(core, letter->queue, letter->queue_len, false);
    tr_queue_t *q = s ? tr_queue_of(core, s, NULL) : NULL;
    tr_batch_t *batch = tr_batch_open(core);
    size_t before = batch ? batch->more.size : 0;
    if (!q)
        return TR_REASON_NOT_FOUND;
    if (tr_quarantine_holds_sender(core, &letter->record))
        return TR_REASON_QUARANTINED;
    if (!batch || !put_end(core, batch, number))
        return TR_REASON_LIMIT;
    tr_record_t r = letter->record;
    if (r.h.kind == TR_KIND_MESSAGE)
        r.h.deadline_ms = 0; /* it has passed, or may pass before somebody looks at the letter */
    r.h.src = 0;
    r.h.attempt = 0;
    if (letter->attempts)
        r.h.flags |= TR_FLAG_REDELIVERED;
    tr_reason_t why = tr_queue_push(core, q, &r, NULL, 0);
    if (why == TR_REASON_NONE) {
        tr_letter_uncount(core, letter->queue, letter->queue_len, size);
        return why;
    }
    forget_last(core, batch);
    batch->more.size = before; /* nothing else was put there meanwhile */
    return why;
}
