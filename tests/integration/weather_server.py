"""A real HTTP server that speaks as Open-Meteo does, on a loopback port, and says what a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from open_meteo_answers import BEGUN_S, place_told, sent

Said = tuple[int, bytes]
Query = dict[str, str]


def documented(query: Query, first_s: int = BEGUN_S) -> Said:
    """Answer as the documentation says, for the places and the hours that are asked for."""
    places = zip(query["longitude"].split(","), query["latitude"].split(","), strict=True)
    hours = int(query["forecast_hours"])
    told = [place_told(float(east), float(north), hours=hours, first_s=first_s) for east, north in places]
    for one in told:
        one["hourly"]["temperature_2m"] = [one["latitude"]] * hours
        one["hourly"] |= dict.fromkeys(("wind_speed_10m", "precipitation", "shortwave_radiation"), [2.0] * hours)
    return 200, sent(told if len(told) > 1 else told[0])


@dataclass
class WeatherServer:
    """What was asked, in order, and what is said to each."""

    says: Callable[[Query], Said] = documented
    port: int = 0
    asked: list[Query] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address, as the setting wants it."""
        return f"http://127.0.0.1:{self.port}/v1/forecast"


@contextmanager
def weather_served(says: Callable[[Query], Said] = documented) -> Iterator[WeatherServer]:
    """Run one; stopped at the end."""
    weather = WeatherServer(says)

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            weather.asked.append(query)
            status, body = weather.says(query)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        weather.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield weather
        finally:
            server.shutdown()
            thread.join()
