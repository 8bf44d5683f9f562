/* What begins, follows and ends tasks of A2A. */
#ifndef TR_GATEWAY_A2A_SEND_H
#define TR_GATEWAY_A2A_SEND_H

#include "gateway/a2a/request.h"

/* SendMessage, or SendStreamingMessage. */
void tr_a2a_send(tr_a2a_request_t *request, bool streams);
void tr_a2a_subscribe(tr_a2a_request_t *request, tr_a2a_task_t *task);
void tr_a2a_cancel(tr_a2a_request_t *request, tr_a2a_task_t *task);
/* The member historyLength; SIZE_MAX: all. */
size_t tr_a2a_history(const json_t *from);

#endif
