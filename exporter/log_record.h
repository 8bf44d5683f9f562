/*
 * A line of a daemon's log (lib/base/log.h), JSON or readable, or of a program that writes anything else. What is secret by its name or its looks
 * is taken out here, before any exporter sees it.
 */
#ifndef TR_EXPORTER_LOG_RECORD_H
#define TR_EXPORTER_LOG_RECORD_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define TR_LOG_RECORD_MAX 65536 /* bytes of a line; what is longer is cut */

typedef struct tr_log_record {
    int64_t time_ns; /* Unix time; when it was read, where the line does not say it */
    char level[8];   /* "debug", "info", "warn", "error"; "info" where the line does not say it */
    json_t *
        fields; /* an object of all that the line says, with time, level, component, event and message; owned */
    const char *file; /* borrowed */
    uint64_t offset;  /* of the line in it */
} tr_log_record_t;

/* `file` says which process wrote it. 0 or -ENOMEM. */
int tr_log_record_read(const char *line, size_t len, const char *file, uint64_t offset, int64_t now_ns,
    tr_log_record_t *ret_record);
void tr_log_record_finish(tr_log_record_t *self);
/* Of a field, "" where there is none. */
const char *tr_log_record_text(const tr_log_record_t *self, const char *key);

#endif
