/* Envelopes: what can be read can be written, and reads the same again; the short way of reading takes nothing
 * that protobuf-c does not. */
#include "proto/acl_plain.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_arena_t arena, second;
    tr_acl_t acl, again;
    tr_arena_init(&arena, 1 << 20);
    tr_arena_init(&second, 1 << 20);
    size_t sender_len = 0;
    const char *sender = tr_envelope_sender(data, size, &sender_len);
    PROMISE(!sender || (const uint8_t *)sender + sender_len <= data + size);
    if (tr_acl_alone_read(&acl, data, size, &arena) == 0) {
        size_t n = tr_acl_alone_size(&acl);
        uint8_t *bytes = malloc(n ? n : 1);
        PROMISE(bytes != NULL);
        PROMISE((size_t)(tr_acl_alone_write(&acl, bytes) - bytes) == n);
        PROMISE(tr_acl_alone_read(&again, bytes, n, &second) == 0);
        PROMISE(again.receivers.count == acl.receivers.count && again.performative == acl.performative);
        PROMISE(again.content_len == acl.content_len);
        free(bytes);
    }
    tr_arena_reset(&arena);
    tr_arena_reset(&second);
    if (tr_acl_plain_read(&acl, data, size, &arena) == 1) {
        PROMISE(tr_acl_alone_read(&again, data, size, &second) == 0);
        PROMISE(again.receivers.count == acl.receivers.count && !again.user_count);
        PROMISE(!acl.sender == !again.sender && !(acl.sender && strcmp(acl.sender, again.sender)));
        PROMISE(!acl.topic == !again.topic && !(acl.topic && strcmp(acl.topic, again.topic)));
    }
    tr_arena_finish(&arena);
    tr_arena_finish(&second);
    return 0;
}
