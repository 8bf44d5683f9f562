/* The link's life: wire, receiving, heartbeats, credit, flushing. Control records are in link_control.c,
 * sending in link_send.c. */
#include "lib/link/link_private.h"

#include "lib/base/random.h"
#include "lib/link/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_BUFFERS   32
#define RECEIVE_MAX    32 /* bundles in one turn, so that sending and timers get theirs */
#define HELLO_MS       1000
#define HELLOS_MAX     5   /* on one socket */
#define KNOCK_MS       300 /* between two tries of who is kept out */
#define LOOK_MS        100 /* while a handshake may be refused */
#define BACKOFF_MAX_MS 5000

static int64_t now_ms(void) {
    return tr_clock_ms();
}

static char *dup_or(const char *text, const char *otherwise) {
    return strdup(text ? text : otherwise);
}

static tr_link_t *link_alloc(const tr_host_options_t *o) {
    tr_link_t *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    char host[65];
    tr_wire_identity(host, &l->pid);
    pthread_mutex_init(&l->lock, NULL);
    tr_pool_init(&l->pool, IDLE_BUFFERS);
    l->inbox_end = &l->inbox;
    l->events_end = &l->events;
    l->seed = tr_random_seed();
    tr_map_init(&l->routes, l->seed);
    tr_map_init(&l->topics, l->seed);
    tr_map_init(&l->topic_routes, l->seed);
    tr_map_init(&l->sub_keys, l->seed);
    l->window_records = o->window_records ? o->window_records : 32768;
    l->window_bytes = o->window_bytes ? o->window_bytes : 8u << 20;
    l->queue_max = o->queue_bytes ? o->queue_bytes : 8u << 20;
    l->heartbeat_ms = 1000;
    l->lease_ms = 3000;
    l->max_record = TR_RECORD_MAX;
    l->next_id = 1;
    l->kept_first = l->next_durable = 1;
    l->stored_end = &l->stored;
    l->durable = o->durable;
    l->producer_epoch = o->producer ? o->producer_epoch : 1;
    if (o->producer)
        snprintf(l->producer, sizeof l->producer, "%s", o->producer);
    else
        snprintf(l->producer, sizeof l->producer, "%016llx%016llx", (unsigned long long)l->seed,
            (unsigned long long)tr_random_seed());
    l->batch = 1;
    l->endpoint = dup_or(o->endpoint, "");
    l->process = dup_or(o->process, "libtroupe");
    l->host = dup_or(host, "");
    return l;
}

static int cannot_open(tr_link_t *l, int r, tr_error_t *error) {
    const char *refusal = tr_wire_refusal(l->wire);
    if (*refusal)
        return tr_error_set(error, r, "%s", refusal);
    return tr_error_set(error, r == -EMFILE ? r : -EINVAL,
        "%s: %s; an endpoint is tcp://HOST:PORT or ipc://PATH", l->endpoint, tr_wire_strerror(-r));
}

int tr_link_new(const tr_host_options_t *options, tr_link_t **ret_link, tr_error_t *error) {
    tr_link_t *l = link_alloc(options);
    if (!l || !l->endpoint || !l->process || !l->host || tr_wire_new(l->endpoint, l->seed, &l->wire) < 0) {
        tr_link_destroy(&l, 0);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    l->secure = options->certificate != NULL;
    int r = l->secure ? tr_wire_secure(l->wire, options->certificate) : 0;
    if (r == 0)
        r = tr_wire_open(l->wire);
    if (r < 0) {
        r = cannot_open(l, r, error);
        tr_link_destroy(&l, 0);
        return r;
    }
    tr_link_hello(l, now_ms());
    tr_link_flush_locked(l);
    *ret_link = l;
    return 0;
}

static void free_inbound(tr_inbound_t *in) {
    zmq_msg_close(&in->frame);
    free(in->gone);
    free(in);
}

static void drop_inbox(tr_link_t *l) {
    while (l->inbox) {
        tr_inbound_t *next = l->inbox->next;
        free_inbound(l->inbox);
        l->inbox = next;
    }
    l->inbox_end = &l->inbox;
}

static void free_lists(tr_link_t *l) {
    drop_inbox(l);
    while (l->events) {
        tr_link_event_t *next = l->events->next;
        free(l->events);
        l->events = next;
    }
    tr_link_drop_subs(l, NULL);
    tr_map_finish(&l->sub_keys);
    while (l->registrations) {
        tr_registration_t *next = l->registrations->next;
        tr_registration_free(l->registrations);
        l->registrations = next;
    }
}

/* The broker answers BYE when it has taken all that came before; until then the process must not end (libzmq
 * loses what it holds). */
void tr_link_drain(tr_link_t *self, int64_t wait_ms) {
    int64_t deadline = now_ms() + wait_ms, due;
    for (;;) {
        tr_link_work(self, &due);
        pthread_mutex_lock(&self->lock);
        bool wait = self->state == TR_LINK_READY && !self->farewell && tr_link_keeps(self);
        struct pollfd p = {.fd = tr_wire_is_open(self->wire) ? tr_wire_fd(self->wire) : -1, .events = POLLIN};
        pthread_mutex_unlock(&self->lock);
        if (!wait || now_ms() >= deadline)
            return;
        tr_wire_poll(&p, 1, 20);
    }
}

static void say_goodbye(tr_link_t *l, int64_t wait_ms) {
    int64_t deadline = now_ms() + wait_ms;
    bool ready = l->state == TR_LINK_READY;
    while (ready && l->state != TR_LINK_CLOSED && now_ms() < deadline) {
        int64_t due;
        tr_link_work(l, &due);
        drop_inbox(l); /* there are no agents any more */
        pthread_mutex_lock(&l->lock);
        if (l->state == TR_LINK_READY && !l->data.head) {
            tr_record_header_t h = {.kind = TR_KIND_BYE, .id = l->next_id++};
            tr_link_put(l, &h, NULL, 0);
            tr_link_flush_locked(l);
            l->state = TR_LINK_BYE;
        }
        ready = !l->farewell && (l->state == TR_LINK_READY || l->state == TR_LINK_BYE);
        pthread_mutex_unlock(&l->lock);
        struct pollfd p = {.fd = tr_wire_fd(l->wire), .events = POLLIN};
        if (ready)
            tr_wire_poll(&p, 1, 20);
    }
}

void tr_link_destroy(tr_link_t **self, int64_t wait_ms) {
    tr_link_t *l = *self;
    if (!l)
        return;
    if (l->wire && tr_wire_is_open(l->wire))
        say_goodbye(l, wait_ms);
    free_lists(l);
    tr_link_free_kept(l);
    tr_link_free_topics(&l->topics);
    tr_link_free_topics(&l->old_topics);
    tr_outbox_finish(&l->control);
    tr_outbox_finish(&l->data);
    tr_wire_destroy(&l->wire); /* gives lent buffers back, so before the pool */
    tr_pool_finish(&l->pool);
    tr_map_finish(&l->routes);
    tr_map_finish(&l->topic_routes);
    pthread_mutex_destroy(&l->lock);
    free(l->muted);
    free(l->endpoint);
    free(l->process);
    free(l->host);
    free(l);
    *self = NULL;
}

static void give_chunk(tr_link_t *l, tr_chunk_t *chunk) {
    l->stats.bundles_out++;
    l->stats.bytes_out += chunk->buf->len;
    tr_wire_send(l->wire, chunk->buf);
    chunk->buf = NULL;
    tr_chunk_free(chunk);
}

/* Only records that count are on an account (link_send.c), and there is one account. */
static uint64_t charged_records(const tr_chunk_t *chunk) {
    return chunk->runs_n ? chunk->runs[0].records : 0;
}

static uint64_t charged_bytes(const tr_chunk_t *chunk) {
    return chunk->runs_n ? chunk->runs[0].bytes : 0;
}

static bool may_go(const tr_link_t *l, const tr_chunk_t *chunk) {
    uint64_t records = l->sent_records - l->acked_records, bytes = l->sent_bytes - l->acked_bytes;
    return !records || (records + charged_records(chunk) <= l->grant_records &&
                           bytes + charged_bytes(chunk) <= l->grant_bytes);
}

bool tr_link_flush_locked(tr_link_t *l) {
    tr_chunk_t *chunk;
    bool said = false;
    while ((chunk = tr_outbox_take(&l->control))) {
        give_chunk(l, chunk);
        said = true;
    }
    while (l->state == TR_LINK_READY && !l->stale && !l->holds && l->data.head && may_go(l, l->data.head)) {
        chunk = tr_outbox_take(&l->data);
        l->sent_records += charged_records(chunk);
        l->sent_bytes += charged_bytes(chunk);
        give_chunk(l, chunk);
        said = true;
    }
    if (said)
        l->said_ms = now_ms();
    return said;
}

void tr_link_hold_data(tr_link_t *self, bool holds) {
    pthread_mutex_lock(&self->lock);
    self->holds = holds;
    self->held_id = self->next_id;
    self->held_durable = self->next_durable;
    pthread_mutex_unlock(&self->lock);
}

uint64_t tr_link_position_taken(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    uint64_t position = self->sent_before + self->acked_records;
    pthread_mutex_unlock(&self->lock);
    return position;
}

void tr_link_flush(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    tr_link_flush_locked(self);
    pthread_mutex_unlock(&self->lock);
}

void tr_link_deliver(tr_link_t *l, tr_inbound_t *in) {
    in->next = NULL;
    *l->inbox_end = in;
    l->inbox_end = &in->next;
}

static void hold(tr_link_t *l, zmq_msg_t *frame, int64_t now) {
    tr_bundle_reader_t reader;
    if (tr_bundle_open(&reader, zmq_msg_data(frame), zmq_msg_size(frame), UINT32_MAX) == TR_REASON_NONE)
        tr_link_hold(l, &reader, now);
}

/* A broker's bundle holds either data or control records (docs/protocol.md), so the first one tells. */
static void take_bundle(tr_link_t *l, zmq_msg_t *frame, int64_t now) {
    tr_bundle_reader_t reader;
    tr_record_t record;
    size_t len = zmq_msg_size(frame);
    l->heard_ms = now;
    l->stats.bundles_in++;
    l->stats.bytes_in += len;
    bool bundle = !zmq_msg_more(frame) &&
                  tr_bundle_open(&reader, zmq_msg_data(frame), len, UINT32_MAX) == TR_REASON_NONE;
    int first = bundle ? tr_bundle_next(&reader, &record) : -1;
    if (first < 0)
        tr_link_say(l, TR_HOST_REFUSED, "a frame from the broker is no bundle");
    if (first <= 0) /* an empty one only asks whether somebody is here */
        return;
    l->came = true;
    if (!tr_kind_is_data(record.h.kind)) {
        do
            tr_link_control(l, &record, now);
        while (tr_bundle_next(&reader, &record) > 0);
        return;
    }
    if (l->journal)
        hold(l, frame, now);
    tr_inbound_t *in = calloc(1, sizeof *in);
    if (!in) {
        tr_link_say(l, TR_HOST_DROPPED, "out of memory: a bundle was dropped");
        l->taken_records += reader.left + 1; /* or the broker would wait for them for ever */
        l->taken_bytes += len - TR_BUNDLE_HEADER;
        return;
    }
    in->epoch =
        l->state == TR_LINK_HELLO ? 0 : l->epoch; /* what the old connection still had counts no more */
    zmq_msg_init(&in->frame);
    zmq_msg_move(&in->frame, frame);
    tr_link_deliver(l, in);
}

/* True when nothing more was there. Finding that out costs libzmq a system call, which a lone message should
 * not wait for: the first look takes one bundle, and each look that found all it asked for lets the next one
 * take twice as many. */
static bool receive(tr_link_t *l, int64_t now) {
    bool expect = l->expects, waited = false;
    int64_t begun = expect ? tr_clock_ns() : 0;
    l->expects = false;
    for (unsigned i = 0; i < l->batch && !waited; i++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (!tr_wire_receive(l->wire, expect && i == 0, &frame)) {
            zmq_msg_close(&frame);
            l->batch = 1;
            return true;
        }
        waited = expect && i == 0 && tr_clock_ns() - begun > TR_EXPECT_NS;
        take_bundle(l, &frame, now);
        zmq_msg_close(&frame);
    }
    if (waited) {
        l->batch = 1;
        return false;
    }
    l->batch = l->batch < RECEIVE_MAX ? l->batch * 2 : RECEIVE_MAX;
    return false;
}

/* At half a window; and a heartbeat later whatever is left, because a record that needs more than half may be
 * waiting for it. (Not with the heartbeat itself: who always has something to say sends none.) */
static void send_credit(tr_link_t *l, int64_t now) {
    uint64_t records = l->taken_records - l->credited_records, bytes = l->taken_bytes - l->credited_bytes;
    if (!records)
        l->owing_ms = now;
    bool rest = now - l->owing_ms >= (int64_t)l->heartbeat_ms;
    if (!records || l->state == TR_LINK_HELLO ||
        (!rest && records < l->window_records / 2 && bytes < l->window_bytes / 2))
        return;
    uint8_t body[TR_CREDIT_SIZE];
    tr_put64(body, l->taken_records);
    tr_put64(body + 8, l->taken_bytes);
    tr_record_header_t h = {.kind = TR_KIND_CREDIT};
    tr_link_put(l, &h, body, sizeof body);
    l->credited_records = l->taken_records;
    l->credited_bytes = l->taken_bytes;
    l->owing_ms = now;
}

/* How long to wait for a WELCOME. */
static int64_t patience(const tr_link_t *l) {
    return HELLO_MS + l->backoff_ms;
}

static void open_again(tr_link_t *l) {
    int r = tr_wire_open(l->wire);
    const char *refusal = r < 0 ? tr_wire_refusal(l->wire) : "";
    if (r < 0)
        snprintf(l->trouble, sizeof l->trouble, "%.240s%s",
            *refusal ? refusal : "cannot open a socket: ", *refusal ? "" : tr_wire_strerror(-r));
    l->came = true; /* the host may be about to wait for the descriptor of the one before */
}

/* A HELLO waits in libzmq until it has connected, so asking again helps only where a connection was lost
 * meanwhile; where nobody answers for long, the connection may be one that nobody else knows of. */
static void hello_again(tr_link_t *l, int64_t now) {
    if (++l->hellos % HELLOS_MAX == 0)
        open_again(l);
    tr_link_hello(l, now);
}

/* Kept out by the broker's guard, in which case ZeroMQ gives up: a new certificate may get through, or the
 * same one once the broker knows it. */
static void knock_again(tr_link_t *l, int64_t now) {
    const char *refusal = l->secure && now >= l->knock_ms ? tr_wire_refusal(l->wire) : "";
    if (!*refusal)
        return;
    if (!l->refused_ms)
        tr_link_say(l, TR_HOST_REFUSED, refusal);
    l->refused_ms = l->refused_ms ? l->refused_ms : now;
    snprintf(l->trouble, sizeof l->trouble, "%.255s", refusal);
    l->knock_ms = now + KNOCK_MS + l->backoff_ms;
    l->backoff_ms = l->backoff_ms ? l->backoff_ms * 2 : 100;
    if (l->backoff_ms > BACKOFF_MAX_MS)
        l->backoff_ms = BACKOFF_MAX_MS;
    open_again(l);
    tr_link_hello(l, now);
}

/* Begins anew on a fresh socket: what is in the old one's pipes is of the dead connection. */
static void reconnect(tr_link_t *l, int64_t now) {
    tr_link_say(l, TR_HOST_DISCONNECTED, "the broker has been silent for too long");
    l->stats.reconnects++;
    l->backoff_ms = l->backoff_ms ? l->backoff_ms * 2 : 100;
    if (l->backoff_ms > BACKOFF_MAX_MS)
        l->backoff_ms = BACKOFF_MAX_MS;
    l->backoff_ms += (int64_t)(l->seed % (uint64_t)l->backoff_ms) / 2;
    open_again(l);
    tr_link_hello(l, now);
}

static void keep_alive(tr_link_t *l, int64_t now) {
    if (l->state == TR_LINK_HELLO) {
        knock_again(l, now);
        if (now - l->hello_ms > patience(l))
            hello_again(l, now);
        return;
    }
    if (now - l->heard_ms > (int64_t)l->lease_ms) {
        reconnect(l, now);
        return;
    }
    if (now - l->said_ms >= (int64_t)l->heartbeat_ms ||
        (now - l->heard_ms >= 2 * (int64_t)l->heartbeat_ms &&
            now - l->pinged_ms >= (int64_t)l->heartbeat_ms / 2)) { /* what it says else may need no answer */
        l->pinged_ms = now;
        tr_record_header_t h = {.kind = TR_KIND_PING, .id = l->next_id++};
        tr_link_put(l, &h, NULL, 0);
    }
    if (l->held_n)
        tr_link_extend_leases(l, now);
    tr_link_report(l, now);
    if (l->name_lost)
        tr_link_regain(l, now);
}

static int64_t next_due(const tr_link_t *l) {
    if (l->state == TR_LINK_HELLO) {
        int64_t again = l->hello_ms + patience(l) + 1, look = now_ms() + LOOK_MS;
        return l->secure && look < again ? look : again;
    }
    int64_t ping = l->said_ms + l->heartbeat_ms, lease = l->heard_ms + l->lease_ms;
    int64_t rest = l->taken_records != l->credited_records ? l->owing_ms + l->heartbeat_ms : INT64_MAX;
    int64_t due = ping < lease ? ping : lease;
    return rest < due ? rest : due;
}

bool tr_link_work(tr_link_t *self, int64_t *ret_due_ms) {
    pthread_mutex_lock(&self->lock);
    int64_t now = now_ms();
    bool quiet;
    self->came = false;
    tr_link_flush_locked(self); /* first, so that nobody waits for what is already said */
    do {
        quiet = receive(self, now);
        keep_alive(self, now);
        send_credit(self, now);
        /* A send may swallow the edge that announces what came meanwhile: only a receive that found nothing,
         * with no send after it, lets the caller poll. */
        quiet &= !tr_link_flush_locked(self);
    } while (!quiet && !self->inbox);
    *ret_due_ms = next_due(self);
    bool came = self->came || self->inbox;
    pthread_mutex_unlock(&self->lock);
    return came;
}

void tr_link_expect(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    self->expects = true;
    pthread_mutex_unlock(&self->lock);
}

int tr_link_fd(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    int fd = tr_wire_fd(self->wire);
    pthread_mutex_unlock(&self->lock);
    return fd;
}

bool tr_link_has_data(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    bool data = self->inbox != NULL;
    pthread_mutex_unlock(&self->lock);
    return data;
}

tr_inbound_t *tr_link_take(tr_link_t *self, bool *ret_more) {
    pthread_mutex_lock(&self->lock);
    tr_inbound_t *in = self->inbox;
    if (in) {
        self->in_hand++;
        self->inbox = in->next;
        if (!self->inbox)
            self->inbox_end = &self->inbox;
    }
    *ret_more = self->inbox != NULL;
    pthread_mutex_unlock(&self->lock);
    return in;
}

static void taken(tr_link_t *l, uint64_t epoch, uint64_t records, uint64_t bytes) {
    if (epoch == l->epoch) { /* a new epoch counts from nought */
        l->taken_records += records;
        l->taken_bytes += bytes;
    }
    l->stats.received += records;
}

void tr_link_finished(tr_link_t *self, tr_inbound_t *inbound, uint64_t records, uint64_t bytes) {
    pthread_mutex_lock(&self->lock);
    taken(self, inbound->epoch, records, bytes);
    self->in_hand--;
    pthread_mutex_unlock(&self->lock);
    free_inbound(inbound);
}

void tr_link_taken(tr_link_t *self, uint64_t epoch, uint64_t records, uint64_t bytes) {
    pthread_mutex_lock(&self->lock);
    taken(self, epoch, records, bytes);
    pthread_mutex_unlock(&self->lock);
}

bool tr_link_has_news(tr_link_t *self) {
    return atomic_load_explicit(&self->news, memory_order_acquire);
}

tr_link_event_t *tr_link_event(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    tr_link_event_t *e = self->events;
    if (!e)
        atomic_store_explicit(&self->news, false, memory_order_relaxed);
    if (e) {
        self->events = e->next;
        if (!self->events)
            self->events_end = &self->events;
    }
    pthread_mutex_unlock(&self->lock);
    return e;
}

bool tr_link_ready(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    bool ready = self->state == TR_LINK_READY;
    pthread_mutex_unlock(&self->lock);
    return ready;
}

void tr_link_stats(tr_link_t *self, tr_host_stats_t *ret_stats) {
    pthread_mutex_lock(&self->lock);
    *ret_stats = self->stats;
    ret_stats->queued_bytes = self->queued.bytes;
    pthread_mutex_unlock(&self->lock);
}

int64_t tr_link_kept_out(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    int64_t ms = self->refused_ms ? now_ms() - self->refused_ms + 1 : 0;
    pthread_mutex_unlock(&self->lock);
    return ms;
}

/* With and without a certificate, ZeroMQ only says that nothing came of it. */
static const char *usual_trouble(const tr_link_t *l) {
    return l->secure ? "no broker answers there; is it running, and is it the one that the certificate is "
                       "for? (troupe "
                       "doctor)"
                     : "no broker answers there; is it running, or does it want a certificate (--cert)? "
                       "(troupe doctor)";
}

void tr_link_trouble(tr_link_t *self, tr_error_t *error) {
    pthread_mutex_lock(&self->lock);
    tr_error_set(
        error, -ETIMEDOUT, "%s: %s", self->endpoint, self->trouble[0] ? self->trouble : usual_trouble(self));
    pthread_mutex_unlock(&self->lock);
}

const char *tr_link_platform(const tr_link_t *self) {
    return self->platform;
}

const char *tr_link_stream(const tr_link_t *self) {
    return self->stream;
}

uint32_t tr_link_max_record(const tr_link_t *self) {
    return self->max_record;
}

uint64_t tr_link_session(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    uint64_t n = self->sessions;
    pthread_mutex_unlock(&self->lock);
    return n;
}

uint64_t tr_link_instance(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    uint64_t n = self->instance;
    pthread_mutex_unlock(&self->lock);
    return n;
}

uint64_t tr_link_epoch(tr_link_t *self) {
    pthread_mutex_lock(&self->lock);
    uint64_t n = self->epoch;
    pthread_mutex_unlock(&self->lock);
    return n;
}
