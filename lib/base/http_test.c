#include "lib/base/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct fixture {
    tr_http_t *http;
    tr_error_t error;
    _Atomic bool ready;
    _Atomic size_t size;
    char reply[8192];
} fixture_t;

static void metrics(void *context, tr_buffer_t *body) {
    fixture_t *self = context;
    tr_buffer_text(body, "a_total 1\n");
    char many[4096];
    memset(many, 'x', sizeof many);
    for (size_t left = self->size, n; left > 0; left -= n) {
        n = left < sizeof many ? left : sizeof many;
        tr_buffer_put(body, many, n);
    }
}

static bool ready(void *context, tr_buffer_t *reason) {
    fixture_t *self = context;
    if (!self->ready)
        tr_buffer_text(reason, "no links yet");
    return self->ready;
}

static const tr_http_ops_t ops = {.metrics = metrics, .ready = ready};

static int start(fixture_t *self, const char *listen, int64_t timeout_ms, size_t connections) {
    tr_http_config_t config = {.listen = listen,
        .ops = &ops,
        .context = self,
        .timeout_ms = timeout_ms,
        .most_connections = connections};
    return tr_http_new(&config, &self->http, &self->error);
}

static int set_up(void **state) {
    fixture_t *self = calloc(1, sizeof *self);
    *state = self;
    return start(self, "127.0.0.1:0", 0, 0);
}

static int tear_down(void **state) {
    fixture_t *self = *state;
    tr_http_destroy(&self->http);
    tr_http_destroy(&self->http);
    free(self);
    return 0;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int dial(const fixture_t *self) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(tr_http_port(self->http))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    /* So that a test fails instead of hanging. */
    struct timeval limit = {30, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

/* All until the end; -1 for a reset. Only the first bytes are kept. */
static ssize_t read_reply(fixture_t *self, int fd) {
    ssize_t total = 0;
    char chunk[4096];
    self->reply[0] = '\0';
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0)
            return n == 0 ? total : -1;
        for (ssize_t i = 0; i < n && total + i < (ssize_t)sizeof self->reply - 1; i++) {
            self->reply[total + i] = chunk[i];
            self->reply[total + i + 1] = '\0';
        }
        total += n;
    }
}

static void put(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static const char *ask(fixture_t *self, const char *request) {
    int fd = dial(self);
    put(fd, request);
    assert_true(read_reply(self, fd) >= 0);
    close(fd);
    return self->reply;
}

static bool begins(const char *text, const char *start_of_it) {
    return strncmp(text, start_of_it, strlen(start_of_it)) == 0;
}

static void serves_metrics(void **state) {
    fixture_t *self = *state;
    assert_string_equal(ask(self, "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 10\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\na_total 1\n");
    assert_non_null(strstr(ask(self, "GET /metrics?x=1 HTTP/1.0\n\n"), "\r\n\r\na_total 1\n"));
    const char *head = ask(self, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert_non_null(strstr(head, "Content-Length: 10\r\n"));
    assert_string_equal(head + strlen(head) - 4, "\r\n\r\n");
}

static void probes(void **state) {
    fixture_t *self = *state;
    const char *reply = ask(self, "GET /healthz HTTP/1.1\r\n\r\n");
    assert_true(begins(reply, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(reply, "\r\n\r\nok\n"));
    reply = ask(self, "GET /readyz HTTP/1.1\r\n\r\n");
    assert_true(begins(reply, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_non_null(strstr(reply, "\r\n\r\nno links yet\n"));
    self->ready = true;
    assert_true(begins(ask(self, "GET /readyz HTTP/1.1\r\n\r\n"), "HTTP/1.1 200 OK\r\n"));
}

static void refuses_the_rest(void **state) {
    static const struct {
        const char *request, *status;
    } bad[] = {
        {"GET / HTTP/1.1\r\n\r\n", "404"},
        {"GET /metrics/ HTTP/1.1\r\n\r\n", "404"},
        {"POST /nothing HTTP/1.1\r\n\r\n", "404"},
        {"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405"},
        {"DELETE /healthz HTTP/1.1\r\n\r\n", "405"},
        {"GET /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "413"},
        {"GET /metrics HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", "413"},
        {"GET\r\n\r\n", "400"},
        {"GET metrics HTTP/1.1\r\n\r\n", "400"},
        {"GET /metrics HTTP/2\r\n\r\n", "400"},
        {"\r\n\r\n", "400"},
        {" /metrics HTTP/1.1\r\n\r\n", "400"},
        {"\x16\x03\x01\x02 tls?\n\n", "400"},
    };
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *reply = ask(self, bad[i].request);
        assert_memory_equal(reply + 9, bad[i].status, 3);
    }
    assert_non_null(strstr(ask(self, "PUT /metrics HTTP/1.1\r\n\r\n"), "\r\nAllow: GET, HEAD\r\n"));
}

static void large_heads_are_refused(void **state) {
    fixture_t *self = *state;
    char *request = malloc(20001);
    memset(request, 'a', 20000);
    memcpy(request, "GET /metrics HTTP/1.1\r\nX: ", 26);
    request[20000] = '\0';
    assert_true(begins(ask(self, request), "HTTP/1.1 431 "));
    free(request);
}

static void early_end_of_request_still_answers(void **state) {
    fixture_t *self = *state;
    int fd = dial(self);
    put(fd, "GET /healthz HTTP/1.1\r\n\r\n");
    shutdown(fd, SHUT_WR);
    assert_true(read_reply(self, fd) > 0);
    assert_true(begins(self->reply, "HTTP/1.1 200 OK\r\n"));
    close(fd);
    fd = dial(self);
    put(fd, "GET /heal");
    shutdown(fd, SHUT_WR);
    assert_int_equal(read_reply(self, fd), 0);
    close(fd);
}

static void large_bodies_arrive(void **state) {
    fixture_t *self = *state;
    tr_http_destroy(&self->http);
    assert_int_equal(start(self, "127.0.0.1:0", 30000, 0), 0); /* how fast is not the question */
    self->size = 5000000;
    int fd = dial(self);
    put(fd, "GET /metrics HTTP/1.1\r\n\r\n");
    assert_true(read_reply(self, fd) > 5000010);
    close(fd);
    self->size = 20000000; /* over the limit of a body */
    assert_true(begins(ask(self, "GET /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 500 "));
}

static void slow_senders_are_cut(void **state) {
    fixture_t *self = *state;
    tr_http_destroy(&self->http);
    assert_int_equal(start(self, "127.0.0.1:0", 300, 0), 0);
    int64_t began = now_ms();
    int silent = dial(self), slow = dial(self);
    struct pollfd item = {slow, POLLIN, 0};
    /* A byte at a time, which an idle timer would take for life. */
    while (poll(&item, 1, 20) == 0 && now_ms() - began < 10000)
        (void)!send(slow, "G", 1, MSG_NOSIGNAL);
    assert_true(now_ms() - began < 5000);
    char byte;
    assert_true(read(slow, &byte, 1) <= 0);
    assert_true(read(silent, &byte, 1) <= 0);
    close(slow);
    close(silent);
    assert_true(begins(ask(self, "GET /healthz HTTP/1.1\r\n\r\n"), "HTTP/1.1 200 "));
}

static void slow_readers_are_cut(void **state) {
    fixture_t *self = *state;
    tr_http_destroy(&self->http);
    assert_int_equal(start(self, "127.0.0.1:0", 300, 1), 0);
    self->size = 15000000;
    int fd = dial(self);
    put(fd, "GET /metrics HTTP/1.1\r\n\r\n");
    /* It reads nothing and holds the only place, until it is cut. */
    int64_t began = now_ms();
    bool served = false;
    while (!served && now_ms() - began < 10000) {
        int other = dial(self);
        (void)!send(other, "GET /healthz HTTP/1.1\r\n\r\n", 25, MSG_NOSIGNAL);
        served = read_reply(self, other) > 0;
        close(other);
    }
    assert_true(served);
    assert_true(read_reply(self, fd) < 15000000);
    close(fd);
}

static void connections_are_bounded(void **state) {
    fixture_t *self = *state;
    tr_http_destroy(&self->http);
    assert_int_equal(start(self, "127.0.0.1:0", 60000, 2), 0);
    char byte;
    int first = dial(self), second = dial(self), third = dial(self);
    assert_true(read(third, &byte, 1) <= 0);
    put(first, "GET /healthz HTTP/1.1\r\n\r\n");
    assert_true(read_reply(self, first) > 0);
    close(first);
    close(third);
    /* `second` is open while the port is destroyed. */
    tr_http_destroy(&self->http);
    assert_true(read(second, &byte, 1) <= 0);
    close(second);
}

static void addresses(void **state) {
    fixture_t *self = *state;
    char expected[64];
    snprintf(expected, sizeof expected, "127.0.0.1:%u", tr_http_port(self->http));
    assert_true(tr_http_port(self->http) != 0);
    assert_string_equal(tr_http_address(self->http), expected);

    fixture_t other = {0};
    char text[160];
    assert_int_equal(start(&other, expected, 0, 0), -EADDRINUSE);
    snprintf(
        text, sizeof text, "%s is in use: choose another with --http or stop the other process", expected);
    assert_string_equal(other.error.text, text);
    assert_null(other.http);

    static const char *const bad[] = {"", "9100", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
        "::1:9100", "127.0.0.1:-1", "127.0.0.1:99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(start(&other, bad[i], 0, 0), -EINVAL);
    assert_non_null(strstr(other.error.text, "expected HOST:PORT, such as 127.0.0.1:9100"));
    assert_int_equal(start(&other, "192.0.2.1:0", 0, 0), -EADDRNOTAVAIL);
    assert_int_equal(start(&other, ":0", 0, 0), 0);
    assert_true(tr_http_port(other.http) != 0);
    assert_true(begins(ask(&other, "GET /healthz HTTP/1.1\r\n\r\n"), "HTTP/1.1 200 "));
    tr_http_destroy(&other.http);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(serves_metrics),
        TEST(probes),
        TEST(refuses_the_rest),
        TEST(large_heads_are_refused),
        TEST(early_end_of_request_still_answers),
        TEST(large_bodies_arrive),
        TEST(slow_senders_are_cut),
        TEST(slow_readers_are_cut),
        TEST(connections_are_bounded),
        TEST(addresses),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
