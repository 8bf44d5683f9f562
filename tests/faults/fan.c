/*
 * One publisher and many subscribers, of which one takes 1 % of what is published in every second phase. The history tells, for each
 * phase, how long publications took to the others.
 *
 *     phase N SLOW P50 P99 COUNT GAPS     in microseconds; gaps of the slow one
 */
#include "tests/faults/many.h"

#include "proto/bundle.h"

#include <errno.h>
#include <stdlib.h>

#define TOPIC       "fan"
#define SLOWER      100
#define SETTLING_MS 400 /* at the begin of a phase nothing is counted: what came before is still on its way */
#define JOIN_MS     60000

typedef struct options {
    const char *connect, *history, *name;
    int64_t links, rate, phase_ms, phases;
} options_t;

#define O options_t
static const tr_option_t table[] = {
    {"connect", 0, "ENDPOINT", TR_STRING(O, connect), NULL, "The broker.", .flags = TR_OPTION_REQUIRED},
    {"history", 0, "FILE", TR_STRING(O, history), NULL, "Where to say what happens.",
        .flags = TR_OPTION_REQUIRED},
    {"name", 0, "NAME", TR_STRING(O, name), "fan", "The agents are NAME-0, NAME-1 ..."},
    {"links", 0, "N", TR_INT(O, links), "100", "Subscribers.", .min = 2, .max = 10000},
    {"rate", 0, "N", TR_INT(O, rate), "50", "Publications a second.", .min = 1, .max = 100000},
    {"phase", 0, "TIME", TR_DURATION(O, phase_ms), "2s", "Of a phase.", .min = 2 * SETTLING_MS},
    {"phases", 0, "N", TR_INT(O, phases), "8", "How many; every second one has a slow subscriber.", .min = 2,
        .max = 1000},
};
static const tr_program_t program = {.name = "fan",
    .summary = "Publish to many, of whom one is slow",
    .options = table,
    .option_count = sizeof table / sizeof *table};

typedef struct fan {
    options_t options;
    many_t many; /* the last member publishes */
    history_t history;
    int64_t begun_ms, next_take_ms;
    uint64_t sent, gaps;
    int64_t phase;
    int64_t *times; /* of this phase, in ns */
    size_t times_n, times_max;
    tr_inbound_t *held, **held_end; /* what the slow one has not taken yet */
} fan_t;

static bool is_slow(const fan_t *f) {
    return f->phase % 2 == 1;
}

static int64_t in_phase_ms(const fan_t *f, int64_t at_ms) {
    return at_ms - f->begun_ms - f->phase * f->options.phase_ms;
}

static void note(fan_t *f, const tr_record_t *r) {
    int64_t at = r->content_len == 8 ? (int64_t)tr_get64(r->content) : 0;
    if (in_phase_ms(f, at / 1000000) >= SETTLING_MS && f->times_n < f->times_max)
        f->times[f->times_n++] = tr_clock_ns() - at;
}

/* Takes a bundle of a member. */
static void finish(fan_t *f, member_t *m, tr_inbound_t *in) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    uint64_t records = 0, bytes = 0;
    tr_bundle_open(&reader, zmq_msg_data(&in->frame), zmq_msg_size(&in->frame), UINT32_MAX);
    while (tr_bundle_next(&reader, &r) > 0) {
        records++;
        bytes += r.h.length;
        f->gaps += !m->index && r.h.kind == TR_KIND_GAP ? r.h.id : 0;
        if (m->index && r.h.kind == TR_KIND_PUBLISH)
            note(f, &r);
    }
    tr_link_finished(m->link, in, records, bytes);
}

static void on_data(many_t *many, member_t *m, tr_inbound_t *in) {
    fan_t *f = many->arg;
    if (m->index || !is_slow(f)) {
        finish(f, m, in);
        return;
    }
    in->next = NULL;
    *f->held_end = in;
    f->held_end = &in->next;
}

/* The slow one takes a bundle when it is time, and all at once when it is slow no more. */
static void take_held(fan_t *f) {
    int64_t now = tr_clock_ms();
    while (f->held && (!is_slow(f) || now >= f->next_take_ms)) {
        tr_inbound_t *in = f->held;
        f->held = in->next;
        if (!f->held)
            f->held_end = &f->held;
        finish(f, &f->many.members[0], in);
        f->next_take_ms = now + SLOWER * 1000 / f->options.rate;
    }
}

static void publish_due(fan_t *f) {
    uint64_t due = (uint64_t)((tr_clock_ms() - f->begun_ms) * f->options.rate / 1000);
    member_t *publisher = &f->many.members[f->many.n - 1];
    char aid[TR_AID_MAX + 1];
    snprintf(aid, sizeof aid, "%.60s-%zu@%s", f->options.name, publisher->index,
        tr_link_platform(publisher->link));
    while (f->sent < due) {
        uint8_t at[8];
        tr_put64(at, (uint64_t)tr_clock_ns());
        tr_acl_t acl = {.performative = TR_INFORM,
            .sender = aid,
            .topic = TOPIC,
            .content = at,
            .content_len = sizeof at};
        tr_outgoing_t out = {
            .from = publisher->registration, .kind = TR_KIND_PUBLISH, .name = TOPIC, .acl = &acl};
        if (tr_link_send(publisher->link, &out) < 0)
            break;
        tr_link_flush(publisher->link);
        f->sent++;
    }
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void end_phase(fan_t *f) {
    qsort(f->times, f->times_n, sizeof *f->times, compare);
    int64_t p50 = f->times_n ? f->times[f->times_n / 2] : 0,
            p99 = f->times_n ? f->times[f->times_n * 99 / 100] : 0;
    history_say(&f->history, "phase %lld %d %lld %lld %zu %llu", (long long)f->phase, is_slow(f),
        (long long)p50 / 1000, (long long)p99 / 1000, f->times_n, (unsigned long long)f->gaps);
    f->times_n = 0;
    f->gaps = 0;
    f->phase++;
}

/* The one that will be slow has a small window, so that it is soon behind. */
static int add_all(fan_t *f, tr_error_t *error) {
    tr_host_options_t host = {.endpoint = f->options.connect, .process = "fan", .window_records = 16};
    int r = 0;
    f->many.options = &host;
    while (r == 0 && f->many.n < f->many.most) {
        r = many_add(&f->many, f->options.name, error);
        host.window_records = 0;
    }
    f->many.options = NULL;
    return r;
}

static int join(fan_t *f, tr_error_t *error) {
    int64_t give_up = tr_clock_ms() + JOIN_MS;
    int r = add_all(f, error);
    while (r == 0 && f->many.there < f->many.n)
        if (!many_turn(&f->many, 10) || tr_clock_ms() > give_up)
            return tr_error_set(error, -ETIMEDOUT, "not all subscribers could join");
    for (size_t i = 0; r == 0 && i + 1 < f->many.n; i++)
        r = tr_link_subscribe(f->many.members[i].link, f->many.members[i].registration, 0, TOPIC);
    return r;
}

static void run(fan_t *f) {
    f->begun_ms = tr_clock_ms();
    while (f->phase < f->options.phases && many_turn(&f->many, 1)) {
        publish_due(f);
        take_held(f);
        if (in_phase_ms(f, tr_clock_ms()) >= f->options.phase_ms)
            end_phase(f);
    }
    f->phase = 0; /* nobody is slow any more */
    take_held(f);
}

static int prepare(fan_t *f, tr_error_t *error) {
    const options_t *o = &f->options;
    f->held_end = &f->held;
    f->times_max = (size_t)(o->links * o->rate * o->phase_ms / 1000 * 2);
    f->times = calloc(f->times_max, sizeof *f->times);
    int r = f->times ? history_open(&f->history, o->history, error) : -ENOMEM;
    return r == 0 ? many_init(&f->many, (size_t)o->links + 1, error) : r;
}

int main(int argc, char **argv) {
    fan_t f = {0};
    tr_options_t *owner = NULL;
    tr_error_t error = {0};
    if (tr_options_read(&program, argc, argv, &f.options, &owner, &error) != TR_OPTIONS_RUN) {
        fprintf(stderr, "fan: %s\n", error.text);
        return 1;
    }
    f.many = (many_t){.history = &f.history, .on_data = on_data, .arg = &f};
    int r = prepare(&f, &error);
    if (r == 0)
        r = join(&f, &error);
    if (r == 0)
        run(&f);
    else
        fprintf(stderr, "fan: %s\n", error.text);
    many_finish(&f.many);
    history_close(&f.history);
    free(f.times);
    tr_options_destroy(&owner);
    return r == 0 ? 0 : 2;
}
