/*
 * Tickets: how the supervisor knows that who asks it to change the fleet is its own user. Anybody who reaches
 * the broker can send it a message, and whoever attaches an agent runs a program; so the requester shows that
 * it can write to the fleet's state directory (0700): it makes the empty file DIRECTORY/tickets/TICKET, a
 * random name, and names it in its request; the supervisor takes it away. A ticket is good once: one that was
 * seen on the wire is worth nothing.
 */
#ifndef TR_BASE_TICKET_H
#define TR_BASE_TICKET_H

#include "lib/base/error.h"

#include <stdbool.h>

#define TR_TICKET_MAX 32 /* characters */

/* Makes one. directory: that of the fleet's state. ticket: TR_TICKET_MAX + 1 bytes. */
int tr_ticket_make(const char *directory, char *ticket, tr_error_t *error);
/* True where it was there; it is not any more. NULL is none. */
bool tr_ticket_take(const char *directory, const char *ticket);

#endif
