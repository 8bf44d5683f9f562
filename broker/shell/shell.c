/*
 * The loop: take what the ROUTER has, up to a bound, feed it to the core, carry out what the core gives out,
 * and again; sleep only when there was nothing. ZeroMQ's descriptors announce by edges, and a send may
 * swallow one, so before sleeping the last thing done on a socket is a receive that found nothing.
 */
#include "broker/shell/shell.h"

#include "broker/core/core.h"
#include "broker/shell/configure.h"
#include "broker/shell/doze.h"
#include "broker/shell/events.h"
#include "broker/shell/exposition.h"
#include "broker/shell/gate.h"
#include "broker/shell/journal.h"
#include "broker/shell/peers.h"
#include "broker/shell/sockets.h"
#include "lib/base/clock.h"
#include "lib/base/crash.h"
#include "lib/base/http.h"
#include "lib/base/process.h"
#include "lib/link/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT_BYTES                                                                                           \
    (2u << 20) /* of free memory: room for the bundles that come and go, or each is given back and faulted in again */
#define BATCH_BUNDLES   64
#define BATCH_BYTES     (2u << 20)
#define TICK_MS         200
#define LOOK_MS         2 /* at all but links, however busy these are */
#define PAUSE_MS        1000
#define IDLE_BUFFERS    64
#define SUSPECTS_MAX    256
#define PROBES          5
#define LOGGED_PER_TICK 20   /* of warnings that a peer can cause: the counters have all of them */
#define FEW_SESSIONS    1000 /* fewer are worth a warning even where nobody asked for more */
#define FILES_LEAST     32
#define FILES_RESERVED  64
#define JOURNAL_FILES   320 /* that a store may have open besides */

typedef struct suspect {
    tr_peer_t peer;
    int probes_left;
} suspect_t;

struct tr_broker {
    const tr_broker_options_t *options;
    tr_log_t log;
    tr_pool_t pool;
    tr_sockets_t sockets;
    tr_core_t *core;
    tr_gate_t gate;
    tr_peers_t peers;
    tr_broker_journal_t journal;
    tr_exposition_t exposition;
    tr_http_t *http;
    int signal_fd;
    tr_doze_t doze;
    bool tick_due;
    bool look_at_stream; /* a send on it may have swallowed an edge */
    bool ending;
    bool journal_failed;
    bool door_shut; /* as it was told */
    int64_t end_ms; /* of the drain */
    int64_t tick_ms;
    suspect_t suspects[SUSPECTS_MAX]; /* peers whose connection broke, to be probed */
    size_t suspects_n;
    unsigned batch; /* bundles to take in one turn */
    unsigned logged, silenced;
    atomic_bool ready;
};

static const tr_event_t *event(tr_broker_event_t which) {
    return &tr_broker_events[which];
}

static void on_metrics(void *context, tr_buffer_t *body) {
    tr_exposition_render(&((tr_broker_t *)context)->exposition, body);
}

static bool on_ready(void *context, tr_buffer_t *reason) {
    bool ready = atomic_load(&((tr_broker_t *)context)->ready);
    if (!ready)
        tr_buffer_text(reason, "draining\n");
    return ready;
}

static const tr_http_ops_t http_ops = {.metrics = on_metrics, .ready = on_ready};

/* There are no more connections than descriptors for them (door.h), and each session has one. */
static uint32_t sessions_for_files(tr_broker_t *b) {
    tr_error_t error = {0};
    size_t reserved = FILES_RESERVED + (tr_broker_journal_wanted(b->options) ? JOURNAL_FILES : 0);
    size_t wanted = (size_t)b->options->sessions, have = 0;
    int r = tr_process_need_files(wanted + reserved, &have, &error);
    size_t most = have > 2 * reserved ? have - reserved : have / 2 + 1;
    tr_door_limit(&b->sockets.door, most);
    if (r == 0)
        return (uint32_t)wanted;
    if (tr_options_source(b->options->owner, "sessions") != TR_SOURCE_DEFAULT || most < FEW_SESSIONS)
        tr_log(&b->log, event(TR_B_FEW_FILES), "sessions=%zu detail=%s", most, error.text);
    return (uint32_t)(most < wanted ? most : wanted);
}

static int open_core(tr_broker_t *b, tr_error_t *error) {
    tr_core_config_t c;
    int r = tr_broker_configure(b->options, b->sockets.stream_endpoint, &c, error);
    if (r < 0)
        return r;
    c.sessions_max = sessions_for_files(b);
    c.tell_messages = tr_log_enabled(&b->log, event(TR_B_MESSAGE));
    b->core = tr_core_new(&c, &b->pool);
    return b->core ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

static tr_core_now_t read_clock(void) {
    return (tr_core_now_t){.mono_ms = tr_clock_ms(), .wall_ms = tr_clock_wall_ms()};
}

static int open_journal(tr_broker_t *b, tr_error_t *error) {
    if (!tr_broker_journal_wanted(b->options))
        return 0;
    int r = tr_broker_journal_open(&b->journal, b->options, error);
    if (r == 0)
        r = tr_broker_journal_recover(&b->journal, b->core, &b->log, read_clock(), error);
    if (r == 0)
        tr_log(&b->log, event(TR_B_JOURNAL), "journal=%s messages=%llu seconds=%.2f", b->options->journal,
            (unsigned long long)b->journal.recovered, (double)b->journal.recovery_ms / 1000.0);
    b->journal_failed = r < 0;
    return r;
}

static int open_http(tr_broker_t *b, tr_error_t *error) {
    const tr_broker_options_t *o = b->options;
    if (!strcmp(o->http, "none"))
        return 0;
    tr_http_config_t c = {.listen = o->http, .ops = &http_ops, .context = b};
    c.told_in = o->http_file, c.told_as = o->platform, c.job = "troupe-broker";
    return tr_http_new(&c, &b->http, error);
}

static int open_doze(tr_broker_t *b, tr_error_t *error) {
    const struct {
        int fd;
        tr_doze_why_t why;
    } rare[] = {
        {b->sockets.stream_fd, TR_DOZE_STREAM},
        {b->sockets.door.fds[TR_DOOR_LINKS], TR_DOZE_MONITOR},
        {b->sockets.door.fds[TR_DOOR_STREAM], b->gate.guarded ? TR_DOZE_STREAM : TR_DOZE_MONITOR},
        {b->signal_fd, TR_DOZE_SIGNAL},
        {tr_broker_journal_fd(&b->journal), TR_DOZE_JOURNAL},
        {tr_gate_fd(&b->gate), TR_DOZE_GATE},
    };
    int r = tr_doze_init(&b->doze, TICK_MS, error);
    for (size_t i = 0; i < sizeof rare / sizeof *rare && r == 0; i++)
        r = tr_doze_add(&b->doze, rare[i].fd, rare[i].why, error);
    return r;
}

static tr_sockets_config_t sockets_config(const tr_broker_options_t *o) {
    return (tr_sockets_config_t){
        .listen = &o->listen,
        .stream = o->stream,
        .insecure = o->insecure,
        .io_threads = (int)o->io_threads,
        .stream_queue = (int)o->stream_queue,
        .max_record = o->max_record,
        .guarded = o->cert && o->certs && !o->open_links,
    };
}

static int open_all(tr_broker_t *b, tr_error_t *error) {
    const tr_broker_options_t *o = b->options;
    tr_sockets_config_t sockets = sockets_config(o);
    if (o->ready_fd >= 0 && fcntl((int)o->ready_fd, F_GETFD) < 0)
        return tr_error_set(error, -EINVAL, "--ready-fd %d is not open", (int)o->ready_fd);
    int r = tr_broker_options_check(o, error);
    if (r == 0)
        r = tr_process_need_files(FILES_LEAST, NULL, error); /* libzmq ends a process that has none left */
    if (r == 0)
        r = tr_process_signals(&b->signal_fd, error);
    if (r == 0 && o->die_with)
        r = tr_process_die_with((pid_t)o->die_with, SIGTERM, error);
    if (r == 0)
        r = tr_gate_prepare(&b->gate, o, &sockets, error);
    if (r == 0)
        r = tr_sockets_init(&b->sockets, &sockets, error);
    if (r == 0)
        r = tr_peers_init(&b->peers, o, &b->sockets, &sockets, error);
    if (r == 0)
        r = open_core(b, error);
    if (r == 0)
        r = open_journal(b, error);
    if (r == 0)
        r = tr_gate_open(
            &b->gate, o, &b->sockets, b->core, &b->log, (uint64_t)tr_clock_ns(), read_clock(), error);
    if (r == 0)
        r = open_doze(b, error);
    if (r == 0)
        r = tr_peers_open(&b->peers, b->core, &b->log, &b->doze, error);
    if (r == 0)
        r = tr_exposition_init(&b->exposition, tr_broker_journal_stats(&b->journal), error);
    return r == 0 ? open_http(b, error) : r;
}

static void announce(tr_broker_t *b) {
    const char *http = b->http ? tr_http_address(b->http) : "";
    tr_log(&b->log, event(TR_B_LISTENING), "endpoint=%s stream=%s http=%s platform=%s pid=%d federation=%s",
        b->sockets.endpoint, b->sockets.stream_endpoint, http, b->options->platform, (int)getpid(),
        *b->peers.endpoint ? b->peers.endpoint : NULL);
    if (b->options->ready_fd < 0)
        return;
    dprintf((int)b->options->ready_fd,
        "{\"endpoint\":\"%s\",\"stream\":\"%s\",\"http\":\"%s\",\"platform\":\"%s\",\"pid\":%d,"
        "\"federation\":\"%s\"}\n",
        b->sockets.endpoint, b->sockets.stream_endpoint, http, b->options->platform, (int)getpid(),
        b->peers.endpoint);
    close((int)b->options->ready_fd);
}

static int exit_code(int error) {
    switch (error) {
    case -EINVAL:
    case -ENAMETOOLONG: return TR_BROKER_USAGE;
    case -EPERM: return TR_BROKER_INVALID;
    default: return TR_BROKER_UNREACHABLE;
    }
}

int tr_broker_check(const tr_broker_options_t *options, tr_error_t *error) {
    tr_sockets_config_t sockets = sockets_config(options);
    int r = tr_broker_options_check(options, error);
    if (r == 0)
        r = tr_sockets_check(&sockets, error);
    return r < 0 ? exit_code(r) : TR_BROKER_OK;
}

int tr_broker_new(const tr_broker_options_t *options, tr_broker_t **ret_broker) {
    tr_process_small_heap(KEPT_BYTES);
    tr_process_ignore_sigpipe();
    tr_broker_t *b = calloc(1, sizeof *b);
    if (!b) {
        fputs("troupe-broker: out of memory\n", stderr); /* there is no log yet */
        return TR_BROKER_INVALID;
    }
    *b = (tr_broker_t){.options = options, .signal_fd = -1, .doze = TR_DOZE_NONE};
    tr_log_init(&b->log, STDERR_FILENO, "broker", (tr_log_format_t)options->log_format,
        (tr_log_level_t)options->log_level);
    tr_crash_catch(&b->log);
    tr_pool_init(&b->pool, IDLE_BUFFERS);
    tr_error_t error = {0};
    int r = open_all(b, &error);
    if (r < 0) {
        tr_log(&b->log, event(TR_B_CANNOT_START), "detail=%s", error.text);
        r = b->journal_failed ? TR_BROKER_JOURNAL : exit_code(r);
        tr_broker_destroy(&b);
        return r;
    }
    atomic_store(&b->ready, true);
    announce(b);
    *ret_broker = b;
    return TR_BROKER_OK;
}

void tr_broker_destroy(tr_broker_t **self) {
    tr_broker_t *b = *self;
    if (!b)
        return;
    tr_http_destroy(&b->http);
    tr_exposition_finish(&b->exposition);
    tr_broker_journal_close(&b->journal);
    tr_gate_finish(&b->gate);
    tr_core_destroy(&b->core);
    tr_peers_finish(&b->peers);
    tr_sockets_finish(&b->sockets); /* its I/O thread gives buffers back, so before the pool */
    tr_pool_finish(&b->pool);
    tr_doze_finish(&b->doze);
    if (b->signal_fd >= 0)
        close(b->signal_fd);
    free(b);
    *self = NULL;
}

static void log_core_event(tr_broker_t *b, const tr_core_out_t *out) {
    if (out->event >= TR_EVENT_REFUSED && b->logged++ >= LOGGED_PER_TICK) {
        b->silenced++;
        return;
    }
    tr_broker_log_core(&b->log, out->event, out->text);
}

/* Nothing is acknowledged any more, nor written. */
static void journal_failed(tr_broker_t *b, const char *detail) {
    if (b->journal_failed)
        return;
    b->journal_failed = true;
    atomic_store(&b->ready, false);
    tr_log(&b->log, event(TR_B_JOURNAL_FAILED), "journal=%s detail=%s", b->options->journal, detail);
}

static void take_journal(tr_broker_t *b, tr_core_now_t now) {
    tr_error_t error = {0};
    if (b->journal.thread && !b->journal_failed &&
        tr_broker_journal_take(&b->journal, b->core, &b->log, now, &error) < 0)
        journal_failed(b, error.text);
}

static void send_to(tr_broker_t *b, tr_peer_t peer, tr_buf_t *buf, tr_core_now_t now) {
    int r =
        tr_peers_has(peer) ? tr_peers_send(&b->peers, peer, buf) : tr_sockets_send(&b->sockets, peer, buf);
    if (r != -EHOSTUNREACH)
        return;
    tr_core_unsent(b->core, buf->data, buf->len);
    tr_buf_release(buf);
    tr_core_peer_lost(b->core, peer, now);
}

static void cut(tr_broker_t *b, tr_peer_t peer, tr_core_now_t now) {
    if (tr_peers_has(peer))
        tr_peers_cut(&b->peers, peer, now);
    else
        tr_sockets_condemn(&b->sockets, peer);
}

/* Carries out what the core has decided. Returns whether there was anything. */
static bool carry_out(tr_broker_t *b, tr_core_now_t now) {
    tr_core_out_t out;
    bool any = false;
    while (tr_core_next(b->core, &out)) {
        any = true;
        switch (out.type) {
        case TR_OUT_SEND: send_to(b, out.peer, out.buf, now); break;
        case TR_OUT_STREAM:
            tr_sockets_publish(&b->sockets, out.text, out.buf); /* a watcher that is full misses it */
            b->look_at_stream = true;
            break;
        case TR_OUT_EVENT: log_core_event(b, &out); break;
        case TR_OUT_WRITE:
        case TR_OUT_READ:
            if (tr_broker_journal_carry(&b->journal, &out) < 0)
                journal_failed(b, "out of memory");
            break;
        case TR_OUT_CUT: cut(b, out.peer, now); break;
        case TR_OUT_DIALLED: tr_peers_dialled(&b->peers, &out, now); break;
        case TR_OUT_NONE: break;
        }
        free(out.detail);
    }
    return any;
}

static void refuse_multipart(tr_broker_t *b, tr_peer_t peer) {
    tr_counter_inc(&b->exposition.multipart);
    if (b->logged++ < LOGGED_PER_TICK)
        tr_log_event(&b->log, event(TR_B_MULTIPART));
    if (peer)
        tr_core_refuse(
            b->core, peer, TR_REASON_BAD_BUNDLE, "a message is one frame: a bundle (take a DEALER socket)");
}

/* As in a link: a lone message does not wait for the system call that finds nothing behind it; under load the
 * batch doubles. With expect the first one is waited for (lib/link/frame.h). */
static bool take_bundles(tr_broker_t *b, bool expect, tr_core_now_t now) {
    size_t bytes = 0;
    int64_t begun = expect ? tr_clock_ns() : 0;
    bool waited = false;
    for (unsigned n = 0; n < b->batch && bytes < BATCH_BYTES && !waited; n++) {
        tr_peer_t peer = 0;
        const uint8_t *key = NULL;
        zmq_msg_t frame;
        bool first = expect && n == 0;
        int r = tr_sockets_receive(&b->sockets, first, &peer, &key, &frame);
        waited = first && tr_clock_ns() - begun > TR_EXPECT_NS;
        if (r == 0) {
            b->batch = 1;
            return n > 0;
        }
        if (r < 0) {
            refuse_multipart(b, peer);
            continue;
        }
        bytes += zmq_msg_size(&frame);
        tr_core_bundle_by(b->core, peer, key, zmq_msg_data(&frame), zmq_msg_size(&frame), now);
        zmq_msg_close(&frame);
    }
    b->batch = waited ? 1 : b->batch < BATCH_BUNDLES ? b->batch * 2 : BATCH_BUNDLES;
    return true;
}

static void take_interest(tr_broker_t *b, tr_core_now_t now) {
    zmq_msg_t frame;
    const char *prefix;
    size_t len;
    bool on;
    b->look_at_stream = false;
    if (b->gate.guarded) {
        tr_watchers_take(&b->gate.watchers, now);
        return;
    }
    zmq_msg_init(&frame);
    while (tr_sockets_interest(&b->sockets, &frame, &prefix, &len, &on))
        tr_core_interest(b->core, prefix, len, on);
    zmq_msg_close(&frame);
}

/* An empty bundle: the peer ignores it, and ROUTER says whether the peer is there. */
static bool probe(tr_broker_t *b, tr_peer_t peer, tr_core_now_t now) {
    tr_buf_t *buf = tr_pool_get(&b->pool, TR_BUF_SIZE);
    if (!buf)
        return true;
    memcpy(buf->data, "TB\1\0\0\0\0\0", 8);
    buf->len = 8;
    if (tr_sockets_send(&b->sockets, peer, buf) != -EHOSTUNREACH)
        return true;
    tr_buf_release(buf);
    tr_core_peer_lost(b->core, peer, now);
    return false;
}

/* A connection that broke is told by the monitor before ROUTER has let go of the peer, so it is probed for a
 * while. */
static void probe_suspects(tr_broker_t *b, tr_core_now_t now) {
    for (size_t i = b->suspects_n; i-- > 0;)
        if (!probe(b, b->suspects[i].peer, now) || --b->suspects[i].probes_left == 0)
            b->suspects[i] = b->suspects[--b->suspects_n];
}

static void say_door(tr_broker_t *b) {
    const tr_door_t *door = &b->sockets.door;
    if (door->shut == b->door_shut)
        return;
    b->door_shut = door->shut;
    if (door->shut)
        tr_log(&b->log, event(TR_B_SHUT), "connections=%zu most=%zu", door->count, door->most);
    else
        tr_log(&b->log, event(TR_B_OPEN), "connections=%zu cut=%llu", door->count,
            (unsigned long long)door->cut);
}

/* True when a connection broke. */
static bool look_at_door(tr_broker_t *b) {
    tr_peer_t peer;
    bool any = false;
    while (tr_sockets_broken(&b->sockets, &peer)) {
        any = true;
        if (b->suspects_n < SUSPECTS_MAX) /* the rest is told by the lease */
            b->suspects[b->suspects_n++] = (suspect_t){.peer = peer, .probes_left = PROBES};
    }
    say_door(b);
    return any;
}

static void take_signals(tr_broker_t *b, tr_core_now_t now) {
    int signal;
    while ((signal = tr_process_next_signal(b->signal_fd)) > 0) {
        if (signal == SIGHUP)
            continue; /* nothing to read again */
        if (b->ending) {
            b->end_ms = 0;
            continue;
        }
        b->ending = true;
        b->end_ms = now.mono_ms + b->options->drain_ms;
        atomic_store(&b->ready, false);
        tr_core_shutdown(b->core);
        tr_log(
            &b->log, event(TR_B_DRAINING), "queued=%llu", (unsigned long long)tr_core_stats(b->core)->queued);
    }
}

static void tick(tr_broker_t *b, tr_core_now_t now) {
    if (b->tick_ms &&
        now.mono_ms - b->tick_ms > PAUSE_MS) /* stopped, or short of time: others were not silent */
        tr_core_paused(b->core, now.mono_ms - b->tick_ms, now);
    b->tick_ms = now.mono_ms;
    b->tick_due = false;
    take_signals(b, now); /* under load the loop never sleeps, where it looks otherwise */
    b->look_at_stream = true;
    tr_door_tick(&b->sockets.door);
    look_at_door(b); /* also because a descriptor announces nothing before the first receive */
    probe_suspects(b, now);
    tr_gate_take(&b->gate, now);
    tr_peers_tick(&b->peers, now);
    tr_core_tick(b->core, now);
    tr_gate_tick(&b->gate, now);
    tr_broker_journal_tell(&b->journal, b->core, now.mono_ms);
    tr_exposition_update(&b->exposition, b->core);
    if (b->silenced)
        tr_log(&b->log, event(TR_B_SILENCED), "count=%u", b->silenced);
    b->logged = b->silenced = 0;
}

static bool ended(const tr_broker_t *b, tr_core_now_t now) {
    return b->journal_failed || (b->ending && (tr_core_drained(b->core) || now.mono_ms >= b->end_ms));
}

/* While links are busy it only looks what else there is. */
static void sleep_until_something(tr_broker_t *b, bool wait) {
    unsigned why =
        tr_doze(&b->doze, b->sockets.links_fd, wait, wait ? tr_broker_journal_soon_ns(&b->journal) : 0);
    b->tick_due |= (why & TR_DOZE_TICK) != 0;
    b->look_at_stream |= (why & TR_DOZE_STREAM) != 0;
    if (!(why & (TR_DOZE_MONITOR | TR_DOZE_SIGNAL | TR_DOZE_GATE | TR_DOZE_PEERS)))
        return;
    tr_core_now_t now = read_clock();
    if (why & TR_DOZE_PEERS)
        tr_peers_tick(&b->peers, now);
    if (look_at_door(b))
        probe_suspects(b, now);
    take_signals(b, now);
    tr_gate_take(&b->gate, now);
}

/* While it waits for links it looks at nothing else: not where a disk, or a shut door, wants it. */
static bool may_expect(const tr_broker_t *b) {
    return !b->look_at_stream && !b->journal.thread && !b->sockets.door.shut && !b->ending;
}

int tr_broker_run(tr_broker_t *self) {
    tr_broker_t *b = self;
    tr_core_now_t now = read_clock();
    b->look_at_stream = true;
    b->batch = 1;
    int64_t looked_ms = 0;
    bool expect = false;
    while (!ended(b, now)) {
        bool took = take_bundles(b, expect, now), any = took;
        any |= tr_peers_take(&b->peers, now);
        take_journal(b, now);
        if (b->look_at_stream)
            take_interest(b, now);
        if (b->tick_due || now.mono_ms - b->tick_ms >= TICK_MS) /* under load it never sleeps */
            tick(b, now);
        else if (b->sockets.door.shut) /* libzmq tries again and again meanwhile */
            look_at_door(b);
        tr_core_flush(b->core);
        any |= carry_out(b, now);
        bool nothing = !any && !b->look_at_stream;
        if (nothing || now.mono_ms - looked_ms >= LOOK_MS) {
            sleep_until_something(b, nothing);
            looked_ms = now.mono_ms;
        }
        expect = took && may_expect(b) && !b->peers.options; /* other brokers are not waited for there */
        now = read_clock();
    }
    if (b->journal_failed)
        tr_core_journal_failed(b->core, now);
    tr_core_farewell(b->core);
    tr_core_flush(b->core);
    carry_out(b, now);
    tr_log(&b->log, event(TR_B_ENDED), "queued=%llu", (unsigned long long)tr_core_stats(b->core)->queued);
    return b->journal_failed ? TR_BROKER_JOURNAL : TR_BROKER_OK;
}
