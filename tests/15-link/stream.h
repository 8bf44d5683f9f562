/* A plain ZeroMQ SUB on the broker's topic stream, as anybody may have one. */
#ifndef TESTS_STREAM_H
#define TESTS_STREAM_H

#include "proto/bundle.h"
#include "proto/topic.h"

#include <stdbool.h>

typedef struct stream {
    void *context, *socket;
    char topic[TR_TOPIC_MAX + 1];
    uint8_t bundle[TR_BUF_SIZE];
    tr_bundle_reader_t reader;
    bool open; /* the reader has records left */
} stream_t;

void stream_open(stream_t *self, const char *endpoint, const char *prefix);
void stream_close(stream_t *self);
/* The next record that is there, of the topic in self->topic; false where none is. Valid until the next call. */
bool stream_next(stream_t *self, tr_record_t *ret_record);

#endif
