/* Loading documents into the knowledge base: many in one message, each told for itself. */
#ifndef TR_TOOLS_KB_LOAD_H
#define TR_TOOLS_KB_LOAD_H

#include "tools/kb/kb.h"

#define TR_KB_FILE_MAX ((size_t)3 << 20) /* bytes: a message is 4 MiB at most */

typedef struct tr_kb_load {
    const tr_call_t *call; /* borrowed, as all here */
    tr_cli_session_t *session;
    const char *ns, *language; /* NULL = as the namespace is */
    json_t *metadata;          /* of all of them; NULL = none */
    tr_content_writer_t batch; /* documents, one behind the other */
    size_t waiting;            /* in it */
    size_t total;              /* that will come, for the progress; 0 = nobody knows */
    bool progress;             /* is shown on err */
    uint64_t added, replaced, unchanged, failed, chunks;
} tr_kb_load_t;

typedef struct tr_kb_item {
    const char *id, *title, *source; /* title, source: NULL = none */
    const void *bytes;
    size_t len;
} tr_kb_item_t;

void tr_kb_load_init(tr_kb_load_t *self, const tr_call_t *call, tr_cli_session_t *session, const char *ns);
/* Adds one, copied; sends what waits when it is much. Exit code; documents that were not taken are told on err and counted. */
int tr_kb_load_add(tr_kb_load_t *self, const tr_kb_item_t *item);
/* Sends what waits, and gives --timeout anew. */
int tr_kb_load_flush(tr_kb_load_t *self);
void tr_kb_load_finish(tr_kb_load_t *self);

#endif
