/* Only what changed: random rows, watermarks, barriers, crashes. Operators save piece by piece while rows go
 * on; a crash takes them back to the last snapshot that was complete. What they have said in the end must be
 * what operators say that were fed the same without any of this. */
#include <stdlib.h>

#include "op_rig.h"
#include "runtime/paged.h"
#include "tests/unit/random.h"

#define STREAM                                                                                               \
    "CREATE STREAM s (t TIMESTAMP(3), k BIGINT, v BIGINT, x VARCHAR, WATERMARK FOR t AS t) "                 \
    "WITH (connector = 'stdin', format = 'json');"
#define BOUNDED                                                                                              \
    "CREATE STREAM s (t TIMESTAMP(3), k BIGINT, v BIGINT, x VARCHAR, WATERMARK FOR t AS t) "                 \
    "WITH (connector = 'file', path = 'never-opened.jsonl', format = 'json');"
#define EVENTS 160

typedef struct event {
    wr_batch *rows; /* NULL: a watermark */
    int64_t wm;
} event;

typedef struct part { /* as a snapshot has it */
    uint32_t node;
    bool named;
    int64_t id;
    uint32_t sub;
    wr_buf text;
} part;
typedef struct parts {
    part items[4096];
    size_t n;
    size_t at, said; /* events and lines before the barrier */
    bool there;
} parts;

typedef struct world {
    rig r; /* the plan */
    const char *stream;
    event events[EVENTS];
    const wr_node *nodes[16]; /* of the operators */
    wr_edge fed[4];           /* by the source */
    size_t n_fed;
    wr_buf text; /* what they have said, a line per row */
    parts kept, pending;
    uint64_t n_more;  /* parts that went on */
    bool pages;       /* operators go to disk now and then */
    uint64_t n_paged; /* times that one did */
    uint64_t n_again; /* times that one did while it was loaded */
} world;

static world w;

/* ---- what is said ---- */

static wr_status say(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)op, (void)port, (void)err;
    for (uint32_t i = 0; i < b->n; i++) {
        cr_assert_eq(wr_buf_printf(&w.text, "%c", wr_takes_back(wr_change_of(b, i)) ? '-' : '+'), WR_OK);
        for (uint32_t c = 0; c < b->n_cols; c++) {
            const wr_col *col = &b->cols[c];
            if (wr_is_null(col, i)) cr_assert_eq(wr_buf_printf(&w.text, " NULL"), WR_OK);
            else if (col->phys == WR_I64)
                cr_assert_eq(wr_buf_printf(&w.text, " %lld", (long long)col->i64[i]), WR_OK);
            else if (col->phys == WR_F64) cr_assert_eq(wr_buf_printf(&w.text, " %.17g", col->f64[i]), WR_OK);
            else
                cr_assert_eq(
                    wr_buf_printf(&w.text, " '%.*s'", (int)col->str[i].len, wr_str_data(&col->str[i])),
                    WR_OK);
        }
        cr_assert_eq(wr_buf_printf(&w.text, "\n"), WR_OK);
    }
    return WR_OK;
}
static const wr_op_def sayer = {.name = "sayer", .push = say};

static int by_row(const void *a, const void *b) {
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    int c = strcmp(x + 1, y + 1);
    return c ? c : *x - *y;
}

/* The rows that stand when all has been applied, sorted. */
static char *standing(const char *text, size_t len) {
    char *copy = strndup(text, len), *line, *save = NULL;
    size_t n = 0;
    char **lines = calloc(len + 1, sizeof *lines);
    for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) lines[n++] = line;
    if (n) qsort(lines, n, sizeof *lines, by_row);
    wr_buf out = {0};
    for (size_t i = 0, next; i < n; i = next) {
        int64_t net = 0;
        for (next = i; next < n && strcmp(lines[i] + 1, lines[next] + 1) == 0; next++)
            net += lines[next][0] == '+' ? 1 : -1;
        if (net) cr_assert_eq(wr_buf_printf(&out, "%lld of%s\n", (long long)net, lines[i] + 1), WR_OK);
    }
    cr_assert_eq(wr_buf_put(&out, "", 1), WR_OK);
    free(copy);
    free(lines);
    return out.data;
}

/* ---- the operators ---- */

static void open_ops(bool saves) {
    rig *r = &w.r;
    wr_err err = {0};
    r->job.epochs.store = saves ? (wr_snapshots *)(void *)&w : NULL;
    r->job.workers = &r->task;
    r->task.ops = wr_calloc(r->plan.n_nodes, sizeof *r->task.ops);
    wr_op *last = NULL;
    w.n_fed = 0;
    for (size_t i = 0; i < WR_LEN(w.nodes) && w.nodes[i]; i++) {
        wr_op *op = last = &r->task.ops[w.nodes[i]->id];
        cr_assert_eq(wri_op_init(&r->task, op, wri_op_def_of(w.nodes[i]), w.nodes[i], &err), WR_OK, "%s",
                     err.msg);
        op->n_in = w.nodes[i]->n_in;
        op->port_wm = wr_reallocn(op->port_wm, op->n_in, sizeof *op->port_wm);
        for (uint32_t port = 0; port < op->n_in; port++) op->port_wm[port] = WR_WM_NONE;
        cr_assert_eq(op->def->open(op, &err), WR_OK, "%s", err.msg);
        for (uint32_t port = 0; port < w.nodes[i]->n_in; port++) {
            const wr_node *in = w.nodes[i]->in[port];
            while (in->kind == WR_N_EXCHANGE) in = in->in[0];
            if (in->kind == WR_N_SOURCE) w.fed[w.n_fed++] = (wr_edge){op, port};
            else cr_assert_eq(wri_op_connect(&r->task.ops[in->id], op, port, &err), WR_OK);
        }
    }
    r->sink = (wr_op){.def = &sayer,
                      .task = &r->task,
                      .node = w.nodes[0],
                      .port_wm = &r->sink_wm,
                      .n_in = 1,
                      .wm = WR_WM_NONE};
    r->sink_wm = WR_WM_NONE;
    cr_assert_eq(wri_op_connect(last, &r->sink, 0, &err), WR_OK);
    r->task.saver.goes_on = false;
    if (!w.pages) return;
    /* Memory is short, always or when some are to go to disk; what may be brought back is a little or all. */
    r->job.short_at = below(2) ? -1 : INT64_MAX / 2;
    r->job.memory = below(2) ? 32 << 10 : 1 << 20;
}

static void close_ops(void) {
    for (size_t i = 0; i < WR_LEN(w.nodes) && w.nodes[i]; i++) wri_op_free(&w.r.task.ops[w.nodes[i]->id]);
    wr_free(w.r.task.ops);
    wri_saver_free(&w.r.task.saver);
    w.r.task.saver = (wr_saver){0};
}

static bool unsaved(void) {
    bool any = false;
    for (size_t i = 0; i < WR_LEN(w.nodes) && w.nodes[i]; i++) any |= w.r.task.ops[w.nodes[i]->id].unsaved;
    return any;
}

static void save_some(void) {
    wr_err err = {0};
    for (size_t i = 0; i < WR_LEN(w.nodes) && w.nodes[i]; i++) {
        wr_op *op = &w.r.task.ops[w.nodes[i]->id];
        if (op->unsaved) cr_assert_eq(op->def->save_rest(op, &op->unsaved, &err), WR_OK, "%s", err.msg);
    }
}

/* Some operators go to disk, or have a round there. */
static void page_some(void) {
    wr_err err = {0};
    w.r.job.short_at = -1;
    for (size_t i = 0; i < WR_LEN(w.nodes) && w.nodes[i]; i++) {
        wr_op *op = &w.r.task.ops[w.nodes[i]->id];
        bool was = op->paged != NULL, did = false;
        if (op->def->keyed && below(3)) cr_assert_eq(wri_paged_relieve(op, &did, &err), WR_OK, "%s", err.msg);
        w.n_paged += !was && op->paged;
        wr_waits told = {0};
        if (op->paged) wri_paged_waiting(op, &told);
        cr_assert_eq(told.on_disk, op->paged != NULL);
        if (did) cr_assert_eq(told.on_the_way, 0);
    }
}

/* ---- snapshots ---- */

static void put_item(const wr_saver *of, wr_buf *out, const wri_item *item) {
    wr_err err = {0};
    if (item->len) cr_assert_eq(wr_buf_put(out, wri_item_packed(of, item), item->len), WR_OK);
    else if (!item->from) cr_assert_eq(wri_item_pack(item, out, &err), WR_OK);
    else {
        cr_assert_eq(wr_buf_reserve(out, item->from->len), WR_OK);
        cr_assert_eq(item->from->read(item->from->ctx, 0, out->data + out->len, item->from->len, &err),
                     WR_OK);
        out->len += item->from->len;
    }
}

static void free_parts(parts *p) {
    for (size_t i = 0; i < p->n; i++) wr_buf_free(&p->items[i].text);
    *p = (parts){0};
}

static part *find(parts *p, const wri_item *item) {
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].node == item->node && p->items[i].named == item->named &&
            (!item->named || (p->items[i].id == item->part && p->items[i].sub == item->sub)))
            return &p->items[i];
    return NULL;
}

/* All has been saved: the pool's part of it. */
static void complete(void) {
    wr_saver *s = &w.r.task.saver;
    wri_saver_sort(s);
    for (size_t i = 0; i < s->n; i++) {
        wri_item *item = &s->items[i];
        part *p = find(&w.pending, item);
        if (!p) {
            cr_assert_lt(w.pending.n, WR_LEN(w.pending.items));
            p = &w.pending.items[w.pending.n++];
            *p = (part){.node = item->node, .named = item->named, .id = item->part, .sub = item->sub};
            const part *old = find(&w.kept, item);
            cr_assert(!item->more || (item->begins && old && w.kept.there));
            if (item->more)
                cr_assert_eq(wr_buf_put(&p->text, old->text.data ? old->text.data : "", old->text.len),
                             WR_OK);
            w.n_more += item->more;
        }
        if (!item->begins) put_item(s, &p->text, item);
    }
    wri_saver_reset(s);
    s->goes_on = true;
    free_parts(&w.kept);
    w.kept = w.pending;
    w.kept.there = true;
    w.pending = (parts){0};
}

static wr_status load_op(uint32_t node, wr_err *err) {
    for (size_t i = 0; i < w.kept.n; i++) {
        const part *p = &w.kept.items[i];
        if (p->node != node) continue;
        wri_loader loader = {.job = &w.r.job, .reader = {.fd = -1}};
        wr_piece piece = {.data = p->text.data ? p->text.data : "", .len = p->text.len};
        const wr_saved_part slots = {.pieces = &piece, .n = 1};
        WR_TRY(p->sub >= WR_SUB_SLOTS ? wri_slots_load(&loader, p->node, &slots, WRI_BY_KEY, err)
                                      : wri_items_load(&loader, p->node, &piece, WRI_BY_KEY, err));
    }
    return WR_OK;
}

static size_t crash(void) {
    wr_err err = {0};
    close_ops();
    free_parts(&w.pending);
    open_ops(true);
    for (size_t i = 0; i < WR_LEN(w.nodes) && w.nodes[i]; i++) {
        uint32_t node = w.nodes[i]->id;
        wr_op *op = &w.r.task.ops[node];
        wr_status r = load_op(node, &err);
        if (r == WR_AGAIN) { /* there is no room: once more, to disk */
            cr_assert_null(op->paged);
            cr_assert_eq(wri_paged_anew(op, 0.3, &err), WR_OK, "%s", err.msg);
            r = load_op(node, &err);
            w.n_again++;
        }
        cr_assert_eq(r, WR_OK, "%s", err.msg);
    }
    wri_loader all = {.job = &w.r.job};
    cr_assert_eq(wri_items_loaded(&all, &err), WR_OK, "%s", err.msg);
    for (size_t e = w.kept.at; e > 0; e--) { /* sources say at once how far event time had come */
        if (w.events[e - 1].rows) continue;
        for (size_t i = 0; i < w.n_fed; i++)
            cr_assert_eq(wri_watermark(w.fed[i].to, w.fed[i].port, w.events[e - 1].wm, &err), WR_OK);
        break;
    }
    w.text.len = w.kept.said;
    return w.kept.at;
}

/* ---- traces ---- */

/* coarse: many rows have one time. */
static void make_events(uint64_t keys, bool coarse) {
    int64_t now = 0;
    const wr_schema *in = NULL;
    for (uint32_t i = 0; i < w.r.plan.n_nodes; i++)
        if (w.r.plan.nodes[i]->kind == WR_N_SOURCE) in = &w.r.plan.nodes[i]->out;
    for (size_t e = 0; e < EVENTS; e++) {
        event *x = &w.events[e];
        *x = (event){.wm = now};
        now += (int64_t)below(2000000);
        if (below(4) == 0) continue;
        uint32_t n = 1 + (uint32_t)below(12);
        cr_assert_eq(wr_batch_new(in->n, n, &x->rows, NULL), WR_OK);
        x->rows->n = n;
        x->rows->split = 0;
        x->rows->pos = (int64_t)e * 100;
        for (uint32_t c = 0; c < in->n; c++) {
            const char *name = in->fields[c].name;
            cr_assert_eq(wr_batch_col(x->rows, c, wr_type_phys(in->fields[c].type), NULL), WR_OK);
            wr_col *col = &x->rows->cols[c];
            for (uint32_t i = 0; i < n; i++) {
                uint64_t v = below(3) ? below(8) : below(keys);
                char text[64];
                snprintf(text, sizeof text, "%d is longer than fits in a view", (int)v);
                if (col->phys == WR_STR)
                    cr_assert_eq(wr_batch_str(x->rows, text, v % 2 ? strlen(text) : 2, &col->str[i], NULL),
                                 WR_OK);
                else if (strcmp(name, "t") != 0) col->i64[i] = (int64_t)v;
                else {
                    col->i64[i] = now + (int64_t)below(4000000);
                    if (coarse) col->i64[i] -= col->i64[i] % 3000000 - 2999999;
                }
            }
        }
    }
}

static void feed(const event *x) {
    wr_err err = {0};
    for (size_t i = 0; i < w.n_fed; i++) {
        wr_op *op = w.fed[i].to;
        uint32_t port = w.fed[i].port;
        wr_status r = x->rows ? wri_deliver(op, port, x->rows, &err) : wri_watermark(op, port, x->wm, &err);
        cr_assert_eq(r, WR_OK, "%s", err.msg);
    }
}

static void end(void) {
    wr_err err = {0};
    for (size_t i = 0; i < w.n_fed; i++)
        cr_assert_eq(wri_end(w.fed[i].to, w.fed[i].port, &err), WR_OK, "%s", err.msg);
}

static char *undisturbed(void) {
    open_ops(false);
    for (size_t e = 0; e < EVENTS; e++) feed(&w.events[e]);
    end();
    close_ops();
    char *all = standing(w.text.data, w.text.len);
    w.text.len = 0;
    return all;
}

/* Without snapshots, but with little memory. */
static char *paged(void) {
    open_ops(false);
    for (size_t e = 0; e < EVENTS; e++) {
        if (below(4) == 0) page_some();
        feed(&w.events[e]);
    }
    end();
    close_ops();
    char *all = standing(w.text.data, w.text.len);
    w.text.len = 0;
    return all;
}

static char *disturbed(void) {
    wr_err err = {0};
    uint64_t epoch = 0;
    bool under_way = false;
    open_ops(true);
    for (size_t e = 0, crashes = 0; e < EVENTS;) {
        if (!under_way && below(4) == 0) {
            w.pending = (parts){.at = e, .said = 0};
            epoch++;
            for (size_t i = 0; i < w.n_fed; i++)
                cr_assert_eq(wri_barrier(w.fed[i].to, epoch, &err), WR_OK, "%s", err.msg);
            w.pending.said = w.text.len;
            under_way = true;
        }
        if (under_way && below(2)) save_some();
        if (under_way && !unsaved()) {
            complete();
            under_way = false;
        }
        if (crashes < 12 && below(30) == 0) {
            e = crash();
            crashes++;
            under_way = false;
        }
        if (w.pages && below(6) == 0) page_some();
        feed(&w.events[e++]);
    }
    end();
    for (int i = 0; under_way && unsaved(); i++) { /* what is gone holds nothing up */
        cr_assert_lt(i, 10000);
        save_some();
    }
    close_ops();
    free_parts(&w.pending);
    free_parts(&w.kept);
    char *all = standing(w.text.data, w.text.len);
    w.text.len = 0;
    return all;
}

/* What lies between source and sink; exchanges have one worker. */
static void find_nodes(void) {
    size_t n = 0;
    memset(w.nodes, 0, sizeof w.nodes);
    for (uint32_t i = 0; i < w.r.plan.n_nodes; i++) {
        const wr_node *x = w.r.plan.nodes[i];
        if (x->kind != WR_N_SOURCE && x->kind != WR_N_EXCHANGE && x->kind != WR_N_SINK) w.nodes[n++] = x;
        cr_assert_lt(n, WR_LEN(w.nodes));
    }
}

static void check_seeds(const char *sql, uint64_t seeds) {
    w.n_more = w.n_paged = w.n_again = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        rng = seed * 77;
        rig_plan_of(&w.r, w.stream ? w.stream : STREAM, sql);
        find_nodes();
        make_events(seed % 3 ? 400 : 30, seed % 4 == 1);
        char *want = undisturbed(), *got = disturbed();
        cr_assert(*want);
        cr_assert_str_eq(got, want, "seed %d of %s", (int)seed, sql);
        wr_free(got);
        got = w.pages ? paged() : NULL;
        if (got) cr_assert_str_eq(got, want, "seed %d, on disk, of %s", (int)seed, sql);
        wr_free(want);
        wr_free(got);
        for (size_t e = 0; e < EVENTS; e++) wr_batch_drop(w.events[e].rows);
        wr_buf_free(&w.text);
        wr_free(w.r.task.sides);
        wr_arena_free(&w.r.ar);
    }
}

static void check(const char *sql) {
    check_seeds(sql, 60);
    cr_assert(w.n_more > 100, "parts went on only %d times: %s", (int)w.n_more, sql);
}

static void check_paged(const char *sql) {
    w.pages = true;
    check_seeds(sql, 4);
    w.pages = false;
    cr_assert(w.n_again > 0, "state did not go to disk while it was loaded: %s", sql);
    cr_assert(w.n_paged > 0, "state went to disk only %d times: %s", (int)w.n_paged, sql);
}

#define FROM(window) " FROM TABLE(" window ") GROUP BY window_start, window_end, k;"
#define TUMBLE(size) FROM("TUMBLE(TABLE s, DESCRIPTOR(t), INTERVAL '" size "' SECOND)")

Test(saving, windows) { check("SELECT window_start, k, COUNT(*), SUM(v), MAX(x)" TUMBLE("40")); }

Test(saving, short_windows) { check("SELECT window_start, k, COUNT(*), MIN(x)" TUMBLE("5")); }

/* States with memory of their own, which goes with the state it belongs to. */
Test(saving, windows_of_lists) {
    check("SELECT window_start, k, COUNT(DISTINCT v), LISTAGG(x), PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER "
          "BY v)" TUMBLE("30"));
}

#define HOP FROM("HOP(TABLE s, DESCRIPTOR(t), INTERVAL '5' SECOND, INTERVAL '30' SECOND)")

Test(saving, hops) {
    check("SELECT window_start, k, COUNT(*), SUM(v)" HOP);
    check("SELECT window_start, k, COUNT(*), MAX(x)" HOP);
}

Test(saving, growing_windows) {
    check("SELECT window_start, window_end, k, COUNT(*), MIN(v)" FROM(
        "CUMULATE(TABLE s, DESCRIPTOR(t), INTERVAL '5' SECOND, INTERVAL '30' SECOND)"));
}

Test(saving, totals) {
    check("SELECT k, COUNT(*), SUM(v), MAX(v) FROM s GROUP BY k EMIT CHANGES;");
    check("SELECT COUNT(*), SUM(v) FROM s EMIT CHANGES;");
}

/* Groups go, and may come back. */
Test(saving, totals_that_go) {
    check("SET state_ttl = '5s'; SELECT k, COUNT(*), COUNT(DISTINCT v) FROM s GROUP BY k EMIT CHANGES;");
}

Test(saving, totals_of_totals) {
    check("SELECT m, COUNT(*), SUM(k) FROM (SELECT k, MAX(v) AS m FROM s GROUP BY k EMIT CHANGES) GROUP BY m "
          "EMIT CHANGES;");
}

/* Results that stand when a barrier comes, and will be corrected. */
Test(saving, early_windows) {
    check("SELECT window_start, k, COUNT(*), SUM(v) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(t), INTERVAL '30' "
          "SECOND)) "
          "GROUP BY window_start, window_end, k EMIT EARLY EVERY INTERVAL '7' SECOND;");
}

#define TABLE_FN(of) "SELECT * FROM TABLE(" of ");"

/* A state a partition, on and on; and those that are forgotten, and may come back. */
Test(saving, table_functions) {
    check(TABLE_FN("ANOMALY_ZSCORE(TABLE s PARTITION BY k, DESCRIPTOR(v), 5, 3)"));
    check("SET state_ttl = '5s'; " TABLE_FN("ANOMALY_SEASONAL(TABLE s PARTITION BY k, DESCRIPTOR(v), 3)"));
    check(TABLE_FN("ANOMALY_ZSCORE(TABLE s, DESCRIPTOR(v), 50, 3)"));
}

/* Those without a row for longest make room, also where a snapshot came in between. */
Test(saving, table_functions_that_forget) {
    check(TABLE_FN("ANOMALY_ZSCORE(TABLE s PARTITION BY k, DESCRIPTOR(v), 5, 3, max_partitions => 2)"));
    check(TABLE_FN("ANOMALY_ZSCORE(TABLE s PARTITION BY k, DESCRIPTOR(v), 5, 3, max_partitions => 5)"));
}

Test(saving, table_functions_in_windows) {
    check(TABLE_FN("TOP_K_ITEMS_TUMBLING(TABLE s PARTITION BY k, 'x', 2, 10)"));
    check(TABLE_FN("COUNT_DISTINCT_ITEMS_TUMBLING(TABLE s PARTITION BY k, 'x', 40)"));
    check(TABLE_FN("TOP_K_ITEMS_TUMBLING(TABLE s, 'v', 3, 20)"));
}

Test(saving, table_functions_of_one_time) { check(TABLE_FN("GROUP_RANK(TABLE s PARTITION BY k, 'v')")); }

Test(saving, no_window) { check("SELECT k, COUNT(*), SUM(v) FROM s GROUP BY k;"); }

#define SESSIONS(gap, rest)                                                                                  \
    " FROM TABLE(SESSION(TABLE s PARTITION BY k, DESCRIPTOR(t), INTERVAL '" gap "' SECOND))" rest ";"

Test(saving, sessions) {
    check("SELECT window_start, window_end, k, COUNT(*), LISTAGG(x)" SESSIONS(
        "4", " GROUP BY window_start, window_end, k"));
}

Test(saving, staggered_windows) {
    check("SELECT STREAM ROWTIME, k, COUNT(*), SUM(v), LISTAGG(x), FIRST_VALUE(v) FROM s WINDOWED BY STAGGER "
          "(PARTITION BY k RANGE INTERVAL '3' SECOND);");
}

/* The time of rows changes on their way, and some go back. */
Test(saving, promoted_time) {
    check(
        "SELECT STREAM w.ROWTIME, k, COUNT(*) FROM (SELECT STREAM t + v * INTERVAL '1' SECOND AS ROWTIME, k "
        "FROM s ORDER BY t + v * INTERVAL '1' SECOND WITHIN INTERVAL '6' SECOND) AS w WINDOWED BY STAGGER "
        "(PARTITION BY k RANGE INTERVAL '3' SECOND);");
}

Test(saving, distinct_as_it_comes) {
    check("SELECT STREAM DISTINCT STEP(s.ROWTIME BY INTERVAL '5' SECOND), k, v FROM s;");
}

Test(saving, sessions_of_rows) { check("SELECT window_start, window_end, k, v, x" SESSIONS("3", "")); }

/* What stands for keys that are touched is a slot of its own. */
Test(saving, early_sessions) {
    check("SELECT window_start, window_end, k, COUNT(*), MAX(x)" SESSIONS(
        "4", " GROUP BY window_start, window_end, k EMIT EARLY EVERY INTERVAL '7' SECOND"));
    check("SELECT window_start, window_end, k, COUNT(*), MAX(x)" SESSIONS(
        "4", " GROUP BY window_start, window_end, k EMIT EARLY EVERY INTERVAL '3' SECOND ALLOWED LATENESS "
             "INTERVAL '6' SECOND"));
    check("SELECT window_start, window_end, k, COUNT(*), MAX(x)" SESSIONS(
        "4", " GROUP BY window_start, window_end, k EMIT CHANGES"));
}

/* Rows wait in a timeline, then in frames: those that leave by time, those that make room for others, values.
 */
Test(saving, over_range) {
    check("SELECT t, k, v, COUNT(*) OVER w, SUM(v) OVER w, MIN(x) OVER w, COUNT(DISTINCT v) OVER w, "
          "LISTAGG(x) OVER w "
          "FROM s WINDOW w AS (PARTITION BY k ORDER BY t RANGE BETWEEN INTERVAL '9' SECOND PRECEDING AND "
          "CURRENT ROW);");
}

/* Sums that depend on the order in which they are made: on where the border between two stacks is. */
Test(saving, over_rounded) {
    check("SELECT t, k, v, SUM(CAST(v AS DOUBLE) / 3) OVER w, MAX(x) OVER w FROM s WINDOW w AS (PARTITION BY "
          "MOD(k, 5) ORDER BY t RANGE BETWEEN INTERVAL '9' SECOND PRECEDING AND CURRENT ROW);");
    check("SELECT t, k, v, SUM(CAST(v AS DOUBLE) / 3) OVER w, BOOL_OR(v > 5) OVER w FROM s WINDOW w AS "
          "(PARTITION BY MOD(k, 5) ORDER BY t ROWS BETWEEN 6 PRECEDING AND CURRENT ROW);");
}

Test(saving, over_rows) {
    check("SELECT t, k, v, COUNT(*) OVER w, MAX(x) OVER w, COUNT(DISTINCT v) OVER w, LAG(x, 2) OVER "
          "(PARTITION BY k "
          "ORDER BY t) FROM s WINDOW w AS (PARTITION BY k ORDER BY t ROWS BETWEEN 3 PRECEDING AND CURRENT "
          "ROW);");
}

Test(saving, over_all) {
    check("SELECT t, k, v, COUNT(*) OVER w, MAX(x) OVER w, COUNT(DISTINCT v) OVER w, ROW_NUMBER() OVER w "
          "FROM s WINDOW "
          "w AS (PARTITION BY k ORDER BY t);");
    check("SET state_ttl = '8s'; SELECT t, k, v, SUM(v) OVER w, MAX(x) OVER w, LAG(v) OVER w FROM s WINDOW w "
          "AS "
          "(PARTITION BY k ORDER BY t);");
}

/* Rows that wait for others of their key: one, several, for several calls. */
Test(saving, over_lead) {
    check("SELECT t, k, v, LEAD(x) OVER (PARTITION BY k ORDER BY t) FROM s;");
    check(
        "SELECT t, k, v, LEAD(x, 2) OVER w, LEAD(v, 5) OVER w, LEAD(x) IGNORE NULLS OVER w, COUNT(*) OVER w, "
        "SUM(v) OVER (PARTITION BY MOD(k, 7) ORDER BY t RANGE INTERVAL '9' SECOND PRECEDING) FROM s WINDOW w "
        "AS "
        "(PARTITION BY MOD(k, 7) ORDER BY t);");
}

#define TOP_N(fn, n)                                                                                         \
    "SELECT * FROM (SELECT window_end, k, v, x, " fn "() OVER (PARTITION BY window_start, window_end, "      \
    "MOD(k, 3) ORDER BY v DESC, x, k, t) AS r FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(t), INTERVAL '20' "      \
    "SECOND))) WHERE r <= " n ";"

/* Rows of partitions, which are cut to the best; at the end of the input whatever is there. */
Test(saving, over_batch) {
    check(TOP_N("ROW_NUMBER", "2"));
    check(TOP_N("RANK", "30"));
    w.stream = BOUNDED;
    check("SELECT k, v, x, t, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v, x, t) AS r FROM s;");
    w.stream = NULL;
}

Test(saving, sorts) {
    w.stream = BOUNDED;
    check("SELECT k, v, x FROM s ORDER BY v, x, k;");
    w.stream = NULL;
}

/* The order of rows of one time counts. */
Test(saving, over_ties) {
    check("SELECT t, k, v, LISTAGG(x) OVER (PARTITION BY MOD(k, 5) ORDER BY t ROWS BETWEEN 5 PRECEDING AND "
          "CURRENT ROW), "
          "FIRST_VALUE(v) OVER (PARTITION BY MOD(k, 5) ORDER BY t RANGE INTERVAL '4' SECOND PRECEDING) FROM "
          "s;");
}

Test(saving, match) {
    check("SELECT * FROM s MATCH_RECOGNIZE (PARTITION BY k ORDER BY t MEASURES FIRST(a.v) AS f, LAST(b.x) AS "
          "l, "
          "COUNT(*) AS n ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (a b+ c) WITHIN INTERVAL "
          "'30' SECOND "
          "DEFINE b AS b.v > a.v, c AS c.v < b.v);");
    check("SELECT * FROM s MATCH_RECOGNIZE (PARTITION BY k ORDER BY t MEASURES MATCH_NUMBER() AS m, "
          "FIRST(a.x) AS f, "
          "LAST(b.v) AS l ONE ROW PER MATCH AFTER MATCH SKIP TO NEXT ROW PATTERN (a b) DEFINE b AS b.v >= "
          "PREV(b.v));");
}

#define JOIN(type, rest)                                                                                     \
    "SELECT a.t AS at, a.v AS av, b.t AS bt, b.x AS bx FROM s a " type " JOIN s b ON a.k = b.v " rest ";"
#define NEAR "AND b.t BETWEEN a.t - INTERVAL '3' SECOND AND a.t + INTERVAL '8' SECOND"

Test(saving, interval_joins) {
    check(JOIN("", NEAR));
    check(JOIN("LEFT", NEAR " AND b.k > a.v"));
    check(JOIN("FULL", NEAR));
}

#define RECENT(left, type, right)                                                                            \
    "SELECT ROWTIME AS r, a.t AS at, a.v AS av, b.t AS bt, b.x AS bx FROM s OVER (" left                     \
    " PRECEDING) AS a " type " JOIN s OVER (" right " PRECEDING) AS b ON a.k = b.v;"

Test(saving, recent_joins) {
    check(RECENT("RANGE INTERVAL '8' SECOND", "FULL", "RANGE INTERVAL '3' SECOND"));
    check(RECENT("ROWS 20", "", "ROWS 5"));
    check(RECENT("ROWS 7", "FULL", "RANGE INTERVAL '2' SECOND"));
}

#define TOP   "(SELECT k, MAX(v) AS m FROM s GROUP BY k EMIT CHANGES) a "
#define SIZES "(SELECT v, COUNT(*) AS n, SUM(k) AS u FROM s GROUP BY v EMIT CHANGES) b "

/* Rows are taken back, so blocks become thin. */
Test(saving, joins_of_changes) {
    check("SELECT a.k, a.m, b.n FROM " TOP "JOIN " SIZES "ON a.m = b.v EMIT CHANGES;");
    check("SELECT a.k, a.m, b.n, b.u FROM " TOP "FULL JOIN " SIZES
          "ON a.k = b.v AND a.m <> b.n EMIT CHANGES;");
    check("SELECT a.k, a.m FROM " TOP "WHERE NOT EXISTS (SELECT 1 FROM " SIZES
          "WHERE b.v = a.m AND b.n < 3) EMIT "
          "CHANGES;");
}

#define BEST(n, more)                                                                                        \
    "SELECT k, v, x, r FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC, x) AS r "          \
    "FROM " more ") WHERE r <= " n " EMIT CHANGES;"

Test(saving, ranks) {
    check(BEST("1", "s"));
    check(BEST("3", "s"));
    check(BEST("2", "(SELECT k, x, COUNT(*) AS v FROM s GROUP BY k, x EMIT CHANGES)"));
    check("SET state_ttl = '6s';" BEST("2", "s"));
}

#define WINDOW(size) "FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(t), INTERVAL '" size "' SECOND))"

Test(saving, window_joins) {
    check("SELECT a.window_start, a.v AS av, b.x AS bx FROM (SELECT * " WINDOW(
        "12") ") a FULL JOIN (SELECT * " WINDOW("12") " WHERE v > 3) b ON a.window_start = b.window_start "
                                                      "AND a.window_end = b.window_end AND a.k = b.v;");
}

/* ---- on disk, and back, between any two events ---- */

Test(saving, paged_sessions) {
    check_paged("SELECT window_start, window_end, k, COUNT(*), LISTAGG(x)" SESSIONS(
        "4", " GROUP BY window_start, window_end, k"));
    check_paged("SELECT window_start, window_end, k, v, x" SESSIONS("3", ""));
    check_paged("SELECT window_start, window_end, k, COUNT(*), MAX(x)" SESSIONS(
        "4", " GROUP BY window_start, window_end, k EMIT EARLY EVERY INTERVAL '3' SECOND ALLOWED LATENESS "
             "INTERVAL '6' SECOND"));
}

Test(saving, paged_over) {
    check_paged(
        "SELECT t, k, v, COUNT(*) OVER w, SUM(v) OVER w, MIN(x) OVER w, COUNT(DISTINCT v) OVER w "
        "FROM s WINDOW w AS (PARTITION BY k ORDER BY t RANGE BETWEEN INTERVAL '9' SECOND PRECEDING AND "
        "CURRENT ROW);");
    check_paged("SELECT t, k, v, COUNT(*) OVER w, MAX(x) OVER w, COUNT(DISTINCT v) OVER w FROM s WINDOW w AS "
                "(PARTITION BY k ORDER BY t ROWS BETWEEN 3 PRECEDING AND CURRENT ROW);");
    check_paged(TOP_N("ROW_NUMBER", "2"));
    check_paged("SELECT t, k, v, LEAD(x, 2) OVER (PARTITION BY k ORDER BY t) FROM s;");
    check_paged(
        "SELECT t, k, v, COUNT(*) OVER w, MAX(x) OVER w, COUNT(DISTINCT v) OVER w, ROW_NUMBER() OVER w "
        "FROM s WINDOW w AS (PARTITION BY k ORDER BY t);");
}

Test(saving, paged_match) {
    check_paged(
        "SELECT * FROM s MATCH_RECOGNIZE (PARTITION BY k ORDER BY t MEASURES FIRST(a.v) AS f, LAST(b.x) "
        "AS l, COUNT(*) AS n ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (a b+ c) WITHIN "
        "INTERVAL '30' SECOND DEFINE b AS b.v > a.v, c AS c.v < b.v);");
}

Test(saving, paged_joins) {
    check_paged(JOIN("", NEAR));
    check_paged(JOIN("FULL", NEAR));
    check_paged("SELECT a.k, a.m, b.n, b.u FROM " TOP "FULL JOIN " SIZES
                "ON a.k = b.v AND a.m <> b.n EMIT CHANGES;");
}

Test(saving, paged_ranks) {
    check_paged(BEST("3", "s"));
    check_paged(BEST("2", "(SELECT k, x, COUNT(*) AS v FROM s GROUP BY k, x EMIT CHANGES)"));
}
