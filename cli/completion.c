/* cli/completion.c -- weir completion: shell completion, printed from the tables of commands and flags. */
#include "cli.h"

#include <stdio.h>

static void flag_name(const wr_option *f) {
    fputs("--", stdout);
    for (const char *p = f->name; *p; p++) putchar(*p == '_' ? '-' : *p);
}

static void bash(void) {
    puts("_weir() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words=''\n  if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("    words='", stdout);
    for (size_t i = 0; wri_commands[i]; i++) printf("%s ", wri_commands[i]->name);
    puts("'\n  else case ${COMP_WORDS[1]} in");
    for (size_t i = 0; wri_commands[i]; i++) {
        const wr_command *c = wri_commands[i];
        printf("    %s) words='", c->name);
        for (size_t k = 0; k < c->n_flags; k++) {
            flag_name(&c->flags[k]);
            putchar(' ');
        }
        puts("' ;;");
    }
    puts("    esac\n  fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\") $(compgen -f -X '!*.sql' -- "
         "\"$cur\"))\n}\n"
         "complete -o filenames -F _weir weir");
}

static void zsh(void) {
    puts("#compdef weir\n_weir() {\n  if (( CURRENT == 2 )); then\n    local -a c=(");
    for (size_t i = 0; wri_commands[i]; i++)
        printf("      '%s:%s'\n", wri_commands[i]->name, wri_commands[i]->summary);
    puts("    )\n    _describe command c\n  else case $words[2] in");
    for (size_t i = 0; wri_commands[i]; i++) {
        const wr_command *c = wri_commands[i];
        printf("    %s) _arguments", c->name);
        for (size_t k = 0; k < c->n_flags; k++) {
            fputs(" '", stdout);
            flag_name(&c->flags[k]);
            fputs(c->flags[k].type == WR_OPT_BOOL ? "'" : "=:value:'", stdout);
        }
        puts(" '*:SQL file:_files -g \"*.sql\"' ;;");
    }
    puts("    esac\n  fi\n}\n_weir \"$@\"");
}

static void fish(void) {
    for (size_t i = 0; wri_commands[i]; i++) {
        const wr_command *c = wri_commands[i];
        printf("complete -c weir -n __fish_use_subcommand -a %s -d '%s'\n", c->name, c->summary);
        for (size_t k = 0; k < c->n_flags; k++) {
            printf("complete -c weir -n '__fish_seen_subcommand_from %s' -l ", c->name);
            for (const char *p = c->flags[k].name; *p; p++) putchar(*p == '_' ? '-' : *p);
            puts("");
        }
    }
}

static int completion(const void *opts, char **args, int n) {
    (void)opts;
    if (n == 1 && strcmp(args[0], "bash") == 0) bash();
    else if (n == 1 && strcmp(args[0], "zsh") == 0) zsh();
    else if (n == 1 && strcmp(args[0], "fish") == 0) fish();
    else {
        wri_say("completion: expected bash, zsh or fish");
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

const wr_command wri_cmd_completion = {
    .name = "completion",
    .args = "bash|zsh|fish",
    .summary = "print shell completion",
    .doc = "For bash: source <(weir completion bash)\n",
    .run = completion,
};
