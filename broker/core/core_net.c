#include "broker/core/core_net.h"

#include "lib/cert/role.h"

static net_wire_t *wire_of(const net_t *net, const world_t *w, tr_peer_t peer, unsigned *ret_end) {
    for (net_wire_t *wire = net->wires; wire; wire = wire->next)
        for (unsigned end = 0; end < 2; end++)
            if (wire->ends[end] == w && wire->peers[end] == peer) {
                *ret_end = end;
                return wire;
            }
    return NULL;
}

static void put_frame(net_wire_t *wire, unsigned to, const void *bytes, size_t len) {
    net_frame_t *f = malloc(sizeof *f + len);
    assert_non_null(f);
    f->next = NULL;
    f->len = len;
    memcpy(f->bytes, bytes, len);
    *wire->last[to] = f;
    wire->last[to] = &f->next;
}

static void drop_frames(net_wire_t *wire) {
    for (unsigned end = 0; end < 2; end++) {
        while (wire->first[end]) {
            net_frame_t *next = wire->first[end]->next;
            free(wire->first[end]);
            wire->first[end] = next;
        }
        wire->last[end] = &wire->first[end];
    }
}

static void abroad(world_t *w, const tr_core_out_t *out) {
    unsigned end;
    net_wire_t *wire = wire_of(w->net, w, out->peer, &end);
    if (wire && wire->up && out->type == TR_OUT_SEND) {
        put_frame(wire, !end, out->buf->data, out->buf->len);
    } else if (wire && out->type == TR_OUT_CUT) {
        wire->up = false; /* what was sent before is carried still */
    } else if (wire && out->type == TR_OUT_DIALLED) {
        wire->dialled = (int)out->number;
        snprintf(wire->detail, sizeof wire->detail, "%s", out->text + strlen(out->text) + 1);
    }
    tr_buf_release(out->buf);
    free(out->detail);
}

void net_certify(net_t *net, uint8_t revoked) {
    tr_cert_t *certs[NET_MAX];
    for (size_t i = 0; i < net->count; i++) {
        char name[2] = {(char)('a' + i), 0};
        certs[i] = tr_cert_new(name);
        certs[i]->keys_n = 1;
        memset(certs[i]->keys[0].bytes, (int)i + 1, TR_KEY_SIZE);
        certs[i]->revoked_ms = revoked == i + 1 ? 1 : 0;
        assert_int_equal(tr_role_grant(certs[i], TR_ROLE_BROKER), 0);
    }
    tr_cert_book_t *book = tr_cert_book_new(certs, net->count);
    for (size_t i = 0; i < net->count; i++) {
        assert_true(tr_core_guard(net->brokers[i]->core, book, net->brokers[i]->now));
        step(net->brokers[i]);
    }
    tr_cert_book_release(&book);
}

net_t *net_new(size_t count, void (*change)(tr_core_config_t *config)) {
    net_t *net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->count = count;
    for (size_t i = 0; i < count; i++) {
        char name[2] = {(char)('a' + i), 0};
        tr_core_config_t config = world_config();
        config.platform = name;
        config.seed = i + 1;
        config.open_links = true;
        if (change)
            change(&config);
        net->brokers[i] = world_new(&config);
        net->brokers[i]->config.platform = net->brokers[i]->name;
        memcpy(net->brokers[i]->name, name, sizeof name);
        net->brokers[i]->abroad = abroad;
        net->brokers[i]->carry = net_run;
        net->brokers[i]->net = net;
        net->keys[i] = (uint8_t)(i + 1);
    }
    net_certify(net, 0);
    return net;
}

void net_end(net_t *net) {
    for (size_t i = 0; i < net->count; i++)
        world_end(net->brokers[i]);
    while (net->wires) {
        net_wire_t *next = net->wires->next;
        drop_frames(net->wires);
        free(net->wires);
        net->wires = next;
    }
    free(net);
}

void net_crash(net_t *net, size_t broker, size_t keep) {
    world_t *w = net->brokers[broker];
    world_crash(w, keep);
    net_certify(net, 0);
    for (net_wire_t *wire = net->wires; wire; wire = wire->next)
        if (wire->up && (wire->ends[0] == w || wire->ends[1] == w))
            net_break(net, wire);
}

static uint8_t key_of(const net_t *net, const world_t *w) {
    for (size_t i = 0; i < net->count; i++)
        if (net->brokers[i] == w)
            return net->keys[i];
    return 0;
}

/* One frame to one end; false when there is none. */
static bool carry(net_t *net, net_wire_t *wire, unsigned to) {
    net_frame_t *f = wire->stuck ? NULL : wire->first[to];
    if (!f)
        return false;
    wire->first[to] = f->next;
    if (!f->next)
        wire->last[to] = &wire->first[to];
    world_t *w = wire->ends[to];
    uint8_t key[32];
    memset(key, key_of(net, wire->ends[!to]), sizeof key);
    tr_core_peer_bundle(w->core, wire->peers[to], to == 0, key[0] ? key : NULL, f->bytes, f->len, w->now);
    free(f);
    step(w);
    return true;
}

/* Of a connection that was cut, once all that was sent before is there. */
static bool tell_end(net_wire_t *wire) {
    if (wire->up || wire->told || wire->stuck || wire->first[0] || wire->first[1])
        return false;
    wire->told = true;
    for (unsigned end = 0; end < 2; end++) {
        tr_core_peer_lost(wire->ends[end]->core, wire->peers[end], wire->ends[end]->now);
        step(wire->ends[end]);
    }
    return true;
}

void net_run(net_t *net) {
    for (bool any = true; any;) {
        any = false;
        for (net_wire_t *wire = net->wires; wire; wire = wire->next)
            for (unsigned end = 0; end < 2; end++)
                any |= carry(net, wire, end);
        for (net_wire_t *wire = net->wires; wire && !any; wire = wire->next)
            any = tell_end(wire);
    }
}

net_wire_t *net_dial_later(net_t *net, size_t from, size_t to) {
    net_wire_t *wire = calloc(1, sizeof *wire);
    assert_non_null(wire);
    uint32_t n = ++net->serial;
    *wire = (net_wire_t){.next = net->wires,
        .ends = {net->brokers[from], net->brokers[to]},
        .peers = {UINT64_C(1) << 33 | n, UINT64_C(1) << 32 | n},
        .up = true,
        .dialled = -1};
    wire->last[0] = &wire->first[0];
    wire->last[1] = &wire->first[1];
    net->wires = wire;
    tr_core_dial(wire->ends[0]->core, wire->peers[0], wire->ends[0]->now);
    step(wire->ends[0]);
    return wire;
}

net_wire_t *net_dial(net_t *net, size_t from, size_t to) {
    net_wire_t *wire = net_dial_later(net, from, to);
    net_run(net);
    return wire;
}

void net_inject(net_t *net, net_wire_t *wire, unsigned to) {
    world_t *w = wire->ends[!to];
    tr_bundle_end(w->draft, w->draft_records);
    put_frame(wire, to, w->draft->data, w->draft->len);
    tr_buf_release(w->draft);
    w->draft = NULL;
    net_run(net);
}

void net_inject_bytes(net_t *net, net_wire_t *wire, unsigned to, const void *bytes, size_t len) {
    put_frame(wire, to, bytes, len);
    net_run(net);
}

void net_rebirth(net_t *net, size_t broker) {
    world_t *w = net->brokers[broker];
    tr_core_destroy(&w->core);
    w->config.seed += 100;
    w->core = tr_core_new(&w->config, &w->pool);
    assert_non_null(w->core);
    net_certify(net, 0);
}

void net_mesh(net_t *net) {
    for (size_t i = 0; i < net->count; i++)
        for (size_t j = i + 1; j < net->count; j++)
            assert_int_equal(net_dial(net, i, j)->dialled, TR_DIALLED_LINKED);
    for (size_t i = 0; i < net->count; i++)
        forget(net->brokers[i]);
}

void net_pass(net_t *net, int64_t ms) {
    for (size_t i = 0; i < net->count; i++)
        pass(net->brokers[i], ms);
    net_run(net);
}

void net_break(net_t *net, net_wire_t *wire) {
    wire->up = wire->stuck = false;
    drop_frames(wire);
    net_run(net);
}

net_wire_t *net_wire(net_t *net, size_t from, size_t to) {
    for (net_wire_t *wire = net->wires; wire; wire = wire->next)
        if (wire->up && ((wire->ends[0] == net->brokers[from] && wire->ends[1] == net->brokers[to]) ||
                            (wire->ends[1] == net->brokers[from] && wire->ends[0] == net->brokers[to])))
            return wire;
    return NULL;
}
