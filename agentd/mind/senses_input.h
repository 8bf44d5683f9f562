/* What transcribe, speak and describe_image are given, the same for both minds. */
#ifndef TR_AGENTD_MIND_SENSES_INPUT_H
#define TR_AGENTD_MIND_SENSES_INPUT_H

#include "agentd/mind/mind.h"
#include "agentd/mind/senses.h"

#define TR_SENSE_TEXT_MAX   4000      /* bytes that are spoken at once, of a question about an image */
#define TR_SENSE_POINTS_MAX 64000000u /* of an image, whatever its bytes are */

/* What is wrong with bytes. */
typedef enum tr_sense_trouble {
    TR_SENSE_GOOD,
    TR_SENSE_NO_BYTES, /* none, or no base64 */
    TR_SENSE_TOO_LARGE,
    TR_SENSE_OTHER_TYPE,
    TR_SENSE_NO_MEMORY,
} tr_sense_trouble_t;

typedef struct tr_sense_image {
    const char *kind;
    uint32_t width, height;
} tr_sense_image_t;

/* Bytes of the input, which are freed by who read them. */
typedef struct tr_sense_bytes {
    uint8_t *bytes;
    size_t length;
    const char *kind;
    tr_sense_image_t image; /* of "image" */
} tr_sense_bytes_t;

bool tr_mind_is_sense(tr_mind_op_t op);
/* "audio" or "image": what is wrong is in detail (480 bytes), too. */
tr_sense_trouble_t tr_sense_read(
    const json_t *input, const char *key, tr_sense_bytes_t *ret_bytes, char *detail);
/* The same, for who does not care what: whether nothing is. */
bool tr_sense_bytes(const json_t *input, const char *key, tr_sense_bytes_t *ret_bytes, char *detail);
/* Whether the request makes sense, but for its bytes. */
bool tr_sense_is_well(const tr_mind_request_t *request, char *detail);
/* {"audio", "type"}. NULL when out of memory. */
json_t *tr_sense_sound(const void *bytes, size_t length, const char *type);

#endif
