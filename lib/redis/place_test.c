#include "lib/redis/place.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void every_way_to_say_it(void **state) {
    (void)state;
    static const struct {
        const char *text, *host, *user, *password;
        unsigned port, database;
    } all[] = {
        {"redis://db.example", "db.example", "", NULL, 6379, 0},
        {"redis://10.0.0.7:6380/3", "10.0.0.7", "", NULL, 6380, 3},
        {"redis://[::1]:6380/", "::1", "", NULL, 6380, 0},
        {"redis://[::1]", "::1", "", NULL, 6379, 0},
        {"redis://:open%20sesame@h", "h", "", "open sesame", 6379, 0},
        {"redis://fleet:a:b%40c@h:1/16383", "h", "fleet", "a:b@c", 1, 16383},
        {"redis://:p/q@h/2", "h", "", "p/q", 6379, 2}, /* as people write it, though it is no URL */
        {"redis://:@h", "h", "", "", 6379, 0},
        {"unix:/run/redis.sock", "/run/redis.sock", "", NULL, 6379, 0},
        {"unix:/run/redis.sock?db=4", "/run/redis.sock", "", NULL, 6379, 4},
        {"unix:///run/redis.sock", "/run/redis.sock", "", NULL, 6379, 0},
        {"unix://u:p@/run/redis.sock?db=0", "/run/redis.sock", "u", "p", 6379, 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tr_redis_place_t place;
        tr_error_t error = {0};
        assert_int_equal(tr_redis_place_parse(&place, all[i].text, &error), 0);
        assert_string_equal(place.host, all[i].host);
        assert_string_equal(place.user, all[i].user);
        assert_int_equal(place.has_password, all[i].password != NULL);
        assert_string_equal(place.password, all[i].password ? all[i].password : "");
        assert_int_equal(place.port, all[i].port);
        assert_int_equal(place.database, all[i].database);
    }
}

static void what_is_none_is_refused_and_not_quoted(void **state) {
    (void)state;
    static const char *const all[] = {"", "redis://", "redis:", "rediss://h", "http://h", "redis://h:0",
        "redis://h:65536", "redis://h:x", "redis://h/16384", "redis://h/x", "redis://h/1/2",
        "redis://secret@h", "redis://:secret%@h", "redis://:secret%4@h", "redis://:secret%00@h",
        "redis://:secret%zz@h", "redis://[::1", "redis://[::1]x", "redis://:secret@", "redis://a b",
        "unix:", "unix:run/redis.sock", "unix:/", "unix:/s?db=", "unix:/s?db=99999", "unix:/s?x=1",
        "unix://secret@/s", "unix://"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tr_redis_place_t place = {.port = 7};
        tr_error_t error = {0};
        assert_int_equal(tr_redis_place_parse(&place, all[i], &error), -EINVAL);
        assert_int_equal(place.port, 7);
        assert_null(strstr(error.text, "secret"));
    }
}

static void what_is_too_long_is_refused(void **state) {
    (void)state;
    char text[4096] = "redis://:";
    tr_redis_place_t place;
    memset(text + 9, 'x', 512);
    strcpy(text + 9 + 512, "@h");
    assert_int_equal(tr_redis_place_parse(&place, text, NULL), -EINVAL);
    strcpy(text + 9 + 511, "@h");
    assert_int_equal(tr_redis_place_parse(&place, text, NULL), 0);
    assert_int_equal(strlen(place.password), 511);
    memset(text + 8, 'h', 256);
    text[8 + 256] = '\0';
    assert_int_equal(tr_redis_place_parse(&place, text, NULL), -EINVAL);
    memset(text + 8, 'h', 4000);
    text[4008] = '\0';
    assert_int_equal(tr_redis_place_parse(&place, text, NULL), -EINVAL);
}

static void a_file_is_for_its_owner_alone(void **state) {
    (void)state;
    char path[] = "/tmp/troupe-place-XXXXXX";
    tr_redis_place_t place = {0};
    tr_error_t error = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "redis://:secret@h:7/1\nanother line\n";
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(tr_redis_place_load(&place, path, &error), 0);
    assert_string_equal(place.password, "secret");
    assert_int_equal(place.database, 1);
    assert_int_equal(fchmod(fd, 0604), 0);
    assert_int_equal(tr_redis_place_load(&place, path, &error), -EACCES);
    assert_non_null(strstr(error.text, "chmod 600"));
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(pwrite(fd, "r:dis", 5, 0), 5);
    assert_int_equal(tr_redis_place_load(&place, path, &error), -EINVAL);
    assert_null(strstr(error.text, "secret"));
    unlink(path);
    close(fd);
    assert_int_equal(tr_redis_place_load(&place, path, &error), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_say_it),
        cmocka_unit_test(what_is_none_is_refused_and_not_quoted),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(a_file_is_for_its_owner_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
