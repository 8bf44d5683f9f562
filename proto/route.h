/*
 * A route: the 64-bit number that the broker gives to an agent, a service or a topic, so that routing is an
 * array look-up.
 *
 *   63..60  type
 *   59..40  slot (session, service or topic)
 *   39..24  generation of the slot
 *   23..0   agent within the session
 *
 * A slot that is used again gets the next generation, so a stale route is recognised. 0 is no route.
 */
#ifndef TR_PROTO_ROUTE_H
#define TR_PROTO_ROUTE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t tr_route_t;

typedef enum tr_route_type {
    TR_ROUTE_NONE = 0,
    TR_ROUTE_AGENT = 1,
    TR_ROUTE_SERVICE = 2,
    TR_ROUTE_TOPIC = 3,
    TR_ROUTE_PLATFORM = 4, /* agents inside the broker: ams, df */
} tr_route_type_t;

#define TR_ROUTE_SLOTS_MAX  (1u << 20)
#define TR_ROUTE_AGENTS_MAX (1u << 24)

static inline tr_route_t tr_route(tr_route_type_t type, uint32_t slot, uint16_t generation, uint32_t agent) {
    return (uint64_t)type << 60 | (uint64_t)(slot & 0xfffff) << 40 | (uint64_t)generation << 24 |
           (agent & 0xffffff);
}
static inline tr_route_type_t tr_route_type(tr_route_t r) {
    return (tr_route_type_t)(r >> 60);
}
static inline uint32_t tr_route_slot(tr_route_t r) {
    return (uint32_t)(r >> 40) & 0xfffff;
}
static inline uint16_t tr_route_generation(tr_route_t r) {
    return (uint16_t)(r >> 24);
}
static inline uint32_t tr_route_agent(tr_route_t r) {
    return (uint32_t)r & 0xffffff;
}

#ifdef __cplusplus
}
#endif

#endif
