/* tests/fuzz/replay_main.c -- runs a fuzz target over files and directories given as arguments, so that
 * every compiler can replay a corpus. Exit 1 when something cannot be read. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int run_file(const char *path) {
    FILE *f = fopen(path, "rb");
    wr_buf b = {0};
    char piece[4096];
    size_t n;
    if (!f) return 1;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        if (wr_buf_put(&b, piece, n) != WR_OK) abort();
    int bad = ferror(f);
    fclose(f);
    if (!bad) LLVMFuzzerTestOneInput((const uint8_t *)b.data, b.len);
    wr_buf_free(&b);
    return bad ? 1 : 0;
}

static int run(const char *path, unsigned *runs) {
    struct stat st;
    if (stat(path, &st) != 0) return 1;
    if (!S_ISDIR(st.st_mode)) {
        ++*runs;
        return run_file(path);
    }
    DIR *dir = opendir(path);
    int bad = dir == NULL;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        bad |= run(name, runs);
    }
    if (dir) closedir(dir);
    return bad;
}

int main(int argc, char **argv) {
    int bad = 0;
    unsigned runs = 0;
    for (int i = 1; i < argc; i++)
        if (run(argv[i], &runs) != 0) {
            fprintf(stderr, "cannot read %s\n", argv[i]);
            bad = 1;
        }
    printf("%u inputs replayed\n", runs);
    return bad || runs == 0;
}
