#include "tests/15-link/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

void stream_open(stream_t *self, const char *endpoint, const char *prefix) {
    int zero = 0;
    *self = (stream_t){.context = zmq_ctx_new()};
    self->socket = zmq_socket(self->context, ZMQ_SUB);
    assert_non_null(self->socket);
    zmq_setsockopt(self->socket, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(self->socket, ZMQ_LINGER, &zero, sizeof zero);
    assert_int_equal(zmq_setsockopt(self->socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix)), 0);
    assert_int_equal(zmq_connect(self->socket, endpoint), 0);
}

void stream_close(stream_t *self) {
    if (!self->context)
        return;
    zmq_close(self->socket);
    zmq_ctx_term(self->context);
    *self = (stream_t){0};
}

/* Two frames: the topic, a bundle. */
static bool next_bundle(stream_t *self) {
    int n = zmq_recv(self->socket, self->topic, TR_TOPIC_MAX, ZMQ_DONTWAIT);
    if (n < 0)
        return false;
    assert_in_range(n, 1, TR_TOPIC_MAX);
    self->topic[n] = 0;
    n = zmq_recv(self->socket, self->bundle, sizeof self->bundle, 0);
    assert_in_range(n, TR_BUNDLE_HEADER, sizeof self->bundle);
    assert_int_equal(tr_bundle_open(&self->reader, self->bundle, (size_t)n, TR_RECORD_MAX), TR_REASON_NONE);
    return true;
}

bool stream_next(stream_t *self, tr_record_t *ret_record) {
    do {
        int r = self->open ? tr_bundle_next(&self->reader, ret_record) : 0;
        assert_true(r >= 0);
        if (r > 0)
            return true;
        self->open = next_bundle(self);
    } while (self->open);
    return false;
}
