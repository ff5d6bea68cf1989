/* identify/identify.h - all of libidentify's public interface. */
#ifndef IDENTIFY_IDENTIFY_H
#define IDENTIFY_IDENTIFY_H

#include <identify/annotate.h>
#include <identify/api.h>
#include <identify/augment.h>
#include <identify/build.h>
#include <identify/camera_test.h>
#include <identify/collection.h>
#include <identify/encoder.h>
#include <identify/guard.h>
#include <identify/head.h>
#include <identify/image.h>
#include <identify/image_memory.h>
#include <identify/index.h>
#include <identify/match.h>
#include <identify/models.h>
#include <identify/names.h>
#include <identify/pool.h>
#include <identify/precision_test.h>
#include <identify/progress.h>
#include <identify/references.h>
#include <identify/report.h>
#include <identify/status.h>
#include <identify/train.h>
#include <identify/verify.h>
#include <identify/version.h>
#include <identify/writer.h>

#endif
