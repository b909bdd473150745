/* core/core.h -- the one header of core/: what every room needs. See core/README.md. */
#ifndef WR_CORE_H
#define WR_CORE_H

#include "batch.h"
#include "histogram.h"
#include "library.h"
#include "mem.h"
#include "options.h"
#include "status.h"
#include "sys.h"
#include "text.h"
#include "type.h"
#include "words.h"

#define WR_VERSION "0.1.0"

#endif
