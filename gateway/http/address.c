#include "gateway/http/address.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

bool tr_web_is_address(const char *text) {
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* Of IPv6 alone; one of IPv4 within is none. */
static bool read_six(const char *text, struct in6_addr *ret) {
    return inet_pton(AF_INET6, text, ret) == 1 && !IN6_IS_ADDR_V4MAPPED(ret);
}

void tr_web_address_plain(const char *text, char out[TR_WEB_PEER_SIZE]) {
    struct in6_addr six;
    if (inet_pton(AF_INET6, text, &six) != 1)
        snprintf(out, TR_WEB_PEER_SIZE, "%s", text);
    else if (IN6_IS_ADDR_V4MAPPED(&six))
        inet_ntop(AF_INET, six.s6_addr + 12, out, TR_WEB_PEER_SIZE);
    else
        inet_ntop(AF_INET6, &six, out, TR_WEB_PEER_SIZE);
}

void tr_web_address_net(const char *text, char out[TR_WEB_PEER_SIZE]) {
    struct in6_addr six;
    if (!read_six(text, &six)) {
        tr_web_address_plain(text, out);
        return;
    }
    memset(six.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &six, out, TR_WEB_PEER_SIZE);
    strncat(out, "/64", TR_WEB_PEER_SIZE - strlen(out) - 1);
}
