/*
 * The reply of a dialogue while a model writes it: the member "reply" of a JSON object that is not whole yet, and what stands beside it. Pure. It
 * checks nothing: what is no such object gives parts that are void in the end.
 */
#ifndef TR_AGENTD_MIND_DRAFT_H
#define TR_AGENTD_MIND_DRAFT_H

#include "agentd/mind/mind.h"
#include "lib/text/textbuf.h"

typedef struct tr_draft {
    int depth;           /* of objects and lists */
    int place;           /* draft.c: where in the text it is */
    bool expects_key;    /* of the object itself */
    unsigned code, high; /* of an escape that is not whole: its number, and the first half of a pair */
    unsigned digits;     /* that are missing */
    char key[16];        /* the member; what is longer is none that matters */
    size_t key_length;
    bool has_action, is_missing;
    bool is_anew; /* nothing was taken since it began */
    tr_textbuf_t pending, taken;
} tr_draft_t;

/* Text that follows what came; offset 0 begins anew. Of a zeroed draft too. */
void tr_draft_feed(tr_draft_t *self, size_t offset, const char *text, size_t length);
/* What came of the reply since the last time, valid until the next. False: nothing. */
bool tr_draft_take(tr_draft_t *self, tr_mind_piece_t *ret_piece);
void tr_draft_finish(tr_draft_t *self);

/* The bytes of the first sentence of a reply, with the blank after it. */
size_t tr_draft_sentence(const char *reply);

#endif
