/* A buffer as a ZeroMQ frame: small ones are copied (and the buffer goes back at once), large ones are lent
 * to libzmq. */
#ifndef TR_LINK_FRAME_H
#define TR_LINK_FRAME_H

#include "lib/base/pool.h"

/* Where a bundle has just come, the next one is awaited for a moment within ZeroMQ's receive itself: that takes
 * half the system calls of looking, sleeping and looking again, which a lone round trip would pay at each hop.
 * Longer than the kernel's tick, because a shorter time sets the processor's timer anew, which costs more than
 * all that it saves (1 ms made a round trip of 83 us one of 96). */
#define TR_EXPECT_MS 10
/* A receive that took longer has waited, so what it got came alone. */
#define TR_EXPECT_NS 3000

/* Sends buf on the socket with these flags and gives it up in every case. 0 or -errno (-EAGAIN, -EHOSTUNREACH
 * ...). The pool must outlive the socket's context, because libzmq's I/O thread gives lent buffers back. */
int tr_frame_send(void *socket, tr_buf_t *buf, int flags);

#endif
