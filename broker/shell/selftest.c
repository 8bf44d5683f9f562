#include "broker/shell/selftest.h"

#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define WAIT_MS 5000
#define EVENTS                                                                                               \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | \
        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED)

typedef enum outcome {
    LET_IN,
    REFUSED,
    NO_ANSWER,
} outcome_t;

/* "tcp://0.0.0.0:5570" is reached here by the loopback address. */
static void reachable(const char *endpoint, char *out, size_t size) {
    static const struct {
        const char *any, *here;
    } hosts[] = {{"tcp://0.0.0.0:", "tcp://127.0.0.1:"}, {"tcp://[::]:", "tcp://[::1]:"}};
    snprintf(out, size, "%s", endpoint);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (!strncmp(endpoint, hosts[i].any, strlen(hosts[i].any)))
            snprintf(out, size, "%s%s", hosts[i].here, endpoint + strlen(hosts[i].any));
}

/* The first event that decides. A connection that ended during its handshake was refused. */
static outcome_t wait_outcome(void *monitor) {
    int64_t until_ms = tr_clock_ms() + WAIT_MS;
    for (;;) {
        uint8_t event[6];
        char address[256];
        int64_t left = until_ms - tr_clock_ms();
        zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
        if (left <= 0 || zmq_poll(&item, 1, left) <= 0)
            return NO_ANSWER;
        if (zmq_recv(monitor, event, sizeof event, ZMQ_DONTWAIT) != (int)sizeof event)
            continue;
        zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT); /* the second frame: where */
        uint16_t what;
        memcpy(&what, event, sizeof what); /* in the machine's order */
        return what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? LET_IN : REFUSED;
    }
}

/* Knocks once; `secret` NULL: without CURVE. Each has a monitor of its own name: sockets that were closed
 * live on for a while. */
static outcome_t knock(
    void *context, const tr_secret_t *secret, int type, const char *endpoint, const char *name) {
    char monitor_name[64];
    int zero = 0, never = -1, ipv6 = strchr(endpoint, '[') != NULL;
    outcome_t outcome = NO_ANSWER;
    void *socket = zmq_socket(context, type), *monitor = zmq_socket(context, ZMQ_PAIR);
    snprintf(monitor_name, sizeof monitor_name, "inproc://selftest-%p-%s", socket, name);
    if (socket && monitor && zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero) == 0 &&
        zmq_setsockopt(socket, ZMQ_IPV6, &ipv6, sizeof ipv6) == 0 &&
        zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &never, sizeof never) == 0 &&
        (!secret || tr_secret_client(secret, socket) == 0) &&
        zmq_socket_monitor(socket, monitor_name, EVENTS) == 0 && zmq_connect(monitor, monitor_name) == 0 &&
        zmq_connect(socket, endpoint) == 0)
        outcome = wait_outcome(monitor);
    if (socket) {
        zmq_socket_monitor(socket, NULL, 0);
        zmq_close(socket);
    }
    if (monitor)
        zmq_close(monitor);
    return outcome;
}

static int expect(
    outcome_t found, outcome_t wanted, const char *endpoint, const char *what, tr_error_t *error) {
    static const char *const said[] = {
        [LET_IN] = "was let in", [REFUSED] = "was refused", [NO_ANSWER] = "got no answer"};
    if (found == wanted)
        return 0;
    return tr_error_set(error, -EPERM,
        "the guard of %s does not work: %s %s. The ZeroMQ library may lack CURVE", endpoint, what,
        said[found]);
}

static int knock_all(void *context, tr_zap_t *zap, const tr_secret_t *good, int type, const char *endpoint,
    tr_error_t *error) {
    uint8_t key[TR_KEY_SIZE];
    if (!tr_key_parse(good->key, key))
        return tr_error_set(error, -EINVAL, "the ZeroMQ library makes keys that are none");
    tr_zap_probe(zap, key, false);
    int rc =
        expect(knock(context, good, type, endpoint, "unknown"), REFUSED, endpoint, "an unknown key", error);
    if (rc == 0)
        rc = expect(knock(context, NULL, type, endpoint, "plain"), REFUSED, endpoint,
            "a connection without CURVE", error);
    tr_zap_probe(zap, key, true);
    if (rc == 0)
        rc = expect(knock(context, good, type, endpoint, "good"), LET_IN, endpoint, "a good key", error);
    tr_zap_probe(zap, key, false);
    if (rc == 0)
        rc = expect(knock(context, good, type, endpoint, "past"), REFUSED, endpoint,
            "a key that is good no more", error);
    tr_zap_probe(zap, NULL, false);
    return rc;
}

int tr_selftest(void *context, tr_zap_t *zap, const tr_secret_t *broker, int type, const char *endpoint,
    tr_error_t *error) {
    tr_secret_t good = {0};
    char here[300];
    int rc = tr_secret_make("selftest", &good, error);
    if (rc < 0)
        return rc;
    memcpy(good.broker, broker->key, sizeof good.broker);
    reachable(endpoint, here, sizeof here);
    rc = knock_all(context, zap, &good, type, here, error);
    tr_secret_wipe(&good);
    return rc;
}
