#include "lib/base/crash.h"

#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * A signal handler can be handed nothing, so what it needs stands in one static struct, which is written before there are threads, and only grows then. It calls
 * only what POSIX allows there; backtrace() is called once before, because its first call loads a library.
 */

#define MODULES_MAX 64
#define FRAMES_MAX  48
#define SKIPPED     2 /* the handler itself, and what the kernel put below it */
#define LINE_SIZE   4096
#define NAME_SIZE   48
#define STACK_SIZE  (64 << 10)

typedef struct module {
    uintptr_t base, from, to;
    char name[NAME_SIZE];
} module_t;

static struct catcher {
    bool catches;
    int fd;
    tr_log_format_t format;
    char component[32];
    module_t modules[MODULES_MAX];
    atomic_size_t modules_n; /* a module is there before it is counted */
    struct sigaction before[_NSIG];
    char stack[STACK_SIZE];
} catcher;

const tr_event_t tr_crash_event = {"X001", TR_LOG_ERROR, "ended by a signal",
    "The process was ended by a fault of its own, or by an abort of a library. `stack` says where it was.",
    "Report it with this line. `addr2line -fe MODULE 0xOFFSET` names the places. The process is started "
    "again by whoever supervises it."};

static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* ---- one line, without a heap ---- */

typedef struct line {
    char text[LINE_SIZE];
    size_t len;
} line_t;

static void put_bytes(line_t *line, const char *text, size_t len) {
    size_t room = sizeof line->text - 8 - line->len; /* for the end */
    len = len < room ? len : room;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put(line_t *line, const char *text) {
    put_bytes(line, text, strlen(text));
}

static void put_number(line_t *line, uint64_t n, unsigned base, int digits) {
    char text[24];
    int at = sizeof text;
    do {
        text[--at] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n || (int)sizeof text - at < digits);
    put_bytes(line, text + at, sizeof text - (size_t)at);
}

/* Of days since 1970 (the algorithm for the proleptic Gregorian calendar that counts from March). */
static void put_date(line_t *line, uint64_t days) {
    uint64_t z = days + 719468, era = z / 146097, doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365,
             doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint64_t mp = (5 * doy + 2) / 153, day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    put_number(line, yoe + era * 400 + (month <= 2), 10, 4);
    put(line, "-");
    put_number(line, month, 10, 2);
    put(line, "-");
    put_number(line, day, 10, 2);
}

static void put_time(line_t *line) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seconds = (uint64_t)now.tv_sec;
    put_date(line, seconds / 86400);
    put(line, "T");
    put_number(line, seconds / 3600 % 24, 10, 2);
    put(line, ":");
    put_number(line, seconds / 60 % 60, 10, 2);
    put(line, ":");
    put_number(line, seconds % 60, 10, 2);
    put(line, ".");
    put_number(line, (uint64_t)now.tv_nsec / 1000000, 10, 3);
    put(line, "Z");
}

static void put_frame(line_t *line, uintptr_t at) {
    size_t modules = atomic_load(&catcher.modules_n);
    for (size_t i = 0; i < modules; i++) {
        const module_t *m = &catcher.modules[i];
        if (at < m->from || at >= m->to)
            continue;
        put(line, m->name);
        put(line, "+");
        at -= m->base;
        break;
    }
    put(line, "0x");
    put_number(line, at, 16, 1);
}

static void put_stack(line_t *line) {
    void *frames[FRAMES_MAX];
    int n = backtrace(frames, FRAMES_MAX);
    for (int i = SKIPPED; i < n; i++) {
        if (i > SKIPPED)
            put(line, " ");
        put_frame(line, (uintptr_t)frames[i]);
    }
}

static const char *name_of(int number) {
    switch (number) {
    case SIGSEGV: return "SEGV";
    case SIGBUS: return "BUS";
    case SIGFPE: return "FPE";
    case SIGILL: return "ILL";
    default: return "ABRT";
    }
}

static void write_line(line_t *line, int number) {
    bool json = catcher.format == TR_LOG_JSON;
    put(line, json ? "{\"time\":\"" : "");
    put_time(line);
    put(line, json ? "\",\"level\":\"error\",\"component\":\"" : " error ");
    put(line, catcher.component);
    put(line, json ? "\",\"event\":\"X001\",\"message\":\"ended by a signal\",\"signal\":\""
                   : " X001 ended by a signal signal=");
    put(line, name_of(number));
    put(line, json ? "\",\"stack\":\"" : " stack=\"");
    put_stack(line);
    memcpy(line->text + line->len, json ? "\"}\n" : "\"\n", json ? 3 : 2); /* put has left room for it */
    line->len += json ? 3 : 2;
}

static void on_signal(int number) {
    line_t line;
    line.len = 0;
    sigaction(number, &catcher.before[number], NULL);
    write_line(&line, number);
    ssize_t n = write(catcher.fd, line.text, line.len);
    (void)n;       /* nobody is left to be told */
    raise(number); /* when this has returned */
}

/* ---- before ---- */

static int on_module(struct dl_phdr_info *info, size_t size, void *arg) {
    size_t n = atomic_load(&catcher.modules_n);
    (void)size, (void)arg;
    for (size_t i = 0; i < n; i++)
        if (catcher.modules[i].base == info->dlpi_addr)
            return 0;
    if (n == MODULES_MAX)
        return 1;
    module_t *m = &catcher.modules[n];
    const char *slash = strrchr(info->dlpi_name, '/');
    const char *name = slash ? slash + 1 : *info->dlpi_name ? info->dlpi_name : program_invocation_short_name;
    strncpy(m->name, name, NAME_SIZE - 1);
    m->base = info->dlpi_addr;
    m->from = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + p->p_vaddr, to = from + p->p_memsz;
        if (p->p_type != PT_LOAD)
            continue;
        m->from = from < m->from ? from : m->from;
        m->to = to > m->to ? to : m->to;
    }
    atomic_store(&catcher.modules_n, n + 1);
    return 0;
}

void tr_crash_note_loaded(void) {
    if (catcher.catches)
        dl_iterate_phdr(on_module, NULL);
}

/* A stack that has overrun has no room for a handler. */
static void use_own_stack(void) {
    stack_t own = {.ss_size = sizeof catcher.stack, .ss_sp = catcher.stack}, before;
    if (sigaltstack(NULL, &before) == 0 && before.ss_flags & SS_DISABLE)
        sigaltstack(&own, NULL); /* without one: it is told unless the stack was the fault, ignoring */
}

void tr_crash_catch(const tr_log_t *log) {
    void *frame;
    if (catcher.catches)
        return;
    catcher.catches = true;
    catcher.fd = log->fd;
    catcher.format = log->format;
    memcpy(catcher.component, log->component, sizeof catcher.component);
    backtrace(&frame, 1);
    dl_iterate_phdr(on_module, NULL);
    use_own_stack();
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaction(caught[i], &action, &catcher.before[caught[i]]);
}
