#include "kbd/kbd.h"

#include "kbd/events.h"
#include "kbd/kernels.h"
#include "lib/base/clock.h"
#include "lib/store/table_name.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int measure(void *arg, tr_metrics_t *metrics, tr_error_t *error) {
    tr_kbd_t *self = arg;
    return tr_kb_cache_register(&self->cache, metrics, error);
}

static const tr_resident_kind_t kind = {
    .process = "troupe-kbd",
    .component = "kbd",
    .stopping = &tr_kbd_events[TR_K_STOPPING],
    .stopped = &tr_kbd_events[TR_K_STOPPED],
    .connected = &tr_kbd_events[TR_K_CONNECTED],
    .disconnected = &tr_kbd_events[TR_K_DISCONNECTED],
    .refused = &tr_kbd_events[TR_K_REFUSED],
    .cannot_start = &tr_kbd_events[TR_K_CANNOT_START],
    .message = &tr_kbd_events[TR_K_MESSAGE],
    .measure = measure,
};

/* To the main thread, whose number is that of the process, and which reads it from its descriptor. */
static void pass_on(int number) {
    int code = errno;
    syscall(SYS_tgkill, getpid(), getpid(), number);
    errno = code;
}

/* OpenBLAS starts threads before main, when it is loaded: they have nothing blocked, and a signal would end the process there. */
static void catch_elsewhere(void) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

static void tell_ready(void *arg) {
    tr_kbd_t *self = arg;
    const char *warning = tr_kb_embedder_warning(self->meaning.embedder);
    tr_log(&self->resident.log, &tr_kbd_events[TR_K_READY], "agent=%s platform=%s model=%s kernels=%s",
        self->options->resident.name, tr_host_platform(self->host),
        tr_kb_embedder_model(self->meaning.embedder), tr_kernels_name());
    if (*warning)
        tr_log(&self->resident.log, &tr_kbd_events[TR_K_WEAK_MODEL], "detail=%s", warning);
    tr_resident_ready(&self->resident);
}

static int open_store(tr_kbd_t *self, tr_error_t *error) {
    const tr_kbd_options_t *o = self->options;
    int rc = tr_kb_store_open(o->resident.data, &self->store, error);
    if (rc == 0 && o->restore) {
        tr_shelf_clear(
            o->resident
                .data); /* of other chunks with the same numbers; what is left is of another size, ignoring */
        rc = tr_kb_store_restore(self->store, o->restore, error);
        tr_kb_store_close(&self->store);
        if (rc == 0)
            rc = tr_kb_store_open(o->resident.data, &self->store, error);
    }
    return rc;
}

static int open_truth(tr_kbd_t *self, tr_error_t *error) {
    const tr_kbd_options_t *o = self->options;
    char table[TR_TABLE_NAME_SIZE];
    tr_journal_postgres_options_t database = {.conninfo_file = o->conninfo,
        .table = tr_table_name(o->table, o->resident.name, TR_TABLE_NAME_MOST, table)};
    tr_journal_t *journal = NULL;
    if (!o->store)
        return 0;
    int rc = tr_journal_open_postgres(&database, &journal, error);
    return rc < 0 ? rc
                  : tr_kb_truth_open(
                        &self->truth, self->store, &journal, o->resident.data, o->restore != NULL, error);
}

/* The model is known now: vectors of another one are made anew. */
static int fill_truth(tr_kbd_t *self, tr_error_t *error) {
    static const char *const done[] = {
        [TR_KB_TRUTH_BEHIND] = "last", [TR_KB_TRUTH_LOST] = "all", [TR_KB_TRUTH_NEW] = "written"};
    int rc = tr_kb_truth_fill(&self->truth, self->meaning.model, error);
    if (rc == 0 && self->truth.journal && self->truth.state != TR_KB_TRUTH_SAME)
        tr_log(&self->resident.log, &tr_kbd_events[TR_K_TRUTH], "documents=%llu what=%s",
            (unsigned long long)self->truth.documents, done[self->truth.state]);
    return rc;
}

/* On the topic kb.index.NAMESPACE; what an operator has to know is in the log, too. */
static void on_news(void *arg, const tr_index_news_t *news) {
    tr_kbd_t *self = arg;
    char topic[TR_KB_NAMESPACE_MAX + 32];
    tr_content_writer_t w;
    if (strcmp(news->what, "damaged") == 0)
        tr_log(&self->resident.log, &tr_kbd_events[TR_K_INDEX_DAMAGED], "namespace=%s files=%zu", news->ns,
            news->done);
    if (strcmp(news->what, "unwritten") == 0)
        tr_log(&self->resident.log, &tr_kbd_events[TR_K_INDEX_UNWRITTEN], "namespace=%s error=%s", news->ns,
            news->detail);
    if (!self->agent)
        return;
    snprintf(topic, sizeof topic, "kb.index.%s", news->ns);
    tr_content_writer_init(&w);
    tr_write_map(&w, 4);
    tr_write_kv(&w, "namespace", news->ns);
    tr_write_kv(&w, "state", news->what);
    tr_write_kv_uint(&w, "done", news->done);
    tr_write_kv_uint(&w, "total", news->total);
    tr_publish_content(self->agent, topic, &w); /* who watches sees the next one, ignoring */
    tr_content_writer_finish(&w);
}

static int open_meaning(tr_kbd_t *self, tr_error_t *error) {
    const tr_kbd_options_t *o = self->options;
    return tr_kb_meaning_init(&self->meaning,
        &(tr_kb_meaning_options_t){.store = self->store,
            .host = self->host,
            .agent = &self->agent,
            .data = o->resident.data,
            .embed_config = o->embed_config,
            .embed_model = o->embed_model,
            .embed_dimensions = (size_t)o->embed_dimensions,
            .threads = (size_t)o->search_threads,
            .builders = (size_t)o->build_threads,
            .seal = (size_t)o->index_delta,
            .news = on_news,
            .arg = self},
        error);
}

/* That this process may use. */
static unsigned count_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

int tr_kbd_new(tr_kbd_options_t *options, tr_kbd_t **ret_self) {
    static const char *const services[] = {"kb", NULL};
    tr_kbd_t *self = calloc(1, sizeof *self);
    tr_error_t error = {0};
    if (!self)
        return TR_RESIDENT_REFUSED;
    *ret_self = self;
    self->options = options;
    tr_turns_init(&self->turns);
    tr_linger_init(&self->linger, count_processors());
    tr_kb_cache_init(&self->cache, options->cache);
    int rc = tr_resident_start(&self->resident, &kind, &options->resident, &error);
    catch_elsewhere();
    if (rc == 0)
        rc = open_store(self, &error);
    if (rc == 0)
        rc = open_truth(self, &error);
    self->resident.window_bytes = options->shards && *options->shards ? TR_KB_WINDOW : 0;
    if (rc == 0)
        rc = tr_resident_connect(&self->resident, &error);
    self->host = self->resident.host;
    if (rc == 0)
        rc = tr_kb_front_init(self, &error);
    if (rc == 0)
        rc = open_meaning(self, &error);
    if (rc == 0)
        rc = fill_truth(self, &error);
    if (rc == 0)
        rc = tr_resident_join(&self->resident, &tr_kbd_behaviour, self, services, &error);
    self->agent = self->resident.agent;
    if (rc == 0)
        rc = tr_kb_mover_start(self, &error);
    if (rc == 0)
        rc = tr_kb_owing_start(self, &error);
    if (rc < 0)
        return tr_resident_failed(&self->resident, rc, &error);
    tr_resident_when_known(&self->resident, tell_ready, self);
    tr_kb_front_greet(self);
    return 0;
}

/* Serves those who wait for their turn. True: others can be served at once. */
static bool serve(tr_kbd_t *self) {
    bool more = tr_kb_search_turns(self);
    if (self->answer_count == 1 && self->turns.count == 0)
        tr_linger_answered(&self->linger, tr_clock_ns());
    tr_kb_settle(self);
    return more;
}

/* Whether to look again at once for what comes. */
static bool lingers(tr_kbd_t *self) {
    if (!self->linger.lingers || self->meaning.searching > 0)
        return false;
    sched_yield(); /* one that has the question may wait for this very processor */
    return tr_linger_looks(&self->linger, tr_clock_ns());
}

int tr_kbd_run(tr_kbd_t *self) {
    while (!tr_host_stopping(self->host)) {
        tr_error_t error = {0};
        int64_t wait_ms = -1;
        bool more = serve(self);
        if (tr_kb_meaning_turn(&self->meaning, &wait_ms, &error) < 0)
            tr_log(&self->resident.log, &tr_kbd_events[TR_K_NO_VECTORS], "error=%s", error.text);
        if (tr_host_step(self->host, more || lingers(self) ? 0 : wait_ms) > 0)
            tr_linger_end(&self->linger);
        tr_kb_settle(self);
    }
    return self->resident.code;
}

void tr_kbd_destroy(tr_kbd_t **self_p) {
    tr_kbd_t *self = *self_p;
    if (!self)
        return;
    tr_kb_jobs_finish(self);
    tr_kb_mover_stop(self);
    tr_kb_owing_stop(self);
    tr_kb_front_stop(self);
    tr_kb_search_stop(self);
    tr_kb_meaning_stop(&self->meaning);
    tr_resident_leave(&self->resident);
    tr_kb_front_finish(self);
    tr_kb_meaning_finish(&self->meaning);
    tr_kb_answers_finish(self);
    tr_kb_truth_close(&self->truth);
    tr_kb_store_close(&self->store);
    tr_resident_finish(&self->resident);
    tr_kb_cache_finish(&self->cache);
    free(self);
    *self_p = NULL;
}
