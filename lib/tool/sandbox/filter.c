/*
 * Which system calls are refused (EPERM): those that change the system, look into other processes, make namespaces, or reach the less trodden parts of the
 * kernel. Namespaces and the lack of capabilities refuse most of them already; this is the second wall. Programs of another architecture are killed.
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
    "mbind", "migrate_pages", "mount", "mount_setattr", "move_mount", "move_pages", "name_to_handle_at",
    "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open", "personality", "pidfd_getfd",
    "pivot_root", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "query_module",
    "quotactl", "quotactl_fd", "reboot", "request_key", "set_mempolicy", "setdomainname", "sethostname",
    "setns", "settimeofday", "swapoff", "swapon", "sysfs", "syslog", "umount", "umount2", "unshare", "uselib",
    "userfaultfd", "ustat", "vhangup", "vm86", "vm86old", NULL};

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
 * Sockets of the own host are harmless where the network is another; those of the kernel and of hardware never are. The kernel takes 32 bits of the family,
 * a filter sees 64: the upper ones do not count.
 */
static int refuse_sockets(scmp_filter_ctx filter, bool network) {
    int rc = 0;
    for (unsigned family = 0; rc == 0 && family < 64; family++) {
        bool is_fine = family == AF_UNIX || (network && (family == AF_INET || family == AF_INET6));
        if (!is_fine)
            rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, family));
    }
    return rc;
}

/* Typing into the terminal of who started it. */
static int refuse_typing(scmp_filter_ctx filter) {
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
        SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint64_t)TIOCSTI));
    return rc < 0 ? rc
                  : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                        SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint64_t)TIOCLINUX));
}

int tr_sandbox_filter(const tr_sandbox_t *self) {
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
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc < 0 ? tr_sandbox_say("seccomp", -rc) : 0;
}
