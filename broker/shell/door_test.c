/* The door, with real sockets and plain TCP clients in one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/shell/door.h"

#include "lib/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#define CLIENTS 24
#define WAIT_MS 20000 /* until a test fails */

typedef struct world {
    void *context, *links, *stream;
    struct sockaddr_in address[TR_DOORS];
    tr_door_t door;
    struct rlimit limit;
    int clients[CLIENTS];
    size_t ended[TR_DOORS]; /* connections that the door said were */
} world_t;

static void *open_socket(world_t *w, int type) {
    int zero = 0;
    void *s = zmq_socket(w->context, type);
    assert_non_null(s);
    zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof zero);
    return s;
}

static void bind_to(void *socket, struct sockaddr_in *ret_address) {
    char endpoint[64];
    size_t size = sizeof endpoint;
    assert_int_equal(zmq_bind(socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    *ret_address = (struct sockaddr_in){.sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int set_up(void **state) {
    tr_error_t error = {0};
    world_t *w = calloc(1, sizeof *w);
    *state = w;
    w->context = zmq_ctx_new();
    w->links = open_socket(w, ZMQ_ROUTER);
    w->stream = open_socket(w, ZMQ_XPUB);
    if (tr_door_init(&w->door, w->context, w->links, w->stream, &error) < 0)
        fail_msg("%s", error.text);
    bind_to(w->links, &w->address[TR_DOOR_LINKS]);
    bind_to(w->stream, &w->address[TR_DOOR_STREAM]);
    getrlimit(RLIMIT_NOFILE, &w->limit);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_true((w->clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
    return 0;
}

static int tear_down(void **state) {
    world_t *w = *state;
    setrlimit(RLIMIT_NOFILE, &w->limit);
    for (size_t i = 0; i < CLIENTS; i++)
        close(w->clients[i]);
    zmq_socket_monitor(w->links, NULL, 0);
    zmq_socket_monitor(w->stream, NULL, 0);
    zmq_close(w->links);
    zmq_close(w->stream);
    tr_door_finish(&w->door);
    zmq_ctx_term(w->context);
    free(w);
    return 0;
}

static void join(world_t *w, size_t client, unsigned door) {
    assert_int_equal(
        connect(w->clients[client], (const struct sockaddr *)&w->address[door], sizeof w->address[door]), 0);
}

static bool is_cut(const world_t *w, size_t client) {
    char bytes[64];
    ssize_t n;
    while ((n = recv(w->clients[client], bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        ; /* libzmq's greeting */
    return n == 0 || errno == ECONNRESET;
}

static size_t cut(const world_t *w, size_t from, size_t to) {
    size_t n = 0;
    for (size_t i = from; i < to; i++)
        n += is_cut(w, i);
    return n;
}

static void listen_at_door(world_t *w) {
    int fd;
    while (tr_door_ended(&w->door, TR_DOOR_LINKS, &fd))
        w->ended[TR_DOOR_LINKS]++;
    while (tr_door_ended(&w->door, TR_DOOR_STREAM, &fd))
        w->ended[TR_DOOR_STREAM]++;
}

#define UNTIL(w, condition)                                                                                  \
    for (int64_t give_up_ = tr_clock_ms() + WAIT_MS; listen_at_door(w), !(condition);) {                     \
        if (tr_clock_ms() > give_up_)                                                                        \
            fail_msg("waited in vain for %s", #condition);                                                   \
        poll(NULL, 0, 1);                                                                                    \
    }

static void connections_are_counted(void **state) {
    world_t *w = *state;
    join(w, 0, TR_DOOR_LINKS);
    join(w, 1, TR_DOOR_LINKS);
    join(w, 2, TR_DOOR_STREAM);
    UNTIL(w, w->door.count == 3);
    assert_int_equal(w->ended[TR_DOOR_LINKS], 0);
    shutdown(w->clients[1], SHUT_RDWR);
    UNTIL(w, w->door.count == 2);
    assert_int_equal(w->ended[TR_DOOR_LINKS], 1);
    shutdown(w->clients[2], SHUT_RDWR); /* a watcher of the stream: counted, but nobody's link broke */
    UNTIL(w, w->door.count == 1);
    assert_int_equal(w->ended[TR_DOOR_LINKS], 1);
    assert_int_equal(w->ended[TR_DOOR_STREAM], 1);
    assert_false(w->door.shut);
}

static void one_too_many_is_cut_off_and_the_others_stay(void **state) {
    world_t *w = *state;
    tr_door_limit(&w->door, 2);
    join(w, 0, TR_DOOR_LINKS);
    join(w, 1, TR_DOOR_STREAM);
    UNTIL(w, w->door.count == 2);
    assert_false(w->door.shut);
    join(w, 2, TR_DOOR_LINKS);
    UNTIL(w, is_cut(w, 2) && w->door.count == 2);
    assert_true(w->door.shut);
    assert_int_equal(w->door.cut, 1);
    assert_int_equal(cut(w, 0, 2), 0);
    tr_door_tick(&w->door);
    assert_true(w->door.shut); /* there are still two */
    shutdown(w->clients[0], SHUT_RDWR);
    UNTIL(w, w->door.count == 1);
    tr_door_tick(&w->door);
    assert_false(w->door.shut);
    join(w, 3, TR_DOOR_LINKS);
    UNTIL(w, w->door.count == 2);
    assert_int_equal(w->door.cut, 1);
}

/* All but so many of the descriptors that are free. */
static void leave_descriptors(const world_t *w, rlim_t n) {
    int lowest = dup(0);
    assert_true(lowest >= 0);
    close(lowest);
    struct rlimit few = {.rlim_cur = (rlim_t)lowest + n, .rlim_max = w->limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void where_descriptors_run_out_new_ones_are_cut_off(void **state) {
    world_t *w = *state;
    leave_descriptors(w, 3);
    for (size_t i = 0; i < CLIENTS; i++)
        join(w, i, TR_DOOR_LINKS);
    UNTIL(w, cut(w, 0, CLIENTS) == CLIENTS - 3 && w->door.count == 3);
    assert_true(w->door.shut);
    assert_int_equal(w->door.spare, -1);
    tr_door_tick(&w->door);
    assert_true(w->door.shut);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &w->limit), 0);
    tr_door_tick(&w->door);
    assert_false(w->door.shut);
    assert_true(w->door.spare >= 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(connections_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_too_many_is_cut_off_and_the_others_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_descriptors_run_out_new_ones_are_cut_off, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
