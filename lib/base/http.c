/*
 * One thread, one libevent base, one listener. Why not evhttp: in libevent 2.1 it tells nobody of a
 * connection before its request is complete, so that a client that sends a byte a second could be neither
 * counted nor cut. What is needed here is one request line of two methods, which is read below from a
 * bufferevent.
 *
 * A connection: reads until the empty line -> answers -> shuts its writing side down -> drains what still
 * comes, so that the answer is not lost to a reset -> freed. A timer bounds all of it.
 */
#include "lib/base/http.h"

#include "lib/base/http_file.h"

#include "lib/base/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_BYTES_MAX  8192
#define BODY_BYTES_MAX  (16 * 1024 * 1024)
#define STACK_BYTES     (256 * 1024)
#define DRAIN_MS        1000
#define ACCEPT_PAUSE_MS 200

typedef struct connection {
    tr_http_t *http;
    struct connection *next, **link; /* in http->connections */
    struct bufferevent *bev;
    struct event *deadline;
    bool answered;
    bool ended; /* the client sends no more */
} connection_t;

struct tr_http {
    tr_http_config_t config;
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *stop, *resume;
    int stop_fd;
    pthread_t thread;
    bool running;
    connection_t *connections;
    size_t count;
    uint16_t port;
    char address[96];
    char *told; /* the path of the file that tells it; NULL = none */
};

typedef struct reply {
    int status;
    bool head_only;
    const char *content_type;
    tr_buffer_t body;
} reply_t;

static struct timeval after_ms(int64_t ms) {
    return (struct timeval){ms / 1000, (ms % 1000) * 1000};
}

/* --- connections ---------------------------------------------------------------------------------------- */

static void connection_destroy(connection_t *self) {
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    self->http->count--;
    if (self->deadline)
        event_free(self->deadline);
    if (self->bev)
        bufferevent_free(self->bev);
    free(self);
}

static const char *status_text(int status) {
    static const struct {
        int status;
        const char *text;
    } texts[] = {{200, "OK"}, {400, "Bad Request"}, {404, "Not Found"}, {405, "Method Not Allowed"},
        {413, "Content Too Large"}, {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
        {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Unknown";
}

static void free_body(const void *data, size_t len, void *extra) {
    (void)data, (void)len;
    free(extra);
}

/* Takes the reply's body. */
static void answer(connection_t *self, reply_t *reply) {
    struct evbuffer *out = bufferevent_get_output(self->bev);
    self->answered = true;
    evbuffer_add_printf(out,
        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n%s"
        "Connection: close\r\n\r\n",
        reply->status, status_text(reply->status), reply->content_type, reply->body.size,
        reply->status == 405 ? "Allow: GET, HEAD\r\n" : "");
    char *data = reply->body.data;
    if (reply->head_only || !data ||
        evbuffer_add_reference(out, data, reply->body.size, free_body, data) != 0)
        free(data);
    reply->body.data = NULL;
}

static void answer_status(connection_t *self, int status) {
    reply_t reply = {.status = status, .content_type = "text/plain; charset=utf-8"};
    tr_buffer_init(&reply.body, BODY_BYTES_MAX);
    tr_buffer_printf(&reply.body, "%s\n", status_text(status));
    answer(self, &reply);
}

/* --- requests ------------------------------------------------------------------------------------------- */

static void answer_metrics(const tr_http_t *http, reply_t *reply) {
    if (!http->config.ops->metrics) {
        reply->status = 404;
        return;
    }
    reply->content_type = TR_METRICS_CONTENT_TYPE;
    http->config.ops->metrics(http->config.context, &reply->body);
}

static void answer_probe(const tr_http_t *http, bool (*probe)(void *, tr_buffer_t *), reply_t *reply) {
    bool good = !probe || probe(http->config.context, &reply->body);
    if (!good)
        reply->status = 503;
    if (reply->body.size == 0)
        tr_buffer_text(&reply->body, good ? "ok" : "not ok");
    tr_buffer_char(&reply->body, '\n');
}

static void answer_healthy(const tr_http_t *http, reply_t *reply) {
    answer_probe(http, http->config.ops->healthy, reply);
}

static void answer_ready(const tr_http_t *http, reply_t *reply) {
    answer_probe(http, http->config.ops->ready, reply);
}

typedef struct route {
    const char *path;
    void (*answer)(const tr_http_t *http, reply_t *reply);
} route_t;

static const route_t routes[] = {
    {"/metrics", answer_metrics}, {"/healthz", answer_healthy}, {"/readyz", answer_ready}};

static const route_t *find_route(const char *path) {
    size_t len = strcspn(path, "?");
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strlen(routes[i].path) == len && memcmp(routes[i].path, path, len) == 0)
            return &routes[i];
    return NULL;
}

static void answer_route(connection_t *self, const route_t *route, bool head_only) {
    reply_t reply = {.status = 200, .head_only = head_only, .content_type = "text/plain; charset=utf-8"};
    tr_buffer_init(&reply.body, BODY_BYTES_MAX);
    route->answer(self->http, &reply);
    if (reply.body.failed) {
        tr_buffer_finish(&reply.body);
        reply.status = 500;
    }
    if (reply.body.size == 0 && reply.status != 200)
        tr_buffer_printf(&reply.body, "%s\n", status_text(reply.status));
    answer(self, &reply);
}

/* "METHOD PATH HTTP/1.x", cut in place. */
static bool split_request(char *line, char **ret_path) {
    char *path = strchr(line, ' ');
    char *version = path ? strchr(path + 1, ' ') : NULL;
    if (!version || path == line || path[1] != '/' || strncmp(version + 1, "HTTP/1.", 7) != 0)
        return false;
    *path = '\0';
    *version = '\0';
    *ret_path = path + 1;
    return true;
}

/* Whether a header announces a body. */
static bool announces_body(const char *line) {
    static const char length[] = "content-length:", coding[] = "transfer-encoding:";
    if (strncasecmp(line, coding, sizeof coding - 1) == 0)
        return true;
    if (strncasecmp(line, length, sizeof length - 1) != 0)
        return false;
    line += sizeof length - 1;
    return line[strspn(line, " \t0")] != '\0';
}

static bool drain_headers(struct evbuffer *in) {
    bool body = false;
    char *line;
    while ((line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF))) {
        bool last = *line == '\0';
        body = body || announces_body(line);
        free(line);
        if (last)
            break;
    }
    return body;
}

static void handle_request(connection_t *self, struct evbuffer *in) {
    char *line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF), *path = NULL;
    if (!line) {
        answer_status(self, 400);
        return;
    }
    bool body = drain_headers(in);
    const route_t *route = NULL;
    if (!split_request(line, &path))
        answer_status(self, 400);
    else if (!(route = find_route(path)))
        answer_status(self, 404);
    else if (strcmp(line, "GET") != 0 && strcmp(line, "HEAD") != 0)
        answer_status(self, 405);
    else if (body)
        answer_status(self, 413);
    else
        answer_route(self, route, strcmp(line, "HEAD") == 0);
    free(line);
}

static bool has_head(struct evbuffer *in) {
    struct evbuffer_ptr crlf = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    return crlf.pos >= 0 || evbuffer_search(in, "\n\n", 2, NULL).pos >= 0;
}

static void on_read(struct bufferevent *bev, void *context) {
    connection_t *self = context;
    struct evbuffer *in = bufferevent_get_input(bev);
    if (!self->answered && has_head(in))
        handle_request(self, in);
    else if (!self->answered && evbuffer_get_length(in) >= HEAD_BYTES_MAX)
        answer_status(self, 431);
    if (self->answered)
        evbuffer_drain(in, evbuffer_get_length(in));
}

/* All is sent: let the client see the end, and give it a moment to close. */
static void on_written(struct bufferevent *bev, void *context) {
    connection_t *self = context;
    struct timeval drain = after_ms(DRAIN_MS);
    if (!self->answered)
        return;
    if (self->ended) {
        connection_destroy(self);
        return;
    }
    shutdown(bufferevent_getfd(bev), SHUT_WR);
    event_add(self->deadline, &drain);
}

static void on_end(struct bufferevent *bev, short what, void *context) {
    connection_t *self = context;
    bool sending = self->answered && evbuffer_get_length(bufferevent_get_output(bev)) > 0;
    self->ended = true;
    if (!(what & BEV_EVENT_EOF) || !sending)
        connection_destroy(self);
}

static void on_deadline(evutil_socket_t fd, short what, void *context) {
    (void)fd, (void)what;
    connection_destroy(context);
}

static void on_accept(
    struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *context) {
    (void)listener, (void)from, (void)len;
    tr_http_t *http = context;
    connection_t *self = http->count < http->config.most_connections ? calloc(1, sizeof *self) : NULL;
    if (!self) {
        close(fd);
        return;
    }
    *self = (connection_t){.http = http, .next = http->connections, .link = &http->connections};
    if (self->next)
        self->next->link = &self->next;
    http->connections = self;
    http->count++;
    struct timeval timeout = after_ms(http->config.timeout_ms);
    self->bev = bufferevent_socket_new(http->base, fd, BEV_OPT_CLOSE_ON_FREE);
    self->deadline = self->bev ? evtimer_new(http->base, on_deadline, self) : NULL;
    if (!self->deadline || event_add(self->deadline, &timeout) != 0) {
        if (!self->bev)
            close(fd);
        connection_destroy(self);
        return;
    }
    bufferevent_setcb(self->bev, on_read, on_written, on_end, self);
    bufferevent_setwatermark(self->bev, EV_READ, 0, HEAD_BYTES_MAX);
    bufferevent_enable(self->bev, EV_READ | EV_WRITE);
}

/* Out of descriptors: the waiting client keeps the listener readable, so pause instead of spinning. */
static void on_accept_error(struct evconnlistener *listener, void *context) {
    tr_http_t *self = context;
    struct timeval pause = after_ms(ACCEPT_PAUSE_MS);
    evconnlistener_disable(listener);
    event_add(self->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *context) {
    (void)fd, (void)what;
    tr_http_t *self = context;
    evconnlistener_enable(self->listener);
}

/* --- the port ------------------------------------------------------------------------------------------- */

/* "HOST:PORT", "[V6]:PORT", ":PORT". */
static int split_listen(
    const char *listen, char *host, size_t host_len, char *port, size_t port_len, tr_error_t *error) {
    const char *colon = strrchr(listen, ':');
    size_t len = colon ? (size_t)(colon - listen) : 0;
    bool bracketed = len >= 2 && listen[0] == '[' && listen[len - 1] == ']';
    const char *start = bracketed ? listen + 1 : listen;
    if (bracketed)
        len -= 2;
    bool digits = colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);
    bool fits = digits && strlen(colon + 1) < port_len && len < host_len && atol(colon + 1) <= 65535;
    if (!fits || (!bracketed && memchr(start, ':', len)))
        return tr_error_set(error, -EINVAL,
            "\"%.100s\" is not an address to listen on: expected HOST:PORT, such as 127.0.0.1:9100 or "
            "[::1]:9100",
            listen);
    memcpy(host, start, len);
    host[len] = '\0';
    strcpy(port, colon + 1);
    return 0;
}

static int bind_failed(int code, const char *listen, tr_error_t *error) {
    switch (code) {
    case EADDRINUSE:
        return tr_error_set(
            error, -code, "%s is in use: choose another with --http or stop the other process", listen);
    case EADDRNOTAVAIL:
        return tr_error_set(
            error, -code, "%s is not an address of this machine: choose another with --http", listen);
    case EACCES:
        return tr_error_set(
            error, -code, "%s needs privileges: choose a port above 1023 with --http", listen);
    default: return tr_error_set(error, -code, "cannot listen on %s: %s", listen, strerror(code));
    }
}

static int bind_one(const struct addrinfo *info, bool dual, int *ret_fd) {
    int one = 1, only_v6 = !dual;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, 64) != 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

/* Numeric first: only a name needs the resolver, which loads libraries and memory. */
static int resolve(const char *host, const char *port, struct addrinfo **ret_list) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST};
    int rc = getaddrinfo(host, port, &hints, ret_list);
    if (rc != EAI_NONAME)
        return rc;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    return getaddrinfo(host, port, &hints, ret_list);
}

static int bind_host(
    const char *host, const char *port, bool dual, const char *listen, int *ret_fd, tr_error_t *error) {
    struct addrinfo *list = NULL;
    int rc = resolve(host, port, &list);
    if (rc != 0)
        return tr_error_set(error, -EINVAL, "cannot listen on %s: %s", listen, gai_strerror(rc));
    rc = -EADDRNOTAVAIL;
    for (const struct addrinfo *info = list; info && rc != 0; info = info->ai_next)
        rc = bind_one(info, dual, ret_fd);
    freeaddrinfo(list);
    return rc ? bind_failed(-rc, listen, error) : 0;
}

static int bind_listen(const char *listen, int *ret_fd, tr_error_t *error) {
    char host[80], port[8];
    int rc = split_listen(listen, host, sizeof host, port, sizeof port, error);
    if (rc)
        return rc;
    if (*host)
        return bind_host(host, port, false, listen, ret_fd, error);
    rc = bind_host("::", port, true, listen, ret_fd, error);
    /* A kernel without IPv6. */
    if (rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL)
        rc = bind_host("0.0.0.0", port, false, listen, ret_fd, error);
    return rc;
}

static int name_address(tr_http_t *self, int fd, tr_error_t *error) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return tr_error_set(error, -errno, "cannot read the address of the HTTP port: %s", strerror(errno));
    bool v6 = address.ss_family == AF_INET6;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;
    const struct sockaddr_in *four = (const struct sockaddr_in *)&address;
    inet_ntop(address.ss_family, v6 ? (const void *)&six->sin6_addr : &four->sin_addr, host, sizeof host);
    self->port = ntohs(v6 ? six->sin6_port : four->sin_port);
    snprintf(self->address, sizeof self->address, v6 ? "[%s]:%u" : "%s:%u", host, self->port);
    return 0;
}

/* --- the thread ----------------------------------------------------------------------------------------- */

static void on_stop(evutil_socket_t fd, short what, void *context) {
    (void)fd, (void)what;
    tr_http_t *self = context;
    event_base_loopbreak(self->base);
}

static void *run(void *context) {
    tr_http_t *self = context;
    event_base_dispatch(self->base);
    return NULL;
}

/* Only this thread touches the base: it needs no locks. */
static struct event_base *base_new(void) {
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

/* Takes `fd`. */
static int set_up(tr_http_t *self, int fd, tr_error_t *error) {
    self->base = base_new();
    self->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->base)
        self->listener = evconnlistener_new(
            self->base, on_accept, self, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (!self->listener) {
        close(fd);
        return tr_error_set(error, -ENOMEM, "cannot set the HTTP port up: out of memory or file descriptors");
    }
    evconnlistener_set_error_cb(self->listener, on_accept_error);
    if (self->stop_fd >= 0)
        self->stop = event_new(self->base, self->stop_fd, EV_READ, on_stop, self);
    self->resume = evtimer_new(self->base, on_resume, self);
    if (!self->stop || !self->resume || event_add(self->stop, NULL) != 0)
        return tr_error_set(error, -ENOMEM, "cannot set the HTTP port up: out of memory or file descriptors");
    return 0;
}

/* Signals are for the daemon's own thread. */
static int start(tr_http_t *self, tr_error_t *error) {
    pthread_attr_t attr;
    sigset_t all, before;
    int rc = pthread_attr_init(&attr);
    if (rc)
        return tr_error_set(error, -rc, "cannot start the HTTP thread: %s", strerror(rc));
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&self->thread, &attr, run, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc)
        return tr_error_set(error, -rc, "cannot start the HTTP thread: %s", strerror(rc));
    self->running = true;
    pthread_setname_np(self->thread, "http");
    return 0;
}

int tr_http_new(const tr_http_config_t *config, tr_http_t **ret_http, tr_error_t *error) {
    int fd = -1;
    int rc = bind_listen(config->listen, &fd, error);
    if (rc)
        return rc;
    tr_http_t *self = calloc(1, sizeof *self);
    if (!self) {
        close(fd);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    self->config = *config;
    self->config.listen = self->config.told_in = self->config.told_as = self->config.job =
        NULL; /* not ours to keep */
    self->stop_fd = -1;
    if (self->config.timeout_ms <= 0)
        self->config.timeout_ms = 5000;
    if (self->config.most_connections == 0)
        self->config.most_connections = 64;
    rc = name_address(self, fd, error);
    if (rc)
        close(fd);
    else
        rc = set_up(self, fd, error);
    if (rc == 0)
        rc = start(self, error);
    if (rc == 0 && config->told_in)
        rc = tr_http_file_write(
            config->told_in, config->told_as, config->job, self->address, &self->told, error);
    if (rc) {
        tr_http_destroy(&self);
        return rc;
    }
    *ret_http = self;
    return 0;
}

void tr_http_destroy(tr_http_t **self) {
    tr_http_t *http = *self;
    if (!http)
        return;
    if (http->running) {
        eventfd_write(http->stop_fd, 1);
        pthread_join(http->thread, NULL);
    }
    if (http->told)
        unlink(http->told); /* who finds it asks a port that does not answer, ignoring */
    free(http->told);
    while (http->connections)
        connection_destroy(http->connections);
    if (http->listener)
        evconnlistener_free(http->listener);
    if (http->stop)
        event_free(http->stop);
    if (http->resume)
        event_free(http->resume);
    if (http->base)
        event_base_free(http->base);
    if (http->stop_fd >= 0)
        close(http->stop_fd);
    free(http);
    *self = NULL;
}

const char *tr_http_address(const tr_http_t *self) {
    return self->address;
}

uint16_t tr_http_port(const tr_http_t *self) {
    return self->port;
}
