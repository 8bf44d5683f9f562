/*
 * Which system calls are refused (EPERM): those that change the system, look into other processes, make namespaces, hold memory that nobody has mapped
 * (watch.c), run other programs, or reach the less trodden parts of the kernel. Namespaces and the lack of capabilities refuse most of them already; this is the second wall. Programs of another architecture are killed.
 */
#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/tool/sandbox/sandbox.h"

#define NAMESPACES                                                                                           \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |            \
        CLONE_NEWNET)

static const char *const refused[] = {"acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime",
    "clock_settime", "create_module", "delete_module", "fanotify_init", "finit_module", "fsconfig", "fsmount",
    "fsopen", "fspick", "get_kernel_syms", "init_module", "io_uring_enter", "io_uring_register",
    "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie",
    "mbind", "memfd_create", "memfd_secret", "migrate_pages", "mount", "mount_setattr", "move_mount",
    "move_pages", "msgget", "name_to_handle_at", "nfsservctl", "open_by_handle_at", "open_tree",
    "perf_event_open", "personality", "pidfd_getfd", "pivot_root", "process_madvise", "process_vm_readv",
    "process_vm_writev", "ptrace", "query_module", "quotactl", "quotactl_fd", "reboot", "request_key",
    "set_mempolicy", "setdomainname", "sethostname", "setns", "settimeofday", "shmget", "swapoff", "swapon",
    "sysfs", "syslog", "umount", "umount2", "unshare", "uselib", "userfaultfd", "ustat", "vhangup", "vm86",
    "vm86old", NULL};

static int refuse_calls(scmp_filter_ctx filter) {
    for (size_t i = 0; refused[i]; i++) {
        int call = seccomp_syscall_resolve_name(refused[i]);
        int rc = call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
        if (rc < 0 && rc != -EDOM) /* a call that this architecture has not */
            return rc;
    }
    return 0;
}

/* clone3 hides its flags from a filter: who is told that there is none takes clone. */
static int refuse_namespaces(scmp_filter_ctx filter) {
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (unsigned bit = 0; rc == 0 && bit < 32; bit++)
        if (NAMESPACES & (UINT64_C(1) << bit))
            rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                SCMP_A0(SCMP_CMP_MASKED_EQ, UINT64_C(1) << bit, UINT64_C(1) << bit));
    return rc;
}

/*
 * Sockets of the own host are harmless where the network is another, whose names they have too; where it is the host's they lead to its services (their names
 * that begin with a zero are no files). Those of the kernel and of hardware are never harmless. A pair of sockets leads nowhere. The kernel takes 32 bits of the
 * family, a filter sees 64: the upper ones do not count.
 */
static int refuse_sockets(scmp_filter_ctx filter, bool network) {
    int rc = 0;
    for (unsigned family = 0; rc == 0 && family < 64; family++) {
        bool is_fine = network ? family == AF_INET || family == AF_INET6 : family == AF_UNIX;
        if (!is_fine)
            rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, family));
    }
    return rc;
}

static int refuse_masked(scmp_filter_ctx filter, int call, unsigned argument, uint64_t mask, uint64_t value) {
    return seccomp_rule_add(
        filter, SCMP_ACT_ERRNO(EPERM), call, 1, SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value));
}

/* Sockets of TCP alone. The kernel takes the kind from four bits, and the rest is how it is opened. */
static int refuse_datagrams(scmp_filter_ctx filter) {
    int rc = 0;
    for (uint64_t type = 0; rc == 0 && type < 16; type++)
        rc = type == SOCK_STREAM ? 0 : refuse_masked(filter, SCMP_SYS(socket), 1, 15, type);
    for (unsigned bit = 0; rc == 0 && bit < 32; bit++) /* any but 0 and IPPROTO_TCP, which is 6 */
        if (bit != 1 && bit != 2)
            rc = refuse_masked(filter, SCMP_SYS(socket), 2, UINT64_C(1) << bit, UINT64_C(1) << bit);
    if (rc == 0)
        rc = refuse_masked(filter, SCMP_SYS(socket), 2, UINT32_MAX, 2);
    return rc == 0 ? refuse_masked(filter, SCMP_SYS(socket), 2, UINT32_MAX, 4) : rc;
}

/* Each connection is asked for (gate.c), and there is no other way to have one. */
static int put_gate(scmp_filter_ctx filter) {
    static const uint64_t fast_open = MSG_FASTOPEN;
    int rc = refuse_datagrams(filter);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(connect), 0);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(listen), 0);
    if (rc == 0)
        rc = refuse_masked(filter, SCMP_SYS(sendto), 3, fast_open, fast_open);
    if (rc == 0)
        rc = refuse_masked(filter, SCMP_SYS(sendmsg), 2, fast_open, fast_open);
    return rc == 0 ? refuse_masked(filter, SCMP_SYS(sendmmsg), 3, fast_open, fast_open) : rc;
}

/* Typing into the terminal of who started it. */
static int refuse_typing(scmp_filter_ctx filter) {
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
        SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint64_t)TIOCSTI));
    return rc < 0 ? rc
                  : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                        SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint64_t)TIOCLINUX));
}

/* The address is one of many that a program would have to try, and of nothing once this one runs. */
static int refuse_others(scmp_filter_ctx filter, const char *program) {
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(execveat), 0);
    return rc < 0 ? rc
                  : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(execve), 1,
                        SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)(uintptr_t)program));
}

int tr_sandbox_filter(const tr_sandbox_t *self, const char *program, int by) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return tr_sandbox_say("seccomp", ENOMEM);
    int rc = refuse_calls(filter);
    if (rc == 0)
        rc = refuse_namespaces(filter);
    if (rc == 0)
        rc = refuse_sockets(filter, self->network);
    if (rc == 0)
        rc = refuse_typing(filter);
    if (rc == 0 && tr_sandbox_has_gate(self))
        rc = put_gate(filter);
    if (rc == 0 && !self->spawns)
        rc = refuse_others(filter, program);
    if (rc == 0)
        rc = seccomp_load(filter);
    int gate = rc == 0 && tr_sandbox_has_gate(self) ? seccomp_notify_fd(filter) : -1;
    seccomp_release(filter);
    if (rc < 0)
        return tr_sandbox_say("seccomp", -rc);
    return gate >= 0 ? tr_sandbox_send_gate(by, gate) : 0;
}
