/* Four sums at once: one alone would wait for each addition to be ready. */
#include "kbd/kernels.h"

typedef float (*kernel_fn)(const float *x, const float *y, size_t d);
typedef int32_t (*bytes_fn)(const int16_t *x, const int8_t *y, size_t d);

typedef struct kernels {
    const char *name;
    kernel_fn product, distance;
    bytes_fn product_bytes;
} kernels_t;

static float product_plain(const float *x, const float *y, size_t d) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < d; i++)
        sum += x[i] * y[i];
    return sum;
}

static float distance_plain(const float *x, const float *y, size_t d) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < d; i++)
        sum += (x[i] - y[i]) * (x[i] - y[i]);
    return sum;
}

static int32_t product_bytes_plain(const int16_t *x, const int8_t *y, size_t d) {
    int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < d; i++)
        sum += x[i] * y[i];
    return sum;
}

#if defined __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))
#ifdef __clang__ /* which does not know the last one here, and then takes none of them */
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,fma")))
#else
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,fma,prefer-vector-width=512")))
#endif

AVX2 static float sum_avx2(const __m256 *s) {
    __m256 sum = _mm256_add_ps(_mm256_add_ps(s[0], s[1]), _mm256_add_ps(s[2], s[3]));
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

AVX2 static float product_avx2(const float *x, const float *y, size_t d) {
    __m256 s[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 32 <= d; i += 32)
        for (size_t j = 0; j < 4; j++)
            s[j] = _mm256_fmadd_ps(_mm256_loadu_ps(x + i + 8 * j), _mm256_loadu_ps(y + i + 8 * j), s[j]);
    for (; i + 8 <= d; i += 8)
        s[0] = _mm256_fmadd_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i), s[0]);
    float sum = sum_avx2(s);
    for (; i < d; i++)
        sum += x[i] * y[i];
    return sum;
}

AVX2 static float distance_avx2(const float *x, const float *y, size_t d) {
    __m256 s[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()}, by;
    size_t i = 0;
    for (; i + 32 <= d; i += 32)
        for (size_t j = 0; j < 4; j++) {
            by = _mm256_sub_ps(_mm256_loadu_ps(x + i + 8 * j), _mm256_loadu_ps(y + i + 8 * j));
            s[j] = _mm256_fmadd_ps(by, by, s[j]);
        }
    for (; i + 8 <= d; i += 8) {
        by = _mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i));
        s[0] = _mm256_fmadd_ps(by, by, s[0]);
    }
    float sum = sum_avx2(s);
    for (; i < d; i++)
        sum += (x[i] - y[i]) * (x[i] - y[i]);
    return sum;
}

AVX2 static __m256i sixteen_products(const int16_t *x, const int8_t *y) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)y);
    return _mm256_madd_epi16(
        _mm256_loadu_si256((const __m256i *)(const void *)x), _mm256_cvtepi8_epi16(bytes));
}

AVX2 static int32_t product_bytes_avx2(const int16_t *x, const int8_t *y, size_t d) {
    __m256i s[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    size_t i = 0;
    for (; i + 32 <= d; i += 32)
        for (size_t j = 0; j < 2; j++)
            s[j] = _mm256_add_epi32(s[j], sixteen_products(x + i + 16 * j, y + i + 16 * j));
    __m256i all = _mm256_add_epi32(s[0], s[1]);
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    int32_t sum = _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
    for (; i < d; i++)
        sum += x[i] * y[i];
    return sum;
}

/* The last few are loaded under a mask: nothing behind them is read. */
AVX512 static __mmask16 rest_of(size_t n) {
    return (__mmask16)((1u << n) - 1);
}

AVX512 static float sum_avx512(const __m512 *s) {
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s[0], s[1]), _mm512_add_ps(s[2], s[3])));
}

AVX512 static float product_avx512(const float *x, const float *y, size_t d) {
    __m512 s[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    size_t i = 0;
    for (; i + 64 <= d; i += 64)
        for (size_t j = 0; j < 4; j++)
            s[j] = _mm512_fmadd_ps(_mm512_loadu_ps(x + i + 16 * j), _mm512_loadu_ps(y + i + 16 * j), s[j]);
    for (; i + 16 <= d; i += 16)
        s[0] = _mm512_fmadd_ps(_mm512_loadu_ps(x + i), _mm512_loadu_ps(y + i), s[0]);
    __mmask16 rest = rest_of(d - i);
    s[1] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(rest, x + i), _mm512_maskz_loadu_ps(rest, y + i), s[1]);
    return sum_avx512(s);
}

AVX512 static float distance_avx512(const float *x, const float *y, size_t d) {
    __m512 s[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()}, by;
    size_t i = 0;
    for (; i + 64 <= d; i += 64)
        for (size_t j = 0; j < 4; j++) {
            by = _mm512_sub_ps(_mm512_loadu_ps(x + i + 16 * j), _mm512_loadu_ps(y + i + 16 * j));
            s[j] = _mm512_fmadd_ps(by, by, s[j]);
        }
    for (; i + 16 <= d; i += 16) {
        by = _mm512_sub_ps(_mm512_loadu_ps(x + i), _mm512_loadu_ps(y + i));
        s[0] = _mm512_fmadd_ps(by, by, s[0]);
    }
    __mmask16 rest = rest_of(d - i);
    by = _mm512_sub_ps(_mm512_maskz_loadu_ps(rest, x + i), _mm512_maskz_loadu_ps(rest, y + i));
    s[1] = _mm512_fmadd_ps(by, by, s[1]);
    return sum_avx512(s);
}

AVX512 static __m512i many_products(const int16_t *x, const int8_t *y) {
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)y);
    return _mm512_madd_epi16(_mm512_loadu_si512(x), _mm512_cvtepi8_epi16(bytes));
}

AVX512 static int32_t product_bytes_avx512(const int16_t *x, const int8_t *y, size_t d) {
    __m512i s[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    size_t i = 0;
    for (; i + 64 <= d; i += 64)
        for (size_t j = 0; j < 2; j++)
            s[j] = _mm512_add_epi32(s[j], many_products(x + i + 32 * j, y + i + 32 * j));
    int32_t sum = _mm512_reduce_add_epi32(_mm512_add_epi32(s[0], s[1]));
    for (; i < d; i++)
        sum += x[i] * y[i];
    return sum;
}

static bool can(tr_kernels_level_t level) {
    __builtin_cpu_init();
    return level == TR_KERNELS_AVX512
               ? __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512bw")
               : level == TR_KERNELS_PLAIN ||
                     (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
}

static const kernels_t all[TR_KERNELS_LEVELS] = {
    [TR_KERNELS_PLAIN] = {"plain", product_plain, distance_plain, product_bytes_plain},
    [TR_KERNELS_AVX2] = {"avx2", product_avx2, distance_avx2, product_bytes_avx2},
    [TR_KERNELS_AVX512] = {"avx512", product_avx512, distance_avx512, product_bytes_avx512},
};
#else
static bool can(tr_kernels_level_t level) {
    return level == TR_KERNELS_PLAIN;
}

static const kernels_t all[TR_KERNELS_LEVELS] = {
    [TR_KERNELS_PLAIN] = {"plain", product_plain, distance_plain, product_bytes_plain},
};
#endif

/* What the processor can do is the same for all of the process, and FAISS's own functions have no place for a context. */
static kernels_t chosen = {"plain", product_plain, distance_plain, product_bytes_plain};

bool tr_kernels_choose(tr_kernels_level_t level) {
    if (!can(level))
        return false;
    chosen = all[level];
    return true;
}

__attribute__((constructor)) static void choose_best(void) {
    int level = TR_KERNELS_LEVELS - 1;
    while (level > TR_KERNELS_PLAIN && !tr_kernels_choose((tr_kernels_level_t)level))
        level--;
}

const char *tr_kernels_name(void) {
    return chosen.name;
}

float tr_kernel_product(const float *x, const float *y, size_t d) {
    return chosen.product(x, y, d);
}

int32_t tr_kernel_product_bytes(const int16_t *x, const int8_t *y, size_t d) {
    return chosen.product_bytes(x, y, d);
}

float tr_kernel_distance(const float *x, const float *y, size_t d) {
    return chosen.distance(x, y, d);
}
