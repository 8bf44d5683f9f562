#include "broker/shell/zap.h"

#include "broker/shell/cert_dir.h"
#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#define ENDPOINT  "inproc://zeromq.zap.01" /* fixed by RFC 27 */
#define LOOK_MS   500
#define FRAMES    7 /* version, request id, domain, address, routing id, mechanism, credentials */
#define FRAME_MAX 256
#define NEWS_MAX  256 /* more wait for nobody: they are counted */

struct tr_zap {
    void *socket; /* the thread's, once it runs */
    tr_cert_dir_t dir;
    tr_cert_book_t *book; /* the thread's: never NULL */
    pthread_t thread;
    bool started;
    int stop_fd, wake_fd;
    unsigned unreadable; /* looks in vain, one after another */

    pthread_mutex_t lock;   /* for all below */
    tr_cert_book_t *newest; /* not yet fetched; NULL */
    tr_zap_news_t *news, **news_end;
    unsigned news_n, lost;
    uint8_t probe[TR_KEY_SIZE];
    bool probing, probe_let_in;
};

static void wake(const tr_zap_t *z) {
    uint64_t one = 1;
    ssize_t n = write(z->wake_fd, &one, sizeof one);
    (void)n; /* full means that it is awake */
}

static void tell(tr_zap_t *z, int kind, const char *name, const char *detail) {
    tr_zap_news_t *news = calloc(1, sizeof *news);
    pthread_mutex_lock(&z->lock);
    if (!news || z->news_n >= NEWS_MAX) {
        z->lost++;
        free(news);
    } else {
        news->kind = kind;
        snprintf(news->name, sizeof news->name, "%.*s", TR_KEY_TEXT, name);
        snprintf(news->detail, sizeof news->detail, "%s", detail);
        *z->news_end = news;
        z->news_end = &news->next;
        z->news_n++;
    }
    pthread_mutex_unlock(&z->lock);
    wake(z);
}

/* ---- the directory ---- */

static void on_broken(void *arg, const char *detail) {
    tell(arg, TR_ZAP_BROKEN, "", detail);
}

/* Takes the book over. */
static void publish(tr_zap_t *z, tr_cert_book_t *book) {
    tr_cert_book_release(&z->book);
    z->book = book;
    pthread_mutex_lock(&z->lock);
    tr_cert_book_release(&z->newest);
    z->newest = tr_cert_book_hold(book);
    pthread_mutex_unlock(&z->lock);
    wake(z);
}

static void look(tr_zap_t *z) {
    tr_error_t error = {0};
    tr_cert_book_t *book = NULL;
    int rc = tr_cert_dir_look(&z->dir, on_broken, z, &book, &error);
    if (rc > 0)
        publish(z, book);
    if (rc >= 0 || tr_cert_dir_is_shortage(rc)) {
        z->unreadable = 0;
        return;
    }
    if (++z->unreadable != 2)
        return; /* it may just be replaced; or has been told */
    tell(z, TR_ZAP_BROKEN, "", error.text);
    if ((book = tr_cert_book_new(NULL, 0)))
        publish(z, book);
}

/* ---- handshakes ---- */

typedef struct request {
    char text[FRAMES][FRAME_MAX + 1];
    size_t len[FRAMES];
    size_t frames;
} request_t;

enum { VERSION, ID, DOMAIN_NAME, ADDRESS, ROUTING_ID, MECHANISM, KEY };

/* One message; what is too long or too much is dropped, and then the request is none. False when none is
 * there. */
static bool receive(void *socket, request_t *r) {
    zmq_msg_t frame;
    memset(r, 0, sizeof *r);
    bool more = true, any = false;
    while (more) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return any;
        }
        any = true;
        size_t len = zmq_msg_size(&frame);
        if (r->frames < FRAMES && len <= FRAME_MAX) {
            memcpy(r->text[r->frames], zmq_msg_data(&frame), len);
            r->len[r->frames] = len;
        }
        r->frames++;
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    return any;
}

/* Whether it is the self-test's key; then *ret_let_in says whether it is to be let in. */
static bool is_probe(tr_zap_t *z, const request_t *r, bool *ret_let_in) {
    pthread_mutex_lock(&z->lock);
    bool is = z->probing && r->len[KEY] == TR_KEY_SIZE && memcmp(z->probe, r->text[KEY], TR_KEY_SIZE) == 0;
    *ret_let_in = is && z->probe_let_in;
    pthread_mutex_unlock(&z->lock);
    return is;
}

/* Who may watch nothing has no business on the stream, nor who is no broker among brokers. */
static const char *may_not_come(const tr_cert_t *cert, const char *domain) {
    if (strcmp(domain, TR_ZAP_STREAM) == 0 && !cert->rights.subscribe.count)
        return "a certificate without the right to watch anything";
    if (strcmp(domain, TR_ZAP_PEERS) == 0 && !cert->rights.platforms.count)
        return "a certificate that may speak for no platform";
    return NULL;
}

/* Why not, or NULL. */
static const char *judge(tr_zap_t *z, const request_t *r, const tr_cert_t **ret_cert) {
    const uint8_t *key = (const uint8_t *)r->text[KEY];
    bool let_in;
    *ret_cert = NULL;
    if (r->frames != FRAMES || strcmp(r->text[VERSION], "1.0") != 0)
        return "not a request of ZAP 1.0";
    if (strcmp(r->text[MECHANISM], "CURVE") != 0 || r->len[KEY] != TR_KEY_SIZE)
        return "a connection without CURVE";
    if (is_probe(z, r, &let_in) && let_in)
        return NULL;
    tr_cert_state_t state = tr_cert_book_judge(z->book, key, tr_clock_wall_ms(), ret_cert);
    if (state != TR_CERT_VALID)
        return state == TR_CERT_EXPIRED   ? "an expired certificate or key"
               : state == TR_CERT_REVOKED ? "a revoked certificate"
                                          : "an unknown key";
    return may_not_come(*ret_cert, r->text[DOMAIN_NAME]);
}

static bool send_frame(void *socket, const char *text, size_t len, int flags) {
    return zmq_send(socket, text, len, flags | ZMQ_DONTWAIT) >= 0;
}

/* The User-Id is the key, by which the router finds the certificate again. */
static void answer(void *socket, const request_t *r, bool good, const char *key) {
    const char *code = good ? "200" : "400", *text = good ? "OK" : "refused", *user = good ? key : "";
    if (send_frame(socket, "1.0", 3, ZMQ_SNDMORE) &&
        send_frame(socket, r->text[ID], r->len[ID], ZMQ_SNDMORE) &&
        send_frame(socket, code, 3, ZMQ_SNDMORE) && send_frame(socket, text, strlen(text), ZMQ_SNDMORE) &&
        send_frame(socket, user, strlen(user), ZMQ_SNDMORE))
        send_frame(socket, "", 0, 0);
}

static void serve(tr_zap_t *z, const request_t *r) {
    const tr_cert_t *cert;
    char key[TR_KEY_TEXT + 1] = "", detail[200];
    bool let_in;
    const char *why = judge(z, r, &cert);
    if (r->len[KEY] == TR_KEY_SIZE)
        tr_key_print((const uint8_t *)r->text[KEY], key);
    answer(z->socket, r, !why, key);
    if (!why || is_probe(z, r, &let_in))
        return;
    snprintf(detail, sizeof detail, "%s knocked at the %.20s from %.60s", why,
        r->frames == FRAMES ? r->text[DOMAIN_NAME] : "broker",
        r->frames == FRAMES ? r->text[ADDRESS] : "nowhere");
    tell(z, TR_ZAP_REFUSED, cert ? cert->name : key, detail);
}

static void *run(void *arg) {
    tr_zap_t *z = arg;
    request_t *request = malloc(sizeof *request);
    int64_t look_ms = tr_clock_ms() + LOOK_MS;
    for (bool stop = !request; !stop;) {
        zmq_pollitem_t items[] = {
            {.socket = z->socket, .events = ZMQ_POLLIN}, {.fd = z->stop_fd, .events = ZMQ_POLLIN}};
        int64_t left = look_ms - tr_clock_ms();
        stop = zmq_poll(items, 2, left > 0 ? left : 0) < 0 && errno != EINTR;
        stop |= items[1].revents != 0;
        while (!stop && receive(z->socket, request))
            serve(z, request);
        if (tr_clock_ms() >= look_ms) {
            look(z);
            look_ms = tr_clock_ms() + LOOK_MS;
        }
    }
    free(request);
    zmq_close(z->socket);
    return NULL;
}

/* ---- its life ---- */

/* The first look: files that are broken now may be so for good, and there is nobody yet who would be cut
 * off. */
static int first_look(tr_zap_t *z, tr_error_t *error) {
    int rc = 0;
    for (int i = 0; rc == 0 && i < 2; i++)
        rc = tr_cert_dir_look(&z->dir, on_broken, z, &z->book, error);
    if (rc < 0)
        return rc;
    if (!z->book)
        return tr_error_set(
            error, -EIO, "%s: the certificates change faster than they can be read", z->dir.path);
    z->newest = tr_cert_book_hold(z->book);
    return 0;
}

static int open_socket(tr_zap_t *z, void *context, tr_error_t *error) {
    int none = 0;
    z->socket = zmq_socket(context, ZMQ_REP);
    if (z->socket && zmq_setsockopt(z->socket, ZMQ_LINGER, &none, sizeof none) == 0 &&
        zmq_bind(z->socket, ENDPOINT) == 0)
        return 0;
    return tr_error_set(error, -errno, "cannot answer for who may connect: %s", zmq_strerror(errno));
}

static int open_all(tr_zap_t *z, void *context, tr_error_t *error) {
    z->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    z->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (z->stop_fd < 0 || z->wake_fd < 0)
        return tr_error_set(error, -errno, "no file descriptors: %s", strerror(errno));
    int rc = first_look(z, error);
    if (rc == 0)
        rc = open_socket(z, context, error);
    if (rc < 0)
        return rc;
    rc = -pthread_create(&z->thread, NULL, run, z);
    if (rc < 0)
        return tr_error_set(error, rc, "cannot start a thread: %s", strerror(-rc));
    z->started = true;
    return 0;
}

int tr_zap_new(void *context, const char *certs, tr_zap_t **ret_self, tr_error_t *error) {
    tr_zap_t *z = calloc(1, sizeof *z);
    if (!z)
        return tr_error_set(error, -ENOMEM, "out of memory");
    z->stop_fd = z->wake_fd = -1;
    z->dir.path = certs;
    z->news_end = &z->news;
    pthread_mutex_init(&z->lock, NULL);
    int rc = open_all(z, context, error);
    if (rc < 0) {
        tr_zap_destroy(&z);
        return rc;
    }
    *ret_self = z;
    return 0;
}

static void stop(tr_zap_t *z) {
    uint64_t one = 1;
    while (write(z->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    pthread_join(z->thread, NULL);
}

void tr_zap_destroy(tr_zap_t **self) {
    tr_zap_t *z = *self;
    if (!z)
        return;
    if (z->started)
        stop(z);
    else if (z->socket)
        zmq_close(z->socket);
    for (tr_zap_news_t *news; (news = tr_zap_news(z));)
        free(news);
    tr_cert_book_release(&z->book);
    tr_cert_book_release(&z->newest);
    if (z->stop_fd >= 0)
        close(z->stop_fd);
    if (z->wake_fd >= 0)
        close(z->wake_fd);
    pthread_mutex_destroy(&z->lock);
    free(z);
    *self = NULL;
}

int tr_zap_fd(const tr_zap_t *self) {
    return self->wake_fd;
}

tr_cert_book_t *tr_zap_book(tr_zap_t *self) {
    uint64_t drained;
    ssize_t n = read(self->wake_fd, &drained, sizeof drained);
    (void)n; /* nothing was there */
    pthread_mutex_lock(&self->lock);
    tr_cert_book_t *book = self->newest;
    self->newest = NULL;
    pthread_mutex_unlock(&self->lock);
    return book;
}

tr_zap_news_t *tr_zap_news(tr_zap_t *self) {
    pthread_mutex_lock(&self->lock);
    tr_zap_news_t *news = self->news;
    if (news) {
        self->news = news->next;
        self->news_n--;
        if (!self->news)
            self->news_end = &self->news;
        if (self->lost) { /* told with the next one */
            size_t len = strlen(news->detail);
            snprintf(news->detail + len, sizeof news->detail - len, " (%u more were not told)", self->lost);
            self->lost = 0;
        }
    }
    pthread_mutex_unlock(&self->lock);
    return news;
}

void tr_zap_probe(tr_zap_t *self, const uint8_t *key, bool let_in) {
    pthread_mutex_lock(&self->lock);
    self->probing = key != NULL;
    self->probe_let_in = let_in;
    if (key)
        memcpy(self->probe, key, TR_KEY_SIZE);
    pthread_mutex_unlock(&self->lock);
}
