/*
 * What is kept of an agent, as msgpack: {"version": 2, "moves": N, "broker": whose delivery numbers, "applied": [first, last, ...],
 * "pages": [first, next], "state": what the behaviour wrote}; and a page: [[number, kind, flags, message], ...]. In the place of "state", of a
 * behaviour that replays: "log": [first, next], the records of events (appended.h), each [event, ...]; the snapshot is what the behaviour wrote.
 */
#include "lib/agent/saved.h"

#include <errno.h>

#define VERSION   2
#define PAGES_MAX (1u << 24)
#define LOG_MAX   (TR_APPENDED_RECORDS_MAX + 1)

static void write_applied(const tr_applied_t *applied, tr_content_writer_t *out) {
    tr_write_str(out, "applied");
    tr_write_array(out, applied->n * 2);
    for (size_t i = 0; i < applied->n; i++) {
        tr_write_uint(out, applied->runs[i].first);
        tr_write_uint(out, applied->runs[i].last);
    }
}

void tr_saved_write_page(const tr_said_t *said, tr_content_writer_t *out) {
    size_t n = 0;
    for (const tr_said_t *s = said; s; s = s->next)
        n++;
    tr_write_array(out, n);
    for (; said; said = said->next) {
        tr_write_array(out, 4);
        tr_write_uint(out, said->number);
        tr_write_uint(out, said->kind);
        tr_write_uint(out, said->flags);
        tr_write_bin(out, said->acl, said->len);
    }
}

/* What save may do is looked at where it asks for more: it must not append. */
int tr_saved_write_state(const tr_saved_t *self, tr_content_writer_t *out) {
    tr_agent_t *agent = self->agent;
    tr_saved_t *s = agent->more ? agent->more->saved : NULL;
    if (s)
        s->writing = true;
    int r = agent->hosted->behaviour->save(agent, tr_agent_state(agent), out);
    if (s)
        s->writing = false;
    return r < 0 ? r : 0;
}

static int write_state(const tr_saved_t *self, tr_content_writer_t *out) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    int r = tr_saved_write_state(self, &w);
    if (r == 0)
        r = tr_content_writer_take(&w, &bytes, &len);
    if (r == 0) {
        tr_write_str(out, "state");
        tr_write_bin(out, bytes, len);
    }
    tr_content_writer_finish(&w);
    return r < 0 ? r : 0;
}

int tr_saved_write(const tr_saved_t *self, bool logged, tr_content_writer_t *out) {
    tr_write_map(out, 6);
    tr_write_kv_uint(out, "version", VERSION);
    tr_write_kv_uint(out, "moves", self->moves);
    tr_write_kv_uint(out, "broker", self->broker);
    write_applied(&self->applied, out);
    tr_write_str(out, "pages");
    tr_write_array(out, 2);
    tr_write_uint(out, tr_pages_first(self));
    tr_write_uint(out, self->next_page);
    if (!logged)
        return write_state(self, out);
    tr_write_str(out, "log");
    tr_write_array(out, 2);
    tr_write_uint(out, self->log.first);
    tr_write_uint(out, self->log.next);
    return 0;
}

static bool is_number(tr_value_t v) {
    return v && v->type == MSGPACK_OBJECT_POSITIVE_INTEGER;
}

static bool is_bin(tr_value_t v) {
    return v && v->type == MSGPACK_OBJECT_BIN;
}

static int read_applied(tr_saved_t *self, tr_value_t runs) {
    size_t n = tr_value_size(runs);
    if (!tr_value_is_array(runs) || n % 2)
        return -EBADMSG;
    for (size_t i = 0; i < n; i += 2) {
        tr_value_t first = tr_value_at(runs, i), last = tr_value_at(runs, i + 1);
        if (!is_number(first) || !is_number(last))
            return -EBADMSG;
        int r = tr_applied_add_run(&self->applied, (tr_applied_run_t){first->via.u64, last->via.u64});
        if (r < 0)
            return r == -EINVAL ? -EBADMSG : r;
    }
    return 0;
}

static int read_page(tr_saved_t *self, uint64_t page, tr_value_t list) {
    if (!tr_value_is_array(list))
        return -EBADMSG;
    for (size_t i = 0; i < tr_value_size(list); i++) {
        tr_value_t one = tr_value_at(list, i), number = tr_value_at(one, 0), kind = tr_value_at(one, 1),
                   flags = tr_value_at(one, 2), acl = tr_value_at(one, 3);
        if (!is_number(number) || !is_number(kind) || !is_number(flags) || !is_bin(acl))
            return -EBADMSG;
        tr_said_t where = {.number = number->via.u64, .page = page}; /* of no epoch of this process */
        int r = tr_said_add(self, (uint8_t)kind->via.u64, (uint8_t)flags->via.u64, acl->via.bin.ptr,
            acl->via.bin.size, &where);
        if (r < 0)
            return r;
    }
    self->fresh = self->said_end;
    return tr_pages_add(self, page, tr_value_size(list));
}

int tr_saved_read_page(tr_saved_t *self, uint64_t page, const void *bytes, size_t len) {
    tr_content_t content;
    int r = tr_content_init(&content, bytes, len);
    if (r < 0)
        return r;
    r = read_page(self, page, &content.root);
    tr_content_finish(&content);
    return r;
}

static int read_range(tr_value_t range, uint64_t most, uint64_t *ret_first, uint64_t *ret_next) {
    tr_value_t first = tr_value_at(range, 0), next = tr_value_at(range, 1);
    if (!is_number(first) || !is_number(next) || !first->via.u64 || first->via.u64 > next->via.u64 ||
        next->via.u64 - first->via.u64 > most)
        return -EBADMSG;
    *ret_first = first->via.u64;
    *ret_next = next->via.u64;
    return 0;
}

static int read_broker(tr_saved_t *self, tr_value_t broker) {
    if (!is_number(broker))
        return -EBADMSG;
    self->broker = broker->via.u64;
    return 0;
}

int tr_saved_read_state(tr_saved_t *self, const void *bytes, size_t len) {
    tr_content_t content;
    tr_agent_t *agent = self->agent;
    int r = tr_content_init(&content, bytes, len);
    if (r < 0)
        return r;
    r = agent->hosted->behaviour->restore(agent, tr_agent_state(agent), &content.root);
    tr_content_finish(&content);
    return r < 0 ? r : 0;
}

static int replay(tr_agent_t *agent, tr_value_t event) {
    tr_content_t content;
    if (!is_bin(event))
        return -EBADMSG;
    int r = tr_content_init(&content, event->via.bin.ptr, event->via.bin.size);
    if (r < 0)
        return r;
    r = agent->hosted->behaviour->replay(agent, tr_agent_state(agent), &content.root);
    tr_content_finish(&content);
    return r < 0 ? r : 0;
}

int tr_saved_read_events(tr_saved_t *self, const void *bytes, size_t len) {
    tr_content_t content;
    int r = tr_content_init(&content, bytes, len);
    if (r < 0)
        return r;
    r = tr_value_is_array(&content.root) ? 0 : -EBADMSG;
    for (size_t i = 0; r == 0 && i < tr_value_size(&content.root); i++)
        r = replay(self->agent, tr_value_at(&content.root, i));
    tr_content_finish(&content);
    return r;
}

/* Where the state is, or that it is here. */
static int read_state(tr_saved_t *self, tr_value_t map) {
    tr_value_t state = tr_value_get(map, "state"), log = tr_value_get(map, "log");
    if (log)
        return read_range(log, LOG_MAX, &self->log.first, &self->log.next);
    if (!is_bin(state))
        return -EBADMSG;
    self->log.whole = true; /* of a behaviour that replays: its snapshot is still to be written */
    return tr_saved_read_state(self, state->via.bin.ptr, state->via.bin.size);
}

int64_t tr_saved_read_moves(const void *bytes, size_t len, tr_saved_extent_t *ret) {
    tr_content_t content;
    if (tr_content_init(&content, bytes, len) < 0)
        return -1;
    int64_t moves = tr_value_int(tr_value_get(&content.root, "moves"), 0);
    tr_value_t log = tr_value_get(&content.root, "log");
    if (read_range(tr_value_get(&content.root, "pages"), PAGES_MAX, &ret->first, &ret->next) < 0 ||
        (log && read_range(log, LOG_MAX, &ret->first_event, &ret->next_event) < 0))
        moves = -1;
    tr_content_finish(&content);
    return moves;
}

int tr_saved_read(tr_saved_t *self, const void *bytes, size_t len, uint64_t *ret_first) {
    tr_content_t content;
    int r = tr_content_init(&content, bytes, len);
    if (r < 0)
        return r;
    tr_value_t map = &content.root;
    r = tr_value_int(tr_value_get(map, "version"), 0) == VERSION ? 0 : -EBADMSG;
    self->moves = (uint64_t)tr_value_int(tr_value_get(map, "moves"), 0); /* none before there were moves */
    if (r == 0)
        r = read_applied(self, tr_value_get(map, "applied"));
    if (r == 0)
        r = read_broker(self, tr_value_get(map, "broker"));
    if (r == 0)
        r = read_range(tr_value_get(map, "pages"), PAGES_MAX, ret_first, &self->next_page);
    if (r == 0)
        r = read_state(self, map);
    tr_content_finish(&content);
    return r;
}
