#include "kbd/truth.h"

#include "kbd/shelf.h"
#include "kbd/stem.h"
#include "kbd/store_move.h"
#include "lib/base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX     (4 + TR_KB_NAMESPACE_MAX + TR_KB_ID_MAX)
#define BATCH_BYTES ((size_t)16 << 20)
#define FILL_EACH   256u
#define SETTING     "truth"

/* ---- what changes ---- */

static size_t make_key(char *out, char kind, const char *ns, const char *id) {
    size_t len = (size_t)snprintf(out, KEY_MAX, "%c%s", kind, ns);
    if (!id)
        return len;
    return len + 1 + (size_t)snprintf(out + len + 1, KEY_MAX - len - 1, "%s", id);
}

bool tr_kb_truth_read_key(const void *key, size_t len, char *ns, char *id) {
    const char *text = key, *end = len > 1 ? memchr(text + 1, '\0', len - 1) : NULL;
    size_t ns_len = (end ? (size_t)(end - text) : len) - 1, id_len = end ? len - ns_len - 2 : 0;
    if (len < 2 || ns_len > TR_KB_NAMESPACE_MAX || id_len > TR_KB_ID_MAX || (text[0] == 'D') != (end != NULL))
        return false;
    memcpy(ns, text + 1, ns_len);
    ns[ns_len] = '\0';
    memcpy(id, end ? end + 1 : "", id_len);
    id[id_len] = '\0';
    return true;
}

static void note(tr_kb_truth_t *self, char kind, const char *ns, const char *id) {
    char key[KEY_MAX];
    size_t len = make_key(key, kind, ns, id);
    self->failed |= tr_map_put(&self->changed, key, len, 0) < 0;
}

static void on_changed(void *arg, const char *ns, const char *id, bool dropped) {
    tr_kb_truth_t *self = arg;
    if (dropped)
        self->failed |= tr_map_put(&self->dropped, ns, strlen(ns), 0) < 0;
    note(self, id ? 'D' : 'N', ns, id);
}

void tr_kb_truth_undo(tr_kb_truth_t *self) {
    if (!self->changed.count && !self->dropped.count)
        return;
    tr_map_finish(&self->changed);
    tr_map_finish(&self->dropped);
    tr_map_init(&self->changed, tr_random_seed());
    tr_map_init(&self->dropped, tr_random_seed());
    self->failed = false;
}

/* ---- into the table ---- */

typedef struct batch {
    tr_kb_truth_t *truth;
    tr_journal_op_t *ops; /* owned; keys are borrowed, values owned but for `kept` */
    size_t count, room, bytes;
} batch_t;

static void free_values(batch_t *b) {
    for (size_t i = 0; i < b->count; i++)
        if (b->ops[i].type == TR_JOURNAL_PUT)
            free((void *)(uintptr_t)b->ops[i].value);
        else if (b->ops[i].type == TR_JOURNAL_DELETE_RANGE) {
            free((void *)(uintptr_t)b->ops[i].key);
            free((void *)(uintptr_t)b->ops[i].value);
        }
    b->count = b->bytes = 0;
}

static int send_batch(batch_t *b, bool sync, tr_error_t *error) {
    int rc = tr_journal_write(b->truth->journal, b->ops, b->count, sync, error);
    free_values(b);
    return rc;
}

/* Takes the value of a PUT, and both keys of a DELETE_RANGE. */
static int put(batch_t *b, const tr_journal_op_t *op, tr_error_t *error) {
    if (b->count == b->room) {
        size_t room = b->room ? 2 * b->room : 64;
        tr_journal_op_t *grown = realloc(b->ops, room * sizeof *grown);
        if (!grown) {
            if (op->type == TR_JOURNAL_PUT)
                free((void *)(uintptr_t)op->value);
            return tr_error_set(error, -ENOMEM, "out of memory");
        }
        b->ops = grown;
        b->room = room;
    }
    b->ops[b->count++] = *op;
    b->bytes += op->key_len + op->value_len;
    return b->bytes > BATCH_BYTES ? send_batch(b, false, error) : 0;
}

static char *copy(const char *bytes, size_t len) {
    char *out = malloc(len ? len : 1);
    if (out && len)
        memcpy(out, bytes, len);
    return out;
}

static int put_copy(
    batch_t *b, const void *key, size_t key_len, const char *value, size_t len, tr_error_t *error) {
    char *bytes = copy(value, len);
    if (!bytes)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int rc = put(b,
        &(tr_journal_op_t){
            .type = TR_JOURNAL_PUT, .key = key, .key_len = key_len, .value = bytes, .value_len = len},
        error);
    return rc;
}

static int put_range(
    batch_t *b, const char *from, size_t from_len, const char *to, size_t to_len, tr_error_t *error) {
    char *first = copy(from, from_len), *end = copy(to, to_len);
    if (first && end)
        return put(b,
            &(tr_journal_op_t){.type = TR_JOURNAL_DELETE_RANGE,
                .key = first,
                .key_len = from_len,
                .value = end,
                .value_len = to_len},
            error);
    free(first);
    free(end);
    return tr_error_set(error, -ENOMEM, "out of memory");
}

static int put_dropped(batch_t *b, tr_error_t *error) {
    const tr_map_slot_t *slot;
    size_t cursor = 0;
    int rc = 0;
    while (rc == 0 && (slot = tr_map_next(&b->truth->dropped, &cursor))) {
        char from[KEY_MAX], to[KEY_MAX];
        size_t len = (size_t)snprintf(from, sizeof from, "D%.*s", (int)slot->key_len, slot->key) + 1;
        memcpy(to, from, len);
        to[len - 1] = '\x01'; /* behind all that have a NUL there */
        rc = put_range(b, from, len, to, len, error);
    }
    return rc;
}

/* As it is in the store now: or not there. */
static int put_document(
    batch_t *b, const tr_map_slot_t *slot, const char *ns, const char *id, tr_error_t *error) {
    tr_content_writer_t w;
    tr_kb_namespace_t there;
    const void *bytes = NULL;
    size_t len = 0;
    tr_content_writer_init(&w);
    int rc = tr_kb_namespace_find(b->truth->store, ns, &there, error);
    if (rc == 0)
        rc = tr_kb_move_write(b->truth->store, &there, id, b->truth->model, &w, error);
    if (rc == 0 && tr_content_writer_take(&w, &bytes, &len) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = put_copy(b, slot->key, slot->key_len, bytes, len, error);
    else if (rc == -ENOENT)
        rc = put(b, &(tr_journal_op_t){.type = TR_JOURNAL_DELETE, .key = slot->key, .key_len = slot->key_len},
            error);
    tr_content_writer_finish(&w);
    return rc;
}

static int put_namespace(batch_t *b, const tr_map_slot_t *slot, const char *ns, tr_error_t *error) {
    tr_kb_namespace_t there;
    char value[64];
    int rc = tr_kb_namespace_find(b->truth->store, ns, &there, error);
    if (rc == -ENOENT)
        return put(b,
            &(tr_journal_op_t){.type = TR_JOURNAL_DELETE, .key = slot->key, .key_len = slot->key_len}, error);
    if (rc < 0)
        return rc;
    int len = snprintf(value, sizeof value, "%s %zu", there.language, there.dimensions);
    return put_copy(b, slot->key, slot->key_len, value, (size_t)len, error);
}

static int put_changed(batch_t *b, tr_error_t *error) {
    const tr_map_slot_t *slot;
    char ns[TR_KB_NAMESPACE_MAX + 1], id[TR_KB_ID_MAX + 1];
    size_t cursor = 0;
    int rc = 0;
    while (rc == 0 && (slot = tr_map_next(&b->truth->changed, &cursor)))
        if (tr_kb_truth_read_key(slot->key, slot->key_len, ns, id))
            rc = slot->key[0] == 'D' ? put_document(b, slot, ns, id, error)
                                     : put_namespace(b, slot, ns, error);
    return rc;
}

static void put_number(char *out, uint64_t number) {
    for (int i = 0; i < 8; i++)
        out[i] = (char)(number >> (8 * i));
}

static uint64_t number_at(const char *bytes) {
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    return number;
}

static size_t add_key(char *out, char kind, const char *key, size_t len) {
    size_t all = len + (kind != '\0');
    out[0] = (char)(all & 0xff);
    out[1] = (char)(all >> 8);
    if (kind)
        out[2] = kind;
    memcpy(out + 2 + (kind != '\0'), key, len);
    return 2 + all;
}

/* The entry s, with the keys of what changes; X + namespace: all of it went. */
static int put_state(batch_t *b, uint64_t sequence, tr_error_t *error) {
    const tr_kb_truth_t *self = b->truth;
    const tr_map_slot_t *slot;
    size_t len = 16, cursor = 0;
    while ((slot = tr_map_next(&self->dropped, &cursor)))
        len += 3 + slot->key_len;
    for (cursor = 0; (slot = tr_map_next(&self->changed, &cursor));)
        len += 2 + slot->key_len;
    char *bytes = malloc(len);
    if (!bytes)
        return tr_error_set(error, -ENOMEM, "out of memory");
    put_number(bytes, self->instance);
    put_number(bytes + 8, sequence);
    size_t at = 16;
    for (cursor = 0; (slot = tr_map_next(&self->dropped, &cursor));)
        at += add_key(bytes + at, 'X', slot->key, slot->key_len);
    for (cursor = 0; (slot = tr_map_next(&self->changed, &cursor));)
        at += add_key(bytes + at, '\0', slot->key, slot->key_len);
    return put(b,
        &(tr_journal_op_t){
            .type = TR_JOURNAL_PUT, .key = "s", .key_len = 1, .value = bytes, .value_len = len},
        error);
}

int tr_kb_truth_set_sequence(tr_kb_truth_t *self, uint64_t sequence, tr_error_t *error) {
    char text[48];
    snprintf(text, sizeof text, "%016" PRIx64 ":%" PRIu64, self->instance, sequence);
    return tr_kb_setting_write(self->store, SETTING, text, error);
}

/* The state comes first: where a large transaction is several batches, and only some are written, the next start reads all of its keys. */
int tr_kb_truth_write(tr_kb_truth_t *self, tr_error_t *error) {
    batch_t b = {.truth = self};
    if (!self->journal || (!self->failed && !self->changed.count && !self->dropped.count))
        return 0;
    int rc = self->failed ? tr_error_set(error, -ENOMEM, "out of memory") : 0;
    if (rc == 0)
        rc = put_state(&b, self->sequence + 1, error);
    if (rc == 0)
        rc = put_dropped(&b, error);
    if (rc == 0)
        rc = put_changed(&b, error);
    if (rc == 0)
        rc = send_batch(&b, true, error);
    if (rc == 0)
        rc = tr_kb_truth_set_sequence(self, self->sequence + 1, error);
    self->sequence += rc == 0;
    free_values(&b);
    free(b.ops);
    tr_kb_truth_undo(self);
    return rc;
}

/* ---- a table that is new ---- */

typedef struct names {
    char (*items)[TR_KB_NAMESPACE_MAX + 1]; /* owned */
    size_t count;
    bool failed;
} names_t;

static void on_name(void *arg, const tr_kb_namespace_t *ns) {
    names_t *names = arg;
    void *grown = realloc(names->items, (names->count + 1) * sizeof *names->items);
    names->failed |= !grown;
    names->items = grown ? grown : names->items;
    if (grown)
        snprintf(names->items[names->count++], sizeof *names->items, "%s", ns->name);
}

static int read_names(tr_kb_truth_t *self, names_t *ret, tr_error_t *error) {
    int rc = tr_kb_namespaces(self->store, on_name, ret, error);
    return rc == 0 && ret->failed ? tr_error_set(error, -ENOMEM, "out of memory") : rc;
}

typedef struct scan {
    tr_kb_truth_t *truth;
    const char *ns;
    int64_t last;
    size_t count;
} scan_t;

static bool on_document(void *arg, const tr_kb_document_t *d) {
    scan_t *scan = arg;
    note(scan->truth, 'D', scan->ns, d->id);
    scan->last = d->number;
    scan->count++;
    return true;
}

static int write_some(tr_kb_truth_t *self, batch_t *b, tr_error_t *error) {
    int rc = self->failed ? tr_error_set(error, -ENOMEM, "out of memory") : put_changed(b, error);
    if (rc == 0)
        rc = send_batch(b, false, error);
    tr_kb_truth_undo(self);
    return rc;
}

static int write_namespace(tr_kb_truth_t *self, batch_t *b, const char *ns, tr_error_t *error) {
    scan_t scan = {.truth = self, .ns = ns, .count = FILL_EACH};
    tr_kb_namespace_t there;
    int rc = tr_kb_namespace_find(self->store, ns, &there, error);
    note(self, 'N', ns, NULL);
    while (rc == 0 && scan.count == FILL_EACH) {
        scan.count = 0;
        rc = tr_kb_scan(self->store, &there, scan.last, FILL_EACH, on_document, &scan, error);
        self->documents += scan.count;
        if (rc == 0)
            rc = write_some(self, b, error);
    }
    return rc;
}

/* The state goes first, and comes last: while it is not there the table counts as new. */
static int write_whole(tr_kb_truth_t *self, tr_error_t *error) {
    batch_t b = {.truth = self};
    names_t names = {0};
    int rc = read_names(self, &names, error);
    if (rc == 0)
        rc = tr_kb_truth_set_sequence(
            self, 0, error); /* it is this table's, and to be read where it ends behind the state */
    if (rc == 0)
        rc = put(&b, &(tr_journal_op_t){.type = TR_JOURNAL_DELETE, .key = "s", .key_len = 1}, error);
    if (rc == 0)
        rc = put_range(&b, "D", 1, "O", 1, error);
    for (size_t i = 0; i < names.count && rc == 0; i++)
        rc = write_namespace(self, &b, names.items[i], error);
    if (rc == 0)
        rc = put_state(&b, self->sequence, error);
    if (rc == 0)
        rc = send_batch(&b, true, error);
    free_values(&b);
    free(b.ops);
    free(names.items);
    return rc < 0 ? rc : tr_kb_truth_set_sequence(self, self->sequence, error);
}

/* ---- life ---- */

static bool on_state(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    tr_kb_truth_t *self = arg;
    if (key_len != 1 || *(const char *)key != 's' || value_len < 16)
        return false;
    self->instance = number_at(value);
    self->sequence = number_at((const char *)value + 8);
    self->last_len = value_len - 16;
    self->last = copy((const char *)value + 16, self->last_len);
    self->failed |= !self->last;
    return false;
}

static int empty_store(tr_kb_truth_t *self, const char *data, tr_error_t *error) {
    names_t names = {0};
    int rc = read_names(self, &names, error);
    tr_shelf_clear(data); /* of chunks that are not these; what is left is of another size, ignoring */
    if (rc == 0)
        rc = tr_kb_truth_set_sequence(self, 0, error);
    if (rc == 0)
        rc = tr_kb_store_begin(self->store, error);
    for (size_t i = 0; i < names.count && rc == 0; i++)
        rc = tr_kb_truth_drop_here(self, names.items[i], error);
    if (rc == 0)
        rc = tr_kb_store_commit(self->store, error);
    free(names.items);
    return rc;
}

/* A table that is new, or begins anew: directories that were made of what it had are told from those that are made of what it has. */
static void begin_anew(tr_kb_truth_t *self) {
    self->state = TR_KB_TRUTH_NEW;
    self->instance = tr_random_seed() | 1;
    self->sequence = 1;
}

/* What is in the store, as its setting says, and what is in the table. */
static int compare(tr_kb_truth_t *self, const char *data, tr_error_t *error) {
    char text[48] = "";
    names_t names = {0};
    unsigned long long instance = 0, sequence = 0;
    int rc = tr_kb_setting_read(self->store, SETTING, text, sizeof text, error);
    if (rc == 0)
        rc = read_names(self, &names, error);
    free(names.items);
    if (rc < 0)
        return rc;
    bool known = sscanf(text, "%llx:%llu", &instance, &sequence) == 2;
    if (!self->instance) {
        begin_anew(self);
        return known && sequence && names.count
                   ? tr_error_set(error, -EEXIST,
                         "the directory has documents of another table, and this one is "
                         "empty: name that one, or give an empty directory")
                   : 0;
    }
    if (names.count && (!known || instance != self->instance))
        return tr_error_set(error, -EEXIST,
            "the directory has documents that are not of this table: give an empty one, or another table");
    bool same = known && instance == self->instance;
    self->state = same && sequence == self->sequence                   ? TR_KB_TRUTH_SAME
                  : same && sequence && sequence + 1 == self->sequence ? TR_KB_TRUTH_BEHIND
                                                                       : TR_KB_TRUTH_LOST;
    return self->state == TR_KB_TRUTH_LOST ? empty_store(self, data, error) : 0;
}

int tr_kb_truth_open(tr_kb_truth_t *self, tr_kb_store_t *store, tr_journal_t **journal, const char *data,
    bool restored, tr_error_t *error) {
    *self = (tr_kb_truth_t){.store = store, .journal = *journal};
    *journal = NULL;
    tr_map_init(&self->changed, tr_random_seed());
    tr_map_init(&self->dropped, tr_random_seed());
    int rc = tr_journal_scan(
        self->journal, &(tr_journal_range_t){.from = "s", .from_len = 1}, 1, on_state, self, error);
    if (rc >= 0 && self->failed)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc >= 0 && restored)
        begin_anew(self);
    else if (rc >= 0)
        rc = compare(self, data, error);
    return rc < 0 ? rc : 0;
}

int tr_kb_truth_fill(tr_kb_truth_t *self, const char *model, tr_error_t *error) {
    static int (*const ways[])(tr_kb_truth_t * self, tr_error_t * error) = {
        [TR_KB_TRUTH_BEHIND] = tr_kb_truth_read_last,
        [TR_KB_TRUTH_LOST] = tr_kb_truth_read_whole,
        [TR_KB_TRUTH_NEW] = write_whole};
    if (!self->journal)
        return 0;
    self->model = model;
    int rc = self->state == TR_KB_TRUTH_SAME ? 0 : ways[self->state](self, error);
    if (rc == 0)
        tr_kb_watch(self->store, on_changed, self);
    return rc;
}

void tr_kb_truth_close(tr_kb_truth_t *self) {
    if (self->store)
        tr_kb_watch(self->store, NULL, NULL);
    tr_journal_close(&self->journal);
    tr_map_finish(&self->changed);
    tr_map_finish(&self->dropped);
    free(self->last);
    *self = (tr_kb_truth_t){0};
}
