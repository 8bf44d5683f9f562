#include "lib/llm/shared_private.h"

#include "lib/base/file.h"
#include "lib/base/random.h"
#include "lib/redis/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t tr_llm_shared_random(tr_llm_shared_t *self) {
    self->random ^= self->random >> 12;
    self->random ^= self->random << 25;
    self->random ^= self->random >> 27;
    return self->random * UINT64_C(2685821657736338717);
}

/* The first line of the file. */
static int read_password(const char *path, tr_redis_place_t *place, tr_error_t *error) {
    struct stat st;
    char *bytes = NULL;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : tr_file_private(&st) ? 0 : -EPERM;
    if (r == 0)
        r = tr_file_read_fd(fd, sizeof place->password - 1, &bytes, &len);
    if (r == 0 && len > sizeof place->password - 1)
        r = -E2BIG;
    if (fd >= 0)
        close(fd);
    if (r == 0)
        snprintf(place->password, sizeof place->password, "%.*s", (int)strcspn(bytes, "\r\n"), bytes);
    if (bytes)
        explicit_bzero(bytes, len);
    free(bytes);
    place->has_password = true;
    if (r == -EPERM)
        return tr_error_set(error, r, "%s: others may read this password: chmod 600 %s", path, path);
    return r < 0 ? tr_error_set(
                       error, r, "%s: cannot read the password of a Redis server: %s", path, strerror(-r))
                 : 0;
}

/* By its host and port, as before there was one text for all. */
static int place_of_host(const tr_llm_shared_config_t *config, tr_redis_place_t *place, tr_error_t *error) {
    place->port = (uint16_t)config->port;
    if ((size_t)snprintf(place->host, sizeof place->host, "%s", config->host) >= sizeof place->host)
        return tr_error_set(error, -EINVAL, "redis.host: it is too long");
    return config->password_file ? read_password(config->password_file, place, error) : 0;
}

static int find_place(const tr_llm_shared_config_t *config, tr_redis_place_t *place, tr_error_t *error) {
    tr_error_t why = {0};
    if (config->file)
        return tr_redis_place_load(place, config->file, error);
    if (!config->url)
        return place_of_host(config, place, error);
    int r = tr_redis_place_parse(place, config->url, &why);
    return r < 0 ? tr_error_set(error, r, "redis.url: %s", why.text) : 0;
}

static void on_news(void *arg, int fd, uint32_t events) {
    tr_llm_shared_t *self = arg;
    (void)fd, (void)events;
    tr_redis_courier_work(self->courier);
}

static int connect_to(tr_llm_shared_t *self, const tr_llm_shared_config_t *config, tr_error_t *error) {
    tr_redis_place_t place = {0};
    int r = find_place(config, &place, error);
    tr_redis_options_t options = {.host = place.host,
        .port = place.port,
        .database = place.database,
        .user = place.user,
        .password = place.has_password ? place.password : NULL,
        .prefix = config->prefix,
        .timeout_ms = config->timeout_ms};
    if (r == 0)
        r = tr_redis_courier_new(&options, &self->courier, error);
    tr_redis_place_wipe(&place);
    return r;
}

int tr_llm_shared_open(tr_llm_loop_t *loop, const tr_llm_shared_config_t *config,
    tr_llm_shared_t **ret_shared, tr_error_t *error) {
    tr_llm_shared_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->loop = loop;
    self->random = tr_random_seed() | 1;
    int r = connect_to(self, config, error);
    if (r == 0 &&
        (r = tr_llm_loop_watch(loop, tr_redis_courier_fd(self->courier), EPOLLIN, on_news, self)) < 0)
        tr_error_set(error, r, "cannot watch for Redis: %s", strerror(-r));
    if (r < 0)
        tr_llm_shared_close(&self);
    else
        *ret_shared = self;
    return r;
}

void tr_llm_shared_close(tr_llm_shared_t **self) {
    tr_llm_shared_t *s = *self;
    if (!s)
        return;
    if (s->courier)
        tr_llm_loop_watch(
            s->loop, tr_redis_courier_fd(s->courier), 0, NULL, NULL); /* ending one does not fail, ignoring */
    tr_redis_courier_destroy(&s->courier);
    free(s);
    *self = NULL;
}
