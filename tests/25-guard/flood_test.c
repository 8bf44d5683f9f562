/*
 * Handshakes that are begun and never ended: so many connections say nothing, or half a greeting, while
 * somebody with a good certificate wants to come in. `flood_test N`: how many.
 */
#include "place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 5000                         /* a legitimate connect takes no longer */
#define GREETING   "\xff\0\0\0\0\0\0\0\1\x7f\3" /* the beginning of ZMTP 3's: signature, version */

typedef struct flood {
    size_t count;
    int *fds;
} flood_t;

static int connect_tcp(const char *endpoint) {
    const char *colon = strrchr(endpoint, ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Every second one says half a greeting. */
static void begin_flood(flood_t *f, const char *endpoint) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    f->fds = calloc(f->count, sizeof *f->fds);
    assert_non_null(f->fds);
    for (size_t i = 0; i < f->count; i++) {
        f->fds[i] = connect_tcp(endpoint);
        if (i % 2 && write(f->fds[i], GREETING, sizeof GREETING - 1) < 0)
            assert_int_equal(errno, EPIPE);
    }
}

static size_t still_open(const flood_t *f) {
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct pollfd p = {.fd = f->fds[i], .events = POLLRDHUP};
        n += poll(&p, 1, 0) == 0;
    }
    return n;
}

static void end_flood(flood_t *f) {
    for (size_t i = 0; i < f->count; i++)
        close(f->fds[i]);
    free(f->fds);
}

static void somebody_gets_in_all_the_same(void **state) {
    flood_t *f = *state;
    place_t place;
    broker_t b;
    peer_t ann;
    place_make(&place);
    tr_secret_t secret = place_add(&place, "ann", &(grant_t){.names = LIST("ann")});
    place_start(&place, &b, NULL);
    begin_flood(f, b.endpoint);
    int64_t from_ms = test_now_ms();
    peer_open_as(&ann, b.endpoint, &secret);
    assert_true(peer_knock(&ann, PATIENCE_MS));
    int64_t took_ms = test_now_ms() - from_ms;
    size_t open = still_open(f);
    print_message(
        "%zu half-open handshakes (%zu still open): in after %lld ms\n", f->count, open, (long long)took_ms);
    assert_true(took_ms <= CONNECT_MS);
    assert_true(open >= f->count / 2); /* or there was no flood */
    peer_register(&ann, "ann");
    int64_t until = test_now_ms() + PATIENCE_MS; /* and they do not stay for ever */
    while (still_open(f) && test_now_ms() < until)
        poll(NULL, 0, 50);
    assert_int_equal(still_open(f), 0);
    end_flood(f);
    peer_close(&ann);
    broker_stop(&b);
    place_remove(&place);
}

int main(int argc, char **argv) {
    flood_t flood = {.count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000};
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(somebody_gets_in_all_the_same, &flood)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
