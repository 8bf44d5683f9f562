#include "lib/link/frame.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#define COPY_MAX 4096 /* up to here a copy is cheaper than a buffer on its way through another thread */

static void give_back(void *data, void *hint) {
    (void)data;
    tr_buf_release(hint);
}

static int make(zmq_msg_t *message, tr_buf_t *buf) {
    if (buf->len > COPY_MAX)
        return zmq_msg_init_data(message, buf->data, buf->len, give_back, buf);
    if (zmq_msg_init_size(message, buf->len) < 0)
        return -1;
    memcpy(zmq_msg_data(message), buf->data, buf->len);
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
