#include "tests/faults/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SUM_BYTES 8u

int history_open(history_t *self, const char *path, tr_error_t *error) {
    self->file = fopen(path, "ae");
    if (!self->file)
        return tr_error_set(error, -errno, "%s: %s", path, strerror(errno));
    setvbuf(self->file, NULL, _IOLBF, 1024);
    return 0;
}

void history_close(history_t *self) {
    if (self->file)
        fclose(self->file);
    self->file = NULL;
}

void history_say(history_t *self, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(self->file, "%" PRId64 " %s\n", tr_clock_ns(), line);
}

void history_event(void *arg, tr_host_event_t event, const char *detail) {
    static const char *const names[] = {
        "connected", "resumed", "disconnected", "refused", "restarted", "gave-up", "hangs", "dropped"};
    history_say(arg, "event %s %s", names[event], detail);
}

static uint64_t sum(const uint8_t *bytes, size_t size) {
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

static uint8_t filling(uint64_t number, size_t at) {
    return (uint8_t)(number * 31 + at * 7);
}

void numbered_fill(uint8_t *bytes, size_t size, const char *sender, uint64_t number) {
    int head = snprintf((char *)bytes, size, "%s %" PRIu64, sender, number);
    for (size_t i = (size_t)head + 1; i < size - SUM_BYTES; i++)
        bytes[i] = filling(number, i);
    tr_put64(bytes + size - SUM_BYTES, sum(bytes, size - SUM_BYTES));
}

bool numbered_check(const void *bytes, size_t size, char ret_sender[NAME_SIZE], uint64_t *ret_number) {
    const uint8_t *b = bytes;
    if (size < NUMBERED_MIN || !memchr(b, 0, NUMBERED_MIN - SUM_BYTES) ||
        sscanf((const char *)b, "%128s %" SCNu64, ret_sender, ret_number) != 2)
        return false;
    for (size_t i = strlen((const char *)b) + 1; i < size - SUM_BYTES; i++)
        if (b[i] != filling(*ret_number, i))
            return false;
    return tr_get64(b + size - SUM_BYTES) == sum(b, size - SUM_BYTES);
}

bool numbered_of_failure(const tr_message_t *failure, uint64_t *ret_number) {
    const tr_acl_t *acl = tr_message_acl(failure);
    return acl && acl->conversation_id && sscanf(acl->conversation_id, "%" SCNu64, ret_number) == 1;
}
