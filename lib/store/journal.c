#include "lib/store/journal.h"

#include "lib/base/clock.h"

#include <errno.h>

static int check_op(const tr_journal_op_t *op, size_t i, tr_error_t *error) {
    size_t value_max = op->type == TR_JOURNAL_PUT ? TR_JOURNAL_VALUE_MAX : TR_JOURNAL_KEY_MAX;
    if (op->type < TR_JOURNAL_PUT || op->type > TR_JOURNAL_DELETE_RANGE)
        return tr_error_set(error, -EINVAL, "op %zu of a batch has the unknown type %d", i, op->type);
    if (!op->key || op->key_len < 1 || op->key_len > TR_JOURNAL_KEY_MAX)
        return tr_error_set(error, -EINVAL, "op %zu of a batch has a key of %zu bytes; 1 to %u are possible",
            i, op->key_len, TR_JOURNAL_KEY_MAX);
    if (op->type == TR_JOURNAL_DELETE)
        return 0;
    if (op->value_len > value_max || (!op->value && op->value_len))
        return tr_error_set(error, -EINVAL,
            "op %zu of a batch has a value of %zu bytes; %zu at most are possible", i, op->value_len,
            value_max);
    return 0;
}

static int check_batch(const tr_journal_op_t *ops, size_t n, tr_error_t *error) {
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        int r = check_op(&ops[i], i, error);
        if (r < 0)
            return r;
        bytes += ops[i].key_len + (ops[i].type == TR_JOURNAL_DELETE ? 0 : ops[i].value_len);
        if (bytes > TR_JOURNAL_BATCH_MAX)
            return tr_error_set(error, -EINVAL, "a batch has more than %u bytes", TR_JOURNAL_BATCH_MAX);
    }
    return 0;
}

static int refuse(const tr_journal_t *self, tr_error_t *error) {
    return tr_error_set(error, -EIO,
        "the %s journal has failed before and takes nothing more: end the process, mend the cause, and start "
        "it again",
        self->ops->name);
}

static void count_sync(tr_journal_stat_t *stat, int64_t ns) {
    stat->syncs++;
    stat->sync_ns += ns;
    if (ns > stat->sync_max_ns)
        stat->sync_max_ns = ns;
}

int tr_journal_write(tr_journal_t *self, const tr_journal_op_t *ops, size_t n, bool sync, tr_error_t *error) {
    if (self->failed)
        return refuse(self, error);
    int r = check_batch(ops, n, error);
    if (r < 0 || (n == 0 && !sync))
        return r;
    int64_t begin = tr_clock_ns();
    r = self->ops->write(self, ops, n, sync, error);
    if (r < 0) {
        self->failed = true;
        return r;
    }
    self->stat.writes++;
    if (sync)
        count_sync(&self->stat, tr_clock_ns() - begin);
    return 0;
}

int tr_journal_scan(tr_journal_t *self, const tr_journal_range_t *range, size_t limit_bytes,
    tr_journal_scan_fn *fn, void *arg, tr_error_t *error) {
    if (self->failed)
        return refuse(self, error);
    if (range->from_len > TR_JOURNAL_KEY_MAX + 1 || range->to_len > TR_JOURNAL_KEY_MAX + 1)
        return tr_error_set(
            error, -EINVAL, "a range from or to a key longer than %u bytes", TR_JOURNAL_KEY_MAX);
    return self->ops->scan(self, range, limit_bytes ? limit_bytes : SIZE_MAX, fn, arg, error);
}

int tr_journal_stat(tr_journal_t *self, tr_journal_stat_t *ret_stat) {
    tr_journal_stat_t stat = self->stat;
    stat.free = UINT64_MAX;
    int r = self->ops->stat(self, &stat);
    if (r == 0)
        *ret_stat = stat;
    return r;
}

bool tr_journal_failed(const tr_journal_t *self) {
    return self->failed;
}

void tr_journal_close(tr_journal_t **self) {
    if (*self)
        (*self)->ops->close(*self);
    *self = NULL;
}
