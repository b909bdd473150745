/* cli/completion.c -- weir completion: shell completion, printed from the tables of commands and flags. */
#include "cli.h"

/* "auto|json" as "auto json". */
static void words_of(const char *values) {
    for (; *values; values++) putchar(*values == '|' ? ' ' : *values);
}

static void command_names(void) {
    for (size_t i = 0; wri_commands[i]; i++) printf("%s%s", i ? " " : "", wri_commands[i]->name);
}

static void flag_names(const wr_command *c) {
    char name[64];
    for (size_t i = 0; i < c->n_flags; i++) printf("%s ", wri_flag_name(&c->flags[i], name));
    fputs("--help", stdout);
}

static const char *files_of(const wr_command *c) { return c->files ? c->files : "*.sql"; }

/* ---- bash ---- */

/* Cases of "command:word before": what the value of a flag may be. */
static void bash_values(const wr_command *c) {
    for (size_t i = 0; i < c->n_flags; i++) {
        const wr_option *f = &c->flags[i];
        char name[64], letter = wri_flag_letter(f);
        if (f->type == WR_OPT_BOOL) continue;
        printf("    %s:%s", c->name, wri_flag_name(f, name));
        if (letter) printf("|%s:-%c", c->name, letter);
        fputs(") words='", stdout);
        if (f->type == WR_OPT_ENUM) words_of(f->values);
        puts("' ;;");
    }
}

static void bash_command(const wr_command *c) {
    bash_values(c);
    printf("    %s:*)\n      if [[ $cur == -* ]]; then words='", c->name);
    flag_names(c);
    if (c->words) printf("'\n      else words='%s'; fi ;;\n", c->words);
    else printf("'\n      else files='%s'; fi ;;\n", files_of(c));
}

static void bash(void) {
    puts("# weir completion for bash\n"
         "_weir() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= files= IFS=$' "
         "\\t\\n'\n"
         "  # --format=x comes as three words\n"
         "  [[ $cur == = ]] && cur= && COMP_CWORD=$((COMP_CWORD+1))\n"
         "  [[ $prev == = || ${COMP_WORDS[COMP_CWORD-1]} == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
         "  if ((COMP_CWORD == 1)); then");
    fputs("    words='", stdout);
    command_names();
    puts("'\n  else case ${COMP_WORDS[1]}:$prev in");
    for (size_t i = 0; wri_commands[i]; i++) bash_command(wri_commands[i]);
    puts("  esac; fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  if [[ $files ]]; then\n"
         "    IFS=$'\\n'\n"
         "    COMPREPLY=($({ compgen -d -- \"$cur\"; compgen -f -X \"!$files\" -- \"$cur\"; } | sort -u))\n"
         "    compopt -o filenames 2>/dev/null\n"
         "  fi\n"
         "}\n"
         "complete -F _weir weir");
}

/* ---- zsh ---- */

/* Text inside '…' of an _arguments specification. */
static void zsh_text(const char *s) {
    for (; *s; s++) {
        if (*s == '\'') fputs("'\\'", stdout);
        if (*s == '[' || *s == ']' || *s == ':') putchar('\\');
        putchar(*s);
    }
}

static void zsh_flag(const wr_option *f) {
    char name[64];
    printf(" \\\n      '%s%s[", wri_flag_name(f, name), f->type == WR_OPT_BOOL ? "" : "=");
    zsh_text(f->doc);
    putchar(']');
    if (f->type != WR_OPT_BOOL) fputs(":value:", stdout);
    if (f->type == WR_OPT_ENUM) {
        putchar('(');
        words_of(f->values);
        putchar(')');
    }
    putchar('\'');
}

static void zsh(void) {
    puts("#compdef weir\n_weir() {\n  local -a commands=(");
    for (size_t i = 0; wri_commands[i]; i++)
        printf("    '%s:%s'\n", wri_commands[i]->name, wri_commands[i]->summary);
    puts("  )\n"
         "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
         "  local command=$words[2]\n"
         "  shift words; (( CURRENT-- ))\n"
         "  case $command in");
    for (size_t i = 0; wri_commands[i]; i++) {
        const wr_command *c = wri_commands[i];
        printf("    %s) _arguments", c->name);
        for (size_t k = 0; k < c->n_flags; k++) zsh_flag(&c->flags[k]);
        if (c->words) printf(" '*:topic:(%s)' ;;\n", c->words);
        else printf(" '*:file:_files -g \"%s\"' ;;\n", files_of(c));
    }
    puts("  esac\n}\n"
         "if [[ $funcstack[1] == _weir ]]; then _weir \"$@\"; else compdef _weir weir; fi");
}

/* ---- fish ---- */

/* Text inside '…'. */
static void fish_text(const char *s) {
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\') putchar('\\');
        putchar(*s);
    }
}

static void fish_flag(const wr_command *c, const wr_option *f) {
    char name[64], letter = wri_flag_letter(f);
    printf("complete -c weir -n '__fish_seen_subcommand_from %s' -l %s", c->name, wri_flag_name(f, name) + 2);
    if (letter) printf(" -s %c", letter);
    if (f->type != WR_OPT_BOOL) fputs(" -x", stdout);
    if (f->type == WR_OPT_ENUM) {
        fputs(" -a '", stdout);
        words_of(f->values);
        putchar('\'');
    }
    fputs(" -d '", stdout);
    fish_text(f->doc);
    puts("'");
}

static void fish(void) {
    puts("# weir completion for fish");
    for (size_t i = 0; wri_commands[i]; i++) {
        const wr_command *c = wri_commands[i];
        printf("complete -c weir -f -n __fish_use_subcommand -a %s -d '", c->name);
        fish_text(c->summary);
        puts("'");
        if (c->words && *c->words)
            printf("complete -c weir -f -n '__fish_seen_subcommand_from %s' -a '%s'\n", c->name, c->words);
        for (size_t k = 0; k < c->n_flags; k++) fish_flag(c, &c->flags[k]);
    }
}

static int completion(const void *opts, char **args, int n) {
    (void)opts;
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    for (size_t i = 0; n == 1 && i < WR_LEN(shells); i++)
        if (strcmp(args[0], shells[i].name) == 0) {
            shells[i].print();
            return EXIT_DONE;
        }
    wri_say("completion: expected bash, zsh or fish");
    return EXIT_USAGE;
}

const wr_command wri_cmd_completion = {
    .name = "completion",
    .args = "bash|zsh|fish",
    .words = "bash zsh fish",
    .summary = "print completion for a shell",
    .doc = "make install puts completion where the shells look for it. To have it in this shell only:\n\n"
           "  source <(weir completion bash)\n"
           "  source <(weir completion zsh)\n"
           "  weir completion fish | source",
    .run = completion,
};
