/* The simulator's command: runs seeds, on as many CPUs as it is told, each run in a child that says how far it
 * is, so that a crash or a hang is known by its seed. */
#include "tests/sim/world.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX    64
#define HANG_S      60 /* of a processor, for one seed: what others on the machine take counts for nothing */
#define SECONDS_MIN 20

static const char usage[] =
    "Usage: sim [OPTION...]\n"
    "\n"
    "Runs the broker's core, libtroupe's links, hosts and protocols in simulated worlds: a virtual clock, a "
    "virtual\n"
    "network, faults, and the promises of the design checked after every step. One seed is one world of each "
    "family.\n"
    "\n"
    "  --seed N        one seed (replays what failed)\n"
    "  --seeds N       the seeds 1 .. N, after those of --first\n"
    "  --from N        begin at N instead of 1\n"
    "  --first FILE    seeds that are run first: one a line, with its family where that is not plain; `#` "
    "begins a\n"
    "                  comment\n"
    "  --family NAME   plain: one broker; federated: two or three, linked; guarded: one with\n"
    "                  certificates, limits and quarantine; mixed: of ten seeds six, two and two are these "
    "(plain)\n"
    "  --seconds S     virtual seconds of a world (60)\n"
    "  --jobs N        at once (1)\n"
    "  --fails N       end when so many have failed (20)\n"
    "  --trace         print what happens\n"
    "  --twice         run each seed twice: the traces must be the same\n"
    "  --help          this text\n"
    "\n"
    "Exit: 0 all invariants held, 1 some did not, 2 usage.\n";

#define MIXED SIM_FAMILIES

typedef struct world {
    uint64_t seed;
    sim_family_t family;
} world_t;

typedef struct options {
    sim_family_t family; /* or MIXED */
    uint64_t from, count;
    const char *first;
    int64_t seconds;
    unsigned jobs, fails;
    bool trace, twice;
} options_t;

/* Shared with the children: what each is at. */
typedef struct board {
    uint64_t next; /* index of the next seed to take */
    world_t at[JOBS_MAX];
    double begun[JOBS_MAX];  /* processor seconds it had used then; 0: it has not */
    uint64_t hash[JOBS_MAX]; /* of all traces of this job */
    uint64_t done;
} board_t;

typedef struct run {
    const char *program; /* as it was called */
    const options_t *o;
    world_t *worlds;
    size_t n;
    board_t *board;
    pid_t pids[JOBS_MAX];
    unsigned failed;
} run_t;

static int64_t real_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* Seconds of a processor that a process has used; 0 where it is gone. */
static double used_s(pid_t pid) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t run_world(const options_t *o, world_t world) {
    uint64_t hash, again;
    sim_world_run(world.seed, world.family, o->seconds, o->trace ? stdout : NULL, &hash);
    if (!o->twice)
        return hash;
    sim_world_run(world.seed, world.family, o->seconds, NULL, &again);
    if (hash != again) {
        fprintf(stderr, "sim: seed %" PRIu64 " fails: two runs differ (%016" PRIx64 ", %016" PRIx64 ")\n",
            world.seed, hash, again);
        _exit(1);
    }
    return hash;
}

static void work(run_t *r, unsigned job) {
    board_t *b = r->board;
    for (;;) {
        uint64_t i = __atomic_fetch_add(&b->next, 1, __ATOMIC_SEQ_CST);
        if (i >= r->n)
            return;
        b->at[job] = r->worlds[i];
        b->begun[job] = used_s(getpid());
        uint64_t hash = run_world(r->o, r->worlds[i]);
        b->hash[job] ^= sim_mix(hash ^ r->worlds[i].seed);
        __atomic_fetch_add(&b->done, 1, __ATOMIC_SEQ_CST);
    }
}

static void start_job(run_t *r, unsigned job) {
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        fprintf(stderr, "sim: cannot start a process: %s\n", strerror(errno));
        exit(1);
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        work(r, job);
        exit(0); /* with what a sanitizer has to say */
    }
    r->pids[job] = pid;
}

/* The seed that a job was at has failed; the job goes on with the next one. */
static void job_ended(run_t *r, unsigned job, int status) {
    r->pids[job] = 0;
    r->board->begun[job] = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    world_t world = r->board->at[job];
    if (WIFSIGNALED(status))
        fprintf(stderr, "sim: seed %" PRIu64 " %s (signal %d)\n", world.seed,
            WTERMSIG(status) == SIGALRM ? "hangs" : "crashes", WTERMSIG(status));
    fprintf(stderr, "sim: replay it with: %s --family %s --seed %" PRIu64 " --seconds %" PRId64 " --trace\n",
        r->program, sim_family_names[world.family], world.seed, r->o->seconds);
    if (++r->failed < r->o->fails)
        start_job(r, job);
    else
        r->board->next = r->n;
}

static void look_for_hangs(const run_t *r) {
    for (unsigned i = 0; i < r->o->jobs; i++)
        if (r->pids[i] && r->board->begun[i] > 0 && used_s(r->pids[i]) - r->board->begun[i] > HANG_S)
            kill(r->pids[i], SIGALRM);
}

static bool any_job(const run_t *r) {
    for (unsigned i = 0; i < r->o->jobs; i++)
        if (r->pids[i])
            return true;
    return false;
}

static void run_all(run_t *r) {
    for (unsigned i = 0; i < r->o->jobs; i++)
        start_job(r, i);
    while (any_job(r)) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        for (unsigned i = 0; pid > 0 && i < r->o->jobs; i++)
            if (r->pids[i] == pid)
                job_ended(r, i, status);
        if (pid <= 0) {
            look_for_hangs(r);
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        }
    }
}

static void add_world(run_t *r, uint64_t seed, sim_family_t family) {
    if (family == MIXED)
        family = seed % 10 < 6 ? SIM_PLAIN : seed % 10 < 8 ? SIM_FEDERATED : SIM_GUARDED;
    r->worlds = sim_grow(r->worlds, (r->n + 1) * sizeof *r->worlds);
    r->worlds[r->n++] = (world_t){seed, family};
}

/* False where there is none of this name, which ends with a blank. */
static bool family_of(const char *text, sim_family_t *ret) {
    size_t len = strcspn(text, " \t\n#");
    for (unsigned i = 0; i <= SIM_FAMILIES; i++) {
        const char *name = i == MIXED ? "mixed" : sim_family_names[i];
        if (strlen(name) != len || memcmp(name, text, len) != 0)
            continue;
        *ret = (sim_family_t)i;
        return true;
    }
    return false;
}

static int read_first(run_t *r, const char *path) {
    FILE *file = fopen(path, "r");
    char line[256];
    if (!file) {
        fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
        return -1;
    }
    while (fgets(line, sizeof line, file)) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        sim_family_t family = SIM_PLAIN;
        if (end == line)
            continue;
        family_of(end + strspn(end, " \t"), &family);
        add_world(r, seed, family);
    }
    fclose(file);
    return 0;
}

static bool number(const char *text, uint64_t max, uint64_t *ret) {
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || v > max)
        return false;
    *ret = v;
    return true;
}

static int parse(int argc, char **argv, options_t *o) {
    static const struct option table[] = {
        {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 'n'},
        {"from", required_argument, NULL, 'f'},
        {"first", required_argument, NULL, 'F'},
        {"family", required_argument, NULL, 'w'},
        {"seconds", required_argument, NULL, 'S'},
        {"jobs", required_argument, NULL, 'j'},
        {"fails", required_argument, NULL, 'm'},
        {"trace", no_argument, NULL, 't'},
        {"twice", no_argument, NULL, '2'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int c;
    uint64_t v = 0;
    while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
        bool good = true;
        switch (c) {
        case 's': good = number(optarg, UINT64_MAX, &o->from), o->count = 1; break;
        case 'n': good = number(optarg, UINT32_MAX, &o->count); break;
        case 'f': good = number(optarg, UINT64_MAX, &o->from); break;
        case 'F': o->first = optarg; break;
        case 'w': good = family_of(optarg, &o->family); break;
        case 'S': good = number(optarg, 100000, &v) && v >= SECONDS_MIN, o->seconds = (int64_t)v; break;
        case 'j': good = number(optarg, JOBS_MAX, &v) && v, o->jobs = (unsigned)v; break;
        case 'm': good = number(optarg, UINT32_MAX, &v) && v, o->fails = (unsigned)v; break;
        case 't': o->trace = true; break;
        case '2': o->twice = true; break;
        case 'h': fputs(usage, stdout); exit(0);
        default: return 2;
        }
        if (!good) {
            fprintf(stderr, "sim: %s: not what is expected here; see --help\n", optarg);
            return 2;
        }
    }
    return optind == argc ? 0 : 2;
}

static void report(const run_t *r, int64_t begun) {
    uint64_t hash = 0;
    for (unsigned i = 0; i < r->o->jobs; i++)
        hash ^= r->board->hash[i];
    printf("%" PRIu64 " seeds of %" PRId64 " virtual seconds in %" PRId64 " s, %u failed, trace %016" PRIx64
           "\n",
        r->board->done + r->failed, r->o->seconds, real_s() - begun, r->failed, hash);
}

int main(int argc, char **argv) {
    options_t o = {.from = 1, .count = 1, .seconds = 60, .jobs = 1, .fails = 20};
    if (parse(argc, argv, &o) != 0) {
        fputs("sim: unknown argument; see --help\n", stderr);
        return 2;
    }
    int64_t begun = real_s();
    run_t r = {.program = argv[0], .o = &o};
    if (o.first && read_first(&r, o.first) < 0)
        return 2;
    for (uint64_t i = 0; i < o.count; i++)
        add_world(&r, o.from + i, o.family);
    r.board = mmap(NULL, sizeof *r.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r.board == MAP_FAILED) {
        fprintf(stderr, "sim: out of memory\n");
        return 1;
    }
    run_all(&r);
    report(&r, begun);
    free(r.worlds);
    return r.failed ? 1 : 0;
}
