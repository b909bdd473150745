/* core/words.h -- 64-bit numbers as their distances from the least of them, in as few bytes as these need.
 *
 *   word: 0, 1, 2 or 4 bytes, little-endian, unsigned: number - least
 *         8 bytes: the number
 *
 * Most of what is kept is counts, sums, times and keys that lie near each other; of what differs only in its
 * last bits, such as doubles, the bytes are not fewer. */
#ifndef WR_CORE_WORDS_H
#define WR_CORE_WORDS_H

#include <stddef.h>
#include <stdint.h>

typedef struct wr_span {
    int64_t least, most;
} wr_span;
#define WR_SPAN_NONE ((wr_span){INT64_MAX, INT64_MIN}) /* of no numbers */

wr_span wr_span_with(wr_span s, const int64_t *v, uint32_t n); /* of v[0..n), too */
uint32_t wr_span_bytes(wr_span s);                             /* of a word; 0: all are the least, or none */

/* bytes: 0, 1, 2, 4, 8. What the words lie in need not be aligned. */
void wr_words_pack(const int64_t *v, uint32_t n, int64_t least, uint32_t bytes, void *words);
void wr_words_unpack(const void *words, uint32_t n, int64_t least, uint32_t bytes, int64_t *v);

/* The largest of ids[0..n), 0: there is none. */
uint32_t wr_ids_top(const uint32_t *ids, size_t n);

#endif
