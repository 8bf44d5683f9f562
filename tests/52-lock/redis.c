#include "tests/52-lock/redis.h"
#include "tests/scratch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Free a moment ago; whoever finds it taken asks for another. */
static void choose_port(redis_t *self) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    snprintf(self->port, sizeof self->port, "%u", ntohs(address.sin_port));
}

static void map_clock(redis_t *self, char *path, size_t size) {
    snprintf(path, size, "%s/clock", self->directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, sizeof *self->offset_ms), 0);
    if (!self->offset_ms)
        self->offset_ms = mmap(NULL, sizeof *self->offset_ms, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(self->offset_ms != MAP_FAILED);
    close(fd);
}

/* True once it takes connections, false when it has ended. */
static bool start(redis_t *self) {
    char path[256], line[512];
    const char *argv[] = {REDIS_PROGRAM, "--port", self->port, "--bind", "127.0.0.1", "--save", "",
        "--appendonly", "no", "--dir", self->directory, "--requirepass", self->password ? self->password : "",
        NULL};
    map_clock(self, path, sizeof path);
    setenv("TROUPE_CLOCK", path, 1);
    setenv("LD_PRELOAD", CLOCK_PRELOAD, 1);
    process_start(&self->process, argv);
    unsetenv("LD_PRELOAD");
    while (process_line(&self->process, line, sizeof line))
        if (strstr(line, "Ready to accept connections"))
            return true;
    process_finish(&self->process);
    return false;
}

void redis_new(redis_t *self, const char *password) {
    *self = (redis_t){.password = password, .directory = scratch_new()};
    assert_non_null(self->directory);
    for (int tries = 0; tries < 10; tries++) {
        choose_port(self);
        if (start(self))
            return;
    }
    fail_msg("%s does not start", REDIS_PROGRAM);
}

void redis_restart(redis_t *self) {
    process_kill(&self->process);
    process_finish(&self->process);
    assert_true(start(self));
}

void redis_end(redis_t *self) {
    process_finish(&self->process);
    munmap(self->offset_ms, sizeof *self->offset_ms);
    scratch_end(self->directory);
}
