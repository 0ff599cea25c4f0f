"""OGC SensorThings API 1.1, part 1 (OGC 18-088), to read: places, series and readings as the standard names them."""
