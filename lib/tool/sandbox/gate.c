/*
 * The network of a program that has the public internet and no more: TCP, and its names.
 *
 * A filter of system calls sees the address of an address, not what stands there, and if it did another thread could change it. So each `connect` is told to the first
 * process of the room (seccomp's notices), which copies the address, looks whether it may be, and connects the program's own socket to the copy. The
 * program sees the outcome as that of its call. What else would lead somewhere (datagrams, fast open, other protocols, listening) is refused by the filter.
 *
 * Names are resolved by the host's servers, which may be on its own network: these may be asked at their port, by TCP (resolv.conf of the room says so).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/tool/address.h"
#include "lib/tool/sandbox/sandbox.h"

#define DNS_PORT 53

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
} address_t;

/* ---- the names ---- */

static bool take_server(tr_sandbox_t *self, const char *text) {
    tr_sandbox_server_t *server = &self->servers[self->server_count];
    if (self->server_count == TR_SANDBOX_SERVERS_MAX)
        return false;
    server->family = inet_pton(AF_INET, text, server->bytes) == 1    ? AF_INET
                     : inet_pton(AF_INET6, text, server->bytes) == 1 ? AF_INET6
                                                                     : 0;
    self->server_count += server->family != 0;
    return server->family != 0;
}

int tr_sandbox_read_names(tr_sandbox_t *self, const char *from, const char *to) {
    char line[256], server[64];
    FILE *in = fopen(from, "re"), *out = fopen(to, "we");
    while (in && out && fgets(line, sizeof line, in)) {
        bool fits = sscanf(line, "nameserver %63s", server) == 1 ? take_server(self, server)
                                                                 : strncmp(line, "search ", 7) == 0;
        if (fits)
            fputs(line, out);
    }
    if (out)
        fputs("options use-vc\n", out);
    if (in)
        fclose(in);
    return !out || fclose(out) != 0 ? tr_sandbox_say(to, errno) : 0;
}

/* ---- which addresses ---- */

static bool is_server(const tr_sandbox_t *self, const address_t *address) {
    bool v4 = address->any.sa_family == AF_INET;
    const void *bytes = v4 ? (const void *)&address->v4.sin_addr : (const void *)&address->v6.sin6_addr;
    if (ntohs(v4 ? address->v4.sin_port : address->v6.sin6_port) != DNS_PORT)
        return false;
    for (size_t i = 0; i < self->server_count; i++)
        if (self->servers[i].family == address->any.sa_family &&
            memcmp(self->servers[i].bytes, bytes, v4 ? 4 : 16) == 0)
            return true;
    return false;
}

static bool is_allowed(const tr_sandbox_t *self, const address_t *address, size_t len) {
    bool is_whole = (address->any.sa_family == AF_INET && len >= sizeof address->v4) ||
                    (address->any.sa_family == AF_INET6 && len >= sizeof address->v6);
    return is_whole && (tr_address_is_public(&address->any) || is_server(self, address));
}

/* ---- one call ---- */

/* The process of a thread, as a descriptor. */
static int open_process(pid_t thread) {
    char path[64], line[128];
    long process = -1;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)thread);
    FILE *file = fopen(path, "re");
    while (file && process < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "Tgid: %ld", &process) != 1)
            process = -1;
    if (file)
        fclose(file);
    return process > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)process, 0) : -1;
}

static bool read_address(const struct seccomp_notif *call, address_t *ret_address) {
    size_t len = call->data.args[2] < sizeof *ret_address ? (size_t)call->data.args[2] : sizeof *ret_address;
    struct iovec to = {ret_address, len}, from = {(void *)(uintptr_t)call->data.args[1], len};
    memset(ret_address, 0, sizeof *ret_address);
    return len > 0 && process_vm_readv((pid_t)call->pid, &to, 1, &from, 1, 0) == (ssize_t)len;
}

/* 0, or the error that the program sees. */
static int connect_for(const tr_sandbox_t *self, int gate, const struct seccomp_notif *call) {
    address_t address;
    if (!read_address(call, &address))
        return EFAULT;
    if (!is_allowed(self, &address, (size_t)call->data.args[2]))
        return EACCES;
    int process = open_process((pid_t)call->pid);
    int fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, (int)call->data.args[0], 0);
    if (fd < 0)
        return EACCES;
    if (seccomp_notify_id_valid(gate, call->id) !=
        0) /* who asked has gone, and the number may be another's */
        return EACCES;
    socklen_t len = address.any.sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6;
    return connect(fd, &address.any, len) < 0 ? errno : 0;
}

/* In a process of its own, as it may take long. */
static void answer(const tr_sandbox_t *self, int gate, const struct seccomp_notif *call) {
    struct seccomp_notif_resp said = {.id = call->id, .error = -connect_for(self, gate, call)};
    seccomp_notify_respond(gate, &said); /* nobody may wait for it any more, ignoring */
    _exit(0);
}

void tr_sandbox_gate(const tr_sandbox_t *self, int gate) {
    struct seccomp_notif *call = NULL;
    struct seccomp_notif_resp *said = NULL;
    if (seccomp_notify_alloc(&call, &said) < 0)
        return;
    if (seccomp_notify_receive(gate, call) == 0) {
        pid_t helper = fork();
        if (helper == 0)
            answer(self, gate, call);
        said->id = call->id;
        said->error = -EAGAIN;
        if (helper < 0)
            seccomp_notify_respond(gate, said); /* likewise, ignoring */
    }
    seccomp_notify_free(call, said);
}

/* ---- from the program to the first process ---- */

int tr_sandbox_send_gate(int by, int gate) {
    char one = 1;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec data = {&one, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    control.head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), &gate, sizeof gate);
    return sendmsg(by, &message, 0) == 1 ? 0 : tr_sandbox_say("the gate", errno);
}

int tr_sandbox_take_gate(int by) {
    char one;
    int gate = -1;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec data = {&one, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(by, &message, MSG_CMSG_CLOEXEC) == 1 && message.msg_controllen >= sizeof control.head)
        memcpy(&gate, CMSG_DATA(&control.head), sizeof gate);
    return gate;
}
