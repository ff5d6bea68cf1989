/* late.c - dlopen and dlsym. */
#include "base/late.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static idf_status load(idf_late *late, idf_error *err) {
    void *handle = dlopen(late->library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED, "%s cannot be loaded: %s", late->library,
                             dlerror());
    for (size_t i = 0; i < late->n; i++) {
        void *address = dlsym(handle, late->names[i]);
        if (address == NULL) {
            dlclose(handle);
            return idf_error_set(err, IDF_ERR_UNSUPPORTED, "%s lacks %s: it is too old",
                                 late->library, late->names[i]);
        }
        /* POSIX has it that an object pointer can hold a function's address */
        memcpy((char *)late->functions + i * sizeof address, &address, sizeof address);
    }
    late->is_loaded = true;
    return IDF_OK;
}

idf_status idf_late_load(idf_late *late, idf_error *err) {
    pthread_mutex_lock(&lock);
    idf_status status = late->is_loaded ? IDF_OK : load(late, err);
    pthread_mutex_unlock(&lock);
    return status;
}
