/*
 * How many connections each network has: who opens all that there are leaves none to others. Those of a server in front of it (--proxy, or --insecure,
 * which says that there is one) are of many, and are not counted.
 */
#include "gateway/http/server_private.h"

#include <string.h>

#include <arpa/inet.h>
#include <sys/socket.h>

/* False: it cannot be told, or is a proxy's. */
static bool net_of(const tr_web_server_t *self, int fd, char out[TR_WEB_PEER_SIZE]) {
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    char text[INET6_ADDRSTRLEN], plain[TR_WEB_PEER_SIZE];
    if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
        return false;
    const void *at = peer.ss_family == AF_INET6 ? (const void *)&((struct sockaddr_in6 *)&peer)->sin6_addr
                                                : (const void *)&((struct sockaddr_in *)&peer)->sin_addr;
    if (!inet_ntop(peer.ss_family, at, text, sizeof text))
        return false;
    tr_web_address_plain(text, plain);
    tr_web_address_net(text, out);
    return !tr_web_is_proxy(self, plain);
}

bool tr_web_crowd_full(tr_web_server_t *self, int fd) {
    char net[TR_WEB_PEER_SIZE];
    int64_t most = self->config.options->connections_each;
    if (most == 0 || self->config.options->insecure || !net_of(self, fd, net))
        return false;
    const uint64_t *there = tr_map_find(&self->crowd, net, strlen(net));
    if (!there || *there < (uint64_t)most)
        return false;
    tr_counter_inc(&self->turned_away[TR_WEB_TURNED_RATE]);
    return true;
}

/* Without memory it is not counted, ignoring. */
void tr_web_crowd_join(tr_web_exchange_t *e) {
    tr_map_t *crowd = &e->server->crowd;
    if (tr_web_is_mux(e) || !net_of(e->server, lws_get_socket_fd(e->wsi), e->net))
        *e->net = '\0';
    uint64_t *there = *e->net ? tr_map_find(crowd, e->net, strlen(e->net)) : NULL;
    if (there)
        ++*there;
    else if (*e->net && tr_map_put(crowd, e->net, strlen(e->net), 1) < 0)
        *e->net = '\0';
}

void tr_web_crowd_leave(tr_web_exchange_t *e) {
    tr_map_t *crowd = &e->server->crowd;
    uint64_t *there = *e->net ? tr_map_find(crowd, e->net, strlen(e->net)) : NULL;
    if (there && --*there == 0)
        tr_map_delete(crowd, e->net, strlen(e->net));
    *e->net = '\0';
}
