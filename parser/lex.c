/* parser/lex.c -- SQL text to lexemes, one at a time.
 *
 * Knows both dialects: comments --, // and block comments, and the dashes that word processors make of
 * --; strings '..', u&'..' UESCAPE 'c', X'..', N'..'; names "x" and `x`. Words come out as ID with
 * their keyword beside them; parse.c decides. An error is reported at the start of what is wrong, the
 * bad piece is left out, and lexing goes on behind it. Linear in the text: nothing is looked at twice
 * but for one character ahead. */
#include "parser/parser_int.h"
#include "sql.h"

static char at(const wri_parse *p, uint32_t i) { return i < p->len ? p->text[i] : '\0'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static wr_loc loc_of(uint32_t from, uint32_t to) { return (wr_loc){from, to}; }

/* Length of a character that counts as blank beside the ASCII ones: no-break space, byte order mark. */
static uint32_t odd_space(const wri_parse *p, uint32_t i) {
    uint32_t n, cp = wri_utf8(p->text + i, p->len - i, &n);
    bool blank = cp == 0xa0 || cp == 0xfeff || cp == 0x3000 || (cp >= 0x2000 && cp <= 0x200b) ||
                 cp == 0x2028 || cp == 0x2029 || cp == 0x202f;
    return blank ? n : 0;
}

/* Bytes of a dash at i: '-', U+2013, U+2014; 0: none. */
static uint32_t dash(const wri_parse *p, uint32_t i, bool *em) {
    *em = false;
    if (at(p, i) == '-') return 1;
    if (p->len - i < 3 || memcmp(p->text + i, "\xe2\x80", 2) != 0) return 0;
    *em = p->text[i + 2] == '\x94';
    return p->text[i + 2] == '\x93' || *em ? 3 : 0;
}

/* Length of what begins a comment to the end of the line: two dashes of any kind, //, or one em dash,
 * which is what -- becomes in documents and never a minus. */
static uint32_t line_comment(const wri_parse *p, uint32_t i) {
    if (at(p, i) == '/' && at(p, i + 1) == '/') return 2;
    bool em, em2;
    uint32_t a = i < p->len ? dash(p, i, &em) : 0;
    if (a == 0) return 0;
    uint32_t b = i + a < p->len ? dash(p, i + a, &em2) : 0;
    if (b > 0) return a + b;
    return em ? a : 0;
}

/* Skips blanks and comments. */
static void skip(wri_parse *p) {
    while (p->at < p->len) {
        char c = p->text[p->at];
        uint32_t n;
        if (is_space(c)) p->at++;
        else if (line_comment(p, p->at)) {
            const char *nl = memchr(p->text + p->at, '\n', p->len - p->at);
            p->at = nl ? (uint32_t)(nl - p->text) : p->len;
        } else if (c == '/' && at(p, p->at + 1) == '*') {
            uint32_t from = p->at;
            p->at += 2;
            while (p->at < p->len && !(p->text[p->at] == '*' && at(p, p->at + 1) == '/')) p->at++;
            if (p->at == p->len)
                wri_error(p, WR_ESQL, loc_of(from, from + 2), "close it with */", "this comment has no end");
            else p->at += 2;
        } else if ((unsigned char)c >= 0x80 && (n = odd_space(p, p->at)) > 0) p->at += n;
        else return;
    }
}

/* Checks that bytes [from, to) of a string or name can be held as text. */
static bool text_ok(wri_parse *p, uint32_t from, uint32_t to, const char *what) {
    for (uint32_t i = from, n; i < to; i += n) {
        uint32_t cp = wri_utf8(p->text + i, to - i, &n);
        if (cp != 0 && cp != UINT32_MAX) continue;
        if (cp == 0) wri_error(p, WR_ESQL, loc_of(i, i + 1), NULL, "a NUL character in %s", what);
        else
            wri_error(p, WR_ESQL, loc_of(i, i + 1), "save the file as UTF-8",
                      "byte 0x%02x in %s is not valid UTF-8", (unsigned char)p->text[i], what);
        return false;
    }
    return true;
}

/* Reads to the closing quote; p->at stands on the opening one. The text goes to *textp with doubled
 * quotes undone. False: reported. */
static bool quoted(wri_parse *p, const char *what, const char **textp, uint32_t *fromp) {
    char q = p->text[p->at];
    uint32_t from = ++p->at, doubled = 0;
    *fromp = from;
    for (;; p->at++) {
        const char *e = memchr(p->text + p->at, q, p->len - p->at);
        if (!e) {
            p->at = p->len;
            wri_error(p, WR_ESQL, loc_of(from - 1, from), q == '\'' ? "a quote inside is written ''" : NULL,
                      "%s has no closing %c", what, q);
            return false;
        }
        p->at = (uint32_t)(e - p->text) + 1;
        if (at(p, p->at) != q) break;
        doubled++;
    }
    uint32_t to = p->at - 1;
    if (!text_ok(p, from, to, what)) return false;
    char *out = wr_arena_alloc(p->ar, to - from - doubled + 1);
    if (!out) {
        wri_fail(p);
        return false;
    }
    size_t n = 0;
    for (uint32_t i = from; i < to; i++) {
        out[n++] = p->text[i];
        if (p->text[i] == q) i++;
    }
    out[n] = '\0';
    *textp = out;
    return true;
}

static int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* UESCAPE 'c' behind u&'..': the escape character; p->at moves behind it. 0: reported. */
static char unicode_escape(wri_parse *p) {
    uint32_t mark = p->at;
    skip(p);
    static const char word[] = "UESCAPE";
    for (size_t i = 0; i < sizeof word - 1; i++)
        if ((at(p, p->at + (uint32_t)i) & ~0x20) != word[i]) {
            p->at = mark;
            return '\\';
        }
    uint32_t from = p->at;
    p->at += sizeof word - 1;
    skip(p);
    char c = at(p, p->at + 1);
    if (at(p, p->at) == '\'' && at(p, p->at + 2) == '\'' && (unsigned char)c < 0x80 && c != '+' &&
        c != '\'' && c != '"' && !is_space(c) && hex_digit(c) < 0) {
        p->at += 3;
        return c;
    }
    wri_error(p, WR_ESQL, loc_of(from, p->at), NULL,
              "UESCAPE needs one character in quotes that is no hexadecimal digit, quote, blank or +");
    return 0;
}

/* Undoes \XXXX, \+XXXXXX and \\ in s (escape character esc); `from` is where s stands in the script. */
static bool unescape(wri_parse *p, char *s, char esc, uint32_t from) {
    char *out = s;
    for (const char *in = s; *in;) {
        if (*in != esc) {
            *out++ = *in++;
            continue;
        }
        if (in[1] == esc) {
            *out++ = esc;
            in += 2;
            continue;
        }
        uint32_t digits = in[1] == '+' ? 6 : 4, cp = 0, i = in[1] == '+' ? 2 : 1, end = i + digits;
        for (; i < end && hex_digit(in[i]) >= 0; i++) cp = cp << 4 | (uint32_t)hex_digit(in[i]);
        if (i < end || cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000)) {
            wri_error(p, WR_ESQL, loc_of(from, p->at), NULL,
                      "bad escape in the string: %c is followed by four hexadecimal digits of a character, "
                      "by + and "
                      "six, or by %c",
                      esc, esc);
            return false;
        }
        out += wri_utf8_put(cp, out); /* never longer than the escape */
        in += end;
    }
    *out = '\0';
    return true;
}

/* 'text', and with a prefix u&'..', x'..', n'..' of `prefix` bytes. */
static bool string(wri_parse *p, uint32_t prefix, wri_lexeme *out) {
    uint32_t from = p->at, body;
    char kind = (char)(prefix ? p->text[from] & ~0x20 : 0);
    const char *text;
    p->at += prefix;
    if (!quoted(p, "this string", &text, &body)) return false;
    out->code = TK_STRING;
    if (kind == 'U') {
        char esc = unicode_escape(p);
        if (!esc || !unescape(p, (char *)(uintptr_t)text, esc, from)) return false;
    }
    if (kind == 'X') {
        size_t n = 0;
        while (hex_digit(text[n]) >= 0) n++;
        if (text[n] || n % 2) {
            wri_error(p, WR_ESQL, loc_of(from, p->at), NULL,
                      "a binary string X'..' holds pairs of hexadecimal digits only");
            return false;
        }
        out->code = TK_HEX;
    }
    out->tok = (wri_tok){.loc = loc_of(from, p->at), .text = text};
    return true;
}

static bool quoted_name(wri_parse *p, wri_lexeme *out) {
    uint32_t from = p->at, body;
    const char *text;
    if (!quoted(p, "this quoted name", &text, &body)) return false;
    if (!*text) {
        wri_error(p, WR_ESQL, loc_of(from, p->at), NULL, "a quoted name cannot be empty");
        return false;
    }
    out->code = TK_ID;
    out->tok = (wri_tok){.loc = loc_of(from, p->at), .text = text, .quoted = true};
    return true;
}

/* Characters of a word: letters, digits, _, $ and everything beyond ASCII that is no known stray. */
static uint32_t word_char(const wri_parse *p, uint32_t i) {
    char c = at(p, i);
    if (is_letter(c) || is_digit(c) || c == '$') return i < p->len;
    if ((unsigned char)c < 0x80) return 0;
    uint32_t n, cp = wri_utf8(p->text + i, p->len - i, &n);
    if (cp == UINT32_MAX || cp < 0xa0 || wri_char_name(cp) || odd_space(p, i)) return 0;
    return n;
}

static void word(wri_parse *p, wri_lexeme *out) {
    uint32_t from = p->at, n;
    while ((n = word_char(p, p->at)) > 0) p->at += n;
    out->code = TK_ID;
    out->tok = (wri_tok){.loc = loc_of(from, p->at)}; /* its text is copied when it is used as a name */
    out->kw = wri_keyword_find(p->text + from, p->at - from);
}

static bool number(wri_parse *p, wri_lexeme *out) {
    uint32_t from = p->at, n;
    while (is_digit(at(p, p->at))) p->at++;
    if (at(p, p->at) == '.') {
        p->at++;
        while (is_digit(at(p, p->at))) p->at++;
    }
    if ((at(p, p->at) | 0x20) == 'e') {
        uint32_t e = p->at + 1 + (at(p, p->at + 1) == '+' || at(p, p->at + 1) == '-');
        if (is_digit(at(p, e))) {
            p->at = e;
            while (is_digit(at(p, p->at))) p->at++;
        }
    }
    if (word_char(p, p->at) > 0) {
        while ((n = word_char(p, p->at)) > 0) p->at += n;
        int len = (int)(p->at - from > 40 ? 40 : p->at - from);
        wri_error(p, WR_ESQL, loc_of(from, p->at), "quote it: a value as '10s', a name as \"1st\"",
                  "'%.*s' is neither a number nor a name", len, p->text + from);
        return false;
    }
    out->code = TK_NUMBER;
    out->tok = (wri_tok){.loc = loc_of(from, p->at)};
    out->tok.text = wr_arena_strndup(p->ar, p->text + from, p->at - from);
    if (!out->tok.text) wri_fail(p);
    return true;
}

/* Operators, longest first. */
static const struct {
    char text[4];
    uint16_t code;
} operators[] = {{"->>", TK_DARROW}, {"->", TK_ARROW},  {"-}", TK_EXCLUDE_R}, {"=>", TK_FAT_ARROW},
                 {"<>", TK_NE},      {"!=", TK_NE},     {"<=", TK_LE},        {">=", TK_GE},
                 {"||", TK_CONCAT},  {"::", TK_DCOLON}, {"{-", TK_EXCLUDE_L}, {"=", TK_EQ},
                 {"<", TK_LT},       {">", TK_GT},      {"+", TK_PLUS},       {"-", TK_MINUS},
                 {"*", TK_STAR},     {"/", TK_SLASH},   {"%", TK_PERCENT},    {"(", TK_LP},
                 {")", TK_RP},       {"[", TK_LB},      {"]", TK_RB},         {"{", TK_LBRACE},
                 {"}", TK_RBRACE},   {",", TK_COMMA},   {".", TK_DOT},        {"|", TK_BAR},
                 {"^", TK_CARET},    {"$", TK_DOLLAR},  {"?", TK_QUESTION},   {";", WRI_SEMI}};

static bool operator_(wri_parse *p, wri_lexeme *out) {
    for (size_t i = 0; i < WR_LEN(operators); i++) {
        uint32_t n = (uint32_t)strlen(operators[i].text);
        if (p->len - p->at < n || memcmp(p->text + p->at, operators[i].text, n) != 0) continue;
        out->code = operators[i].code;
        out->tok = (wri_tok){.loc = loc_of(p->at, p->at + n), .text = operators[i].text};
        if (out->code == TK_NE) out->tok.text = "<>";
        p->at += n;
        return true;
    }
    return false;
}

static void stray(wri_parse *p) {
    uint32_t n, cp = wri_utf8(p->text + p->at, p->len - p->at, &n);
    wr_loc loc = loc_of(p->at, p->at + n);
    const char *name = wri_char_name(cp);
    p->at += n;
    if (cp == UINT32_MAX)
        wri_error(p, WR_ESQL, loc, "save the file as UTF-8", "byte 0x%02x is not valid UTF-8",
                  (unsigned char)p->text[loc.at]);
    else if (name) {
        const char *hint = strstr(name, "quote")  ? "write ' around strings and \" around names"
                           : strstr(name, "dash") ? "write - for minus, -- for a comment"
                                                  : "write it in plain ASCII";
        wri_error(p, WR_ESQL, loc, hint, "found %s (U+%04X)", name, cp);
    } else if (cp < 0x20 || cp == 0x7f)
        wri_error(p, WR_ESQL, loc, NULL, "found a control character (U+%04X), which has no meaning here", cp);
    else
        wri_error(p, WR_ESQL, loc, cp == '&' || cp == '!' ? "write AND, OR, NOT, <>" : NULL,
                  "the character '%.*s' has no meaning here", (int)n, p->text + loc.at);
}

/* Length of the prefix of a string with one at p->at: x' n' u&'. */
static uint32_t string_prefix(const wri_parse *p) {
    char c = (char)(p->text[p->at] | 0x20), d = at(p, p->at + 1);
    if ((c == 'x' || c == 'n') && d == '\'') return 1;
    return c == 'u' && d == '&' && at(p, p->at + 2) == '\'' ? 2 : 0;
}

/* One try; false: something was wrong and has been left out. */
static bool next(wri_parse *p, wri_lexeme *out) {
    skip(p);
    out->tok.loc = loc_of(p->at, p->at);
    if (p->at >= p->len) return true; /* code 0 */
    char c = p->text[p->at];
    uint32_t prefix;
    if (c == '\'') return string(p, 0, out);
    if (c == '"' || c == '`') return quoted_name(p, out);
    if (is_digit(c) || (c == '.' && is_digit(at(p, p->at + 1)))) return number(p, out);
    if ((prefix = string_prefix(p)) > 0) return string(p, prefix, out);
    if (c != '$' && word_char(p, p->at) > 0) {
        word(p, out);
        return true;
    }
    if (operator_(p, out)) return true;
    stray(p);
    return false;
}

void wri_lex(wri_parse *p, wri_lexeme *out) {
    do *out = (wri_lexeme){0};
    while (!next(p, out) && !p->oom);
}
