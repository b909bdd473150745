/* core/words.c -- see words.h. */
#pragma GCC optimize("O3")

#include "words.h"

#include <string.h>

#include "status.h"

WR_HOT wr_span wr_span_with(wr_span s, const int64_t *v, uint32_t n) {
    int64_t least = s.least, most = s.most;
    for (uint32_t i = 0; i < n; i++) {
        least = v[i] < least ? v[i] : least;
        most = v[i] > most ? v[i] : most;
    }
    return (wr_span){least, most};
}

uint32_t wr_span_bytes(wr_span s) {
    uint64_t far = s.most <= s.least ? 0 : (uint64_t)s.most - (uint64_t)s.least;
    return far == 0 ? 0 : far <= UINT8_MAX ? 1 : far <= UINT16_MAX ? 2 : far <= UINT32_MAX ? 4 : 8;
}

/* One of them, wherever it lies. */
#define PACK(type)                                                                                           \
    for (uint32_t i = 0; i < n; i++) {                                                                       \
        type word = (type)((uint64_t)v[i] - (uint64_t)least);                                                \
        memcpy(to + i * sizeof word, &word, sizeof word);                                                    \
    }
#define UNPACK(type)                                                                                         \
    for (uint32_t i = 0; i < n; i++) {                                                                       \
        type word;                                                                                           \
        memcpy(&word, from + i * sizeof word, sizeof word);                                                  \
        v[i] = (int64_t)((uint64_t)least + word);                                                            \
    }

WR_HOT void wr_words_pack(const int64_t *restrict v, uint32_t n, int64_t least, uint32_t bytes,
                          void *restrict words) {
    char *to = words;
    switch (bytes) {
    case 0:
        return;
    case 1:
        PACK(uint8_t)
        return;
    case 2:
        PACK(uint16_t)
        return;
    case 4:
        PACK(uint32_t)
        return;
    default:
        if (n > 0) memcpy(words, v, n * sizeof *v);
    }
}

WR_HOT void wr_words_unpack(const void *restrict words, uint32_t n, int64_t least, uint32_t bytes,
                            int64_t *restrict v) {
    const char *from = words;
    switch (bytes) {
    case 0:
        for (uint32_t i = 0; i < n; i++) v[i] = least;
        return;
    case 1:
        UNPACK(uint8_t)
        return;
    case 2:
        UNPACK(uint16_t)
        return;
    case 4:
        UNPACK(uint32_t)
        return;
    default:
        if (n > 0) memcpy(v, words, n * sizeof *v);
    }
}

WR_HOT uint32_t wr_ids_top(const uint32_t *ids, size_t n) {
    uint32_t top = 0;
    for (size_t i = 0; i < n; i++) top = ids[i] > top ? ids[i] : top;
    return top;
}
