/* runtime/memory.c -- the memory budget of a job: how much, who waits, who lets go.
 *
 * Up to half of the budget nobody cares. Above it memory is "short": operators that can let go of some
 * (def->relieve: flush, write state to disk by ops/spill.h) do, rings take few events, and sources deal no
 * chunk until the rings are empty. With --state memory is short from a quarter on, since what is saved is
 * held until it is written; from half on sources wait for that, too. All of it
 * ends by itself: no dead end.
 *
 * Beyond the whole budget allocations fail, and so does the job, with a message that names who keeps the
 * most.
 *
 * Half is left for what a table needs to double, for the results of a window that fires, and for what is
 * under way. A job has a budget of its own, not the process: a thread works for one job at a time, so that
 * this costs nothing more, and a job that keeps too much does not take others with it. What a job owns is
 * given back by its own threads or inside wr_budget_enter (the control thread, the pool's); core/mem.h has
 * how bytes are counted.
 *
 * A budget of a few bytes is allowed: then all state that can be lies on disk, which tests make use of. So
 * that such a job can begin at all, allocations do not fail below MEMORY_MIN, for it and for each worker. */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "job_int.h"
#include "paged.h"

#define MEMORY_MIN ((int64_t)16 << 20)

/* ---- how much ---- */

/* The number in a file; INT64_MAX: there is none, or "max". */
static int64_t number_in(const wr_sys *sys, const char *path) {
    char text[64];
    int fd = sys->open(path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? -1 : sys->read(fd, text, sizeof text - 1);
    if (fd >= 0) sys->close(fd);
    if (n <= 0 || !isdigit((unsigned char)text[0])) return INT64_MAX;
    text[n] = 0;
    intmax_t v = strtoimax(text, NULL, 10);
    return v > 0 ? (int64_t)v : INT64_MAX;
}

/* The least limit of the groups from `path` up to the root. path is cut short on the way. */
static int64_t least_limit(const wr_sys *sys, const char *mount, const char *file, char *path) {
    int64_t least = INT64_MAX;
    for (;;) {
        char name[768];
        snprintf(name, sizeof name, "%s%s/%s", mount, path, file);
        int64_t v = number_in(sys, name);
        if (v < least) least = v;
        char *slash = strrchr(path, '/');
        if (!slash) return least;
        *slash = 0;
    }
}

/* What control groups allow this process; version 2 has one line "0::path", version 1 one with "memory". */
static int64_t cgroup_limit(const wr_sys *sys) {
    char text[2048], *save = NULL;
    int fd = sys->open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? -1 : sys->read(fd, text, sizeof text - 1);
    if (fd >= 0) sys->close(fd);
    if (n <= 0) return INT64_MAX;
    text[n] = 0;
    int64_t least = INT64_MAX;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *kinds = strchr(line, ':'), *path = kinds ? strchr(kinds + 1, ':') : NULL;
        if (!path) continue;
        *path++ = 0;
        if (strlen(path) > 512) continue;
        int64_t v = INT64_MAX;
        if (strcmp(kinds, ":") == 0) v = least_limit(sys, "/sys/fs/cgroup", "memory.max", path);
        if (strstr(kinds, "memory"))
            v = least_limit(sys, "/sys/fs/cgroup/memory", "memory.limit_in_bytes", path);
        if (v < least) least = v;
    }
    return least;
}

static int64_t half_of_all(const wr_sys *sys) {
    int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    int64_t ram = pages > 0 && page > 0 ? pages * page : INT64_MAX, group = cgroup_limit(sys);
    return (group < ram ? group : ram) / 2;
}

void wri_memory_open(wr_job *j) {
    int64_t asked = j->opts.memory_bytes ? j->opts.memory_bytes : j->plan->settings.memory_bytes;
    if (asked == 0) asked = half_of_all(j->sys);
    j->memory = asked;
    j->short_at = j->opts.state_dir ? asked / 4 : asked / 2;
    int64_t least = MEMORY_MIN * (1 + (int64_t)j->n_workers);
    j->budget.limit = asked > least ? asked : least;
}

/* ---- who waits ---- */

static bool rings_empty(const wr_job *j) {
    for (uint32_t id = 0; id < j->plan->n_nodes; id++) {
        const wri_exchange *x = &j->exchanges[id];
        for (uint32_t i = 0; x->rings && i < j->n_workers * j->n_workers; i++)
            if (__atomic_load_n(&x->rings[i].head, __ATOMIC_RELAXED) !=
                __atomic_load_n(&x->rings[i].tail, __ATOMIC_RELAXED))
                return false;
    }
    return true;
}

bool wri_memory_waits(const wr_task *t) {
    const wr_job *j = t->job;
    if (!wri_memory_short(j)) return false;
    /* A barrier must not be kept waiting: rings rest until it has come. */
    if (__atomic_load_n(&j->epochs.wanted, __ATOMIC_ACQUIRE) != t->passed) return false;
    if (!rings_empty(j)) return true;
    if (__atomic_load_n(&j->budget.used, __ATOMIC_RELAXED) <= j->budget.limit / 2) return false;
    /* A worker that has ended before the barrier came never passes it. */
    bool all = __atomic_load_n(&j->running, __ATOMIC_ACQUIRE) == j->n_workers;
    return all && __atomic_load_n(&j->epochs.held, __ATOMIC_ACQUIRE);
}

/* ---- who lets go ---- */

size_t wri_memory_worth(const wr_op *op) {
    return (size_t)(op->task->job->memory / 32 / op->task->job->n_workers);
}

bool wri_memory_eased(const wr_op *op) {
    wr_job *j = op->task->job;
    wr_budget_settle();
    return __atomic_load_n(&j->budget.used, __ATOMIC_RELAXED) <= j->short_at - j->short_at / 4;
}

size_t wri_memory_share(const wr_op *op) {
    return (size_t)(op->task->job->memory / 8 / op->task->job->n_workers);
}

/* So that another worker, whose allocation fails, can say who keeps so much. */
static void note_kept(wr_op *op) {
    wr_kept kept = {0};
    if (!op->state || !op->def->measure) return;
    op->def->measure(op, &kept);
    __atomic_store_n(&op->kept_keys, kept.keys, __ATOMIC_RELAXED);
    __atomic_store_n(&op->kept_bytes, kept.bytes, __ATOMIC_RELAXED);
}

wr_status wri_op_relieve(wr_op *op, bool *didp, wr_err *err) {
    if (op->def->relieve) return op->def->relieve(op, didp, err);
    return op->def->keyed ? wri_paged_relieve(op, didp, err) : WR_OK;
}

wr_status wri_memory_relieve(wr_task *t, bool *didp, wr_err *err) {
    const wr_plan *p = t->job->plan;
    if (WR_LIKELY(!wri_memory_short(t->job))) return WR_OK;
    for (uint32_t id = 0; id < p->n_nodes; id++) {
        wr_op *op = &t->ops[id];
        if (!op->def->relieve && !op->def->keyed) note_kept(op);
        else WR_TRY(wri_op_relieve(op, didp, err));
    }
    return WR_OK;
}

/* ---- when there is none ---- */

static void say_bytes(char *out, size_t n, int64_t v) {
    if (v < (int64_t)10 << 20) snprintf(out, n, "%" PRId64 " KiB", v >> 10);
    else if (v < (int64_t)10 << 30) snprintf(out, n, "%" PRId64 " MiB", v >> 20);
    else snprintf(out, n, "%" PRId64 " GiB", v >> 30);
}

/* What op keeps, as far as worker t can know. */
static wr_kept kept_by(const wr_task *t, const wr_op *op) {
    wr_kept k = {0};
    if (op->task != t) k = (wr_kept){wri_tallied(&op->kept_keys), wri_tallied(&op->kept_bytes)};
    else if (op->paged) wri_paged_measure(op, &k);
    else if (op->state && op->def->measure) op->def->measure(op, &k);
    return k;
}

/* The operator that keeps the most; NULL: none says that it keeps anything. */
static const wr_op *largest(const wr_task *t, wr_kept *outp) {
    const wr_job *j = t->job;
    const wr_op *found = NULL;
    *outp = (wr_kept){0};
    for (uint32_t i = 0; i < j->n_workers * j->plan->n_nodes; i++) {
        const wr_op *op = &j->workers[i / j->plan->n_nodes].ops[i % j->plan->n_nodes];
        wr_kept k = kept_by(t, op);
        if (k.bytes <= outp->bytes) continue;
        *outp = k;
        found = op;
    }
    return found;
}

static const char *advice(const wr_op *op) {
    switch (op ? op->node->kind : WR_N_SINK) {
    case WR_N_SESSION:
        return "a shorter gap, a smaller delay of the watermark, ";
    case WR_N_STAGGER:
        return "a shorter RANGE, fewer keys, ";
    case WR_N_OVER:
    case WR_N_JOIN_INTERVAL:
    case WR_N_JOIN_RECENT:
    case WR_N_JOIN_WINDOW:
        return "a shorter interval, ";
    case WR_N_AGG_GLOBAL:
        return "smaller windows, fewer keys, ";
    default:
        return "SET state_ttl, a bound in time, ";
    }
}

wr_status wri_memory_explain(const wr_task *t, wr_status s, wr_err *err) {
    const wr_job *j = t->job;
    char limit[32], bytes[32], why[256], keeps[256] = "";
    wr_kept k;
    wr_budget_settle();
    /* Else the machine has none, or a test does so. */
    if (s != WR_ENOMEM || __atomic_load_n(&j->budget.peak, __ATOMIC_RELAXED) < j->budget.limit / 2) return s;
    const wr_op *op = largest(t, &k);
    say_bytes(limit, sizeof limit, j->budget.limit);
    say_bytes(bytes, sizeof bytes, (int64_t)k.bytes);
    snprintf(why, sizeof why, "%.200s", err->msg);
    why[strcspn(why, ";")] = 0; /* what to do about it in general is not wanted here, nor how much it is */
    char *budget = strstr(why, " in the budget of ");
    if (budget) *budget = 0;
    if (op)
        snprintf(keeps, sizeof keeps,
                 "; %s (#%u of EXPLAIN) keeps %s for %" PRIu64 " keys or rows on worker %u of %u",
                 op->def->name, op->node->id, bytes, k.keys, op->task->index + 1, j->n_workers);
    return wr_fail(err, s,
                   "the memory budget of %s is used up (%s)%s. Give it more with --memory or SET memory, or "
                   "have it keep less: %sfewer --workers",
                   limit, why, keeps, advice(op));
}
