/*
 * Scalar products and distances of vectors, for the processor that runs: AVX-512, AVX2 with FMA, or plain C. Debian's FAISS is built for SSE
 * alone; kernels_faiss.cpp gives it these in place of its own.
 *
 * Which kernels are used is settled before main. Any thread.
 */
#ifndef TR_KBD_KERNELS_H
#define TR_KBD_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tr_kernels_level {
    TR_KERNELS_PLAIN,
    TR_KERNELS_AVX2,
    TR_KERNELS_AVX512,
    TR_KERNELS_LEVELS
} tr_kernels_level_t;

float tr_kernel_product(const float *x, const float *y, size_t d);
float tr_kernel_distance(const float *x, const float *y, size_t d); /* squared */
/* x: -1023 .. 1023, so that no sum of 16,000 is too much. */
int32_t tr_kernel_product_bytes(const int16_t *x, const int8_t *y, size_t d);

/* "plain", "avx2" or "avx512": the one in use. */
const char *tr_kernels_name(void);
/* For tests, before another thread computes. False: this processor cannot do that. */
bool tr_kernels_choose(tr_kernels_level_t level);

#ifdef __cplusplus
}
#endif
#endif
