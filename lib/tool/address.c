#include "lib/tool/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint32_t prefix;
    unsigned bits;
} block4_t;

static const block4_t special4[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* carriers' */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* of the link: also where clouds tell their secrets */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocols */
    {0xc0000200, 24}, /* documentation */
    {0xc0586300, 24}, /* relays of 6to4 */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* measurements */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 4},  /* to many */
    {0xf0000000, 4},  /* reserved, and to all */
};

static bool is_public4(uint32_t address) {
    for (size_t i = 0; i < sizeof special4 / sizeof *special4; i++)
        if ((address ^ special4[i].prefix) >> (32 - special4[i].bits) == 0)
            return false;
    return true;
}

static uint32_t word(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool begins(const uint8_t *address, const uint8_t *prefix, size_t bytes) {
    return memcmp(address, prefix, bytes) == 0;
}

/* Only 2000::/3 is given out; within it are blocks that are special, or that carry another address. */
static bool is_public6(const uint8_t a[16]) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const uint8_t documentation[4] = {0x20, 0x01, 0x0d, 0xb8}, protocols[2] = {0x20, 0x01};
    if (begins(a, mapped, sizeof mapped) || begins(a, nat64, sizeof nat64))
        return is_public4(word(a + 12));
    if ((a[0] & 0xe0) != 0x20 || begins(a, documentation, sizeof documentation))
        return false;
    if (a[0] == 0x3f && (a[1] & 0xf0) == 0xf0)
        return false; /* documentation */
    if (begins(a, protocols, sizeof protocols) && a[2] < 0x02)
        return false; /* 2001::/23: tunnels and protocols */
    if (a[0] == 0x20 && a[1] == 0x02)
        return is_public4(word(a + 2)); /* 6to4 */
    return true;
}

bool tr_address_is_public(const struct sockaddr *address) {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        return is_public4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6)
        return false;
    memcpy(&v6, address, sizeof v6);
    return is_public6(v6.sin6_addr.s6_addr);
}
