"""Roughly where R21's countries lie: enough to notice swapped or foreign coordinates."""

from logistics.points.earth import Box

#: South, north, west, east in degrees, islands of the same ISO 3166 code included.
BOXES: dict[str, tuple[Box, ...]] = {
    "AE": ((22.5, 26.5, 51.0, 56.6),),
    "AU": ((-44.0, -9.0, 112.5, 154.5),),
    "CA": ((41.5, 83.5, -141.1, -52.5),),
    "CH": ((45.7, 47.9, 5.8, 10.6),),
    "CL": ((-56.2, -17.4, -76.0, -66.0), (-28.0, -26.0, -110.0, -105.0)),
    "CZ": ((48.5, 51.1, 12.0, 18.9),),
    "FR": ((41.2, 51.2, -5.3, 9.7),),
    "GB": ((49.8, 60.9, -8.7, 1.9),),
    "IL": ((29.4, 33.4, 34.2, 35.95),),
    "IT": ((35.4, 47.2, 6.5, 18.6),),
    "JP": ((20.3, 45.7, 122.8, 154.1),),
    "KR": ((33.0, 38.7, 124.5, 132.0),),
    "MX": ((14.4, 32.8, -118.5, -86.6),),
    "PL": ((48.9, 55.0, 14.0, 24.2),),
    # The Aleutians reach beyond the antimeridian.
    "US": ((18.8, 71.5, -179.2, -66.9), (51.0, 53.5, 172.0, 180.0)),
}
