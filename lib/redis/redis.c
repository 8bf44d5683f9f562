#include "lib/redis/redis.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define ARGUMENTS_MAX 16u

struct tr_redis {
    redisContext *connection; /* NULL = none */
    char *host, *user, *password;
    uint32_t database;
    char prefix[TR_REDIS_PREFIX_MAX + 1];
    uint16_t port;
    struct timeval timeout;
};

int tr_redis_refuse(const tr_redis_t *self, int code, const char *what, tr_error_t *error) {
    return tr_error_set(error, code, "Redis at %s:%u: %s", self->host, self->port, what);
}

static int64_t timeout_ms(const tr_redis_t *self) {
    return (int64_t)self->timeout.tv_sec * 1000 + self->timeout.tv_usec / 1000;
}

/* hiredis has a time limit for each read alone, which one that says a bit now and then never exceeds. */
static redisReply *await_reply(tr_redis_t *self) {
    redisContext *c = self->connection;
    int64_t until_ms = tr_clock_ms() + timeout_ms(self);
    void *reply = NULL;
    while (redisGetReplyFromReader(c, &reply) == REDIS_OK && !reply) {
        if (tr_clock_ms() > until_ms) {
            c->err = REDIS_ERR_IO;
            snprintf(c->errstr, sizeof c->errstr, "no whole answer in time");
        }
        if (c->err || redisBufferRead(c) != REDIS_OK)
            return NULL;
    }
    return reply;
}

/* NULL: the connection's errstr says why. */
static redisReply *command(tr_redis_t *self, size_t n, const char *argv[], const size_t lengths[]) {
    int written = 0;
    if (redisAppendCommandArgv(self->connection, (int)n, argv, lengths) != REDIS_OK)
        return NULL;
    while (!written)
        if (redisBufferWrite(self->connection, &written) != REDIS_OK)
            return NULL;
    return await_reply(self);
}

static void close_connection(tr_redis_t *self) {
    if (self->connection)
        redisFree(self->connection);
    self->connection = NULL;
}

/* What a new connection begins with. */
static int say(tr_redis_t *self, redisReply *reply, int refused, tr_error_t *error) {
    int r = 0;
    if (!reply)
        r = tr_redis_refuse(self, -EIO, self->connection->errstr, error);
    else if (reply->type == REDIS_REPLY_ERROR)
        r = tr_redis_refuse(self, refused, reply->str, error);
    freeReplyObject(reply);
    return r;
}

static int authenticate(tr_redis_t *self, tr_error_t *error) {
    if (!self->password)
        return 0;
    const char *argv[] = {"AUTH", *self->user ? self->user : self->password, self->password};
    return say(self, command(self, *self->user ? 3 : 2, argv, NULL), -EACCES, error);
}

static int choose_database(tr_redis_t *self, tr_error_t *error) {
    if (self->database == 0)
        return 0;
    char number[16];
    snprintf(number, sizeof number, "%u", (unsigned)self->database);
    const char *argv[] = {"SELECT", number};
    return say(self, command(self, 2, argv, NULL), -EIO, error);
}

static int open_connection(tr_redis_t *self, tr_error_t *error) {
    if (self->connection)
        return 0;
    self->connection = self->host[0] == '/' ? redisConnectUnixWithTimeout(self->host, self->timeout)
                                            : redisConnectWithTimeout(self->host, self->port, self->timeout);
    if (!self->connection)
        return tr_redis_refuse(self, -ENOMEM, "out of memory", error);
    int r = 0;
    if (self->connection->err || redisSetTimeout(self->connection, self->timeout) != REDIS_OK)
        r = tr_redis_refuse(self, -ECONNREFUSED, self->connection->errstr, error);
    if (r == 0)
        r = authenticate(self, error);
    if (r == 0)
        r = choose_database(self, error);
    if (r < 0)
        close_connection(self);
    return r;
}

static int run_once(tr_redis_t *self, size_t n, const char *argv[], const size_t lengths[],
    redisReply **ret_reply, tr_error_t *error) {
    int r = open_connection(self, error);
    if (r < 0)
        return r;
    *ret_reply = command(self, n, argv, lengths);
    if (*ret_reply)
        return 0;
    r = tr_redis_refuse(self, -EIO, self->connection->errstr, error);
    close_connection(self);
    return r;
}

/* The number that the script answered with. */
static int read_number(const tr_redis_t *self, const redisReply *reply, tr_error_t *error) {
    if (reply->type == REDIS_REPLY_ERROR)
        return tr_redis_refuse(self,
            strncmp(reply->str, "NOAUTH", 6) == 0 || strncmp(reply->str, "NOPERM", 6) == 0 ? -EACCES : -EIO,
            reply->str, error);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER)
        return tr_redis_refuse(self, -EIO, "an answer of another shape", error);
    return (int)reply->element[0]->integer;
}

int tr_redis_run(tr_redis_t *self, size_t n, const char *argv[], const size_t lengths[],
    redisReply **ret_reply, tr_error_t *error) {
    const char *all[ARGUMENTS_MAX + 1] = {"EVAL"};
    size_t all_lengths[ARGUMENTS_MAX + 1] = {4};
    bool fresh = !self->connection;
    redisReply *reply = NULL;
    if (n > ARGUMENTS_MAX)
        return tr_redis_refuse(self, -EINVAL, "too many arguments", error);
    for (size_t i = 0; i < n; i++) {
        all[i + 1] = argv[i];
        all_lengths[i + 1] = lengths ? lengths[i] : strlen(argv[i]);
    }
    int r = run_once(self, n + 1, all, all_lengths, &reply, error);
    if (r < 0 && !fresh)
        r = run_once(self, n + 1, all, all_lengths, &reply, error);
    if (r < 0)
        return r;
    r = read_number(self, reply, error);
    if (r < 0 || !ret_reply)
        freeReplyObject(reply);
    else
        *ret_reply = reply;
    return r;
}

int tr_redis_new(const tr_redis_options_t *options, tr_redis_t **ret_redis, tr_error_t *error) {
    const char *prefix = options->prefix ? options->prefix : "troupe";
    if (!*prefix || strlen(prefix) > TR_REDIS_PREFIX_MAX || strpbrk(prefix, "{}"))
        return tr_error_set(error, -EINVAL, "prefix \"%s\": expected 1 to %u bytes without braces", prefix,
            TR_REDIS_PREFIX_MAX);
    tr_redis_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int64_t timeout_ms = options->timeout_ms ? options->timeout_ms : 1000;
    self->timeout = (struct timeval){timeout_ms / 1000, timeout_ms % 1000 * 1000};
    self->port = options->port;
    strcpy(self->prefix, prefix);
    self->host = strdup(options->host);
    self->database = options->database;
    self->user = strdup(options->user ? options->user : "");
    self->password = options->password ? strdup(options->password) : NULL;
    if (!self->host || !self->user || (options->password && !self->password)) {
        tr_redis_destroy(&self);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    *ret_redis = self;
    return 0;
}

void tr_redis_destroy(tr_redis_t **self) {
    if (!*self)
        return;
    close_connection(*self);
    free((*self)->host);
    free((*self)->user);
    if ((*self)->password)
        explicit_bzero((*self)->password, strlen((*self)->password));
    free((*self)->password);
    free(*self);
    *self = NULL;
}

const char *tr_redis_prefix(const tr_redis_t *self) {
    return self->prefix;
}
