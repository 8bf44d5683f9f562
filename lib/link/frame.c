#include "lib/link/frame.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

/* How libzmq hands a lent buffer to its thread, ThreadSanitizer cannot see (libzmq is not built with it). It is told,
 * so that what is done on both sides of that is checked. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define hand_over(what) __tsan_release(what)
#define take_over(what) __tsan_acquire(what)
#else
#define hand_over(what) ((void)(what))
#define take_over(what) ((void)(what))
#endif

#define COPY_MAX 4096 /* up to here a copy is cheaper than a buffer on its way through another thread */

static void give_back(void *data, void *hint) {
    (void)data;
    take_over(hint);
    tr_buf_release(hint);
}

static int make(zmq_msg_t *message, tr_buf_t *buf) {
    uint32_t len = buf->len;
    uint8_t *data = buf->data;
    if (len > COPY_MAX) {
        hand_over(buf);
        return zmq_msg_init_data(message, data, len, give_back, buf);
    }
    if (zmq_msg_init_size(message, len) < 0)
        return -1;
    memcpy(zmq_msg_data(message), data, len);
    tr_buf_release(buf);
    return 0;
}

int tr_frame_send(void *socket, tr_buf_t *buf, int flags) {
    zmq_msg_t message;
    if (make(&message, buf) < 0) {
        tr_buf_release(buf);
        return -ENOMEM;
    }
    if (zmq_msg_send(&message, socket, flags) >= 0)
        return 0;
    int r = -errno;
    zmq_msg_close(&message);
    return r;
}
