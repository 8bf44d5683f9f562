/* The short way to read an envelope, for those that nearly all messages have (acl_plain.c). For acl.c. */
#ifndef TR_PROTO_ACL_PLAIN_H
#define TR_PROTO_ACL_PLAIN_H

#include "proto/acl.h"

/* 1: read, strings and lists in the arena. 0: not a plain envelope, which says nothing of whether it is a good
 * one: protobuf-c reads it. -ENOMEM. */
int tr_acl_plain_read(tr_acl_t *ret_acl, const uint8_t *bytes, size_t len, tr_arena_t *arena);

#endif
