/* cli/test_junit.c -- weir test: the verdicts as JUnit XML, which most CI systems show. */
#include "test_int.h"

#include <errno.h>

/* Text for XML: marks escaped, control characters that it cannot hold left out. */
static void put_text(FILE *f, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '&') fputs("&amp;", f);
        else if (c == '<') fputs("&lt;", f);
        else if (c == '>') fputs("&gt;", f);
        else if (c == '"') fputs("&quot;", f);
        else if (c >= 32 || c == '\n' || c == '\t') fputc(c, f);
    }
}

static void put_case(FILE *f, const wri_verdict *v) {
    const char *slash = strrchr(v->path, '/'), *name = slash ? slash + 1 : v->path;
    fputs("  <testcase classname=\"", f);
    put_text(f, slash ? v->path : ".", slash ? (size_t)(slash - v->path) : 1);
    fputs("\" name=\"", f);
    put_text(f, name, strlen(name));
    fprintf(f, "\" time=\"%.4f\"", (double)v->took_us / 1e6);
    if (v->outcome == WRI_PASSED) {
        fputs("/>\n", f);
        return;
    }
    fputs(v->outcome == WRI_FAILED ? ">\n    <failure message=\"" : ">\n    <skipped message=\"", f);
    const char *why = v->why.len ? v->why.data : "";
    size_t first = strcspn(why, "\n"), blanks = strspn(why, " ");
    put_text(f, why + blanks, first > blanks ? first - blanks : 0);
    if (v->outcome == WRI_SKIPPED) fputs("\"/>\n", f);
    else {
        fputs("\">", f);
        put_text(f, why, v->why.len);
        fputs("</failure>\n", f);
    }
    fputs("  </testcase>\n", f);
}

wr_status wri_junit(const char *path, const wri_verdict *v, size_t n, wr_err *err) {
    size_t of[3] = {0};
    int64_t us = 0;
    for (size_t i = 0; i < n; i++) {
        of[v[i].outcome]++;
        us += v[i].took_us;
    }
    FILE *f = fopen(path, "we");
    if (!f) return wr_fail(err, WR_EIO, "cannot write to '%s': %s", path, strerror(errno));
    fprintf(
        f,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"weir\" tests=\"%zu\" failures=\"%zu\" "
        "skipped=\"%zu\" errors=\"0\" time=\"%.4f\">\n",
        n, of[WRI_FAILED], of[WRI_SKIPPED], (double)us / 1e6);
    for (size_t i = 0; i < n; i++) put_case(f, &v[i]);
    fputs("</testsuite>\n", f);
    bool bad = ferror(f);
    if (fclose(f) != 0 || bad) return wr_fail(err, WR_EIO, "cannot write to '%s': %s", path, strerror(errno));
    return WR_OK;
}
