#include "lib/base/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A manager's socket; the name is what it bound to. */
static int manager(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
    return fd;
}

static void expect(int fd, const char *text) {
    char got[64] = "";
    assert_int_equal(recv(fd, got, sizeof got - 1, 0), strlen(text));
    assert_string_equal(got, text);
}

static void the_manager_is_told(void **state) {
    (void)state;
    char abstract[64], path[] = "/tmp/troupe-notify-XXXXXX", file[64];
    snprintf(abstract, sizeof abstract, "@troupe-notify-%d", (int)getpid());
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/s", path);
    const char *const names[] = {abstract, file};
    for (size_t i = 0; i < 2; i++) {
        int fd = manager(names[i]);
        setenv("NOTIFY_SOCKET", names[i], 1);
        tr_notify(TR_NOTIFY_READY);
        expect(fd, "READY=1");
        tr_notify(TR_NOTIFY_STOPPING);
        expect(fd, "STOPPING=1");
        close(fd);
    }
    unlink(file);
    rmdir(path);
}

/* Nobody is there, or the name is none: nothing happens. */
static void without_a_manager(void **state) {
    (void)state;
    char name[300];
    memset(name, '/', sizeof name);
    name[sizeof name - 1] = '\0';
    const char *const names[] = {"", "/", "tcp", "/nowhere/s", "@nobody-is-there", name};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        tr_notify(TR_NOTIFY_READY);
    }
    unsetenv("NOTIFY_SOCKET");
    tr_notify(TR_NOTIFY_READY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manager_is_told),
        cmocka_unit_test(without_a_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
