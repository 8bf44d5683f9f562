#include "lib/store/states_journal.h"

#include <errno.h>
#include <stdlib.h>

typedef struct store {
    tr_states_t port;
    tr_journal_t *journal;
} store_t;

/* What a scan for one key has found. */
typedef struct found {
    void *bytes;
    size_t len;
    bool failed; /* out of memory */
} found_t;

static bool take(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    found_t *found = arg;
    (void)key;
    (void)key_len;
    found->bytes = malloc(value_len ? value_len : 1);
    found->failed = !found->bytes;
    if (found->bytes && value_len)
        memcpy(found->bytes, value, value_len);
    found->len = value_len;
    return false;
}

/* The range of one key ends with the key that follows it, itself and a zero byte. */
static int load(tr_states_t *port, const char *agent, void **ret_bytes, size_t *ret_len, tr_error_t *error) {
    store_t *self = (store_t *)port;
    size_t len = strlen(agent);
    tr_journal_range_t range = {.from = agent, .from_len = len, .to = agent, .to_len = len + 1};
    found_t found = {0};
    int r = tr_journal_scan(self->journal, &range, 0, take, &found, error);
    if (r >= 0 && found.failed)
        r = tr_error_set(error, -ENOMEM, "out of memory for the state of %s", agent);
    if (r < 0) {
        free(found.bytes);
        return r;
    }
    *ret_bytes = found.bytes;
    *ret_len = found.len;
    return 0;
}

static int save(tr_states_t *port, const tr_state_change_t *changes, size_t count, tr_error_t *error) {
    store_t *self = (store_t *)port;
    tr_journal_op_t *ops = calloc(count ? count : 1, sizeof *ops);
    if (!ops)
        return tr_error_set(error, -ENOMEM, "out of memory for the state of %zu agents", count);
    for (size_t i = 0; i < count; i++)
        ops[i] = (tr_journal_op_t){.type = changes[i].bytes ? TR_JOURNAL_PUT : TR_JOURNAL_DELETE,
            .key = changes[i].agent,
            .key_len = strlen(changes[i].agent),
            .value = changes[i].bytes,
            .value_len = changes[i].len};
    int r = tr_journal_write(self->journal, ops, count, true, error);
    free(ops);
    return r;
}

static void close_store(tr_states_t *port) {
    store_t *self = (store_t *)port;
    tr_journal_close(&self->journal);
    free(self);
}

int tr_states_open_journal(tr_journal_t **journal, tr_states_t **ret_states, tr_error_t *error) {
    store_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->port =
        (tr_states_t){.kind = (*journal)->ops->name, .load = load, .save = save, .close = close_store};
    self->journal = *journal;
    *journal = NULL;
    *ret_states = &self->port;
    return 0;
}
