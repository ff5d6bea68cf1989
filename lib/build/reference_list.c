/* reference_list.c - the pictures of a folder and their names. */
#include <identify/references.h>

#include "base/alloc.h"
#include "base/file.h"
#include "build/builder.h"
#include "index/labels.h"

struct idf_reference_list {
    idf_dir_list listing; /* pictures alone */
    idf_name *names;
};

/* Drops what are no pictures from the listing, the rest in order. */
static void keep_pictures(idf_dir_list *listing) {
    size_t n = 0;
    for (size_t i = 0; i < listing->n; i++)
        if (idf_is_picture_name(listing->names[i]))
            listing->names[n++] = listing->names[i];
        else
            idf_free(listing->names[i]);
    listing->n = n;
}

idf_status idf_reference_list_read(idf_reference_list **out, const char *dir, idf_error *err) {
    *out = NULL;
    idf_labels *labels = NULL;
    idf_reference_list *list = idf_alloc_zero(1, sizeof *list);
    if (list == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a list of references");
    idf_status status = idf_dir_list_read(&list->listing, dir, err);
    if (status == IDF_OK)
        status = idf_labels_read(&labels, dir, err);
    if (status == IDF_OK) {
        keep_pictures(&list->listing);
        list->names = idf_alloc(list->listing.n, sizeof *list->names);
        if (list->names == NULL)
            status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for references");
    }
    for (size_t i = 0; status == IDF_OK && i < list->listing.n; i++) {
        idf_name_parse(&list->names[i], list->listing.names[i]);
        idf_labels_apply(labels, list->listing.names[i], &list->names[i]);
    }
    idf_labels_free(labels);
    if (status != IDF_OK) {
        idf_reference_list_free(list);
        return status;
    }
    *out = list;
    return IDF_OK;
}

void idf_reference_list_free(idf_reference_list *list) {
    if (list == NULL)
        return;
    idf_dir_list_release(&list->listing);
    idf_free(list->names);
    idf_free(list);
}

size_t idf_reference_list_n(const idf_reference_list *list) {
    return list->listing.n;
}

const char *idf_reference_list_filename(const idf_reference_list *list, size_t i) {
    return list->listing.names[i];
}

const idf_name *idf_reference_list_name(const idf_reference_list *list, size_t i) {
    return &list->names[i];
}

idf_status idf_reference_name(idf_name *name, const char *dir, const char *filename,
                              idf_error *err) {
    idf_labels *labels = NULL;
    idf_name_parse(name, filename);
    idf_status status = idf_labels_read(&labels, dir, err);
    if (status == IDF_OK)
        idf_labels_apply(labels, filename, name);
    idf_labels_free(labels);
    return status;
}
