from __future__ import annotations

from dataclasses import replace

import numpy as np
from made_up_histories import building_loads, history_of

from models.features.neighbours import NEIGHBOUR_COLUMNS, others_of
from models.features.past import LOOKED_BACK, scales
from models.features.rows import rows_of_origin
from models.features.table import FEATURE_NAMES, feature_table
from models.history import Floats, History, Surroundings

PLACES = [FEATURE_NAMES.index(name) for name in NEIGHBOUR_COLUMNS]


def history(sites: str, communes: str, values: Floats | None = None) -> History:
    loads = building_loads(len(sites), 40) if values is None else values
    return replace(history_of(loads), around=Surroundings(tuple(sites), tuple(communes)))


def columns(history: History, origin: int = 900) -> Floats:
    return feature_table(history, rows_of_origin(history, origin)).matrix[:, PLACES].astype(np.float64)


def test_siblings_of_a_site_come_before_the_commune() -> None:
    known = history("aabc", "xxxx")
    others = others_of(known)
    assert others is not None
    scaled = known.values / scales(known)[:, :-1]
    np.testing.assert_allclose(others[0], scaled[1])
    np.testing.assert_allclose(others[2], scaled[[0, 1, 3]].mean(axis=0))


def test_neighbours_never_cross_a_commune() -> None:
    loads = building_loads(3, 40)
    other = loads.copy()
    other[2] *= np.linspace(1, 3, loads.shape[1])
    before, after = (columns(history("abc", "xxy", values)) for values in (loads, other))
    np.testing.assert_array_equal(before, after)
    assert np.isnan(before[2 * 48 :]).all()


def test_what_neighbours_do_after_the_origin_changes_nothing() -> None:
    loads = building_loads(3, 40)
    later = loads.copy()
    later[:, 900:] *= 7
    np.testing.assert_array_equal(columns(history("aab", "xxx", loads)), columns(history("aab", "xxx", later)))
    earlier = loads.copy()
    earlier[0, 898] *= 7
    changed = columns(history("aab", "xxx", loads)) != columns(history("aab", "xxx", earlier))
    assert changed[48:96].any()


def test_alone_or_in_no_known_place_there_is_nothing_to_tell() -> None:
    assert np.isnan(columns(history("ab", "xy"))).all()
    assert np.isnan(columns(history_of(building_loads(2, 40)))).all()


def test_the_newest_weeks_tell_a_row_as_much_as_the_whole_history() -> None:
    whole = history("aabc", "xxxx", building_loads(4, 80))
    recent = whole.last(LOOKED_BACK)
    assert recent.length == LOOKED_BACK // whole.plan.step
    tables = [feature_table(one, rows_of_origin(one, one.length)) for one in (whole, recent)]
    np.testing.assert_allclose(tables[0].matrix, tables[1].matrix, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(tables[0].scale, tables[1].scale)
