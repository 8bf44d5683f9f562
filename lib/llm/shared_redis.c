#include "lib/llm/shared_private.h"

#include "lib/base/file.h"
#include "lib/base/random.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#define PASSWORD_MAX 1024

uint64_t tr_llm_shared_random(tr_llm_shared_t *self) {
    self->random ^= self->random >> 12;
    self->random ^= self->random << 25;
    self->random ^= self->random >> 27;
    return self->random * UINT64_C(2685821657736338717);
}

/* The first line of the file; freed by the caller. */
static int read_password(const char *path, char **ret_password, tr_error_t *error) {
    struct stat st;
    char *bytes = NULL;
    size_t len = 0;
    if (stat(path, &st) == 0 && (st.st_mode & S_IRWXO))
        return tr_error_set(error, -EPERM,
            "%s: everybody may read this password; make it readable by its owner alone: chmod 600 it", path);
    int r = tr_file_read(path, "the password of a Redis server", PASSWORD_MAX, &bytes, &len, error);
    if (r < 0)
        return r;
    bytes[strcspn(bytes, "\r\n")] = 0;
    *ret_password = bytes;
    return 0;
}

static void on_news(void *arg, int fd, uint32_t events) {
    tr_llm_shared_t *self = arg;
    (void)fd, (void)events;
    tr_redis_courier_work(self->courier);
}

static int connect_to(tr_llm_shared_t *self, const tr_llm_shared_config_t *config, tr_error_t *error) {
    char *password = NULL;
    int r = config->password_file ? read_password(config->password_file, &password, error) : 0;
    tr_redis_options_t options = {.host = config->host,
        .port = (uint16_t)config->port,
        .password = password,
        .prefix = config->prefix,
        .timeout_ms = config->timeout_ms};
    if (r == 0)
        r = tr_redis_courier_new(&options, &self->courier, error);
    if (password)
        explicit_bzero(password, strlen(password));
    free(password);
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
