/* index_place.c - where an index lies: a file or a folder, and the lock of whoever writes it. */
#include <string.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "index/index_file.h"

bool idf_index_is_folder(const char *path) {
    idf_file_stat stat;
    if (idf_file_get_stat(&stat, path, NULL) == IDF_OK)
        return stat.is_dir;
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    return n > 4 && strncmp(path + n - 4, ".idx", 4) == 0;
}

idf_status idf_index_lock(idf_lock **lock, const char *path, idf_error *err) {
    char *whole = idf_path_absolute(path), *file = NULL; /* by whatever name it is called */
    const char *place = whole != NULL ? whole : path;
    size_t n = strlen(place);
    *lock = NULL;
    if (idf_index_is_folder(path)) {
        file = idf_path_join(place, IDF_MANIFEST_LOCK);
    } else if ((file = idf_alloc(n + sizeof ".lock", 1)) != NULL) {
        memcpy(file, place, n);
        memcpy(file + n, ".lock", sizeof ".lock");
    }
    idf_free(whole);
    idf_status status = file == NULL ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory")
                                     : idf_lock_take(lock, file, path, err);
    idf_free(file);
    return status;
}
