"""The small town as one table: its sites, its sensors, their faults; and the source that publishes what they read.

Seven rooms, two outdoor stations, twenty-four bins, ten delivery bays, six buildings and two bike counters in
seven communes. Communes are real; sites, names of institutions and positions within the commune are made up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from core.clock import Window, in_utc
from core.places import Origin, Sensor, SensorKind, Site
from core.readings import Delivery
from models.simulation.bays import Bay
from models.simulation.bins import Bin, Stream
from models.simulation.buildings import Building, Opening
from models.simulation.counters import BikeCounter
from models.simulation.days import HOUR_S, OPENED, SeededDay
from models.simulation.faults import Fault, FaultKind, with_faults
from models.simulation.radio import Gateway, Radio
from models.simulation.rooms import LIBRARY, PRIMARY_SCHOOL, Room
from models.simulation.stations import Station
from models.simulation.traces import Simulated

NOISY, AULNAY, MONTREUIL, VINCENNES = "93051", "93005", "93048", "94080"
BOULOGNE, LEVALLOIS, SAINT_DENIS = "92012", "92044", "93066"


def _sensor(site: Site, kind: SensorKind, number: int, name: str) -> Sensor:
    external_id = f"sim-{site.commune_insee}-{site.code}-{kind.value.replace('_', '-')}-{number}"
    return Sensor(external_id, kind, name, site, Origin.SIMULATED)


# Sites of several sensors: commune, code, name, longitude, latitude.
_COTEAUX = Site(NOISY, "ecole-des-coteaux", "École élémentaire des Coteaux", 2.5561, 48.8452)
_TILLEULS = Site(AULNAY, "ecole-des-tilleuls", "École élémentaire des Tilleuls", 2.4942, 48.9391)
_MEDIATHEQUE = Site(NOISY, "mediatheque-du-mail", "Médiathèque du Mail", 2.5478, 48.8419)


def _room(site: Site, number: int, name: str) -> Sensor:
    return _sensor(site, SensorKind.INDOOR_AIR, number, name)


# Sensor, timetable, volume (m3), children and adults, air changes per hour by leaks and by the fan.
_ROOMS = (
    Room(_room(_COTEAUX, 1, "Classe de CP"), PRIMARY_SCHOOL, 185, (24, 1), (0.35, 1.6)),
    Room(_room(_COTEAUX, 2, "Classe de CE2"), PRIMARY_SCHOOL, 170, (26, 1), (0.50, 0.0)),
    Room(_room(_COTEAUX, 3, "Classe de CM2"), PRIMARY_SCHOOL, 190, (27, 1), (0.40, 0.8)),
    Room(_room(_TILLEULS, 1, "Classe de CP"), PRIMARY_SCHOOL, 160, (22, 1), (0.45, 0.0)),
    Room(_room(_TILLEULS, 2, "Classe de CE1"), PRIMARY_SCHOOL, 175, (25, 1), (0.30, 1.2)),
    Room(_room(_TILLEULS, 3, "Classe de CM1"), PRIMARY_SCHOOL, 200, (28, 2), (0.35, 2.4)),
    Room(_room(_MEDIATHEQUE, 1, "Salle de lecture"), LIBRARY, 620, (20, 30), (0.30, 1.0)),
)


def _station(site: Site, name: str) -> Sensor:
    return replace(_sensor(site, SensorKind.OUTDOOR_AIR, 1, name), interval_s=HOUR_S)


# Sensor, NO2 of the traffic beside it and of the background (µg/m3).
_STATIONS = (
    Station(_station(Site(SAINT_DENIS, "station-rn1", "Station RN1", 2.3587, 48.9331), "Bord de route"), 22, 14),
    Station(_station(Site(NOISY, "station-parc", "Station du Parc", 2.5623, 48.8368), "Fond urbain"), 5, 13),
)

# A street bin is emptied four times a week, glass and packaging columns once or twice.
_STREET_WEST = (frozenset({0, 2, 4, 5}), 6.5)
_STREET_EAST = (frozenset({0, 1, 3, 5}), 7.0)
_GLASS_ROUND = (frozenset({2}), 9.5)
_PACKAGING_ROUND = (frozenset({1, 4}), 8.5)

# Stream, round, code, name, longitude, latitude, depth (mm), days to fill.
_BIN_ROWS = (
    (Stream.STREET, _STREET_WEST, "place-du-marche", "Place du Marché", 2.5521, 48.8479, 850, 1.9),
    (Stream.STREET, _STREET_WEST, "parvis-gare", "Parvis de la gare", 2.5489, 48.8428, 850, 1.7),
    (Stream.STREET, _STREET_WEST, "mail-central", "Mail central", 2.5472, 48.8409, 850, 2.3),
    (Stream.STREET, _STREET_WEST, "square-des-ecoles", "Square des Écoles", 2.5553, 48.8463, 850, 2.9),
    (Stream.STREET, _STREET_WEST, "bords-de-marne", "Promenade de la Marne", 2.5509, 48.8521, 1000, 3.4),
    (Stream.STREET, _STREET_WEST, "stade", "Stade", 2.5601, 48.8442, 850, 3.2),
    (Stream.STREET, _STREET_WEST, "place-carree", "Place carrée", 2.5451, 48.8392, 850, 2.2),
    (Stream.STREET, _STREET_EAST, "avenue-est", "Avenue de l’Est", 2.5688, 48.8391, 850, 2.6),
    (Stream.STREET, _STREET_EAST, "parc-nord", "Parc, entrée nord", 2.5631, 48.8377, 1000, 3.1),
    (Stream.STREET, _STREET_EAST, "parc-sud", "Parc, entrée sud", 2.5640, 48.8342, 1000, 3.6),
    (Stream.STREET, _STREET_EAST, "place-des-fetes", "Place des Fêtes", 2.5702, 48.8358, 850, 2.1),
    (Stream.STREET, _STREET_EAST, "rue-commercante", "Rue commerçante", 2.5659, 48.8411, 850, 1.8),
    (Stream.GLASS, _GLASS_ROUND, "verre-marche", "Verre, place du Marché", 2.5524, 48.8477, 1700, 7.5),
    (Stream.GLASS, _GLASS_ROUND, "verre-gare", "Verre, gare", 2.5493, 48.8425, 1700, 8.5),
    (Stream.GLASS, _GLASS_ROUND, "verre-coteaux", "Verre, les Coteaux", 2.5568, 48.8449, 1700, 10.0),
    (Stream.GLASS, _GLASS_ROUND, "verre-marne", "Verre, bords de Marne", 2.5517, 48.8516, 1700, 12.0),
    (Stream.GLASS, _GLASS_ROUND, "verre-est", "Verre, avenue de l’Est", 2.5694, 48.8388, 1700, 9.0),
    (Stream.GLASS, _GLASS_ROUND, "verre-parc", "Verre, parc", 2.5634, 48.8373, 1700, 11.0),
    (Stream.PACKAGING, _PACKAGING_ROUND, "tri-marche", "Tri, place du Marché", 2.5526, 48.8476, 1600, 4.0),
    (Stream.PACKAGING, _PACKAGING_ROUND, "tri-gare", "Tri, gare", 2.5496, 48.8424, 1600, 4.6),
    (Stream.PACKAGING, _PACKAGING_ROUND, "tri-coteaux", "Tri, les Coteaux", 2.5571, 48.8448, 1600, 5.2),
    (Stream.PACKAGING, _PACKAGING_ROUND, "tri-mail", "Tri, mail central", 2.5474, 48.8406, 1600, 4.2),
    (Stream.PACKAGING, _PACKAGING_ROUND, "tri-est", "Tri, avenue de l’Est", 2.5696, 48.8387, 1600, 5.0),
    (Stream.PACKAGING, _PACKAGING_ROUND, "tri-fetes", "Tri, place des Fêtes", 2.5706, 48.8356, 1600, 3.8),
)
_BINS = tuple(
    Bin(_sensor(Site(NOISY, code, name, longitude, latitude), SensorKind.BIN, 1, name), stream, depth, days, collection)
    for stream, collection, code, name, longitude, latitude, depth, days in _BIN_ROWS
)

# Commune, code, name, longitude, latitude, demand (1 is average), median stay by day (minutes).
_BAY_ROWS = (
    (MONTREUIL, "livraison-mairie", "Livraison, place de la mairie", 2.4417, 48.8624, 1.2, 14),
    (MONTREUIL, "livraison-marche", "Livraison, rue du marché", 2.4362, 48.8558, 0.8, 18),
    (VINCENNES, "livraison-chateau", "Livraison, avenue du château", 2.4369, 48.8455, 1.1, 12),
    (VINCENNES, "livraison-centre", "Livraison, rue du centre", 2.4331, 48.8473, 0.9, 15),
    (BOULOGNE, "livraison-grand-place", "Livraison, Grand-Place", 2.2397, 48.8353, 1.3, 13),
    (BOULOGNE, "livraison-boulevard", "Livraison, boulevard", 2.2451, 48.8402, 1.0, 16),
    (LEVALLOIS, "livraison-hotel-de-ville", "Livraison, hôtel de ville", 2.2876, 48.8934, 1.2, 11),
    (LEVALLOIS, "livraison-halle", "Livraison, halle", 2.2812, 48.8956, 0.7, 20),
    (SAINT_DENIS, "livraison-basilique", "Livraison, parvis", 2.3578, 48.9362, 1.1, 17),
    (SAINT_DENIS, "livraison-gare", "Livraison, gare", 2.3479, 48.9349, 0.9, 14),
)
_BAYS = tuple(
    Bay(_sensor(Site(commune, code, name, longitude, latitude), SensorKind.BAY, 1, name), demand, stay)
    for commune, code, name, longitude, latitude, demand, stay in _BAY_ROWS
)


def _week(workday: tuple[float, float], saturday: tuple[float, float] | None = None) -> Opening:
    return Opening((workday,) * 5 + (saturday, None))


_SCHOOL_WEEK = Opening(
    ((8.0, 18.0), (8.0, 18.0), (9.0, 17.0), (8.0, 18.0), (8.0, 18.0), None, None), keeps_school_holidays=True
)
_LIBRARY_WEEK = Opening((None, *((10.0, 19.0),) * 4, (10.0, 18.0), None))
_EVERY_DAY = Opening(((8.0, 22.0),) * 5 + ((9.0, 19.0),) * 2)


def _meter(site: Site) -> Sensor:
    return _sensor(site, SensorKind.METER, 1, "Compteur général")


# Sensor, opening, base load and full use (kW), heating and cooling (kW per degree).
_BUILDINGS = (
    Building(_meter(_COTEAUX), _SCHOOL_WEEK, 4, 22, (1.1, 0.0)),
    Building(_meter(_MEDIATHEQUE), _LIBRARY_WEEK, 7, 30, (1.4, 2.0)),
    Building(
        _meter(Site(NOISY, "hotel-de-ville", "Hôtel de ville", 2.5531, 48.8484)),
        _week((8.0, 18.0), (9.0, 12.0)),
        18,
        85,
        (3.0, 4.5),
    ),
    Building(_meter(Site(NOISY, "gymnase-est", "Gymnase de l’Est", 2.5671, 48.8381)), _EVERY_DAY, 5, 34, (1.8, 0.0)),
    Building(_meter(Site(AULNAY, "piscine", "Piscine municipale", 2.4998, 48.9432)), _EVERY_DAY, 75, 90, (5.0, 1.0)),
    Building(
        _meter(Site(MONTREUIL, "centre-technique", "Centre technique municipal", 2.4583, 48.8661)),
        _week((6.5, 17.0)),
        12,
        48,
        (1.5, 0.5),
    ),
)


def _counter(site: Site) -> Sensor:
    return _sensor(site, SensorKind.COUNTER, 1, "Boucle vélo")


# Sensor, bikes per hour on an ordinary workday.
_COUNTERS = (
    BikeCounter(_counter(Site(VINCENNES, "piste-du-bois", "Piste du bois", 2.4352, 48.8442)), 85),
    BikeCounter(_counter(Site(MONTREUIL, "piste-de-paris", "Piste, rue de Paris", 2.4241, 48.8561)), 130),
)

MEMBERS: tuple[Simulated, ...] = (*_ROOMS, *_STATIONS, *_BINS, *_BAYS, *_BUILDINGS, *_COUNTERS)

# The bins speak over LoRaWAN. The gateway of the médiathèque is on a socket that somebody unplugs now and then: the
# bins of the quarter round the station are heard by no other.
GATEWAYS = (
    Gateway("gw-marche", 2.5535, 48.8500),
    Gateway("gw-ecole-des-coteaux", 2.5608, 48.8450),
    Gateway("gw-gymnase-est", 2.5671, 48.8381),
    Gateway("gw-mediatheque", 2.5478, 48.8412, down_chance=0.25, down_hours=10.0),
)

FAULTS = (
    Fault("sim-93051-ecole-des-coteaux-indoor-air-2", FaultKind.LATE, 0.3, 3.0),
    Fault("sim-93005-ecole-des-tilleuls-indoor-air-1", FaultKind.DRIFT, 1.0, 0.002),
    Fault("sim-93005-ecole-des-tilleuls-indoor-air-2", FaultKind.GAP, 0.2, 5.0),
    Fault("sim-93066-station-rn1-outdoor-air-1", FaultKind.DUPLICATE, 0.5, 0.1),
    Fault("sim-93051-stade-bin-1", FaultKind.STUCK, 0.25, 6.0),
    Fault("sim-93051-parc-sud-bin-1", FaultKind.GAP, 0.5, 24.0),
    Fault("sim-93051-verre-coteaux-bin-1", FaultKind.DRAIN, 1.0, 0.03),
    Fault("sim-93051-gymnase-est-meter-1", FaultKind.STUCK, 0.4, 24.0),
    Fault("sim-93051-verre-parc-bin-1", FaultKind.LATE, 0.4, 6.0),
    Fault("sim-93066-livraison-gare-bay-1", FaultKind.STUCK, 0.15, 4.0),
    Fault("sim-92044-livraison-halle-bay-1", FaultKind.DUPLICATE, 0.4, 0.05),
    Fault("sim-93048-centre-technique-meter-1", FaultKind.LATE, 0.2, 2.0),
)
"""What goes wrong in the town, and with which sensor: a fifth of them, some every few days."""


class Town:
    """A source of simulated readings: the same seed always gives the same town, however it is asked.

    Parameters
    ----------
    seed
        Any integer: another seed is another weather, other people, other faulty days in the same streets.
    members, faults
        The sensors with what they read, and what goes wrong with them.
    """

    def __init__(self, seed: int, members: Sequence[Simulated] = MEMBERS, faults: Sequence[Fault] = FAULTS) -> None:
        self.seed = seed
        self.members = tuple(members)
        self.faults = tuple(faults)
        bins = [member.sensor for member in members if isinstance(member, Bin)]
        self._radio = Radio.of(seed, GATEWAYS, bins)
        # Today and yesterday serve every live request; one more for the turn of the day.
        self._observed_on = lru_cache(maxsize=3)(self._observe)
        self._delivered_on = lru_cache(maxsize=2)(self._deliver)

    @property
    def sensors(self) -> Sequence[Sensor]:
        """The sensors, in the order of the table."""
        return tuple(member.sensor for member in self.members)

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Yield what is delivered in ``window``, in order of ``deliver_at``; nothing before the town was opened."""
        start, end = in_utc(window.start), in_utc(window.end)
        first = max(start.date().toordinal(), OPENED.toordinal())
        last = (end - timedelta.resolution).date().toordinal()
        for ordinal in range(first, last + 1):
            day = self._delivered_on(ordinal)
            low = bisect_left(day, start, key=_deliver_at)
            yield from day[low : bisect_left(day, end, key=_deliver_at)]

    def _deliver(self, ordinal: int) -> list[Delivery]:
        """Everything delivered on one UTC date: what was observed on it, and what came late from the day before."""
        observed = self._observed_on(ordinal)
        if ordinal > OPENED.toordinal():
            observed = self._observed_on(ordinal - 1) + observed
        today = (delivery for delivery in observed if delivery.deliver_at.toordinal() == ordinal)
        return sorted(today, key=_order)

    def _observe(self, ordinal: int) -> list[Delivery]:
        day = SeededDay(self.seed, ordinal)
        deliveries: list[Delivery] = []
        for member in self.members:
            faults = [fault for fault in self.faults if fault.external_id == member.sensor.external_id]
            for trace in member.traces(day):
                deliveries.extend(self._radio.heard(with_faults(trace, faults, day).deliveries()))
        return deliveries


def town(seed: int = 1) -> Town:
    """Return the small town of this seed."""
    return Town(seed)


def _deliver_at(delivery: Delivery) -> datetime:
    return delivery.deliver_at


def _order(delivery: Delivery) -> tuple[datetime, str, datetime, str]:
    return delivery.deliver_at, delivery.external_id, delivery.observed_at, delivery.metric
