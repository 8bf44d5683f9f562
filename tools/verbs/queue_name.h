/* Names of durable queues: NAME is an agent's mailbox, svc:NAME a service's queue. The broker calls the first one "agent NAME". */
#ifndef TR_TOOLS_QUEUE_NAME_H
#define TR_TOOLS_QUEUE_NAME_H

#include "proto/aid.h"

#include <stdbool.h>

#define TR_QUEUE_NAME_MAX TR_AID_MAX

typedef struct tr_queue_name {
    bool service;
    char name[TR_AID_MAX + 1]; /* without svc:, for the AMS */
} tr_queue_name_t;

/* NAME, NAME@PLATFORM or svc:NAME; false where it is none. */
bool tr_queue_name_read(const char *text, tr_queue_name_t *ret_name);
/* From what the broker calls it. */
void tr_queue_name_print(const char *queue, char out[TR_QUEUE_NAME_MAX + 1]);

#endif
