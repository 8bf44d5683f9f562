/*
 * A value is "W" DIGEST NONCE while it is under way, and then "A" DIGEST STATUS TYPE "\n" TEXT; digests are hexadecimal. A script that is run once more on a
 * new connection finds its own nonce, and says the same; another request, also of the same gateway, has another one.
 *
 * After a failure the server is left alone for REST_MS: one that hangs would hold up all that wait, each for as long as one call may take.
 */
#include "gateway/http/shared.h"

#include "gateway/events.h"
#include "gateway/worker.h"
#include "lib/base/clock.h"
#include "lib/redis/place.h"
#include "lib/redis/redis.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#define JOBS_MAX  4096
#define HEX       ((size_t)2 * TR_ONCE_DIGEST)
#define NAME_MAX_ 48
#define STATUS    3
#define REST_MS   5000
#define SILENT_MS 1000 /* behind a call that takes longer nobody waits */

/* KEYS: the name. ARGV: what it is while it is under way, and for how long (ms). */
static const char begin_script[] = "local v = redis.call('GET', KEYS[1])\n"
                                   "if v and v ~= ARGV[1] then return {1, v} end\n"
                                   "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
                                   "return {0}\n";
/* ARGV: as above, the answer, how long it is kept. Of another one's nothing is touched. */
static const char end_script[] = "if redis.call('GET', KEYS[1]) == ARGV[1] then\n"
                                 "  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\n"
                                 "end\n"
                                 "return {0}\n";
static const char drop_script[] = "if redis.call('GET', KEYS[1]) == ARGV[1] then\n"
                                  "  redis.call('DEL', KEYS[1])\n"
                                  "end\n"
                                  "return {0}\n";

typedef enum { BEGIN, END, DROP } what_t;

typedef struct job {
    tr_job_t job; /* first */
    what_t what;
    void *owner; /* of BEGIN */
    uint64_t nonce;
    char name[NAME_MAX_], digest[HEX + 1]; /* hexadecimal */
    size_t len;
    char answer[]; /* of END: the value */
} job_t;

struct tr_web_shared {
    tr_bridge_t *bridge;
    tr_log_t *log;
    int64_t under_way_ms;
    unsigned slot;
    tr_worker_t *worker;
    tr_redis_t *redis;        /* the worker's, as what follows */
    _Atomic int64_t since_ms; /* when it began the call that it is at; 0: it is at none */
    bool away;
    int64_t rests_until_ms; /* after a failure */
};

/* ---- the thread ---- */

static void tell_away(tr_web_shared_t *self, int rc, const tr_error_t *error) {
    if (rc < 0 && !self->away)
        tr_log(self->log, &tr_gateway_events[TR_G_KEYS_ALONE], "error=%s", error->text);
    self->away = rc < 0;
    self->rests_until_ms = rc < 0 ? tr_clock_ms() + REST_MS : 0;
}

/* As tr_redis_run; -EAGAIN: it is left alone. */
static int run_script(tr_web_shared_t *self, const job_t *job, redisReply **ret_reply) {
    static const char *const scripts[] = {begin_script, end_script, drop_script};
    char key[TR_REDIS_PREFIX_MAX + NAME_MAX_ + 16], mine[HEX + 24], ms[24];
    tr_error_t error = {0};
    bool ends = job->what == END;
    if (tr_clock_ms() < self->rests_until_ms)
        return -EAGAIN;
    snprintf(key, sizeof key, "{%s}:once:%s", tr_redis_prefix(self->redis), job->name);
    snprintf(mine, sizeof mine, "W%s%016" PRIx64, job->digest, job->nonce);
    snprintf(ms, sizeof ms, "%" PRId64, ends ? (int64_t)TR_ONCE_KEEP_MS : self->under_way_ms);
    const char *argv[] = {scripts[job->what], "1", key, mine, ends ? job->answer : ms, ms};
    const size_t lengths[] = {
        strlen(argv[0]), 1, strlen(key), strlen(mine), ends ? job->len : strlen(ms), strlen(ms)};
    int rc = tr_redis_run(self->redis, ends ? 6 : 5, argv, lengths, ret_reply, &error);
    tell_away(self, rc, &error);
    return rc;
}

static json_t *known(const char *value, size_t len) {
    const char *at = value + 1 + HEX, *type = at + STATUS;
    const char *end = len > 1 + HEX + STATUS ? memchr(type, '\n', len - (1 + HEX + STATUS)) : NULL;
    return end ? json_pack("{s:s, s:i, s:s%, s:s%}", "found", "known", "status", (int)strtol(at, NULL, 10),
                     "type", type, (size_t)(end - type), "text", end + 1, (size_t)(value + len - end) - 1)
               : NULL;
}

/* What is there under the name. */
static json_t *found(const job_t *job, const redisReply *reply) {
    const redisReply *second = reply->elements > 1 ? reply->element[1] : NULL;
    if (!second || second->type != REDIS_REPLY_STRING || second->len < 1 + HEX)
        return NULL;
    if (memcmp(second->str + 1, job->digest, HEX) != 0)
        return json_pack("{s:s}", "found", "other");
    return *second->str == 'A' ? known(second->str, second->len) : json_pack("{s:s}", "found", "under-way");
}

static void begin(tr_web_shared_t *self, const job_t *job) {
    redisReply *reply = NULL;
    int rc = run_script(self, job, &reply);
    json_t *told = rc == 1 ? found(job, reply) : NULL;
    char *text = told ? json_dumps(told, JSON_COMPACT) : NULL;
    tr_bridge_tell(self->bridge, job->owner, self->slot, text ? text : "{\"found\":\"new\"}");
    free(text);
    json_decref(told);
    freeReplyObject(reply);
}

static void drop(tr_job_t *job) {
    free(job);
}

static void run(void *arg, tr_job_t *next) {
    tr_web_shared_t *self = arg;
    const job_t *job = (const job_t *)next;
    atomic_store(&self->since_ms, tr_clock_ms());
    if (job->what == BEGIN)
        begin(self, job);
    else
        run_script(self, job, NULL); /* what is not kept stays under way until its time is over, ignoring */
    atomic_store(&self->since_ms, 0);
    drop(next);
}

/* ---- from outside ---- */

static int connect_to(tr_web_shared_t *self, const char *file, tr_error_t *error) {
    tr_redis_place_t place = {0};
    int rc = tr_redis_place_load(&place, file, error);
    tr_redis_options_t options = {.host = place.host,
        .port = place.port,
        .database = place.database,
        .user = place.user,
        .password = place.has_password ? place.password : NULL};
    if (rc == 0)
        rc = tr_redis_new(&options, &self->redis, error);
    tr_redis_place_wipe(&place);
    return rc;
}

int tr_web_shared_new(const tr_web_shared_config_t *config, tr_web_shared_t **ret_self, tr_error_t *error) {
    tr_web_shared_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    *self = (tr_web_shared_t){.bridge = config->bridge,
        .log = config->log,
        .slot = config->slot,
        .under_way_ms = config->under_way_ms};
    int rc = connect_to(self, config->file, error);
    if (rc == 0 && !(self->worker = tr_worker_new(JOBS_MAX, run, drop, self)))
        rc = tr_error_set(error, -ENOMEM, "out of memory or threads");
    if (rc < 0)
        tr_web_shared_destroy(&self);
    else
        *ret_self = self;
    return rc;
}

void tr_web_shared_destroy(tr_web_shared_t **self_p) {
    tr_web_shared_t *self = *self_p;
    if (!self)
        return;
    tr_worker_destroy(&self->worker);
    tr_redis_destroy(&self->redis);
    free(self);
    *self_p = NULL;
}

static job_t *new_job(what_t what, const char *name, const unsigned char digest[TR_ONCE_DIGEST],
    uint64_t nonce, size_t answer) {
    job_t *job = calloc(1, sizeof *job + answer + 1);
    if (!job)
        return NULL;
    job->what = what;
    job->nonce = nonce;
    snprintf(job->name, sizeof job->name, "%s", name);
    sodium_bin2hex(job->digest, sizeof job->digest, digest, TR_ONCE_DIGEST);
    return job;
}

static bool give(tr_web_shared_t *self, job_t *job) {
    if (job && tr_worker_give(self->worker, &job->job))
        return true;
    free(job);
    return false;
}

bool tr_web_shared_begin(tr_web_shared_t *self, const char *name, const unsigned char digest[TR_ONCE_DIGEST],
    uint64_t nonce, void *owner) {
    int64_t since_ms = atomic_load(&self->since_ms);
    if (since_ms && tr_clock_ms() - since_ms > SILENT_MS)
        return false;
    job_t *job = new_job(BEGIN, name, digest, nonce, 0);
    if (job)
        job->owner = owner;
    return give(self, job);
}

void tr_web_shared_end(tr_web_shared_t *self, const char *name, const unsigned char digest[TR_ONCE_DIGEST],
    uint64_t nonce, const tr_once_answer_t *answer) {
    size_t type = answer && answer->type ? strlen(answer->type) : 0;
    size_t len = answer ? 1 + HEX + STATUS + type + 1 + answer->len : 0;
    job_t *job = new_job(answer ? END : DROP, name, digest, nonce, len);
    if (job && answer) {
        int n = sprintf(
            job->answer, "A%s%03u%s\n", job->digest, answer->status % 1000, answer->type ? answer->type : "");
        if (answer->len)
            memcpy(job->answer + n, answer->bytes, answer->len);
        job->len = len;
    }
    give(self, job); /* out of memory: likewise, ignoring */
}
