#include "lib/sample/clusters.h"

#include <math.h>
#include <stdlib.h>

#define CLUSTERS 1000u
#define WIDTH    .6f /* of a cluster, as a part of what lies between them */

/* SplitMix64 (Steele, Lea, Flood 2014): a number for each place, in any order. */
static uint64_t mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* -1 .. 1; the sum of two is rounder than one. */
static float noise(uint64_t seed) {
    uint64_t bits = mix(seed);
    return ((float)(bits >> 40) + (float)(bits & 0xffffff)) / (float)(1 << 24) - 1;
}

static void fill(float *vector, uint64_t number, size_t dimensions) {
    uint64_t cluster = mix(number) % CLUSTERS;
    float sum = 0;
    for (size_t i = 0; i < dimensions; i++) {
        vector[i] =
            noise(cluster << 32 | i) + WIDTH * noise((number + CLUSTERS) << 24 | i | UINT64_C(1) << 63);
        sum += vector[i] * vector[i];
    }
    for (size_t i = 0; i < dimensions; i++)
        vector[i] /= sqrtf(sum);
}

float *tr_sample_clusters(uint64_t from, size_t n, size_t dimensions) {
    float *all = malloc(n * dimensions * sizeof *all);
    for (size_t i = 0; i < n && all; i++)
        fill(all + i * dimensions, from + i, dimensions);
    return all;
}
