-- depends: 0022.sensor-page

-- Where a commune ends, as its source draws it; maps draw cells around the communes' points where there is none.
CREATE TABLE contour (
    insee       char(5)     PRIMARY KEY REFERENCES commune,
    geometry    json        NOT NULL CHECK (geometry ->> 'type' IN ('Polygon', 'MultiPolygon')
                                            AND octet_length(geometry::text) <= 1048576),
    source      text        NOT NULL CHECK (length(source) BETWEEN 1 AND 200),
    licence     text        NOT NULL CHECK (length(licence) <= 200),
    imported_at timestamptz NOT NULL
);

ALTER TABLE contour ENABLE ROW LEVEL SECURITY;
-- Where a commune ends is no secret: whoever is let in may know it.
CREATE POLICY contour_seen ON contour FOR SELECT TO vigie_api USING ((SELECT visitor_pass()) IS NOT NULL);
GRANT SELECT ON contour TO vigie_api;
