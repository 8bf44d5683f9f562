#include "tools/cli/reach.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A TCP listener on a port of the kernel's choice, as an endpoint; the fd is the caller's. */
static int listen_tcp(char *endpoint, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(endpoint, size, "tcp://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    return fd;
}

static void a_listener_is_reached_and_a_closed_one_refuses(void **state) {
    (void)state;
    char endpoint[64];
    tr_error_t error = {0};
    int fd = listen_tcp(endpoint, sizeof endpoint);
    assert_int_equal(tr_reach(endpoint, 5000, -1, &error), 0);
    close(fd);
    assert_int_equal(tr_reach(endpoint, 5000, -1, &error), -ECONNREFUSED);
    assert_non_null(strstr(error.text, endpoint));
    assert_non_null(strstr(error.text, "is it running?"));
}

static void unix_sockets(void **state) {
    (void)state;
    char directory[] = "/tmp/troupe-reach-XXXXXX", endpoint[128];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(directory));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", directory);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/s", directory);
    assert_int_equal(tr_reach(endpoint, 5000, -1, NULL), -ENOENT);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(tr_reach(endpoint, 5000, -1, NULL), 0);
    close(fd);
    assert_int_equal(tr_reach(endpoint, 5000, -1, NULL), -ECONNREFUSED);
    unlink(address.sun_path);
    rmdir(directory);
}

static void what_is_no_endpoint(void **state) {
    (void)state;
    const char *const bad[] = {
        "", "nonsense", "tcp://", "tcp://host", "tcp://:5570", "tcp://host:", "ipc://", "udp://host:1"};
    tr_error_t error = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(tr_reach(bad[i], 100, -1, &error), -EINVAL);
        assert_non_null(strstr(error.text, "expected tcp://HOST:PORT or ipc://PATH"));
    }
    assert_int_equal(tr_reach("tcp://127.0.0.1:no-such-port", 100, -1, &error), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_is_reached_and_a_closed_one_refuses),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(what_is_no_endpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
