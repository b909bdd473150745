/* runtime/ops/group_table.h -- from key columns to group ids. Private to runtime/.
 *
 *   keys of row i ─► gids[i] in 1..n, the same id for the same key until the next reset
 *
 * Group 0 is the scratch group: no key maps to it, its state is there to be written and never read.
 * NULL is a key value equal to itself; -0.0 and 0.0 are one key, so are all NaNs. Each group has a
 * row of `stride` bytes of state, zero when the group is new; states move when the table grows, so
 * take wri_groups_states anew after each find. The table copies its keys. One thread owns a table. */
#ifndef WR_RUNTIME_GROUP_TABLE_H
#define WR_RUNTIME_GROUP_TABLE_H

#include "core/core.h"

typedef struct wri_groups wri_groups;

/* n_keys may be 0 (then every row is of group 1). state_bytes is rounded up to a multiple of 8.
 * NULL on OOM. Owner: the caller, by _free. */
wri_groups *wri_groups_new(const wr_phys *phys, uint32_t n_keys, size_t state_bytes);
/* Forgets all groups and zeroes their states (what those point at is the caller's to free before);
 * keeps the memory, at a cost that follows the number of groups. */
void wri_groups_reset(wri_groups *g);
void wri_groups_free(wri_groups *g); /* NULL is allowed */

/* About n groups will come: makes room for them in one step. Without memory for that, nothing changes. */
void wri_groups_expect(wri_groups *g, uint64_t n);

/* Maps row i of b to gids[i], adding keys not seen. hash[i]: as wr_batch_hash gives for these key
 * columns; NULL: the table hashes what it must itself, which is the better choice when all key columns
 * have dictionary codes (then it rarely must). On failure gids are undefined, the table stays usable and may
 * have gained groups. Errors: WR_ENOMEM, WR_ELIMIT (2^32 groups). */
wr_status wri_groups_find(wri_groups *g, const wr_batch *b, const uint32_t *key_cols, const uint64_t *hash,
                          uint32_t *gids, wr_err *err) WR_MUST_USE;

/* The same for rows idx[0..n) of b: row idx[i] gets gids[i]; hash is indexed by row, as above. */
typedef struct wri_group_rows {
    const wr_batch *b;
    const uint32_t *key_cols; /* columns of b, one per key */
    const uint64_t *hash;     /* b->n of them, or NULL */
    const uint32_t *idx;      /* NULL: rows 0..n */
    uint32_t n;
} wri_group_rows;
wr_status wri_groups_find_rows(wri_groups *g, const wri_group_rows *rows, uint32_t *gids,
                               wr_err *err) WR_MUST_USE;

/* Whether keys not seen are only looked up, and get group 0, instead of being added. */
void wri_groups_freeze(wri_groups *g, bool on);

/* Before the first find: groups can be removed one by one. Such a table makes no use of dictionary codes.
 * False on OOM. */
bool wri_groups_let_go(wri_groups *g) WR_MUST_USE;
/* Forgets groups gids[0..n) of a table that was told so, and zeroes their states (what those point at is the
 * caller's to free before). Their ids are given to new keys. */
void wri_groups_remove(wri_groups *g, const uint32_t *gids, uint32_t n);
/* A row of state of its own, of no key, in a table that lets go: zero, and given back by _unspare. Like all
 * ids it counts in _count, not in _live. */
wr_status wri_groups_spare(wri_groups *g, uint32_t *idp, wr_err *err) WR_MUST_USE;
void wri_groups_unspare(wri_groups *g, uint32_t id);
uint32_t wri_groups_live(const wri_groups *g);              /* groups that have not been removed */
bool wri_groups_is_live(const wri_groups *g, uint32_t gid); /* a group with a key, in 1..count */
const uint64_t *
wri_groups_gone(const wri_groups *g); /* bit per id in 1..count: it is not; NULL: none is so */

uint32_t wri_groups_count(const wri_groups *g); /* real groups have ids 1..count, less the removed ones */
/* State of group i is at wri_groups_states(g) + i * wri_groups_stride(g); count + 1 rows, 8-byte aligned. */
typedef struct wri_group_states { /* what a wri_groups begins with */
    char *states;
    size_t stride; /* 0: no state */
} wri_group_states;
static inline char *wri_groups_states(const wri_groups *g) { return ((const wri_group_states *)g)->states; }
static inline size_t wri_groups_stride(const wri_groups *g) { return ((const wri_group_states *)g)->stride; }
/* Key hash of each group, index 0..count (0 is meaningless); until the next find. */
const uint64_t *wri_groups_hashes(const wri_groups *g);
/* Writes the keys of gids[0..n), n <= out->cap, to rows 0..n) of out's columns first_col.., which it makes.
 */
wr_status wri_groups_emit_keys(const wri_groups *g, const uint32_t *gids, uint32_t n, wr_batch *out,
                               uint32_t first_col, wr_err *err) WR_MUST_USE;
size_t wri_groups_bytes(const wri_groups *g); /* memory taken, without what states point at */

#endif
