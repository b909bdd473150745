/* runtime/about.c -- what a snapshot says of its job, so that it can be told from another's, and to people.
 *
 * The part "about" of each snapshot, msgpack:
 *
 *   [version of weir, SQL, [[node, kind, same, label, time] …], name of the job]
 *
 * of the nodes that something is kept of: sources (positions), sinks (how far they have come), operators with
 * state, side streams. The parts of a snapshot are named by these numbers of nodes, which mean nothing in
 * another plan; `same` finds the node there (planner/same.c). Later versions may add fields at the end. */
#include <inttypes.h>
#include <msgpack.h>

#include "job_int.h"

static bool is_side(const wr_node *n) { return n->kind == WR_N_ERRORS || n->kind == WR_N_LATE; }

static bool keeps(const wr_node *n) {
    if (n->kind == WR_N_SOURCE) return !n->source.lookup;
    return n->kind == WR_N_SINK || is_side(n) || wri_op_def_of(n)->save != NULL;
}

wr_status wri_about_plan(const wr_plan *plan, wr_arena *ar, wri_about *out, wr_err *err) {
    wr_registry reg = wr_builtin();
    wr_plan_id *ids;
    *out = (wri_about){.version = WR_VERSION, .sql = "", .job = ""};
    WR_TRY(wr_plan_identify(plan, &reg, ar, &ids, err));
    out->kept = wr_arena_calloc(ar, (plan->n_nodes + 1) * sizeof *out->kept);
    if (!out->kept) return wr_fail_oom(err, "a snapshot");
    for (uint32_t id = 0; id < plan->n_nodes; id++)
        if (keeps(plan->nodes[id]))
            out->kept[out->n++] =
                (wri_keeper){id, plan->nodes[id]->kind, ids[id].same, ids[id].label, ids[id].time};
    return WR_OK;
}

/* ---- as bytes ---- */

static int pack_text(msgpack_packer *pk, const char *s) {
    size_t n = strlen(s);
    int r = msgpack_pack_str(pk, n);
    return r == 0 ? msgpack_pack_str_body(pk, s, n) : r;
}

wr_status wri_about_pack(const wri_about *a, wr_buf *out, wr_err *err) {
    msgpack_packer pk;
    msgpack_packer_init(&pk, out, wr_buf_write);
    int r = msgpack_pack_array(&pk, 4);
    if (r == 0) r = pack_text(&pk, a->version);
    if (r == 0) r = pack_text(&pk, a->sql);
    if (r == 0) r = msgpack_pack_array(&pk, a->n);
    for (uint32_t i = 0; r == 0 && i < a->n; i++) {
        r = msgpack_pack_array(&pk, 5);
        if (r == 0) r = msgpack_pack_uint32(&pk, a->kept[i].id);
        if (r == 0) r = pack_text(&pk, wr_node_kind_name(a->kept[i].kind));
        if (r == 0) r = pack_text(&pk, a->kept[i].same);
        if (r == 0) r = pack_text(&pk, a->kept[i].label);
        if (r == 0) r = pack_text(&pk, a->kept[i].time);
    }
    if (r == 0) r = pack_text(&pk, a->job);
    return r == 0 ? WR_OK : wr_fail_oom(err, "a snapshot");
}

static const char *text_of(const msgpack_object *o, wr_arena *ar) {
    return o->type == MSGPACK_OBJECT_STR ? wr_arena_strndup(ar, o->via.str.ptr, o->via.str.size) : NULL;
}

static bool read_kept(const msgpack_object *o, wr_arena *ar, wri_keeper *k) {
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 4) return false;
    const msgpack_object *f = o->via.array.ptr;
    const char *kind = text_of(&f[1], ar);
    if (f[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || !kind) return false;
    const char *time = o->via.array.size > 4 ? text_of(&f[4], ar) : NULL;
    *k = (wri_keeper){(uint32_t)f[0].via.u64, WR_NODE_KINDS, text_of(&f[2], ar), text_of(&f[3], ar), time};
    for (int i = 0; i < WR_NODE_KINDS; i++)
        if (strcmp(wr_node_kind_name((wr_node_kind)i), kind) == 0) k->kind = (wr_node_kind)i;
    return k->same && k->label;
}

static bool read_about(const msgpack_object *o, wr_arena *ar, wri_about *out) {
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 3) return false;
    const msgpack_object *f = o->via.array.ptr;
    if (f[2].type != MSGPACK_OBJECT_ARRAY) return false;
    out->version = text_of(&f[0], ar);
    out->sql = text_of(&f[1], ar);
    out->job = o->via.array.size > 3 ? text_of(&f[3], ar) : ""; /* earlier snapshots do not have it */
    out->kept = wr_arena_calloc(ar, (f[2].via.array.size + 1) * sizeof *out->kept);
    if (!out->version || !out->sql || !out->job || !out->kept) return false;
    for (; out->n < f[2].via.array.size; out->n++)
        if (!read_kept(&f[2].via.array.ptr[out->n], ar, &out->kept[out->n])) return false;
    return true;
}

wr_status wri_about_read(const wr_snapshot *s, wr_arena *ar, wri_about *out, wr_err *err) {
    const wr_saved_part *p = wr_snapshot_part(s, WRI_ABOUT);
    msgpack_unpacked u;
    size_t at = 0;
    *out = (wri_about){0};
    if (!p || p->n != 1) return wr_fail(err, WR_EDATA, "the snapshot does not say which SQL it belongs to");
    msgpack_unpacked_init(&u);
    bool ok = msgpack_unpack_next(&u, p->pieces[0].data, p->pieces[0].len, &at) == MSGPACK_UNPACK_SUCCESS &&
              read_about(&u.data, ar, out);
    msgpack_unpacked_destroy(&u);
    return ok ? WR_OK : wr_fail(err, WR_EDATA, "what the snapshot says of its SQL is not as it was written");
}
