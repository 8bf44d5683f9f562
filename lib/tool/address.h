/* Which addresses are of the public internet. Source: the IANA registries of special-purpose addresses (RFC 6890 and what it was brought up to date by). Pure. */
#ifndef TR_TOOL_ADDRESS_H
#define TR_TOOL_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False also for what is no address of IPv4 or IPv6; an IPv6 address that carries one of IPv4 is what that is. */
bool tr_address_is_public(const struct sockaddr *address);

#endif
