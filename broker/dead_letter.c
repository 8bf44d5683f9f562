/*
 * Dead letters: durable messages that cannot be delivered any more are kept in the journal with the reason, for somebody to look at,
 * and to send again or drop (letters.c has the actions).
 */
#include "broker/durable.h"
#include "broker/lease.h"

#include "lib/store/journal.h"

#include <stdlib.h>

static tr_letter_t *letter_new(tr_core_t *core, const tr_lease_t *lease, tr_reason_t why) {
    tr_letter_t *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    tr_buffer_init(&l->value, 0);
    tr_record_t record = tr_lease_record(lease);
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
        core->stats.letters++;
        core->stats.letter_bytes += letter->value.size;
    }
    if (letter || !lease->block)
        tr_queue_settle(core, lease);
    else
        free(lease);
}

void tr_letter_recover(tr_core_t *core, uint64_t number, size_t value_len) {
    core->stats.letters++;
    core->stats.letter_bytes += value_len;
    if (number >= core->durable->next_letter)
        core->durable->next_letter = number + 1;
}

bool tr_letter_drop(tr_core_t *core, uint64_t number, size_t size) {
    tr_batch_t *batch = tr_batch_open(core);
    if (!batch)
        return false;
    tr_key_t key = tr_key_numbered(TR_KEY_LETTER, number);
    if (!tr_batch_more(batch, TR_JOURNAL_DELETE, &key, NULL, 0))
        return false;
    batch->sync = true;
    uint64_t *bytes = &core->stats.letter_bytes;
    core->stats.letters--;
    *bytes -= size < *bytes ? size : *bytes;
    return true;
}

tr_reason_t tr_letter_requeue(tr_core_t *core, uint64_t number, const tr_letter_info_t *letter, size_t size) {
    tr_service_t *s = tr_service_get(core, letter->queue, letter->queue_len, false);
    tr_queue_t *q = s ? tr_queue_of(core, s) : NULL;
    if (!q)
        return TR_REASON_NOT_FOUND;
    tr_record_t r = letter->record;
    r.h.deadline_ms = 0; /* it has passed, or the letter would not be one */
    r.h.src = 0;
    r.h.attempt = 0;
    tr_reason_t why = tr_queue_push(core, q, &r, NULL);
    if (why == TR_REASON_NONE)
        tr_letter_drop(core, number, size); /* out of memory: it is there twice, and can be dropped */
    return why;
}
