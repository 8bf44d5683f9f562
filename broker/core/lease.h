/* Lists of leases: a service's queue (one list a priority), what a provider has in hand. Shared by the core's
 * own files. */
#ifndef TR_BROKER_LEASE_H
#define TR_BROKER_LEASE_H

#include "broker/core/state.h"

static inline void tr_leases_append(tr_lease_list_t *list, tr_lease_t *lease) {
    lease->next = NULL;
    if (list->tail)
        list->tail->next = lease;
    else
        list->head = lease;
    list->tail = lease;
    list->count++;
}

static inline tr_lease_t *tr_leases_shift(tr_lease_list_t *list) {
    tr_lease_t *lease = list->head;
    if (!lease)
        return NULL;
    list->head = lease->next;
    if (!list->head)
        list->tail = NULL;
    list->count--;
    return lease;
}

/* Puts all of `front` before what is in the list. */
static inline void tr_leases_prepend(tr_lease_list_t *list, tr_lease_list_t *front) {
    if (!front->head)
        return;
    front->tail->next = list->head;
    list->head = front->head;
    if (!list->tail)
        list->tail = front->tail;
    list->count += front->count;
    *front = (tr_lease_list_t){0};
}

/* Providers settle in order more often than not: the first look finds it. */
static inline tr_lease_t *tr_leases_find(
    const tr_lease_list_t *list, uint64_t number, tr_lease_t **ret_before) {
    *ret_before = NULL;
    for (tr_lease_t *l = list->head; l; *ret_before = l, l = l->next)
        if (l->number == number)
            return l;
    return NULL;
}

static inline tr_lease_t *tr_leases_remove(tr_lease_list_t *list, uint64_t number) {
    tr_lease_t *before, *l = tr_leases_find(list, number, &before);
    if (!l)
        return NULL;
    if (before)
        before->next = l->next;
    else
        list->head = l->next;
    if (list->tail == l)
        list->tail = before;
    list->count--;
    return l;
}

/* Its record, as it was taken from the sender. */
static inline tr_record_t tr_lease_record(const tr_lease_t *lease) {
    tr_record_t r = {.bytes = lease->record};
    tr_record_header_read(&r.h, lease->record);
    r.envelope = lease->record + TR_RECORD_HEADER;
    r.content = r.envelope + r.h.envelope_len;
    r.content_len = lease->len - TR_RECORD_HEADER - r.h.envelope_len;
    return r;
}

/* Leased to this broker by a neighbour, who waits for a SETTLE of its number, the record's id. */
static inline bool tr_lease_is_foreign(const tr_lease_t *lease) {
    return lease->record[6] & TR_FLAG_LEASED;
}

/* It has come from another platform, and goes to no third. */
static inline bool tr_lease_stays(const tr_lease_t *lease) {
    return lease->record[6] & (TR_FLAG_LEASED | TR_FLAG_STAYS);
}

static inline unsigned tr_priority(unsigned priority) {
    return priority < TR_PRIORITIES ? priority : TR_PRIORITIES - 1;
}

static inline unsigned tr_lease_priority(const tr_lease_t *lease) {
    return tr_priority(lease->record[44]);
}

#endif
