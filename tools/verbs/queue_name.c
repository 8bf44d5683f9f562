#include "tools/verbs/queue_name.h"

#include <stdio.h>
#include <string.h>

#define MAILBOX "agent "

bool tr_queue_name_read(const char *text, tr_queue_name_t *ret_name) {
    tr_aid_t aid;
    if (tr_aid_parse(&aid, text, strlen(text)) < 0)
        return false;
    ret_name->service = aid.service;
    snprintf(ret_name->name, sizeof ret_name->name, "%s", aid.service ? aid.name : text);
    return true;
}

void tr_queue_name_print(const char *queue, char out[TR_QUEUE_NAME_MAX + 1]) {
    bool mailbox = strncmp(queue, MAILBOX, strlen(MAILBOX)) == 0;
    snprintf(
        out, TR_QUEUE_NAME_MAX + 1, "%s%s", mailbox ? "" : "svc:", mailbox ? queue + strlen(MAILBOX) : queue);
}
