/* test_file.c - files: mapped, read, listed, and above all replaced as a whole or not at all. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"

enum { NOBODY = 65534 };

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/identify-file-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* "folder/name", in one of a few buffers used in turn. */
static const char *path_of(const char *name) {
    static char paths[4][160];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void put(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_content(const char *path, const char *text) {
    idf_bytes bytes = {0};
    assert_int_equal(idf_file_read(&bytes, path, 0, NULL), IDF_OK);
    assert_int_equal(bytes.len, strlen(text));
    assert_true(bytes.len == 0 || memcmp(bytes.data, text, bytes.len) == 0);
    idf_bytes_release(&bytes);
}

static size_t n_entries(void) {
    idf_dir_list list;
    assert_int_equal(idf_dir_list_read(&list, folder, NULL), IDF_OK);
    size_t n = list.n;
    idf_dir_list_release(&list);
    return n;
}

static mode_t mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void reading_and_mapping(void **state) {
    (void)state;
    const char *path = path_of("a");
    put(path, "content");
    idf_map map;
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    assert_int_equal(map.len, 7);
    assert_memory_equal(map.data, "content", 7);
    idf_map_release(&map);
    assert_null(map.data);
    idf_map_release(&map);
    idf_bytes bytes = {0};
    assert_int_equal(idf_bytes_append(&bytes, "<", 1), IDF_OK);
    assert_int_equal(idf_file_read(&bytes, path, 7, NULL), IDF_OK); /* appends */
    assert_int_equal(bytes.len, 8);
    assert_memory_equal(bytes.data, "<content", 8);
    idf_bytes_release(&bytes);
    put(path, "");
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    assert_null(map.data);
    assert_int_equal(map.len, 0);
    idf_map_release(&map);
    expect_content(path, "");
}

static void expect_unreadable(const char *path, uint64_t max_bytes, idf_status status,
                              const char *part) {
    idf_map map;
    idf_bytes bytes = {0};
    for (int i = 0; i < 2; i++) {
        idf_error err = IDF_ERROR_INIT;
        idf_status got = i == 0 ? idf_map_open(&map, path, max_bytes, &err)
                                : idf_file_read(&bytes, path, max_bytes, &err);
        assert_int_equal(got, status);
        if (strstr(err.message, part) == NULL)
            fail_msg("'%s' does not say '%s'", err.message, part);
    }
    assert_null(map.data);
    assert_int_equal(bytes.len, 0);
    idf_bytes_release(&bytes);
}

static void what_cannot_be_read(void **state) {
    (void)state;
    expect_unreadable(path_of("no\nsuch"), 0, IDF_ERR_NOT_FOUND, "no\\nsuch'");
    expect_unreadable(path_of("a/b"), 0, IDF_ERR_NOT_FOUND, "cannot open");
    expect_unreadable(folder, 0, IDF_ERR_FORMAT, "is a folder, not a file");
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    expect_unreadable(path_of("pipe"), 0, IDF_ERR_FORMAT, "special file"); /* and does not wait */
    put(path_of("big"), "12345678");
    expect_unreadable(path_of("big"), 7, IDF_ERR_LIMIT, "has 8 bytes, more than the limit of 7");
    idf_bytes small = {.max = 4};
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_file_read(&small, path_of("big"), 0, &err), IDF_ERR_LIMIT);
    idf_bytes_release(&small);
    unlink(path_of("pipe"));
}

static void standard_input(void **state) {
    (void)state;
    put(path_of("stdin"), "from standard input");
    int kept = dup(STDIN_FILENO);
    for (uint64_t limit = 18; limit <= 19; limit++) {
        int fd = open(path_of("stdin"), O_RDONLY);
        assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
        close(fd);
        idf_bytes bytes = {0};
        idf_error err = IDF_ERROR_INIT;
        idf_status status = idf_stdin_read(&bytes, limit, &err);
        assert_int_equal(status, limit == 18 ? IDF_ERR_LIMIT : IDF_OK);
        if (status == IDF_OK)
            assert_memory_equal(bytes.data, "from standard input", 19);
        idf_bytes_release(&bytes);
    }
    dup2(kept, STDIN_FILENO);
    close(kept);
}

static void stat_of_files(void **state) {
    (void)state;
    idf_file_stat st;
    put(path_of("a"), "12345");
    assert_int_equal(idf_file_get_stat(&st, path_of("a"), NULL), IDF_OK);
    assert_int_equal(st.size_bytes, 5);
    assert_true(st.is_file && !st.is_dir);
    struct timespec times[2] = {{1000000000, 123456789}, {1000000000, 123456789}};
    assert_int_equal(utimensat(AT_FDCWD, path_of("a"), times, 0), 0);
    assert_int_equal(idf_file_get_stat(&st, path_of("a"), NULL), IDF_OK);
    assert_true(st.mtime_ns == 1000000000123456789);
    assert_int_equal(idf_file_get_stat(&st, folder, NULL), IDF_OK);
    assert_true(st.is_dir && !st.is_file);
    assert_int_equal(idf_file_get_stat(&st, path_of("none"), NULL), IDF_ERR_NOT_FOUND);
}

static void a_file_appears_when_it_is_whole(void **state) {
    (void)state;
    const char *path = path_of("atomic");
    put(path, "old");
    size_t before = n_entries();
    idf_writer *writer;
    assert_int_equal(idf_writer_new(&writer, path, NULL), IDF_OK);
    enum { N = 200000 }; /* several buffers */
    char *text = idf_alloc(N + 1, 1);
    for (int i = 0; i < N; i++)
        text[i] = (char)('a' + i % 23);
    text[N] = '\0';
    for (int at = 0; at < N; at += 777)
        assert_int_equal(
            idf_writer_write(writer, text + at, N - at < 777 ? (size_t)(N - at) : 777, NULL),
            IDF_OK);
    assert_int_equal(idf_writer_tell(writer), N);
    assert_int_equal(idf_writer_seek(writer, 5, NULL), IDF_OK);
    assert_int_equal(idf_writer_write(writer, "XY", 2, NULL), IDF_OK);
    assert_int_equal(idf_writer_tell(writer), 7);
    text[5] = 'X';
    text[6] = 'Y';
    expect_content(path, "old");
    assert_int_equal(idf_writer_commit(writer, NULL), IDF_OK);
    expect_content(path, text);
    assert_int_equal(n_entries(), before);
    idf_free(text);

    assert_int_equal(idf_writer_new(&writer, path, NULL), IDF_OK);
    assert_int_equal(idf_writer_write(writer, "gone", 4, NULL), IDF_OK);
    idf_writer_discard(writer);
    idf_writer_discard(NULL);
    assert_int_equal(n_entries(), before);
    assert_int_equal(idf_file_write(path, "", 0, NULL), IDF_OK);
    expect_content(path, "");
}

/* A file that outgrows what may be written stands for a full disk, and needs no privileges. */
static void a_full_disk_leaves_the_old_file(void **state) {
    (void)state;
    const char *path = path_of("full");
    put(path, "old");
    size_t before = n_entries();
    struct rlimit kept, small = {100000, 100000};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    small.rlim_max = kept.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    char *large = idf_alloc_zero(300000, 1);
    idf_error err = IDF_ERROR_INIT;
    idf_status status = idf_file_write(path, large, 300000, &err);
    idf_error late = IDF_ERROR_INIT; /* found only when the last buffer is flushed */
    idf_status late_status = idf_file_write(path, large, 100001, &late);
    setrlimit(RLIMIT_FSIZE, &kept);
    assert_int_equal(status, IDF_ERR_NO_SPACE);
    assert_int_equal(late_status, IDF_ERR_NO_SPACE);
    assert_non_null(strstr(err.message, "/full'"));
    assert_non_null(strstr(late.message, "/full'"));
    expect_content(path, "old");
    assert_int_equal(n_entries(), before);
    idf_free(large);
}

static void permissions_and_links(void **state) {
    (void)state;
    put(path_of("target"), "old");
    assert_int_equal(chmod(path_of("target"), 0640), 0);
    assert_int_equal(symlink("target", path_of("link")), 0);
    assert_int_equal(idf_file_write(path_of("link"), "new", 3, NULL), IDF_OK);
    struct stat st;
    assert_int_equal(lstat(path_of("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode)); /* the link stays, what it names is replaced */
    expect_content(path_of("target"), "new");
    assert_int_equal(mode_of(path_of("target")), 0640);
    mode_t mask = umask(027);
    assert_int_equal(idf_file_write(path_of("fresh"), "x", 1, NULL), IDF_OK);
    assert_int_equal(umask(mask), 027); /* as it was found */
    assert_int_equal(mode_of(path_of("fresh")), 0640);
}

/* The umask belongs to the whole process: it is never touched, not even for a moment. */
static void the_umask_is_left_alone(void **state) {
    (void)state;
    enum { MANY = 300 };
    mode_t before = umask(022);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(idf_file_write(path_of("masked"), "x", 1, NULL), IDF_OK);
    assert_int_equal(umask(before), 022);
    assert_int_equal(mode_of(path_of("masked")), 0644);
}

/* A run that is killed leaves its temporary file; the next writer of the same file clears it up,
 * but never that of one that is alive. */
static void what_killed_runs_leave_is_cleared_up(void **state) {
    (void)state;
    const char *path = path_of("victim");
    size_t before = n_entries();
    for (int i = 0; i < 3; i++) { /* three at once: they wait for each other's files by a pipe */
        int fds[2];
        char byte;
        assert_int_equal(pipe(fds), 0);
        fflush(NULL);
        pid_t first = fork();
        if (first == 0) {
            idf_writer *writers[2];
            int wrong = idf_writer_new(&writers[0], path, NULL) != IDF_OK ||
                        idf_writer_new(&writers[1], path, NULL) != IDF_OK ||
                        idf_writer_write(writers[0], "half", 4, NULL) != IDF_OK;
            if (write(fds[1], wrong ? "0" : "1", 1) != 1)
                _exit(1);
            pause();
        }
        assert_int_equal(read(fds[0], &byte, 1), 1);
        assert_int_equal(byte, '1');
        assert_int_equal(n_entries(), before + 2 + (i > 0));
        assert_int_equal(idf_file_write(path, "new", 3, NULL), IDF_OK); /* beside two that live */
        assert_int_equal(n_entries(), before + 3);
        assert_int_equal(kill(first, SIGKILL), 0);
        assert_int_equal(waitpid(first, NULL, 0), first);
        assert_int_equal(n_entries(), before + 3);
        close(fds[0]);
        close(fds[1]);
        assert_int_equal(idf_file_write(path, "newer", 5, NULL), IDF_OK);
        assert_int_equal(n_entries(), before + 1);
        expect_content(path, "newer");
    }
    assert_int_equal(idf_file_can_write(path, NULL), IDF_OK);
    assert_int_equal(idf_file_can_write(path_of("nowhere/x"), NULL), IDF_ERR_IO);
    assert_int_equal(n_entries(), before + 1);
}

/* A link where the temporary file would be is not followed. */
static void a_planted_link_is_not_followed(void **state) {
    (void)state;
    put(path_of("precious"), "mine");
    assert_int_equal(symlink("precious", path_of("plain.0.tmp")), 0);
    assert_int_equal(link(path_of("precious"), path_of("plain.1.tmp")), 0);
    assert_int_equal(idf_file_write(path_of("plain"), "text", 4, NULL), IDF_OK);
    expect_content(path_of("plain"), "text");
    expect_content(path_of("precious"), "mine");
    assert_int_equal(unlink(path_of("plain.0.tmp")), 0);
    assert_int_equal(unlink(path_of("plain.1.tmp")), 0);
}

/* Sizes around those from which on a copy lies in large pages. */
static void copies_of_all_sizes(void **state) {
    (void)state;
    enum { LARGE = 2 << 20, MOST = 2 * LARGE + 1 };
    static const size_t sizes[] = {LARGE - 1, LARGE, LARGE + 1, MOST};
    const char *path = path_of("large");
    uint8_t *content = idf_alloc(MOST, 1);
    for (size_t i = 0; i < MOST; i++)
        content[i] = (uint8_t)(i * 7 + i / 4096);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        idf_map map;
        assert_int_equal(idf_file_write(path, content, sizes[i], NULL), IDF_OK);
        assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
        assert_int_equal(map.len, sizes[i]);
        assert_non_null(map.copy);
        assert_int_equal((uintptr_t)map.data % 64, 0);
        assert_memory_equal(map.data, content, sizes[i]);
        idf_map_release(&map);
    }
    assert_int_equal(unlink(path), 0);
    idf_free(content);
}

/* What is written over a file, or cut off it, while it is in use: a copy does not notice. */
static void a_file_that_shrinks_ends_nothing(void **state) {
    (void)state;
    const char *path = path_of("shrinks");
    enum { N = 100000 };
    char *text = idf_alloc(N + 1, 1);
    memset(text, 'a', N);
    text[N] = '\0';
    put(path, text);
    idf_map map;
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    assert_int_equal((uintptr_t)map.data % 64, 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_memory_equal(map.data, text, N);
    idf_map_release(&map);
    idf_map_release(&map);
    idf_map_release(NULL);
    idf_free(text);
}

static void what_cannot_be_written(void **state) {
    (void)state;
    idf_error err = IDF_ERROR_INIT;
    size_t before = n_entries();
    assert_int_equal(idf_file_write(folder, "x", 1, &err), IDF_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "folder"));
    assert_int_equal(idf_file_write("/dev/null", "x", 1, &err), IDF_ERR_ARGUMENT);
    struct stat st;
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    assert_int_equal(idf_file_write(path_of("none/file"), "x", 1, &err), IDF_ERR_IO);
    assert_int_equal(idf_file_write("", "x", 1, &err), IDF_ERR_IO);
    assert_int_equal(n_entries(), before);
}

/* As somebody who may not: root may do everything, so the child gives that up first. */
static void without_permission(void **state) {
    (void)state;
    put(path_of("secret"), "x");
    assert_int_equal(chmod(path_of("secret"), 0), 0);
    assert_int_equal(mkdir(path_of("closed"), 0555), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(9);
        idf_map map;
        idf_dir_list list;
        int wrong = idf_map_open(&map, path_of("secret"), 0, NULL) != IDF_ERR_PERMISSION;
        wrong |= idf_file_write(path_of("closed/a"), "x", 1, NULL) != IDF_ERR_IO;
        wrong |= idf_dir_make(path_of("closed/b"), NULL) != IDF_ERR_IO;
        wrong |= idf_dir_list_read(&list, path_of("closed"), NULL) != IDF_OK || list.n != 0;
        _exit(wrong);
    }
    int status;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    chmod(path_of("secret"), 0600);
    chmod(path_of("closed"), 0755);
}

static void folders(void **state) {
    (void)state;
    assert_int_equal(idf_dir_make(path_of("x/y//z/"), NULL), IDF_OK);
    assert_int_equal(idf_dir_make(path_of("x/y/z"), NULL), IDF_OK); /* again is fine */
    assert_int_equal(idf_dir_make("/", NULL), IDF_OK);
    assert_int_equal(idf_dir_make("", NULL), IDF_ERR_IO);
    put(path_of("x/b"), "");
    put(path_of("x/a"), "");
    put(path_of("x/B"), "");
    put(path_of("x/.c"), "");
    static const char *const sorted[] = {".c", "B", "a", "b", "y"};
    idf_dir_list list;
    assert_int_equal(idf_dir_list_read(&list, path_of("x"), NULL), IDF_OK);
    assert_int_equal(list.n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(list.names[i], sorted[i]);
    idf_dir_list_release(&list);
    idf_dir_list_release(&list);
    assert_int_equal(idf_dir_list_read(&list, path_of("x/y/z"), NULL), IDF_OK);
    assert_int_equal(list.n, 0);
    idf_dir_list_release(&list);
    assert_int_equal(idf_dir_list_read(&list, path_of("none"), NULL), IDF_ERR_NOT_FOUND);
    assert_int_equal(idf_dir_list_read(&list, path_of("x/a"), NULL), IDF_ERR_NOT_FOUND);
    assert_int_not_equal(idf_dir_make(path_of("x/a"), NULL), IDF_OK); /* a file is in the way */
    assert_int_not_equal(idf_dir_make(path_of("x/a/b"), NULL), IDF_OK);
}

static void joined_paths(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}, {"a", "", "a/"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = idf_path_join(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        idf_free(path);
    }
}

static void out_of_memory(void **state) {
    (void)state;
    put(path_of("memory"), "old");
    size_t before = n_entries();
    for (long n = 0;; n++) {
        idf_bytes bytes = {0};
        idf_dir_list list = {0};
        idf_error err = IDF_ERROR_INIT;
        idf_alloc_fail_after(n);
        idf_status status = idf_file_write(path_of("memory"), "new", 3, &err);
        if (status == IDF_OK)
            status = idf_file_read(&bytes, path_of("memory"), 0, &err);
        if (status == IDF_OK)
            status = idf_dir_list_read(&list, folder, &err);
        if (status == IDF_OK)
            status = idf_dir_make(path_of("x"), &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        assert_int_equal(n_entries(), before);
        idf_dir_list_release(&list);
        idf_bytes_release(&bytes);
        if (!failed)
            return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_and_mapping),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(standard_input),
        cmocka_unit_test(stat_of_files),
        cmocka_unit_test(a_file_appears_when_it_is_whole),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
        cmocka_unit_test(permissions_and_links),
        cmocka_unit_test(the_umask_is_left_alone),
        cmocka_unit_test(what_killed_runs_leave_is_cleared_up),
        cmocka_unit_test(a_planted_link_is_not_followed),
        cmocka_unit_test(copies_of_all_sizes),
        cmocka_unit_test(a_file_that_shrinks_ends_nothing),
        cmocka_unit_test(what_cannot_be_written),
        cmocka_unit_test(without_permission),
        cmocka_unit_test(folders),
        cmocka_unit_test(joined_paths),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
