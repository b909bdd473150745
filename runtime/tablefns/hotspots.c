/* runtime/tablefns/hotspots.c -- HOTSPOTS: regions near a row that are denser than their surroundings.
 *
 * The last `windowSize` rows of the partition, this one included, are points: one coordinate a column. As
 * DBSCAN has it (Ester, Kriegel, Sander, Xu 1996): a point is *dense* when at least
 * `minimumNumberOfPointsInAHotspot` points lie within `scanRadius` of it, itself among them. Dense points
 * within scanRadius of each other belong together; they and all points within scanRadius of any of them are a
 * hotspot. A row's result are the hotspots that it is in (one, or, at the border, each), as JSON:
 *
 *   {"hotspots":[{"density":d,"minValues":[…],"maxValues":[…]}]}
 *
 * with the bounds of the hotspot's points, a number a column; d = its points by the volume within those,
 * where a side shorter than scanRadius counts as that. Densest first. A row with a NULL or an infinite
 * coordinate is no point; its result is NULL.
 *
 * Points lie in a grid of cells of the first two columns, a bit longer than scanRadius, so neighbours are in
 * nine cells; cells are lists of points, several cells may be one. Each point knows how many neighbours it
 * has, kept up as points come and go. A hotspot is walked from point to point; those that it has are out of
 * their lists until the walk is over, and not looked at again, so it costs about what it finds, also where
 * all points lie in one place. Nothing depends on the order of a list. */
#include <math.h>

#include "tablefn.h"

enum { WINDOW_SIZE, RADIUS, MIN_POINTS, COORDINATES };

#define NONE  UINT32_MAX
#define CELLS 512 /* lists; a power of two */
#define CELL_MAX                                                                                             \
    1099511627776.0 /* what lies further out is in one cell: rounding stays far less than the slack */
#define SLACK 1.01  /* a cell's side, in radii */

static const wr_table_arg args[] = {
    {.name = "windowSize",
     .kind = 'i',
     .min = 100,
     .max = 1000,
     .doc = "Rows that are looked at: the last so many."},
    {.name = "scanRadius",
     .kind = 'd',
     .min = 1e-300,
     .max = 1e300,
     .doc = "Distance within which points are neighbours."},
    {.name = "minimumNumberOfPointsInAHotspot",
     .kind = 'i',
     .min = 2,
     .max = 1000,
     .doc = "Neighbours that make a point dense, itself among them; at most windowSize."},
    {.name = "coordinates",
     .kind = 'C',
     .def = "",
     .doc = "The columns; all numeric ones but DECIMALs when not given."},
    {0}};

typedef struct point {
    uint32_t next, prev; /* of its cell; NONE: the last, first */
    uint32_t cell;
    uint32_t neighbours; /* itself among them */
    bool out;            /* walked over: in no list */
} point;

typedef struct spots { /* the state of a partition */
    uint32_t n, at;    /* points; where the next one goes, and the oldest is when there are windowSize */
    double *coords;    /* by point, n_cols each, in radii */
    double *values;    /* the same as they came */
    point *points;
    uint32_t cells[CELLS]; /* first points */
} spots;

typedef struct hotspot {
    double density;
    uint64_t n;
    size_t bounds; /* in scratch.bounds: least values, then greatest */
} hotspot;

typedef struct scratch { /* of an operator: one row at a time */
    uint32_t *walk;      /* dense points still to be looked around from */
    uint32_t *out; /* points that are out of their lists: dense ones from the left, others from the right */
    uint32_t *near;
    hotspot *found;
    size_t n_found, found_cap;
    double *bounds;
    size_t n_bounds, bounds_cap;
    wr_buf text;
} scratch;

static uint32_t size_of(const wr_table_call *call) { return (uint32_t)call->args[WINDOW_SIZE].v.i64; }
static bool dense(const wr_table_call *call, const point *p) {
    return p->neighbours >= (uint64_t)call->args[MIN_POINTS].v.i64;
}
static wr_status no_memory(wr_err *err) { return wr_fail_oom(err, "HOTSPOTS"); }

static wr_status bind(wr_table_call *call, const wr_schema *in, uint32_t n_vis, wr_arena *ar, wr_err *err) {
    (void)ar;
    const wr_table_value *cols = &call->args[COORDINATES];
    uint32_t n = 0;
    if (call->args[MIN_POINTS].v.i64 > call->args[WINDOW_SIZE].v.i64) {
        call->bad_arg = MIN_POINTS;
        return wr_fail(err, WR_ESQL,
                       "minimumNumberOfPointsInAHotspot is above windowSize, %lld: no hotspot could be found",
                       (long long)call->args[WINDOW_SIZE].v.i64);
    }
    for (uint32_t i = 0; i < cols->n_cols; i++) {
        call->bad_arg = COORDINATES;
        if (!wr_kind_is_num((wr_kind)in->fields[cols->cols[i]].type.kind))
            return wr_fail(err, WR_ESQL, "column '%s' is not a number", in->fields[cols->cols[i]].name);
        wr_table_reads(call, in, cols->cols[i], NULL);
    }
    if (cols->n_cols == 0) wr_table_reads_numbers(call, in, n_vis, false, &n);
    if (call->n_cols == 0)
        return wr_fail(err, WR_ESQL,
                       "its input has no numeric column (DECIMAL does not count: cast it to DOUBLE)");
    wr_table_adds(call, "HOTSPOTS_RESULT", wr_type_of(WR_T_VARCHAR));
    return WR_OK;
}

/* ---- memory ---- */

static void close(wr_table_call *call) {
    scratch *x = call->ctx;
    if (!x) return;
    wr_free(x->walk);
    wr_free(x->out);
    wr_free(x->near);
    wr_free(x->found);
    wr_free(x->bounds);
    wr_buf_free(&x->text);
    wr_free(x);
}

static wr_status open(wr_table_call *call, wr_err *err) {
    scratch *x = call->ctx = wr_calloc(1, sizeof *x);
    if (!x) return no_memory(err);
    x->walk = wr_calloc(size_of(call), sizeof *x->walk);
    x->out = wr_calloc(size_of(call), sizeof *x->out);
    x->near = wr_calloc(size_of(call), sizeof *x->near);
    return x->walk && x->out && x->near ? WR_OK : no_memory(err);
}

static void drop(const wr_table_call *call, void *state) {
    (void)call;
    spots *s = state;
    wr_free(s->coords);
    wr_free(s->values);
    wr_free(s->points);
    wr_free(s);
}

static wr_status make(const wr_table_call *call, void **statep, wr_err *err) {
    spots *s = *statep = wr_calloc(1, sizeof *s);
    if (!s) return no_memory(err);
    for (uint32_t i = 0; i < CELLS; i++) s->cells[i] = NONE;
    s->coords = wr_calloc((size_t)size_of(call) * call->n_cols, sizeof *s->coords);
    s->values = wr_calloc((size_t)size_of(call) * call->n_cols, sizeof *s->values);
    s->points = wr_calloc(size_of(call), sizeof *s->points);
    if (s->coords && s->values && s->points) return WR_OK;
    drop(call, s);
    *statep = NULL;
    return no_memory(err);
}

static size_t bytes(const wr_table_call *call, const void *state) {
    (void)state;
    return sizeof(spots) + size_of(call) * (call->n_cols * 2 * sizeof(double) + sizeof(point));
}

/* ---- the grid ---- */

static int64_t cell_coord(double radii) {
    double c = floor(radii / SLACK);
    return (int64_t)(c < -CELL_MAX ? -CELL_MAX : c > CELL_MAX ? CELL_MAX : c);
}

static uint32_t cell_at(int64_t x, int64_t y) {
    return (uint32_t)(wr_hash_u64((uint64_t)x * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)y) >> 32) % CELLS;
}

static const double *coords_of(const wr_table_call *call, const spots *s, uint32_t p) {
    return s->coords + (size_t)p * call->n_cols;
}

/* The cells around point p, each once. */
static uint32_t cells_around(const wr_table_call *call, const spots *s, uint32_t p, uint32_t *cells) {
    const double *c = coords_of(call, s, p);
    int64_t x = cell_coord(c[0]), y = call->n_cols > 1 ? cell_coord(c[1]) : 0;
    uint32_t n = 0;
    for (int64_t dx = -1; dx <= 1; dx++)
        for (int64_t dy = call->n_cols > 1 ? -1 : 0; dy <= (call->n_cols > 1 ? 1 : 0); dy++) {
            uint32_t cell = cell_at(x + dx, y + dy), i = 0;
            while (i < n && cells[i] != cell) i++;
            if (i == n) cells[n++] = cell;
        }
    return n;
}

static void link_point(const wr_table_call *call, spots *s, uint32_t no) {
    const double *c = coords_of(call, s, no);
    point *p = &s->points[no];
    p->cell = cell_at(cell_coord(c[0]), call->n_cols > 1 ? cell_coord(c[1]) : 0);
    p->prev = NONE;
    p->next = s->cells[p->cell];
    p->out = false;
    if (p->next != NONE) s->points[p->next].prev = no;
    s->cells[p->cell] = no;
}

static void unlink_point(spots *s, uint32_t no) {
    point *p = &s->points[no];
    if (p->prev != NONE) s->points[p->prev].next = p->next;
    else s->cells[p->cell] = p->next;
    if (p->next != NONE) s->points[p->next].prev = p->prev;
    p->out = true;
}

/* At most a radius apart. Coordinates are in radii. */
static bool are_near(const double *a, const double *b, uint32_t n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum <= 1;
}

/* Points in lists within a radius of p, which need not be in one. */
static uint32_t find_near(const wr_table_call *call, const spots *s, uint32_t p, uint32_t *near) {
    uint32_t cells[9], n_cells = cells_around(call, s, p, cells), n = 0;
    const double *c = coords_of(call, s, p);
    for (uint32_t i = 0; i < n_cells; i++)
        for (uint32_t q = s->cells[cells[i]]; q != NONE; q = s->points[q].next)
            if (q != p && are_near(c, coords_of(call, s, q), call->n_cols)) near[n++] = q;
    return n;
}

/* ---- points come and go ---- */

static void leave(const wr_table_call *call, spots *s, uint32_t no) {
    uint32_t *near = ((scratch *)call->ctx)->near, n = find_near(call, s, no, near);
    for (uint32_t i = 0; i < n; i++) s->points[near[i]].neighbours--;
    unlink_point(s, no);
}

/* A row with these values; its number. */
static uint32_t enter(const wr_table_call *call, spots *s, const double *values) {
    uint32_t no = s->at, size = size_of(call), *near = ((scratch *)call->ctx)->near;
    double radius = call->args[RADIUS].v.f64;
    if (s->n == size) leave(call, s, no);
    else s->n++;
    s->at = (no + 1) % size;
    for (uint32_t i = 0; i < call->n_cols; i++) {
        s->values[(size_t)no * call->n_cols + i] = values[i];
        s->coords[(size_t)no * call->n_cols + i] = values[i] / radius;
    }
    uint32_t n = find_near(call, s, no, near);
    for (uint32_t i = 0; i < n; i++) s->points[near[i]].neighbours++;
    s->points[no].neighbours = n + 1;
    link_point(call, s, no);
    return no;
}

/* ---- hotspots ---- */

static void add_to(const wr_table_call *call, const spots *s, scratch *x, hotspot *h, uint32_t p) {
    const double *v = s->values + (size_t)p * call->n_cols;
    double *min = x->bounds + h->bounds, *max = min + call->n_cols;
    for (uint32_t i = 0; i < call->n_cols; i++) {
        if (h->n == 0 || v[i] < min[i]) min[i] = v[i];
        if (h->n == 0 || v[i] > max[i]) max[i] = v[i];
    }
    h->n++;
}

static void weigh(const wr_table_call *call, const scratch *x, hotspot *h) {
    const double *min = x->bounds + h->bounds, *max = min + call->n_cols;
    h->density = (double)h->n;
    for (uint32_t i = 0; i < call->n_cols; i++) h->density /= fmax(max[i] - min[i], call->args[RADIUS].v.f64);
    if (isinf(h->density)) h->density = 1.7976931348623157e308;
}

/* The hotspot of the dense point `first`. *n_outp: of x->out, dense points that are out of their lists. */
static wr_status walk(const wr_table_call *call, spots *s, uint32_t first, uint32_t *n_outp, wr_err *err) {
    scratch *x = call->ctx;
    uint32_t n_walk = 1, border = size_of(call), n_cols = call->n_cols;
    if (wr_grow(&x->found, &x->found_cap, x->n_found + 1, sizeof *x->found) != WR_OK ||
        wr_grow(&x->bounds, &x->bounds_cap, x->n_bounds + 2 * (size_t)n_cols, sizeof *x->bounds) != WR_OK)
        return no_memory(err);
    hotspot *h = &x->found[x->n_found++];
    *h = (hotspot){.bounds = x->n_bounds};
    x->n_bounds += 2 * (size_t)n_cols;
    x->walk[0] = first;
    unlink_point(s, first);
    add_to(call, s, x, h, first);
    while (n_walk > 0) {
        uint32_t p = x->walk[--n_walk];
        x->out[(*n_outp)++] = p;
        uint32_t n = find_near(call, s, p, x->near);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t q = x->near[i];
            unlink_point(s, q);
            add_to(call, s, x, h, q);
            if (dense(call, &s->points[q])) x->walk[n_walk++] = q;
            else x->out[--border] = q;
        }
    }
    while (border < size_of(call)) link_point(call, s, x->out[border++]); /* they may be of others, too */
    weigh(call, x, h);
    return WR_OK;
}

/* The hotspots that point p is in. */
static wr_status find_spots(const wr_table_call *call, spots *s, uint32_t p, wr_err *err) {
    scratch *x = call->ctx;
    uint32_t n_out = 0;
    wr_status st = WR_OK;
    x->n_found = x->n_bounds = 0;
    if (dense(call, &s->points[p])) st = walk(call, s, p, &n_out, err);
    else
        for (bool more = true; more && st == WR_OK;) {
            uint32_t n = find_near(call, s, p, x->near),
                     q = NONE; /* without those of hotspots found before */
            for (uint32_t i = 0; i < n && q == NONE; i++)
                if (dense(call, &s->points[x->near[i]])) q = x->near[i];
            more = q != NONE;
            if (more) st = walk(call, s, q, &n_out, err);
        }
    while (n_out > 0) link_point(call, s, x->out[--n_out]);
    return st;
}

/* The densest first; else by their bounds, which differ. */
static int order(const scratch *x, uint32_t n_cols, const hotspot *a, const hotspot *b) {
    if (a->density != b->density) return a->density > b->density ? -1 : 1;
    for (uint32_t i = 0; i < 2 * n_cols; i++) {
        double u = x->bounds[a->bounds + i], v = x->bounds[b->bounds + i];
        if (u != v) return u < v ? -1 : 1;
    }
    return 0;
}

static void sort_spots(scratch *x, uint32_t n_cols) { /* few */
    for (size_t i = 1; i < x->n_found; i++)
        for (size_t k = i; k > 0 && order(x, n_cols, &x->found[k], &x->found[k - 1]) < 0; k--) {
            hotspot h = x->found[k];
            x->found[k] = x->found[k - 1];
            x->found[k - 1] = h;
        }
}

/* ---- the result ---- */

static wr_status put_number(wr_buf *to, double v) {
    char text[WR_TEXT_MAX];
    return wr_buf_put(to, text, wr_write_f64(v, text));
}

static wr_status put_values(wr_buf *to, const char *name, const double *v, uint32_t n) {
    WR_TRY(wr_buf_puts(to, name));
    for (uint32_t i = 0; i < n; i++) {
        if (i) WR_TRY(wr_buf_puts(to, ","));
        WR_TRY(put_number(to, v[i]));
    }
    return wr_buf_puts(to, "]");
}

static wr_status put_spots(scratch *x, uint32_t n_cols) {
    x->text.len = 0;
    WR_TRY(wr_buf_puts(&x->text, "{\"hotspots\":["));
    for (size_t i = 0; i < x->n_found; i++) {
        const double *min = x->bounds + x->found[i].bounds;
        WR_TRY(wr_buf_puts(&x->text, i ? ",{\"density\":" : "{\"density\":"));
        WR_TRY(put_number(&x->text, x->found[i].density));
        WR_TRY(put_values(&x->text, ",\"minValues\":[", min, n_cols));
        WR_TRY(put_values(&x->text, ",\"maxValues\":[", min + n_cols, n_cols));
        WR_TRY(wr_buf_puts(&x->text, "}"));
    }
    return wr_buf_puts(&x->text, "]}");
}

static wr_status rows(const wr_table_call *call, void *state, const wr_table_rows *r, wr_err *err) {
    spots *s = state;
    scratch *x = call->ctx;
    double *values = wr_arena_alloc(&r->out->arena, call->n_cols * sizeof *values);
    if (!values) return no_memory(err);
    for (uint32_t k = 0; k < r->n; k++) {
        uint32_t i = wr_table_row(r, k);
        wr_str *to = &r->out->cols[r->first].str[i];
        bool none = false;
        for (uint32_t c = 0; c < call->n_cols; c++) {
            values[c] = wr_table_number(call, r->in, c, i);
            none = none || wr_is_null(wr_table_col(call, r->in, c), i) || !isfinite(values[c]) ||
                   !isfinite(values[c] / call->args[RADIUS].v.f64);
        }
        *to = wr_str_make("", 0);
        if (none) {
            WR_TRY(wr_table_null(r, 0, i, err));
            continue;
        }
        WR_TRY(find_spots(call, s, enter(call, s, values), err));
        sort_spots(x, call->n_cols);
        if (put_spots(x, call->n_cols) != WR_OK) return no_memory(err);
        WR_TRY(wr_batch_str(r->out, x->text.data, x->text.len, to, err));
    }
    return WR_OK;
}

/* ---- bytes: how many points, their values, the oldest first ---- */

static wr_status save(const wr_table_call *call, const void *state, wr_buf *to, wr_err *err) {
    const spots *s = state;
    bool ok = wr_table_put_i64(to, s->n) == WR_OK;
    uint32_t oldest = s->n == size_of(call) ? s->at : 0;
    for (uint32_t i = 0; i < s->n && ok; i++) {
        const double *v = s->values + (size_t)((oldest + i) % size_of(call)) * call->n_cols;
        for (uint32_t c = 0; c < call->n_cols && ok; c++) ok = wr_table_put_f64(to, v[c]) == WR_OK;
    }
    return ok ? WR_OK : no_memory(err);
}

static wr_status load(const wr_table_call *call, void *state, const char *text, size_t n, wr_err *err) {
    wr_table_reader r = wr_table_read(text, n);
    uint64_t points = wr_table_count(&r, call->n_cols * sizeof(double));
    double *values = wr_calloc(call->n_cols, sizeof *values);
    if (!values) return no_memory(err);
    bool ok = points <= size_of(call);
    for (uint64_t i = 0; i < points && ok; i++) {
        for (uint32_t c = 0; c < call->n_cols; c++) {
            values[c] = wr_table_f64(&r);
            ok = ok && isfinite(values[c] / call->args[RADIUS].v.f64);
        }
        if (ok) (void)enter(call, state, values);
    }
    wr_free(values);
    return ok ? wr_table_read_end(call, &r, err) : wr_table_broken(call, err);
}

static const wr_table_run run = {.open = open,
                                 .close = close,
                                 .make = make,
                                 .drop = drop,
                                 .rows = rows,
                                 .save = save,
                                 .load = load,
                                 .bytes = bytes};

const wr_table_fn wr_table_hotspots = {.name = "HOTSPOTS",
                                       .doc = "Regions near a row that are denser than their surroundings, "
                                              "among the last rows. Adds HOTSPOTS_RESULT, "
                                              "JSON with the density and the bounds of each.",
                                       .args = args,
                                       .bind = bind,
                                       .run = &run};
