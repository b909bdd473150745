/* cli/list.c -- what is built in: functions, aggregates, connectors, formats, options. For `weir help`,
 * and as the Markdown tables of docs/SQL.md. All of it comes from the tables that the planner reads. */
#include <ctype.h>
#include <strings.h>

#include "cli.h"

const char *const wri_topics[] = {"statements", "windows", "functions", "aggregates", "tablefunctions",
                                  "connectors", "formats", "options",   NULL};

/* Where the lines go and which of them: Markdown or plain, all or the one called `only`. */
typedef struct listing {
    bool md;
    const char *only; /* NULL: all */
    size_t found;
} listing;

static bool wanted(listing *l, const char *name) {
    bool yes = !l->only || strcasecmp(l->only, name) == 0;
    l->found += yes;
    return yes;
}

/* ---- text ---- */

void wri_wrap(FILE *f, int indent, const char *s) {
    int at = 0;
    while (*s) {
        if (s[0] == '\n') { /* the end of a paragraph, or of a line of one that is kept */
            fputc('\n', f);
            at = 0;
            s++;
            continue;
        }
        int blanks = (int)strspn(s, " "), len = (int)strcspn(s + blanks, " \n"), shown = 0;
        for (int i = 0; i < len; i++) shown += ((unsigned char)s[blanks + i] & 0xc0) != 0x80;
        if (at > 0 && at + blanks + shown > WRI_HELP_WIDTH) {
            fputc('\n', f);
            at = 0;
            s += blanks;
            continue;
        }
        fprintf(f, "%*s%.*s", at == 0 ? indent : 0, "", blanks + len, s);
        at += (at == 0 ? indent : 0) + blanks + shown;
        s += blanks + len;
    }
    fputc('\n', f);
}

/* A cell of a Markdown table; | would end it. */
static void cell(const char *s) {
    for (; *s; s++) {
        if (*s == '|') putchar('\\');
        putchar(*s);
    }
}

static void md_row(const char *name, const char *middle, const char *doc) {
    printf("| `%s` | ", name);
    cell(middle);
    fputs(" | ", stdout);
    cell(doc);
    puts(" |");
}

static void md_example(const char *example) {
    fputs(" | `", stdout);
    cell(example);
    puts("` |");
}

/* ---- scalar functions ---- */

static const char *letter(char c) {
    switch (c) {
    case 'r':
        return "regex";
    case 'm':
    case 'p':
    case 'q':
        return "pattern";
    case 'z':
        return "zone";
    case 'P':
        return "path";
    case 'u':
        return "unit";
    case 'c':
        return "charset";
    case 'l':
        return "part";
    case 'T':
        return "time";
    case 'i':
        return "integer";
    case 'd':
    case 'n':
        return "number";
    case 's':
        return "text";
    case 't':
        return "timestamp";
    case 'b':
        return "boolean";
    case 'x':
        return "bytes";
    case 'D':
        return "date";
    case 'j':
        return "json";
    default:
        return "value";
    }
}

/* One signature, "s[ii:s", as "SUBSTR(text [, integer, integer]) -> text". Returns what follows it: "" or
 * the next signature. Memory that runs out leaves a part of the text away. */
static const char *put_signature(wr_buf *out, const char *name, const char *sig) {
    bool optional = false, first = true;
    (void)!wr_buf_printf(out, "%s(", name);
    for (; *sig && *sig != ':'; sig++) {
        if (*sig == '[') {
            (void)!wr_buf_puts(out, first ? "[" : " [");
            optional = true;
        } else if (*sig == '*') (void)!wr_buf_puts(out, ", ...");
        else {
            bool opens = optional && first;
            (void)!wr_buf_printf(out, "%s%s", first || opens ? "" : ", ", letter(*sig));
            first = false;
        }
    }
    if (*sig == ':') sig++;
    (void)!wr_buf_printf(out, "%s) -> %s", optional ? "]" : "", letter(*sig));
    if (*sig) sig++;
    return *sig == ' ' ? sig + 1 : sig;
}

static void list_function(const wr_func_def *f, bool md) {
    wr_buf b = {0};
    for (const char *sig = f->signature; *sig;) {
        sig = put_signature(&b, f->name, sig);
        if (*sig) (void)!wr_buf_puts(&b, md ? "; " : "\n");
    }
    int n = (int)b.len;
    if (md) {
        printf("| `%.*s` | ", n, b.data ? b.data : "");
        cell(f->doc);
        md_example(f->example);
    } else {
        printf("%.*s\n", n, b.data ? b.data : f->name);
        wri_wrap(stdout, 4, f->doc);
        printf("    %s\n", f->example);
    }
    wr_buf_free(&b);
}

static void list_functions(const wr_registry *r, listing *l) {
    if (l->md) puts("| function | | this is TRUE |\n|---|---|---|");
    for (size_t i = 0; i < r->n_funcs; i++)
        if (wanted(l, r->funcs[i]->name)) list_function(r->funcs[i], l->md);
}

static void list_aggregates(const wr_registry *r, listing *l) {
    static const char *const rows =
        "(VALUES (1, 'a', TRUE), (2, 'b', FALSE), (2, 'c', TRUE), (NULL, NULL, NULL)) AS v(x, s, b)";
    if (l->md) printf("`v` is `%s`.\n\n| aggregate | | this is TRUE of v |\n|---|---|---|\n", rows);
    for (size_t i = 0; i < r->n_aggs; i++) {
        const wr_agg_def *a = r->aggs[i];
        if (!wanted(l, a->name)) continue;
        if (l->md) {
            fputs("| `", stdout);
            cell(a->signature);
            printf("` | %s | `", a->doc);
            cell(a->example);
            puts("` |");
        } else {
            puts(a->signature);
            wri_wrap(stdout, 4, a->doc);
            printf("    %s\n", a->example);
        }
    }
}

/* ---- table functions ---- */

static const char *arg_kind(char kind) {
    switch (kind) {
    case 'i':
        return "integer";
    case 'd':
        return "number";
    case 'b':
        return "TRUE or FALSE";
    case 't':
        return "seconds or INTERVAL";
    case 'c':
        return "column";
    case 'C':
        return "columns";
    default:
        return "text";
    }
}

static void list_table_arg(const wr_table_arg *a, listing *l) {
    char value[200], range[80] = "";
    if (a->min != 0 || a->max != 0) snprintf(range, sizeof range, ", %.10g to %.10g", a->min, a->max);
    if (a->max >= 1e15) range[0] = 0; /* any that makes sense */
    snprintf(value, sizeof value, "%s%s%s%s", a->values ? a->values : arg_kind(a->kind), range,
             a->def && a->def[0] ? ", default "
             : a->def            ? ", optional"
                                 : "",
             a->def ? a->def : "");
    if (l->md) md_row(a->name, value, a->doc);
    else {
        printf("    %-18s %s\n", a->name, value);
        wri_wrap(stdout, 8, a->doc);
    }
}

static void list_table_fns(const wr_registry *r, listing *l) {
    for (size_t i = 0; i < r->n_tables; i++) {
        const wr_table_fn *f = r->tables[i];
        if (!wanted(l, f->name)) continue;
        if (l->md) printf("\n#### `%s`\n\n%s\n\n| argument | value | |\n|---|---|---|\n", f->name, f->doc);
        else {
            printf("%s%s(table", l->found > 1 ? "\n" : "", f->name);
            for (const wr_table_arg *a = f->args; a->name; a++) printf(", %s", a->name);
            puts(")");
            wri_wrap(stdout, 4, f->doc);
        }
        for (const wr_table_arg *a = f->args; a->name; a++) list_table_arg(a, l);
    }
}

/* ---- options ---- */

static const char *type_name(wr_opt_type t) {
    static const char *const names[] = {
        [WR_OPT_STRING] = "text",   [WR_OPT_CHAR] = "character", [WR_OPT_BOOL] = "true or false",
        [WR_OPT_INT] = "integer",   [WR_OPT_DOUBLE] = "number",  [WR_OPT_BYTES] = "size",
        [WR_OPT_DURATION] = "time", [WR_OPT_ENUM] = "word"};
    return names[t];
}

static void list_option(const wr_option *o, listing *l) {
    char value[200];
    bool def = o->def && o->def[0];
    snprintf(value, sizeof value, "%s%s%s%s", o->type == WR_OPT_ENUM ? o->values : type_name(o->type),
             def ? ", default " : "", def ? o->def : "", o->required ? ", required" : "");
    if (l->md) md_row(o->name, value, o->doc);
    else {
        printf("    %-18s %s\n", o->name, value);
        wri_wrap(stdout, 8, o->doc);
    }
}

static void list_options(const wr_option *o, size_t n, listing *l) {
    if (l->md && n) puts("| option | value | |\n|---|---|---|");
    for (size_t i = 0; i < n; i++) list_option(&o[i], l);
}

static void list_withs(const wr_with *const *w, size_t n, const char *what, listing *l) {
    for (size_t i = 0; i < n; i++) {
        if (!wanted(l, w[i]->name)) continue;
        const char *use = w[i]->source && w[i]->sink ? "read and written" : w[i]->source ? "read" : "written";
        const char *how = w[i]->delivery;
        if (l->md) {
            printf("\n#### %s `%s`\n\n%s Can be %s.", what, w[i]->name, w[i]->doc, use);
            if (how) printf(" [Delivery](#delivery): %s.", how);
            fputs("\n\n", stdout);
        } else {
            printf("%s%s = '%s'  (can be %s)\n", l->found > 1 ? "\n" : "", what, w[i]->name, use);
            wri_wrap(stdout, 4, w[i]->doc);
            if (how) printf("    Delivery under --state: %s.\n", how);
        }
        list_options(w[i]->options, w[i]->n_options, l);
    }
}

static void list_all_options(const wr_registry *r, listing *l) {
    puts("WITH (...) options of every stream:");
    list_options(wr_stream_options, wr_n_stream_options, l);
    puts("\nSettings, SET name = value:");
    list_options(r->set_options, r->n_set_options, l);
    puts("\nConnectors and formats have options of their own: weir help connectors, weir help formats.");
}

/* ---- topics ---- */

/* What the parser and the planner know by themselves, so that no table of functions has it. */
static const struct {
    const char *form, *doc, *example;
} forms[] = {
    {"CASE [value] WHEN ... THEN ... [ELSE ...] END", "The first branch that applies; NULL when none does.",
     "CASE 2 WHEN 1 THEN 'one' WHEN 2 THEN 'two' END = 'two'"},
    {"CAST(value AS type), TRY_CAST(value AS type)",
     "The value as another type. Where it cannot be: CAST fails the row, TRY_CAST gives NULL.",
     "CAST('42' AS INTEGER) = 42 AND TRY_CAST('x' AS INTEGER) IS NULL"},
    {"COALESCE(value, ...), IFNULL(value, value), NVL(value, value)", "The first that is not NULL.",
     "COALESCE(NULL, 1, 2) = 1"},
    {"NULLIF(value, value)", "NULL when the two are equal, else the first.", "NULLIF(1, 1) IS NULL"},
    {"IF(condition, value, value)", "The second when the condition is TRUE, else the third.",
     "IF(1 > 2, 'a', 'b') = 'b'"},
    {"NVL2(value, value, value)", "The second when the first is not NULL, else the third.",
     "NVL2(NULL, 1, 2) = 2"},
    {"DECODE(value, value, value, ... [, value])",
     "DECODE(x, a, b, c, d, e): b where x is a, d where it is c, else e, or NULL; NULL is NULL here.",
     "DECODE(2, 1, 'one', 2, 'two', 'many') = 'two'"},
    {"GREATEST(value, ...), LEAST(value, ...)", "The greatest or least of the values; NULL when one is NULL.",
     "GREATEST(1, 3, 2) = 3 AND LEAST('b', 'a') = 'a'"},
    {"MOD(number, number)", "The rest of a division, as %.", "MOD(-7, 3) = -1"},
    {"FLOOR(timestamp TO unit), CEIL(timestamp TO unit)",
     "A time cut, or raised, to whole units: from MICROSECOND to YEAR, and to DECADE, CENTURY, MILLENNIUM.",
     "FLOOR(TIMESTAMP '2026-01-31 08:31:15' TO HOUR) = TIMESTAMP '2026-01-31 08:00:00'"},
    {"EXTRACT(unit FROM timestamp)",
     "A part of a time as a number: YEAR, QUARTER, MONTH, WEEK (ISO), DAY, DOY, DOW (Sunday 1), ISODOW "
     "(Monday 1), ISOYEAR, HOUR, MINUTE, SECOND, MILLISECOND, MICROSECOND, NANOSECOND (with the seconds), "
     "DECADE, CENTURY, MILLENNIUM, EPOCH (seconds since 1970).",
     "EXTRACT(DOY FROM DATE '2026-02-01') = 32"},
    {"TIMESTAMPADD(unit, integer, timestamp), TIMESTAMPDIFF(unit, timestamp, timestamp)",
     "A time moved by so many units; how many whole units lie between two times.",
     "TIMESTAMPDIFF(DAY, DATE '2026-01-31', TIMESTAMPADD(MONTH, 1, DATE '2026-01-31')) = 28"},
    {"timestamp AT TIME ZONE zone",
     "What clocks in a zone show at a time (UTC): a name such as 'Europe/Berlin', or '+02:00'.",
     "TIMESTAMP '2026-07-01 12:00:00' AT TIME ZONE 'Europe/Berlin' = TIMESTAMP '2026-07-01 14:00:00'"},
    {"CURRENT_TIMESTAMP, LOCALTIMESTAMP, NOW(), CURRENT_DATE, CURRENT_TIME, LOCALTIME",
     "The clock, UTC; the same for all rows of a batch.", "NOW() > TIMESTAMP '2026-01-01 00:00:00'"},
    {"JSON_VALUE(json, path [RETURNING type] [NULL|ERROR|DEFAULT value ON EMPTY] [... ON ERROR])",
     "The scalar at a path, as a type. Empty: there is nothing; error: an object or array, no such type, no "
     "JSON. "
     "NULL when not said otherwise.",
     "JSON_VALUE('{\"a\":\"7\"}', '$.a' RETURNING INTEGER DEFAULT -1 ON EMPTY) = 7"},
    {"JSON_QUERY(json, path [RETURNING type] [WITH [CONDITIONAL] WRAPPER] [NULL|ERROR|EMPTY ARRAY|EMPTY "
     "OBJECT ON "
     "EMPTY] [... ON ERROR])",
     "The object or array at a path; with a wrapper anything, in brackets.",
     "CAST(JSON_QUERY('{\"a\":7}', '$.a' WITH WRAPPER) AS VARCHAR) = '[7]'"},
    {"JSON_EXISTS(json, path [TRUE|FALSE|UNKNOWN|ERROR ON ERROR])", "Whether there is something at a path.",
     "NOT JSON_EXISTS('{\"a\":7}', '$.b')"},
    {"text IS [NOT] JSON [VALUE|SCALAR|ARRAY|OBJECT]", "Whether a text is JSON, or JSON of that kind.",
     "'[1]' IS JSON ARRAY AND 'x' IS NOT JSON"},
    {"text LIKE pattern [ESCAPE character]", "Whether a text fits a pattern: % is any text, _ one character.",
     "'weir' LIKE 'w%r' AND '5%' LIKE '5!%' ESCAPE '!'"},
};

static bool in_name(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Whether a form has the word; those in lower case stand for what is given. */
static bool has_word(const char *form, const char *word) {
    size_t n = strlen(word);
    for (const char *p = form; n > 0 && *p; p++)
        if ((p == form || !in_name(p[-1])) && isupper((unsigned char)*p) && strncasecmp(p, word, n) == 0 &&
            !in_name(p[n]))
            return true;
    return false;
}

static void list_forms(listing *l) {
    if (l->md) puts("| form | | this is TRUE |\n|---|---|---|");
    for (size_t i = 0; i < WR_LEN(forms); i++) {
        if (l->only && !has_word(forms[i].form, l->only)) continue;
        l->found++;
        if (l->md) {
            printf("| `%s` | %s", forms[i].form, forms[i].doc);
            md_example(forms[i].example);
        } else {
            wri_wrap(stdout, 0, forms[i].form);
            wri_wrap(stdout, 4, forms[i].doc);
            printf("    %s\n", forms[i].example);
        }
    }
}

static bool list_topic(const wr_registry *r, const char *topic) {
    listing l = {0};
    if (strcmp(topic, "functions") == 0) {
        list_forms(&l);
        list_functions(r, &l);
    } else if (strcmp(topic, "aggregates") == 0) list_aggregates(r, &l);
    else if (strcmp(topic, "tablefunctions") == 0) list_table_fns(r, &l);
    else if (strcmp(topic, "connectors") == 0) list_withs(r->connectors, r->n_connectors, "connector", &l);
    else if (strcmp(topic, "formats") == 0) list_withs(r->formats, r->n_formats, "format", &l);
    else if (strcmp(topic, "options") == 0) list_all_options(r, &l);
    else return false;
    return true;
}

bool wri_list(const char *topic) {
    wr_registry r = wr_builtin();
    if (list_topic(&r, topic)) return true;
    listing l = {.only = topic};
    list_forms(&l);
    list_functions(&r, &l);
    list_aggregates(&r, &l);
    list_table_fns(&r, &l);
    list_withs(r.connectors, r.n_connectors, "connector", &l);
    list_withs(r.formats, r.n_formats, "format", &l);
    return l.found > 0;
}

void wri_list_markdown(void) {
    wr_registry r = wr_builtin();
    listing l = {.md = true};
    puts("\n### Forms of the language\n");
    list_forms(&l);
    puts("\n### Scalar functions\n");
    list_functions(&r, &l);
    puts("\n### Aggregates\n");
    list_aggregates(&r, &l);
    puts("\n### Table functions");
    list_table_fns(&r, &l);
    puts("\n### Connectors");
    list_withs(r.connectors, r.n_connectors, "connector", &l);
    puts("\n### Formats");
    list_withs(r.formats, r.n_formats, "format", &l);
    puts("\n### Options of every stream\n");
    list_options(wr_stream_options, wr_n_stream_options, &l);
    puts("\n### Settings (`SET name = value`)\n");
    list_options(r.set_options, r.n_set_options, &l);
}
