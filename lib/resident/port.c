#include "lib/resident/port.h"

#include "troupe/measure.h"

#include <errno.h>
#include <string.h>

static void on_metrics(void *context, tr_buffer_t *body) {
    tr_metrics_render(((tr_port_t *)context)->metrics, body);
}

static bool on_ready(void *context, tr_buffer_t *reason) {
    tr_port_t *self = context;
    if (!self->serves)
        tr_buffer_text(reason, "it does not serve yet, or not any more\n");
    else if (!tr_host_connected(self->host))
        tr_buffer_text(reason, "no link to the broker\n");
    else
        return true;
    return false;
}

static const tr_http_ops_t ops = {.metrics = on_metrics, .ready = on_ready};

static int listen_at(
    tr_port_t *self, const tr_port_options_t *options, const char *name, const char *job, tr_error_t *error) {
    tr_http_config_t config = {.listen = options->http,
        .ops = &ops,
        .context = self,
        .told_in = options->directory,
        .told_as = name,
        .job = job};
    return tr_http_new(&config, &self->http, error);
}

int tr_port_open(tr_port_t *self, const tr_port_options_t *options, const char *name, const char *job,
    tr_host_t *host, tr_port_more_fn *more, void *arg, tr_error_t *error) {
    *self = (tr_port_t){.host = host};
    if (!options->http || strcmp(options->http, "none") == 0)
        return 0;
    self->metrics = tr_metrics_new();
    int rc = self->metrics ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = tr_host_measure(host, self->metrics, error);
    if (rc == 0 && more)
        rc = more(arg, self->metrics, error);
    if (rc == 0)
        rc = tr_metrics_process(self->metrics, TROUPE_VERSION, error);
    return rc == 0 ? listen_at(self, options, name, job, error) : rc;
}

void tr_port_serves(tr_port_t *self, bool serves) {
    self->serves = serves;
}

void tr_port_close(tr_port_t *self) {
    tr_http_destroy(&self->http);
    tr_metrics_destroy(&self->metrics);
}
