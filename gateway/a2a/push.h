/* Push notifications: who is told of the end of a task (docs/gateway.md), and by whom (courier.h). */
#ifndef TR_GATEWAY_A2A_PUSH_H
#define TR_GATEWAY_A2A_PUSH_H

#include "gateway/a2a/request.h"

/* Whether this gateway can push at all: libcurl is here. */
bool tr_a2a_pushes(struct tr_web_server *server);
/* Whether what a client has sent as TaskPushNotificationConfig can be. False: it has responded. */
bool tr_a2a_push_good(tr_a2a_request_t *request, const json_t *push);
/* Keeps one that is good. False: the task has TR_A2A_PUSHES, or there is no room. */
bool tr_a2a_push_keep(tr_a2a_request_t *request, tr_a2a_task_t *task, const json_t *push);

/* The operations, of a task that is the client's; `id` is the push's. */
void tr_a2a_push_create(tr_a2a_request_t *request, tr_a2a_task_t *task);
void tr_a2a_push_get(tr_a2a_request_t *request, const tr_a2a_task_t *task, const char *id);
void tr_a2a_push_list(tr_a2a_request_t *request, const tr_a2a_task_t *task);
void tr_a2a_push_delete(tr_a2a_request_t *request, tr_a2a_task_t *task, const char *id);

/* Of tr_a2a_tasks_tell; arg is the server: everybody who wants to know is told. */
void tr_a2a_push_all(void *server, const tr_a2a_task_t *task);

#endif
