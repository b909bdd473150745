/* apps/template.c -- where an application stands in what was given, and what references of templates mean.
 *
 *   AWS             the request of CreateApplication, or the answer of DescribeApplication, as it is
 *   CloudFormation  Resources.NAME of type AWS::KinesisAnalytics[V2]::Application, its Properties;
 *                   outputs and reference data may be resources of their own
 *   Terraform       resource.aws_kinesis_analytics_application.NAME, …analyticsv2…
 *
 * What a template would put into a text is known only when it is deployed. Here a reference to a resource
 * becomes the resource's name, or else its logical id: all that is wanted of an ARN is the name at its end.
 */
#include <stdio.h>

#include "apps_int.h"

/* ---- references ---- */

static const char *ref(wri_app_ctx *c, const char *id, size_t n);

/* The name that a resource gives itself, else its id. */
static const char *named(wri_app_ctx *c, const wri_at *resource, const char *id) {
    const wri_at *props = c->terraform ? resource : wri_app_member(c, resource, "properties");
    const wri_at *name = wri_app_member(
        c, props, "name|streamname|applicationname|functionname|deliverystreamname|bucketname");
    const char *s = name ? json_string_value(name->v) : NULL;
    return s ? s : id;
}

static const char *ref(wri_app_ctx *c, const char *id, size_t n) {
    const char *name = wr_arena_strndup(&c->ar, id, n), *dot = name ? strchr(name, '.') : NULL;
    if (!name) {
        c->oom = true;
        return NULL;
    }
    if (dot) name = wr_arena_strndup(&c->ar, name, (size_t)(dot - name)); /* Stream.Arn */
    if (!name) return NULL;
    json_t *v = c->resources ? json_object_get(c->resources->v, name) : NULL;
    if (json_is_object(v)) return named(c, wri_app_at(c, c->resources, name, 0, v), name);
    json_t *parameter = json_object_get(json_object_get(c->root, "Parameters"), name);
    const char *def = json_string_value(json_object_get(parameter, "Default"));
    const char *colons = strstr(name, "::"); /* AWS::Region */
    return def ? def : colons ? colons + 2 : name;
}

/* ${Name} in Fn::Sub's text; ${!Name} stands for itself. */
static const char *sub(wri_app_ctx *c, const char *s) {
    const char *out = "";
    for (const char *open; out && (open = strstr(s, "${"));) {
        const char *end = strchr(open, '}');
        if (!end) break;
        bool literal = open[2] == '!';
        const char *v = literal ? NULL : ref(c, open + 2, (size_t)(end - open - 2));
        if (literal)
            out = wri_app_text(c, "%s%.*s${%.*s}", out, (int)(open - s), s, (int)(end - open - 3), open + 3);
        else out = v ? wri_app_text(c, "%s%.*s%s", out, (int)(open - s), s, v) : NULL;
        s = end + 1;
    }
    return out ? wri_app_text(c, "%s%s", out, s) : NULL;
}

static const char *join(wri_app_ctx *c, const wri_at *args) {
    const char *between = json_string_value(json_array_get(args->v, 0)), *out = "";
    json_t *list = json_array_get(args->v, 1), *v;
    size_t i;
    if (!between || !json_is_array(list)) return NULL;
    const wri_at *parts = wri_app_at(c, args, NULL, 1, list);
    json_array_foreach(list, i, v) {
        const wri_at *at = parts ? wri_app_at(c, parts, NULL, i, v) : NULL;
        const char *s = at ? wri_app_resolve(c, at) : NULL;
        if (!s) return NULL;
        out = wri_app_text(c, "%s%s%s", out, i ? between : "", s);
        if (!out) return NULL;
    }
    return out;
}

/* {"Fn::Join": …} and its like. NULL: something else. */
static const char *function(wri_app_ctx *c, const wri_at *at) {
    if (json_object_size(at->v) != 1) return NULL;
    void *it = json_object_iter(at->v);
    const char *name = json_object_iter_key(it);
    json_t *v = json_object_iter_value(it), *first = json_is_array(v) ? json_array_get(v, 0) : v;
    const char *text = json_string_value(first);
    if (strcmp(name, "Fn::Join") == 0 && json_is_array(v)) {
        const wri_at *args = wri_app_at(c, at, name, 0, v);
        return args ? join(c, args) : NULL;
    }
    if (!text) return NULL;
    if (strcmp(name, "Fn::Sub") == 0) return sub(c, text);
    bool is_ref = strcmp(name, "Ref") == 0 || strcmp(name, "Fn::GetAtt") == 0;
    return is_ref || strcmp(name, "Fn::ImportValue") == 0 ? ref(c, text, strlen(text)) : NULL;
}

/* "${aws_kinesis_stream.trades.arn}" of Terraform: the name of that resource; "${var.x}": its default. */
static const char *interpolated(wri_app_ctx *c, const char *s) {
    char type[128], id[128];
    if (sscanf(s, "${ %127[A-Za-z0-9_-] . %127[A-Za-z0-9_-]", type, id) != 2) return s;
    if (strcmp(type, "var") == 0) {
        const char *def = json_string_value(
            json_object_get(json_object_get(json_object_get(c->root, "variable"), id), "default"));
        return def ? def : wri_app_text(c, "%s", id);
    }
    json_t *v = c->resources ? json_object_get(json_object_get(c->resources->v, type), id) : NULL;
    if (json_is_array(v)) v = json_array_get(v, 0);
    const char *name = json_string_value(json_object_get(v, "name"));
    return name ? name : wri_app_text(c, "%s", id);
}

const char *wri_app_resolve(wri_app_ctx *c, const wri_at *at) {
    const char *s = json_string_value(at->v);
    if (!s) return json_is_object(at->v) ? function(c, at) : NULL;
    bool whole = c->terraform && strncmp(s, "${", 2) == 0 && s[strlen(s) - 1] == '}';
    return whole && strncmp(s, "${file", 6) != 0 ? interpolated(c, s) : s;
}

/* ---- which application ---- */

typedef struct found {
    const wri_at *at;  /* its properties */
    const char *names; /* of all, for the message */
    size_t n;
    const char *wanted; /* NULL: any */
} found;

static void candidate(wri_app_ctx *c, found *f, const char *id, const wri_at *props) {
    const char *name = props ? wri_app_string(c, props, "applicationname|name", NULL) : NULL;
    f->names = wri_app_text(c, "%s%s%s", f->names, *f->names ? ", " : "", id);
    bool fits = !f->wanted || strcmp(f->wanted, id) == 0 || (name && strcmp(f->wanted, name) == 0);
    if (!fits || !props) return;
    f->at = props;
    f->n++;
}

static const wri_at *one_of(wri_app_ctx *c, const found *f, const char *what) {
    if (c->oom || f->n == 1) return f->at;
    if (!f->names || !*f->names)
        wri_app_error(c, NULL, NULL, "%s has no Kinesis Data Analytics application in SQL", what);
    else if (f->n == 0 && !f->wanted)
        wri_app_error(c, NULL, NULL, "the application %s has no properties", f->names);
    else if (f->n == 0)
        wri_app_error(c, NULL, NULL, "%s has no application '%s'; there are: %s", what, f->wanted, f->names);
    else
        wri_app_error(c, NULL, "say which: --application-name NAME", "%s has several applications: %s", what,
                      f->names);
    return NULL;
}

static bool is_type(const wri_at *resource, const char *what) {
    const char *type = json_string_value(json_object_get(resource->v, "Type"));
    if (!type || strncmp(type, "AWS::KinesisAnalytics", 21) != 0) return false;
    type += strncmp(type + 21, "V2", 2) == 0 ? 23 : 21;
    return strncmp(type, "::", 2) == 0 && strcmp(type + 2, what) == 0;
}

static void of_template(wri_app_ctx *c, found *f) {
    const char *id;
    json_t *v;
    json_object_foreach(c->resources->v, id, v) {
        const wri_at *r = wri_app_at(c, c->resources, id, 0, v);
        if (r && is_type(r, "Application")) candidate(c, f, id, wri_app_object(c, r, "properties"));
    }
}

static void of_terraform(wri_app_ctx *c, found *f) {
    static const char *const types[] = {"aws_kinesis_analytics_application",
                                        "aws_kinesisanalyticsv2_application"};
    for (size_t i = 0; i < WR_LEN(types); i++) {
        const wri_at *all = wri_app_object(
            c, c->resources, i ? "awskinesisanalyticsv2application" : "awskinesisanalyticsapplication");
        const char *id;
        json_t *v;
        if (!all) continue;
        json_object_foreach(all->v, id, v) {
            if (json_is_array(v)) v = json_array_get(v, 0);
            const wri_at *r = json_is_object(v) ? wri_app_at(c, all, id, 0, v) : NULL;
            if (r && json_is_array(json_object_get(all->v, id))) {
                const wri_at *list = wri_app_at(c, all, id, 0, json_object_get(all->v, id));
                r = list ? wri_app_at(c, list, NULL, 0, v) : NULL;
            }
            candidate(c, f, id, r);
        }
    }
}

static const char *wanted_name(wri_app_ctx *c) {
    for (size_t i = 0; i < c->o->n_set; i++)
        if (strcmp(c->o->set[i].key, "application_name") == 0) {
            c->used[i] = true;
            return c->o->set[i].value;
        }
    return NULL;
}

const wri_at *wri_app_find(wri_app_ctx *c) {
    const wri_at *root = wri_app_at(c, NULL, NULL, 0, c->root);
    if (!root) return NULL;
    if (!json_is_object(c->root)) {
        wri_app_error(c, NULL, NULL, "expected the description of an application, an object");
        return NULL;
    }
    found f = {.names = "", .wanted = wanted_name(c)};
    if (json_is_object(json_object_get(c->root, "Resources"))) {
        c->resources = wri_app_member(c, root, "resources");
        if (c->resources) of_template(c, &f);
        return one_of(c, &f, "the template");
    }
    if (json_is_object(json_object_get(c->root, "resource"))) {
        c->terraform = true;
        c->resources = wri_app_member(c, root, "resource");
        if (c->resources) of_terraform(c, &f);
        return one_of(c, &f, "the file");
    }
    const wri_at *app = wri_app_object(c, root, "applicationdetail");
    if (!app) app = root;
    if (wri_app_member(c, app,
                       "applicationconfiguration|applicationconfigurationdescription|inputs|"
                       "inputdescriptions|applicationcode"))
        return app;
    if (!c->d.errors)
        wri_app_error(
            c, NULL,
            "expected what aws kinesisanalytics create-application takes or describe-application prints, "
            "a CloudFormation template, or Terraform's JSON",
            "this describes no Kinesis Data Analytics application: it has neither inputs nor code");
    return NULL;
}

const wri_at *wri_app_beside(wri_app_ctx *c, const wri_at *app, const char *type, size_t *ip) {
    if (!c->resources || c->terraform) return NULL;
    const char *name = wri_app_string(c, app, "applicationname", NULL), *id;
    const char *own = app->up ? app->up->key : NULL; /* the id of the application */
    size_t i = 0;
    json_t *v;
    json_object_foreach(c->resources->v, id, v) {
        if (i++ < *ip) continue;
        *ip = i;
        const wri_at *r = wri_app_at(c, c->resources, id, 0, v);
        const wri_at *props = r && is_type(r, type) ? wri_app_object(c, r, "properties") : NULL;
        const char *of = props ? wri_app_string(c, props, "applicationname", NULL) : NULL;
        if (of && ((name && strcmp(of, name) == 0) || (own && strcmp(of, own) == 0))) return props;
    }
    return NULL;
}
