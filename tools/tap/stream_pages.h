/*
 * A stream's publications, read from the broker a page at a time (docs/protocol.md, section 23). What is taken is
 * borrowed from the page: until the next one is turned to, or the end.
 */
#ifndef TR_TOOLS_STREAM_PAGES_H
#define TR_TOOLS_STREAM_PAGES_H

#include "proto/record.h"
#include "tools/cli/session.h"

typedef struct tr_stream_pages {
    tr_cli_session_t *session; /* borrowed, as the strings are */
    const char *stream;
    const char *consumer; /* begin where it is, as long as next is 0; NULL = at the beginning */
    int64_t next;         /* number to go on at; 0 = at the beginning */
    int64_t from;         /* where the page begins; what is missing from there on is not there any more */
    bool more;            /* there is another page now */
    tr_message_t *page;
    size_t at; /* events of it that were taken */
} tr_stream_pages_t;

typedef struct tr_kept {
    int64_t number;  /* in the stream */
    int64_t time_ms; /* Unix time at which it was published */
    tr_record_t record;
} tr_kept_t;

/* Moves `next` to about the first that was published at since_ms or later: none of those is before it while the
 * broker's clock was not set back, a few that are older may come behind it. Exit code. */
int tr_stream_pages_seek(tr_stream_pages_t *self, int64_t since_ms);
/* The next page; what of the last one was not taken is gone. Exit code. */
int tr_stream_pages_turn(tr_stream_pages_t *self);
/* False where all of the page was taken. `next` is behind what was taken last. */
bool tr_stream_pages_take(tr_stream_pages_t *self, tr_kept_t *ret);
void tr_stream_pages_finish(tr_stream_pages_t *self);

#endif
