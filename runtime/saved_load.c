/* runtime/saved_load.c -- what operators have saved (saved.c), back to operators when a job goes on.
 *
 * A piece is read through a window of about CHUNK bytes, so that loading takes memory for what operators make
 * of it and for an item, however large the piece is.
 *
 * Rows come back by their keys: they are hashed and dealt out as an exchange would. When the snapshot was
 * made by as many workers under the same secret of hashing (owners.c) each worker's rows are its own again:
 * then they are neither looked at by others nor gathered. Numbers are for everybody, so all items are gone
 * over. */
#include <msgpack.h>

#include "job_int.h"
#include "paged.h"

#define CHUNK    ((size_t)1 << 20)
#define OPERATOR "an operator in the snapshot is not as it was written"

/* ---- objects, one behind the other ---- */

typedef struct stream { /* of bytes that a piece or a run has */
    wri_loader *l;
    wr_op *op;
    wri_whose whose;
    const wr_part_from *from; /* NULL: all of them are at hand */
    const char *at;           /* at hand, and not used yet */
    size_t n;
    uint64_t read; /* so far */
    uint32_t crc;
    uint64_t *said; /* of a part of slots, a bit for each slot that later items say; NULL: another one */
} stream;

static uint64_t to_read(const stream *s) { return s->from ? s->from->len - s->read : 0; }

/* Reads on; where one object fills the window it grows. */
static wr_status fill(stream *s, wr_err *err) {
    wr_buf *w = &s->l->window;
    size_t want = s->n < CHUNK / 2 ? CHUNK : 2 * s->n, more = want - s->n;
    if (more > to_read(s)) more = (size_t)to_read(s);
    if (s->n) memmove(w->data, s->at, s->n);
    w->len = s->n;
    if (wr_buf_reserve(w, more) != WR_OK) return wr_fail_oom(err, "a snapshot");
    WR_TRY(s->from->read(s->from->ctx, s->read, w->data + w->len, more, err));
    s->crc = wr_crc32c(s->crc, w->data + w->len, more);
    s->at = w->data;
    s->n += more;
    s->read += more;
    return WR_OK;
}

/* Unpacks the object that comes next, whole in memory at s->at; *usedp: its bytes. */
static wr_status next_object(stream *s, msgpack_unpacked *u, size_t *usedp, wr_err *err) {
    for (;;) {
        *usedp = 0;
        msgpack_unpack_return got =
            s->n ? msgpack_unpack_next(u, s->at, s->n, usedp) : MSGPACK_UNPACK_CONTINUE;
        if (got == MSGPACK_UNPACK_SUCCESS) return WR_OK;
        if (got == MSGPACK_UNPACK_NOMEM_ERROR) return wr_fail_oom(err, "a snapshot");
        if (got != MSGPACK_UNPACK_CONTINUE || to_read(s) == 0) return wr_fail(err, WR_EDATA, OPERATOR);
        WR_TRY(fill(s, err));
    }
}

static void skip(stream *s, size_t n) {
    s->at += n;
    s->n -= n;
}

/* ---- items ---- */

typedef struct found { /* an item that is being read; its memory is ar's */
    uint32_t tag, n_keys, n_ints;
    uint32_t *keys;
    uint64_t n_likely; /* rows in all of the part, if they are like these */
    int64_t *ints;     /* NULL: rows follow */
    char *slots;       /* NULL: none */
    size_t slots_len;
    wr_arena ar;
} found;

static bool is_int(const msgpack_object *o) {
    return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER || o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
}

static wr_status read_slots(const msgpack_object *o, found *f, wr_err *err) {
    if (o->type != MSGPACK_OBJECT_BIN) return wr_fail(err, WR_EDATA, OPERATOR);
    f->slots_len = o->via.bin.size;
    f->slots = wr_arena_alloc(&f->ar, f->slots_len);
    if (!f->slots) return wr_fail_oom(err, "a snapshot");
    memcpy(f->slots, o->via.bin.ptr, f->slots_len);
    return WR_OK;
}

static wr_status read_item(const msgpack_object *o, found *f, wr_err *err) {
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 3 || o->via.array.size > 4)
        return wr_fail(err, WR_EDATA, OPERATOR);
    const msgpack_object *p = o->via.array.ptr;
    if (o->via.array.size == 4) WR_TRY(read_slots(&p[3], f, err));
    bool numbers = p[2].type == MSGPACK_OBJECT_ARRAY;
    if (!is_int(&p[0]) || p[1].type != MSGPACK_OBJECT_ARRAY || (!numbers && p[2].type != MSGPACK_OBJECT_NIL))
        return wr_fail(err, WR_EDATA, OPERATOR);
    f->tag = (uint32_t)p[0].via.u64;
    f->n_keys = p[1].via.array.size;
    f->n_ints = numbers ? p[2].via.array.size : 0;
    f->keys = wr_arena_calloc(&f->ar, (f->n_keys + 1) * sizeof *f->keys);
    f->ints = numbers ? wr_arena_calloc(&f->ar, (f->n_ints + 1) * sizeof *f->ints) : NULL;
    if (!f->keys || (numbers && !f->ints)) return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < f->n_keys; i++) f->keys[i] = (uint32_t)p[1].via.array.ptr[i].via.u64;
    for (uint32_t i = 0; i < f->n_ints; i++) f->ints[i] = p[2].via.array.ptr[i].via.i64;
    return WR_OK;
}

static wr_status give(const stream *s, const found *f, const wr_saved *saved, wr_err *err) {
    wr_op *op = s->op;
    if (saved->tag == WRI_ITEM_ENDED) {
        op->spoken = true;
        return WR_OK;
    }
    if (!op->def->load)
        return wr_fail(err, WR_EDATA, "the snapshot has state of '%s', which keeps none", op->def->name);
    if (op->paged && s->whose != WRI_ALL) return wri_paged_load(op, saved, f->keys, f->n_keys, err);
    WR_TRY(op->def->load(op, saved, err));
    return wri_paged_crowded(op) ? WR_AGAIN : WR_OK;
}

static wr_status give_some(const stream *s, const found *f, wr_batch *b, const uint32_t *idx, uint32_t n,
                           wr_err *err) {
    wr_saved saved = {.tag = f->tag, .n_likely = f->n_likely / s->l->job->n_workers};
    WR_TRY(wr_batch_gather(b, idx, n, NULL, 0, &saved.rows, err));
    wr_batch *rows = saved.rows;
    wr_status r = WR_OK;
    rows->hash = wr_arena_alloc(&rows->arena, n * sizeof *rows->hash);
    if (!rows->hash) r = wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; r == WR_OK && i < n; i++) rows->hash[i] = b->hash[idx[i]];
    if (r == WR_OK) r = give(s, f, &saved, err);
    wr_batch_drop(rows);
    return r;
}

/* Row i is of a slot that later items say. */
static bool is_void(const stream *s, const found *f, uint32_t i) {
    uint32_t slot;
    if (!s->said) return false;
    memcpy(&slot, f->slots + i * sizeof slot, sizeof slot);
    return wr_bit(s->said, slot & ((1u << WR_SLOT_BITS_MAX) - 1));
}

/* The rows whose keys this worker owns, and that are not void. */
static wr_status take_own(const stream *s, const found *f, wr_batch *b, wr_err *err) {
    wr_saved whole = {.tag = f->tag, .rows = b, .n_likely = f->n_likely};
    bool by_key = s->whose == WRI_BY_KEY && f->n_keys > 0;
    if (by_key) whole.n_likely /= s->l->job->n_workers;
    if (s->said && f->slots_len != b->n * sizeof(uint32_t)) return wr_fail(err, WR_EDATA, OPERATOR);
    for (uint32_t i = 0; i < f->n_keys; i++)
        if (f->keys[i] >= b->n_cols) return wr_fail(err, WR_EDATA, OPERATOR);
    if (f->n_keys == 0 && !s->said) return give(s, f, &whole, err);
    b->hash = wr_arena_alloc(&b->arena, (b->n + 1) * sizeof *b->hash);
    if (!b->hash) return wr_fail_oom(err, "a snapshot");
    wr_batch_hash(b, f->keys, f->n_keys, b->hash);
    if (!by_key && !s->said) return b->n ? give(s, f, &whole, err) : WR_OK;
    uint32_t n = 0, *idx = wr_alloc(b->n * sizeof *idx + 1);
    if (!idx) return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < b->n; i++) {
        idx[n] = i;
        bool own = !by_key || wri_exchange_target(b->hash[i], s->l->job->n_workers) == s->l->worker;
        n += own && !is_void(s, f, i);
    }
    wr_status r = n == 0 ? WR_OK : n == b->n ? give(s, f, &whole, err) : give_some(s, f, b, idx, n, err);
    wr_free(idx);
    return r;
}

/* Rows without keys are worker 0's, whoever has saved them. */
static bool skips(const stream *s, const found *f) {
    if (s->whose == WRI_ALL) return false;
    return f->n_keys == 0 ? s->l->worker != 0 : s->whose == WRI_OTHERS;
}

/* The rows that follow the item, whole at s->at. */
static wr_status load_rows(const stream *s, found *f, wr_err *err) {
    size_t used;
    wr_batch *b;
    if (skips(s, f)) return WR_OK;
    WR_TRY(wr_rows_unpack(s->at, s->n, &used, &b, err));
    s->l->taken += used;
    uint64_t bytes = s->l->likely ? s->l->likely : s->from ? s->from->len : s->n;
    f->n_likely = (uint64_t)((double)bytes / (double)used * b->n);
    wr_status r = take_own(s, f, b, err);
    wr_batch_drop(b);
    return r;
}

static wr_status load_one(stream *s, wr_err *err) {
    msgpack_unpacked u;
    found f = {0};
    size_t used;
    msgpack_unpacked_init(&u);
    wr_status r = next_object(s, &u, &used, err);
    if (r == WR_OK) r = read_item(&u.data, &f, err);
    if (r == WR_OK) {
        skip(s, used);
        wr_saved numbers = {.tag = f.tag, .ints = f.ints, .n_ints = f.n_ints};
        if (f.ints && s->said) r = wri_slots_said(f.tag, f.slots, f.slots_len, s->said, err);
        else if (f.ints) r = give(s, &f, &numbers, err);
        else if ((r = next_object(s, &u, &used, err)) == WR_OK) {
            r = load_rows(s, &f, err);
            skip(s, used);
        }
    }
    msgpack_unpacked_destroy(&u);
    wr_arena_free(&f.ar);
    return r;
}

/* ---- all of it ---- */

static bool has_more(const stream *s) { return s->n > 0 || to_read(s) > 0; }

/* All has been read: whether it is what was written. */
static wr_status check_sum(const stream *s, wr_err *err) {
    if (!s->from || s->crc == s->from->crc) return WR_OK;
    return wr_fail(err, WR_EIO,
                   "state was read from disk as it was not written: its checksum is %08x, %08x was expected; "
                   "check the disk",
                   s->crc, s->from->crc);
}

static wr_status load_all(stream *s, wr_err *err) {
    while (has_more(s)) WR_TRY(load_one(s, err));
    return check_sum(s, err);
}

wr_status wri_items_load_from(wri_loader *l, wr_op *op, const wr_part_from *from, wri_whose whose,
                              wr_err *err) {
    stream s = {.l = l, .op = op, .whose = whose, .from = from};
    return load_all(&s, err);
}

typedef struct reading {
    wri_loader *l;
    const wr_piece *p;
} reading;

static wr_status read_piece(void *ctx, uint64_t at, char *out, size_t n, wr_err *err) {
    const reading *g = ctx;
    return wr_piece_read(&g->l->reader, g->p, at, out, n, err);
}

static stream begin(wri_loader *l, reading *g, const wr_piece *p, wr_part_from *from) {
    stream s = {.l = l};
    if (p->data) {
        s.at = p->data;
        s.n = p->len;
        return s;
    }
    *g = (reading){l, p};
    *from = (wr_part_from){read_piece, g, p->len, p->crc};
    s.from = from;
    return s;
}

wr_status wri_items_load(wri_loader *l, uint32_t id, const wr_piece *p, wri_whose whose, wr_err *err) {
    reading g;
    wr_part_from from;
    stream s = begin(l, &g, p, &from);
    s.op = &l->job->workers[l->worker].ops[id];
    s.whose = whose;
    return load_all(&s, err);
}

typedef struct slice { /* of a piece */
    reading of;
    uint64_t from;
} slice;

static wr_status read_slice(void *ctx, uint64_t at, char *out, size_t n, wr_err *err) {
    slice *x = ctx;
    return read_piece(&x->of, x->from + at, out, n, err);
}

wr_status wri_item_load(wri_loader *l, uint32_t id, const wr_piece *p, uint64_t at, size_t len,
                        uint64_t *said, wri_whose whose, wr_err *err) {
    slice x = {{l, p}, at};
    wr_part_from from = {read_slice, &x, len, 0};
    stream s = {.l = l, .op = &l->job->workers[l->worker].ops[id], .whose = whose, .said = said};
    if (p->data) {
        s.at = p->data + at;
        s.n = len;
    } else s.from = &from;
    return load_one(&s,
                    err); /* the piece has a checksum, its items have none: wri_items_find has looked at it */
}

/* Rows lie as [how many, …]: state/snapshots/rows.c. */
static uint64_t rows_of(const msgpack_object *o) {
    bool ok = o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size > 0;
    return ok && is_int(&o->via.array.ptr[0]) ? o->via.array.ptr[0].via.u64 : 0;
}

/* Goes behind the next item; *rowsp: how many rows it has. */
static wr_status skip_item(stream *s, uint64_t *rowsp, wr_err *err) {
    msgpack_unpacked u;
    size_t used;
    bool follow = false;
    *rowsp = 0;
    msgpack_unpacked_init(&u);
    wr_status r = next_object(s, &u, &used, err);
    if (r == WR_OK) {
        const msgpack_object *o = &u.data;
        follow = o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size > 2 &&
                 o->via.array.ptr[2].type == MSGPACK_OBJECT_NIL;
        skip(s, used);
    }
    if (follow && (r = next_object(s, &u, &used, err)) == WR_OK) {
        *rowsp = rows_of(&u.data);
        skip(s, used);
    }
    msgpack_unpacked_destroy(&u);
    return r;
}

wr_status wri_items_find(wri_loader *l, const wr_piece *p, wri_found *each, void *ctx, wr_err *err) {
    reading g;
    wr_part_from from;
    stream s = begin(l, &g, p, &from);
    while (has_more(&s)) {
        uint64_t at = (p->data ? p->len : s.read) - s.n, end, rows;
        WR_TRY(skip_item(&s, &rows, err));
        end = (p->data ? p->len : s.read) - s.n;
        WR_TRY(each(ctx, at, (size_t)(end - at), rows, err));
    }
    return check_sum(&s, err);
}

wr_status wri_items_loaded(const wri_loader *l, wr_err *err) {
    for (uint32_t id = 0; id < l->job->plan->n_nodes; id++) {
        wr_op *op = &l->job->workers[l->worker].ops[id];
        if (op->paged) WR_TRY(wri_paged_loaded(op, err));
        else if (op->def && op->def->loaded) WR_TRY(op->def->loaded(op, err));
    }
    return WR_OK;
}

void wri_loader_free(wri_loader *l) {
    wr_piece_reader_close(&l->reader);
    wr_buf_free(&l->window);
}
