/* runtime/expr/fn_geo.c -- distances on the earth. */
#include <math.h>

#include "expr_int.h"

#define EARTH_RADIUS_M 6371008.8 /* the mean of the ellipsoid's (IUGG) */
#define RADIANS        (3.14159265358979323846 / 180)

/* Metres between (lat1, lon1) and (lat2, lon2), degrees, along a sphere: within 0.5 % of the ellipsoid's. The
 * haversine formula stays exact for near points. */
const char *wri_fn_geo_distance(wri_call *c, const wr_value *a, wr_value *outp) {
    (void)c;
    double lat1 = a[0].f64, lon1 = a[1].f64, lat2 = a[2].f64, lon2 = a[3].f64;
    if (!(fabs(lat1) <= 90) || !(fabs(lat2) <= 90)) return "a latitude is -90 to 90 degrees";
    if (!(fabs(lon1) <= 360) || !(fabs(lon2) <= 360)) return "a longitude is -180 to 180 degrees";
    double north = sin((lat2 - lat1) / 2 * RADIANS), east = sin((lon2 - lon1) / 2 * RADIANS);
    double h = north * north + cos(lat1 * RADIANS) * cos(lat2 * RADIANS) * east * east;
    return wri_ret_f64(outp, 2 * EARTH_RADIUS_M * asin(sqrt(h < 1 ? h : 1)));
}
