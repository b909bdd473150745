/* runtime/rcf/save.c -- a forest as bytes and back.
 *
 * Numbers with the low byte first. Points are numbered anew, without gaps; boxes are not saved, as they
 * follow from the points; places of nodes neither, as nothing depends on them.
 *
 *   u32 magic "RCF1"; u32 dims, shingle, trees, sample; u64 time_decay, seed
 *   u64 records, seen
 *   f64 origin[dims]; f32 x[width]
 *   u32 n_points; f32 points[n_points][width]
 *   per tree: u64 random, due; u32 n; n times f64 key, u32 point (the heap as it lies)
 *             the nodes, each before those below it, kid[0]'s before kid[1]'s:
 *             a leaf u32 WRI_RCF_LEAF | point, u32 count; a node u32 dim, f32 cut
 *
 * Reading trusts nothing: sizes are held against what is left, every number against what it may be, and at
 * the end the whole forest is checked (check.c). */
#include <math.h>

#include "rcf_int.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they lie in memory");

#define MAGIC UINT32_C(0x31464352)

/* ---- writing ---- */

typedef struct writer {
    wr_buf *to;
    wr_status s;
} writer;

static void put(writer *w, const void *p, size_t n) {
    if (w->s == WR_OK) w->s = wr_buf_put(w->to, p, n);
}
static void put_u32(writer *w, uint32_t v) { put(w, &v, sizeof v); }
static void put_u64(writer *w, uint64_t v) { put(w, &v, sizeof v); }

static void put_opts(writer *w, const wr_rcf_opts *o) {
    put_u32(w, MAGIC);
    put_u32(w, o->dims);
    put_u32(w, o->shingle);
    put_u32(w, o->trees);
    put_u32(w, o->sample);
    put_u64(w, o->time_decay);
    put_u64(w, o->seed);
}

/* number: of points of the store, by their places; stack: room for the nodes on a way down. */
static void put_tree(writer *w, const wr_rcf *f, const wri_rcf_tree *t, const uint32_t *number,
                     uint32_t *stack) {
    put_u64(w, t->random);
    put_u64(w, t->due);
    put_u32(w, t->n);
    for (uint32_t i = 0; i < t->n; i++) {
        put(w, &t->keys[i], sizeof t->keys[i]);
        put_u32(w, number[t->leaves[t->picks[i]].point]);
    }
    uint32_t depth = 0, kid = t->root;
    while (kid != WRI_RCF_NONE) {
        if (kid & WRI_RCF_LEAF) {
            const wri_rcf_leaf *leaf = &t->leaves[kid & ~WRI_RCF_LEAF];
            put_u32(w, number[leaf->point] | WRI_RCF_LEAF);
            put_u32(w, leaf->count);
            kid = depth > 0 ? stack[--depth] : WRI_RCF_NONE;
        } else {
            const wri_rcf_node *n = wri_rcf_node_at(f, t, kid);
            put_u32(w, n->dim);
            put(w, &n->cut, sizeof n->cut);
            stack[depth++] = n->kid[1];
            kid = n->kid[0];
        }
    }
}

wr_status wr_rcf_save(const wr_rcf *f, wr_buf *to) {
    uint32_t *number = wr_reallocn(NULL, (size_t)f->n_store + f->o.sample + 1, sizeof *number);
    if (!number) return WR_ENOMEM;
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->n_store; i++) number[i] = f->refs[i] > 0 ? n++ : 0;
    writer w = {to, WR_OK};
    put_opts(&w, &f->o);
    put_u64(&w, f->records);
    put_u64(&w, f->seen);
    put(&w, f->origin, f->o.dims * sizeof *f->origin);
    put(&w, f->x, f->width * sizeof(float));
    put_u32(&w, n);
    for (uint32_t i = 0; i < f->n_store; i++)
        if (f->refs[i] > 0) put(&w, wri_rcf_point(f, i), f->width * sizeof(float));
    for (uint32_t i = 0; i < f->o.trees; i++) put_tree(&w, f, &f->trees[i], number, number + f->n_store);
    wr_free(number);
    return w.s;
}

/* ---- reading ---- */

typedef struct reader {
    const char *at, *end;
    bool bad; /* something was missing, or cannot be; what is read since is 0 */
} reader;

static void get(reader *r, void *p, size_t n) {
    if (r->bad || (size_t)(r->end - r->at) < n) {
        r->bad = true;
        memset(p, 0, n);
        return;
    }
    memcpy(p, r->at, n);
    r->at += n;
}
static uint32_t get_u32(reader *r) {
    uint32_t v;
    get(r, &v, sizeof v);
    return v;
}
static uint64_t get_u64(reader *r) {
    uint64_t v;
    get(r, &v, sizeof v);
    return v;
}
static void need(reader *r, bool holds) { r->bad = r->bad || !holds; }

static bool opts_fit(reader *r, const wr_rcf_opts *o) {
    need(r, get_u32(r) == MAGIC);
    need(r, get_u32(r) == o->dims);
    need(r, get_u32(r) == o->shingle);
    need(r, get_u32(r) == o->trees);
    need(r, get_u32(r) == o->sample);
    need(r, get_u64(r) == o->time_decay);
    need(r, get_u64(r) == o->seed);
    return !r->bad;
}

static void get_floats(reader *r, wri_f4 *to, uint32_t n) {
    float *v = (float *)to;
    get(r, v, n * sizeof *v);
    for (uint32_t i = 0; i < n; i++) need(r, v[i] >= -WRI_RCF_FAR && v[i] <= WRI_RCF_FAR);
}

/* Records, points. */
static wr_status get_store(wr_rcf *f, reader *r, wr_err *err) {
    f->records = get_u64(r);
    f->seen = get_u64(r);
    uint64_t late = f->o.shingle - 1;
    need(r, f->records < UINT64_C(1) << 62 && f->seen == (f->records > late ? f->records - late : 0));
    get(r, f->origin, f->o.dims * sizeof *f->origin);
    for (uint32_t i = 0; i < f->o.dims; i++) need(r, isfinite(f->origin[i]));
    get_floats(r, f->x, f->width);
    uint32_t n = get_u32(r), picks = f->seen < f->o.sample ? (uint32_t)f->seen : f->o.sample;
    need(r, n <= (uint64_t)picks * f->o.trees && n <= (size_t)(r->end - r->at) / (f->width * sizeof(float)));
    if (r->bad) return WR_OK;
    WR_TRY(wri_rcf_reserve(f, picks, n, err));
    f->n_store = n;
    for (uint32_t i = 0; i < n; i++) {
        wri_f4 *p = f->points + (size_t)i * f->q;
        p[f->q - 1] = (wri_f4){0};
        get_floats(r, p, f->width);
        f->refs[i] = 0;
    }
    return WR_OK;
}

/* Nodes in the order of the file get rising places, so kids stand behind their parent, and boxes are made
 * from the last one on. */
static void get_nodes(wr_rcf *f, reader *r, wri_rcf_tree *t) {
    uint32_t depth = 0, *link = &t->root, up = WRI_RCF_TOP;
    while (link && !r->bad) {
        uint32_t head = get_u32(r);
        if (head & WRI_RCF_LEAF) {
            wri_rcf_leaf leaf = {head & ~WRI_RCF_LEAF, get_u32(r), up};
            need(r, leaf.point < f->n_store && leaf.count > 0 && t->n_leaves < t->n);
            if (r->bad) break;
            *link = t->n_leaves | WRI_RCF_LEAF;
            t->leaves[t->n_leaves++] = leaf;
            link = depth > 0 ? &wri_rcf_node_at(f, t, up = f->path[--depth])->kid[1] : NULL;
        } else {
            need(r, head < f->width && t->n_nodes + 1 < t->n);
            if (r->bad) break;
            wri_rcf_node *n = wri_rcf_node_at(f, t, t->n_nodes);
            get(r, &n->cut, sizeof n->cut);
            n->dim = (uint16_t)head;
            n->up = (uint16_t)up;
            f->path[depth++] = *link = up = t->n_nodes++;
            link = &n->kid[0];
        }
    }
    for (uint32_t i = t->n_nodes; i-- > 0 && !r->bad;) (void)wri_rcf_fit(f, t, wri_rcf_node_at(f, t, i));
}

/* From points, as they are in bytes, to leaves. where: [n_store], zero before and after. */
static void name_leaves(reader *r, const wri_rcf_tree *t, uint32_t *where) {
    for (uint32_t i = 0; i < t->n_leaves; i++) where[t->leaves[i].point] = i + 1;
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t leaf = where[t->picks[i]];
        need(r, leaf > 0);
        t->picks[i] = leaf - 1;
    }
    for (uint32_t i = 0; i < t->n_leaves; i++) where[t->leaves[i].point] = 0;
}

static void get_tree(wr_rcf *f, reader *r, wri_rcf_tree *t, uint32_t *where) {
    t->random = get_u64(r);
    t->due = get_u64(r);
    t->n = get_u32(r);
    need(r, t->n == (f->seen < f->o.sample ? f->seen : f->o.sample));
    for (uint32_t i = 0; i < t->n && !r->bad; i++) {
        get(r, &t->keys[i], sizeof t->keys[i]);
        t->picks[i] = get_u32(r);
        need(r, t->picks[i] < f->n_store);
        if (!r->bad) f->refs[t->picks[i]]++;
    }
    if (t->n > 0 && !r->bad) get_nodes(f, r, t);
    if (!r->bad) name_leaves(r, t, where);
    if (t->due < f->due) f->due = t->due;
}

/* scratch: [n_store], zero. */
static wr_status get_trees(wr_rcf *f, reader *r, uint32_t *scratch, wr_err *err) {
    f->due = UINT64_MAX;
    for (uint32_t i = 0; i < f->o.trees && !r->bad; i++) get_tree(f, r, &f->trees[i], scratch);
    if (r->bad || r->at != r->end)
        return wr_fail(err, WR_EDATA, "these bytes are no random cut forest of this kind");
    const char *why = wri_rcf_check(f, scratch);
    return why ? wr_fail(err, WR_EDATA, "these bytes are no random cut forest: %s", why) : WR_OK;
}

wr_status wr_rcf_load(wr_rcf *f, const char *bytes, size_t n, wr_err *err) {
    reader r = {bytes, bytes + n, false};
    if (opts_fit(&r, &f->o)) WR_TRY(get_store(f, &r, err));
    uint32_t *scratch = wr_calloc((size_t)f->n_store + 1, sizeof *scratch);
    if (!scratch) return wr_fail_oom(err, "a random cut forest");
    wr_status s = get_trees(f, &r, scratch, err);
    wr_free(scratch);
    return s;
}
