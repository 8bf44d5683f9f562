/*
 * Addresses of clients.
 *
 * Whoever has an address of IPv6 has 2^64 of them, so limits are by the network: its first 64 bits. An address of IPv4 that came by a socket of IPv6
 * (::ffff:192.0.2.7) is that of IPv4.
 *
 * Pure.
 */
#ifndef TR_GATEWAY_HTTP_ADDRESS_H
#define TR_GATEWAY_HTTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#define TR_WEB_PEER_SIZE 48 /* of an address as a text, with its NUL */

/* Of IPv4 or IPv6, as inet_pton takes it. */
bool tr_web_is_address(const char *text);
/* The address in its one form ("::FFFF:1.2.3.4" is "1.2.3.4"). What is none is taken as it is, cut at the size. */
void tr_web_address_plain(const char *text, char out[TR_WEB_PEER_SIZE]);
/* By what its limits are: of IPv6 "2001:db8:0:1::/64", else tr_web_address_plain. */
void tr_web_address_net(const char *text, char out[TR_WEB_PEER_SIZE]);

#endif
