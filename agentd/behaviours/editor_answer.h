/* What the editor answers: every document's digest, those that failed, the overview, the counts. Pure. */
#ifndef TR_AGENTD_BEHAVIOURS_EDITOR_ANSWER_H
#define TR_AGENTD_BEHAVIOURS_EDITOR_ANSWER_H

#include "agentd/behaviours/digest_content.h"

typedef struct tr_editor_failure {
    const char *document, *reason, *detail;
} tr_editor_failure_t;

typedef struct tr_editor_result {
    const tr_digest_t *const *digests; /* NULL for a document that failed */
    size_t count;                      /* of documents */
    const tr_editor_failure_t *failures;
    size_t failure_count;
    uint64_t redelivered; /* answers that came from a reader after another one had died with the request */
    uint64_t messages;
    double seconds;
} tr_editor_result_t;

/*
 * Writes the answer in at most `limit` bytes: with all digests; where they are too many with their titles,
 * languages and sizes only ("brief": true); and at the last without them ("brief": true, documents empty). 0,
 * -ENOMEM, -EMSGSIZE where not even that fits.
 */
int tr_editor_answer_write(tr_content_writer_t *out, const tr_editor_result_t *result, size_t limit);

#endif
