/* apps/yaml.c -- YAML as the same tree that JSON gives, by libyaml: CloudFormation's templates are mostly
 * written so.
 *
 * Plain words that are numbers, true, false or null are those, all else is text. A tag is CloudFormation's
 * short form: !Ref x is {"Ref": x}, !Sub x is {"Fn::Sub": x}. A node that others refer to is made once and
 * shared, so that a small text cannot become a large tree; one that holds itself is refused. Where each node
 * stands is kept, for messages. */
#include <yaml.h>

#include "apps_int.h"

#define DEPTH_MAX 200

typedef struct making {
    wri_app_ctx *c;
    yaml_document_t doc;
    size_t n;
    bool *under_way; /* per node */
    uint32_t depth;
} making;

size_t wri_app_yaml_offset(const wri_app_ctx *c, size_t line, size_t column) {
    const char *p = c->o->json, *end = p + c->o->len, *nl;
    for (; line > 0 && p < end && (nl = memchr(p, '\n', (size_t)(end - p))); line--) p = nl + 1;
    for (; column > 0 && p < end; column--)
        for (p++; p < end && ((unsigned char)*p & 0xc0) == 0x80;) p++;
    return (size_t)(p - c->o->json);
}

static json_t *refuse(making *m, yaml_mark_t at, const char *what) {
    uint32_t from = (uint32_t)wri_app_yaml_offset(m->c, at.line, at.column);
    wr_diag_add(&m->c->d, WR_ERROR, WR_EDATA, (wr_loc){from, from + 1}, NULL, "%s", what);
    return NULL;
}

static json_t *node(making *m, int id);

static json_t *scalar(const yaml_node_t *n) {
    const char *s = (const char *)n->data.scalar.value;
    size_t len = n->data.scalar.length;
    int64_t v;
    double f;
    if (n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        if (strcmp(s, "true") == 0) return json_true();
        if (strcmp(s, "false") == 0) return json_false();
        if (len == 0 || strcmp(s, "~") == 0 || strcmp(s, "null") == 0) return json_null();
        if (wr_read_i64(s, len, &v)) return json_integer(v);
        if (wr_read_f64(s, len, &f)) return json_real(f);
    }
    return json_stringn(s, len);
}

static json_t *sequence(making *m, const yaml_node_t *n) {
    json_t *list = json_array();
    for (yaml_node_item_t *i = n->data.sequence.items.start; list && i < n->data.sequence.items.top; i++) {
        json_t *v = node(m, *i);
        if (v && json_array_append_new(list, v) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *mapping(making *m, const yaml_node_t *n) {
    json_t *object = json_object();
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; object && p < n->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_document_get_node(&m->doc, p->key);
        bool text = key && key->type == YAML_SCALAR_NODE;
        json_t *v = text ? node(m, p->value) : refuse(m, n->start_mark, "a name here is no text");
        if (v && json_object_setn_new(object, (const char *)key->data.scalar.value, key->data.scalar.length,
                                      v) == 0)
            continue;
        json_decref(object);
        return NULL;
    }
    return object;
}

/* !Sub x: {"Fn::Sub": x}. Takes v. */
static json_t *tagged(const yaml_node_t *n, json_t *v) {
    const char *tag = (const char *)n->tag;
    if (!v || !tag || tag[0] != '!' || tag[1] == 0 || tag[1] == '!') return v;
    char name[64];
    snprintf(name, sizeof name, "%s%.50s", strcmp(tag, "!Ref") == 0 ? "" : "Fn::", tag + 1);
    return json_pack("{s:o}", name, v);
}

/* A new reference; NULL: it has been told, or there is no memory. */
static json_t *node(making *m, int id) {
    wri_yaml_place *place = &m->c->places[id - 1];
    const yaml_node_t *n = yaml_document_get_node(&m->doc, id);
    if (place->v) return json_incref(place->v);
    if (m->under_way[id - 1]) return refuse(m, n->start_mark, "this refers to itself");
    if (m->depth >= DEPTH_MAX) return refuse(m, n->start_mark, "this is nested too deeply");
    m->under_way[id - 1] = true;
    m->depth++;
    json_t *v = n->type == YAML_SCALAR_NODE     ? scalar(n)
                : n->type == YAML_SEQUENCE_NODE ? sequence(m, n)
                                                : mapping(m, n);
    m->depth--;
    m->under_way[id - 1] = false;
    v = tagged(n, v);
    place->v = json_incref(v); /* it may be replaced by a later member of its name */
    place->line = n->start_mark.line;
    place->column = n->start_mark.column;
    return v;
}

static wr_status make(making *m) {
    wri_app_ctx *c = m->c;
    const yaml_node_t *root = yaml_document_get_root_node(&m->doc);
    if (!root) {
        wri_app_error(c, NULL, NULL, "the description is empty");
        return WR_EDATA;
    }
    m->n = (size_t)(m->doc.nodes.top - m->doc.nodes.start);
    m->under_way = wri_app_new(c, m->n * sizeof *m->under_way);
    c->places = wri_app_new(c, m->n * sizeof *c->places);
    if (!m->under_way || !c->places) return WR_ENOMEM;
    c->n_places = m->n;
    c->root = node(m, 1);
    if (c->root) return WR_OK;
    return c->d.errors ? WR_EDATA : WR_ENOMEM;
}

wr_status wri_app_load_yaml(wri_app_ctx *c) {
    yaml_parser_t parser;
    making m = {.c = c};
    if (!yaml_parser_initialize(&parser)) return WR_ENOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)c->o->json, c->o->len);
    wr_status s = WR_OK;
    if (yaml_parser_load(&parser, &m.doc)) {
        s = make(&m);
        yaml_document_delete(&m.doc);
    } else if (parser.error == YAML_MEMORY_ERROR) s = WR_ENOMEM;
    else {
        char what[300];
        snprintf(what, sizeof what, "this is neither JSON nor YAML: %.200s",
                 parser.problem ? parser.problem : "broken");
        refuse(&m, parser.problem_mark, what);
        s = WR_EDATA;
    }
    yaml_parser_delete(&parser);
    return s;
}
