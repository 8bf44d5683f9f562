/* A buffer as a ZeroMQ frame: small ones are copied (and the buffer goes back at once), large ones are lent
 * to libzmq. */
#ifndef TR_LINK_FRAME_H
#define TR_LINK_FRAME_H

#include "lib/base/pool.h"

/* Sends buf on the socket with these flags and gives it up in every case. 0 or -errno (-EAGAIN, -EHOSTUNREACH
 * ...). The pool must outlive the socket's context, because libzmq's I/O thread gives lent buffers back. */
int tr_frame_send(void *socket, tr_buf_t *buf, int flags);

#endif
