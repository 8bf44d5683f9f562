/*
 * For tests: a wire whose other end is the test, and a clock that stands still unless told. What the link sends is
 * a list of records; what the broker is to say is put there record by record. Linked instead of wire_zmq.c and
 * the clock.
 */
#ifndef TR_LINK_WIRE_FIXTURE_H
#define TR_LINK_WIRE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/link/link_private.h"
#include "proto/link.pb-c.h"

/* A link that has said its first HELLO. windows: what it grants. */
tr_link_t *tr_wire_fixture_link(uint32_t window_records);
void tr_wire_fixture_end(tr_link_t **link);

/* Time passes, and the link works. Fails where it does not come to an end. */
void tr_wire_fixture_pass(tr_link_t *link, int64_t ms);
/* One record in a bundle of its own, and the link works. body: of link.proto's, or NULL. */
void tr_wire_fixture_say(tr_link_t *link, const tr_record_header_t *h, const ProtobufCMessage *body);
/* WELCOME to this epoch, with a token of 16 times that byte. */
void tr_wire_fixture_welcome(tr_link_t *link, uint64_t epoch, uint8_t token, bool resumed);

/* The next record of this kind that was sent, those before it forgotten; NULL where there is none. Valid until
 * the next call. */
const tr_record_t *tr_wire_fixture_sent(unsigned kind);
/* The next HELLO; for the caller to free. */
Troupe__Hello *tr_wire_fixture_hello(void);
size_t tr_wire_fixture_opened(void);

#endif
