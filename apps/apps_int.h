/* apps/apps_int.h -- what the files of apps/ share. */
#ifndef WRI_APPS_INT_H
#define WRI_APPS_INT_H

#include <jansson.h>

#include "apps.h"
#include "parser/parser.h"

/* A value and where it stands. Lives in the context's arena. */
typedef struct wri_at wri_at;
struct wri_at {
    const wri_at *up; /* NULL: the whole text */
    const char *key;  /* member of up; NULL: element `index` of it */
    size_t index;
    json_t *v;
};

typedef struct wri_yaml_place { /* where a value of YAML stands */
    json_t *v;
    size_t line, column; /* from 0, in characters */
} wri_yaml_place;

typedef struct wri_app_ctx {
    const wr_app_opts *o;
    wri_yaml_place *places; /* NULL: it is JSON */
    size_t n_places;
    wr_arena ar;
    wr_diags d;
    json_t *root;
    const wri_at *resources; /* Resources of a template, resource of Terraform's; NULL: neither */
    bool terraform;
    bool oom;
    bool *used; /* per o->set: somebody took it */
} wri_app_ctx;

/* ---- read.c ---- */
wr_status wri_app_load(wri_app_ctx *c);
/* at may be NULL: the whole. One mistake, told at its place; hint may be NULL. */
void wri_app_error(wri_app_ctx *c, const wri_at *at, const char *hint, const char *fmt, ...) WR_PRINTF(4, 5);
void *wri_app_new(wri_app_ctx *c, size_t bytes);
char *wri_app_text(wri_app_ctx *c, const char *fmt, ...) WR_PRINTF(2, 3);
uint32_t wri_app_line(const wri_app_ctx *c, const wri_at *at);
const wri_at *wri_app_at(wri_app_ctx *c, const wri_at *up, const char *key, size_t index, json_t *v);
/* The member whose name is one of `names`: "inputs|inputdescriptions", without case and underscores. NULL:
 * there is none, or it is null. */
const wri_at *wri_app_member(wri_app_ctx *c, const wri_at *at, const char *names);
/* The same, of an object or a list of one object; another thing is told. */
const wri_at *wri_app_object(wri_app_ctx *c, const wri_at *at, const char *names);
/* How many elements it has, an object being one; 0 for NULL. Another thing is told. */
size_t wri_app_count(wri_app_ctx *c, const wri_at *at);
const wri_at *wri_app_item(wri_app_ctx *c, const wri_at *at, size_t i);
/* The text of a member, references of templates put in; NULL: there is none. Another thing is told. */
const char *wri_app_string(wri_app_ctx *c, const wri_at *at, const char *names, const wri_at **whatp);
/* A whole number of a member, or text of one. */
int64_t wri_app_int(wri_app_ctx *c, const wri_at *at, const char *names, int64_t otherwise);
bool wri_app_is(const char *name, const char *names);

/* yaml.c: the same of a description in YAML. */
wr_status wri_app_load_yaml(wri_app_ctx *c);
size_t wri_app_yaml_offset(const wri_app_ctx *c, size_t line, size_t column);

/* ---- template.c ---- */
/* The properties of the application that is meant; NULL: none, and it has been told. */
const wri_at *wri_app_find(wri_app_ctx *c);
/* CloudFormation's resources of a type that belong to the application; *ip: the number to begin with. */
const wri_at *wri_app_beside(wri_app_ctx *c, const wri_at *app, const char *type, size_t *ip);
/* The text of a value: a text, or a function of a template. NULL: neither. */
const char *wri_app_resolve(wri_app_ctx *c, const wri_at *at);

/* ---- describe.c ---- */
typedef struct wri_app_schema {
    const wri_at *at;
    bool csv;
    const char *row_path;                      /* JSON; NULL: the record */
    const char *row_delimiter, *col_delimiter; /* CSV */
    size_t n;
    struct wri_app_col {
        const wri_at *at;
        const char *name, *type, *mapping; /* mapping: NULL in CSV */
        const wri_at *mapping_at;
    } * cols;
} wri_app_schema;

typedef enum wri_app_kind { WRI_APP_STREAM, WRI_APP_FIREHOSE, WRI_APP_LAMBDA, WRI_APP_NOWHERE } wri_app_kind;
typedef struct wri_app_input {
    const wri_at *at;
    const char *prefix;
    int64_t n; /* in-application streams */
    wri_app_kind kind;
    const char *arn;    /* of the stream; NULL: none */
    const char *lambda; /* ARN of the function that records go through; NULL: none */
    const char *start;  /* NULL: not said */
    wri_app_schema schema;
} wri_app_input;
typedef struct wri_app_table {
    const wri_at *at;
    const char *name, *key; /* of S3's file */
    wri_app_schema schema;
} wri_app_table;
typedef struct wri_app_output {
    const wri_at *at;
    const char *name; /* of the in-application stream */
    wri_app_kind kind;
    const char *arn;
    bool csv;
} wri_app_output;
typedef struct wri_app {
    const char *name;
    wri_app_input *inputs;
    wri_app_table *tables;
    wri_app_output *outputs;
    size_t n_inputs, n_tables, n_outputs;
    const char *code, *code_file; /* code_file: as messages call it */
} wri_app;
wr_status wri_app_describe(wri_app_ctx *c, const wri_at *at, wri_app *out);

/* ---- sql.c ---- */
/* Mistakes are told; the caller looks at c->d.errors. */
wr_status wri_app_write(wri_app_ctx *c, const wri_app *app, wr_buf *out);

#endif
