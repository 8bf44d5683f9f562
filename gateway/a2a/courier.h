/*
 * Tells others of the ends of tasks (push notifications of A2A 1.0, section 4.3 of its specification): a POST to each, again and again until one is taken
 * or it is given up.
 *
 * Where a notification goes is said by clients, so it goes to the public internet alone, or to places that --push-to names: the address that is
 * connected to is looked at, after the name was resolved, and no redirect is followed and no proxy used. (Server-side request forgery.)
 *
 * It has a thread of its own from the first notification on; what is called here is called in the web's thread. At most
 * TR_A2A_LETTERS_MAX wait, in this process's memory alone.
 */
#ifndef TR_GATEWAY_A2A_COURIER_H
#define TR_GATEWAY_A2A_COURIER_H

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/options.h"

#include <jansson.h>
#include <stdbool.h>

#define TR_A2A_LETTERS_MAX 1024
#define TR_A2A_TRIES       8 /* after 1, 2, 4 ... 64 seconds */
#define TR_A2A_SECRET_MAX  1024

typedef struct tr_a2a_courier tr_a2a_courier_t;

/* rules and log are borrowed. -EINVAL: a rule is none; -ENOTSUP: libcurl is not here; -ENOMEM. */
int tr_a2a_courier_new(
    const tr_strings_t *rules, tr_log_t *log, tr_a2a_courier_t **ret_courier, tr_error_t *error);
/* What has not been taken by then is lost. NULL-safe. */
void tr_a2a_courier_destroy(tr_a2a_courier_t **self);
/* NULL, or why nothing can go there, for people. What a name leads to is found out later. */
const char *tr_a2a_courier_wrong(const tr_a2a_courier_t *self, const json_t *push);
/* To where `push` says: its url, token and authentication. 0; -EBUSY: too many wait; -ENOMEM. */
int tr_a2a_courier_send(tr_a2a_courier_t *self, const json_t *push, const char *task, const char *body);

#endif
