/* What a process says that is ended by a signal. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/crash.h"

typedef struct end {
    int status;
    char said[8192];
} end_t;

/* A child that catches and is then ended by `number`. */
static end_t end_by(int number, tr_log_format_t format) {
    end_t end = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        tr_log_t log;
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        for (int i = 1; i < 32; i++)
            signal(i, SIG_DFL); /* also those of a sanitizer */
        tr_log_init(&log, ends[1], "tester", format, TR_LOG_INFO);
        tr_crash_catch(&log);
        tr_crash_catch(&log); /* does nothing */
        raise(number);
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(ends[0], end.said + len, sizeof end.said - 1 - len)) > 0)
        len += (size_t)n;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &end.status, 0), pid);
    return end;
}

static void the_signal_and_the_stack(void **state) {
    static const struct {
        int number;
        const char *name;
    } all[] = {{SIGSEGV, "SEGV"}, {SIGBUS, "BUS"}, {SIGFPE, "FPE"}, {SIGILL, "ILL"}, {SIGABRT, "ABRT"}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char expected[64];
        end_t end = end_by(all[i].number, TR_LOG_JSON);
        assert_true(WIFSIGNALED(end.status));
        assert_int_equal(WTERMSIG(end.status), all[i].number);
        snprintf(expected, sizeof expected, "\"signal\":\"%s\",\"stack\":\"", all[i].name);
        if (!strstr(end.said, expected))
            fail_msg("%s", end.said);
        assert_non_null(strstr(end.said, "\"component\":\"tester\",\"event\":\"X001\""));
        assert_non_null(strstr(end.said, "crash_test+0x")); /* main, at least */
        assert_string_equal(end.said + strlen(end.said) - 3, "\"}\n");
    }
}

static void readable_too(void **state) {
    char date[16];
    time_t now = time(NULL);
    struct tm tm;
    (void)state;
    end_t end = end_by(SIGABRT, TR_LOG_READABLE);
    strftime(date, sizeof date, "%Y-%m-%dT", gmtime_r(&now, &tm));
    assert_memory_equal(end.said, date, 5); /* the year: the day may change meanwhile */
    assert_non_null(strstr(end.said, "Z error tester X001 ended by a signal signal=ABRT stack=\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signal_and_the_stack),
        cmocka_unit_test(readable_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
