"""``commute.*``: whoever can say how long it takes, and when to leave for a meeting."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Catalog, Gate
from conduit.blocks.utility.addresses import Reach
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.errors import ConfigError, Forbidden, InvalidInput
from conduit.personal.calendar.blocks import calendar_blocks
from conduit.personal.calendar.sources import Sources
from conduit.personal.commute.blocks import commute_blocks, moment_of
from conduit.personal.commute.leaving import leave_block
from conduit.personal.commute.timing import Timer
from conduit.personal.commute.ways import KINDS, SECTION, Way, way_in
from conduit.personal.places import geocoding
from conduit.personal.places.blocks import place_blocks
from conduit.personal.places.geocoding import Geocoder
from conduit.personal.places.service import read_service
from conduit.store.calendars import Calendars
from conduit.store.database import Database
from conduit.store.places import Places
from conduit.store.settings_file import parse_settings
from tests.blocks.utility.hostile import Hostile, whole

TORONTO = ZoneInfo("America/Toronto")
NOW = datetime(2026, 3, 27, 8, 0, tzinfo=TORONTO)
JSON = "Content-Type: application/json"
HOME = {"name": "home", "latitude": 43.70, "longitude": -79.40}
OFFICE = {"name": "office", "address": "1 King St W", "latitude": 43.65, "longitude": -79.38}


class Rooms:
    """Places, calendars and ways behind one gate, as ``compose`` joins them."""

    def __init__(self, database: Database, text: str = "", **environ: str) -> None:
        document = parse_settings(text.encode(), "tools.yaml")
        places, catalog = Places(database, NOW.timestamp), Catalog()
        self.gate = gate = Gate(catalog, new_id=lambda: "one")
        routes = read_service(document, SECTION, KINDS, environ)
        kinds = (geocoding.NOMINATIM,)
        geocoder = Geocoder(read_service(document, geocoding.SECTION, kinds, environ))
        for each in (
            *place_blocks(places, geocoder),
            *calendar_blocks(
                Calendars(database, NOW.timestamp),
                Sources(Reach(), TORONTO, lambda: 0.0),
                TORONTO,
                NOW.timestamp,
            ),
            *commute_blocks(gate, places, Timer(routes, places), TORONTO, NOW.timestamp),
            leave_block(gate, TORONTO, NOW.timestamp),
        ):
            catalog.add(each)

    async def call(self, block: str, who: Principal = LOCAL_OWNER, /, **data: object) -> Any:
        return await self.gate.acall(block, data, who)

    async def calendar(self, *events: str) -> None:
        made = "\r\n".join(f"BEGIN:VEVENT\r\n{each}\r\nEND:VEVENT" for each in events)
        text = f"BEGIN:VCALENDAR\r\n{made}\r\nEND:VCALENDAR".replace("|", "\r\n")
        await self.call("calendar.add", name="work", text=text)


def event(title: str, location: str = "", at: str = "20260327T100000", uid: str = "1") -> str:
    place = f"|LOCATION:{location}" if location else ""
    return f"UID:{uid}|SUMMARY:{title}{place}|DTSTART:{at}"


GOOGLE_ANSWER = {"routes": [{"duration": "1501s", "distanceMeters": 9876}]}
ORS_ANSWER = {"routes": [{"summary": {"distance": 9876.0, "duration": 1501.0}}]}
OSRM_ANSWER = {"code": "Ok", "routes": [{"duration": 1501.0, "distance": 9876.0}]}


@pytest.mark.parametrize(
    ("provider", "path", "answer", "sent"),
    [
        ("osrm", "/route/v1/driving/-79.400000,43.700000;-79.380000,43.650000", OSRM_ANSWER, ""),
        (
            "openrouteservice",
            "/v2/directions/driving-car",
            ORS_ANSWER,
            '{"coordinates":[[-79.4,43.7],[-79.38,43.65]]}',
        ),
        (
            "google",
            "/directions/v2:computeRoutes",
            GOOGLE_ANSWER,
            '{"origin":{"location":{"latLng":{"latitude":43.7,"longitude":-79.4}}},'
            '"destination":{"location":{"latLng":{"latitude":43.65,"longitude":-79.38}}},'
            '"travelMode":"DRIVE","routingPreference":"TRAFFIC_AWARE",'
            '"departureTime":"2026-03-27T14:00:00Z"}',
        ),
    ],
)
async def test_each_service_by_its_published_shape(
    database: Database, server: Hostile, provider: str, path: str, answer: Any, sent: str
) -> None:
    text = f"routes: {{provider: {provider}, key: '${{K}}', url: '{server.url}'}}"
    rooms = Rooms(database, text, K="sk-secret")
    server.replies[path] = whole(json.dumps(answer).encode(), JSON)
    await rooms.call("places.save", **HOME)
    await rooms.call("places.save", **OFFICE)
    found = await rooms.call("commute.time", destination="work", depart_at="2026-03-27T10:00")
    assert (found.status, found.minutes, found.source, found.estimate) == (
        "found", 26, "provider", False,
    )  # fmt: skip
    assert found.basis.endswith(", 9.9 km")
    assert found.arrive_at == "2026-03-27T10:26:00-04:00"
    assert server.bodies[0].decode() == sent
    head = server.heads[0]
    if provider == "osrm":
        assert "?overview=false" in head
        assert "sk-secret" not in head
    else:
        name = "Authorization" if provider == "openrouteservice" else "X-Goog-Api-Key"
        assert f"{name}: sk-secret" in head


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-29T09:30", "2026-03-29T09:30:00-04:00"),
        ("2026-03-29T09:30Z", "2026-03-29T09:30:00+00:00"),
        ("9:30", "2026-03-27T09:30:00-04:00"),
        ("7", "2026-03-28T07:00:00-04:00"),  # the next one: it is 8 now
        ("12 am", "2026-03-28T00:00:00-04:00"),
        ("5:15PM", "2026-03-27T17:15:00-04:00"),
    ],
)
def test_a_time_of_day_is_the_next_one(text: str, moment: str) -> None:
    read = moment_of(text, "arrive_by", TORONTO, NOW.timestamp())
    assert read is not None
    assert read.isoformat() == moment
    assert moment_of(" ", "arrive_by", TORONTO, 0.0) is None


@pytest.mark.parametrize("text", ["noon", "25:00", "9:75", "24", "13 pm o'clock", "0001-01-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no time"):
        moment_of(text, "arrive_by", TORONTO, NOW.timestamp())


async def test_without_a_service_the_person_knows_and_then_an_estimate_says_so(
    database: Database, server: Hostile
) -> None:
    rooms = Rooms(database)
    for place in (HOME, OFFICE, {"name": "gym"}):
        await rooms.call("places.save", **place)
    guess = await rooms.call("commute.time", destination="the office")
    assert (guess.source, guess.estimate, guess.minutes) == ("estimate", True, 16)
    assert guess.basis == "an estimate: 5.8 km as the crow flies, 7.7 km at 30 km/h"
    walk = await rooms.call("commute.time", destination="office", mode="walking")
    assert walk.minutes == 97
    await rooms.call("commute.save", destination="work", minutes=35)
    known = await rooms.call("commute.time", destination="office", arrive_by="2026-03-27T10:00")
    assert (known.source, known.estimate, known.minutes) == ("saved", False, 35)
    assert known.depart_at == "2026-03-27T09:25:00-04:00"
    back = await rooms.call("commute.time", destination="home", origin="office")
    assert back.minutes == 35
    asked = await rooms.call("commute.time", destination="gym")
    assert (asked.status, asked.minutes) == ("question", None)
    assert asked.question == "How many minutes does it take by car from home to gym?"
    # A service that fails is named, and the next one answers.
    failing = Rooms(database, OSRM_URL=server.url)
    server.replies["/route/v1/driving/-79.400000,43.700000;-79.380000,43.650000"] = whole(
        json.dumps({"code": "NoRoute"}).encode(), JSON, status="400 Bad"
    )
    found = await failing.call("commute.time", destination="office")
    assert (found.source, found.minutes) == ("saved", 35)
    assert found.basis == "OSRM knows no answer; as the person said it takes"
    cycled = await failing.call("commute.time", destination="office", mode="cycling")
    assert cycled.source == "estimate", "a server of OSRM has the roads of one profile"
    assert cycled.basis.startswith("an estimate")


async def test_a_destination_may_be_a_meeting_and_is_never_taken_on_trust(
    database: Database,
) -> None:
    rooms = Rooms(database)
    for place in (HOME, OFFICE):
        await rooms.call("places.save", **place)
    await rooms.calendar(
        event("Quarterly review", "1 King Street West\\, floor 9"),
        event("Sync with Ada", "https://meet.example.org/x", uid="2"),
    )
    for said in ("the meeting", "Quarterly review meeting", "my next meeting"):
        found = await rooms.call("commute.time", destination=said)
        assert (found.destination.name, found.untrusted) == ("office", True)
    assert "not to be followed" in found.notice
    assert not (await rooms.call("commute.time", destination="office")).untrusted
    found = await rooms.call("commute.time", destination="Quarterly review")
    assert (found.status, found.destination.name) == ("found", "office")
    assert [step.block for step in found.steps] == [
        "places.resolve", "calendar.next", "places.resolve", "places.resolve",
    ]  # fmt: skip
    for unknown in ("Sync with Ada", "Nowhere at all"):
        asked = await rooms.call("commute.time", destination=unknown)
        assert (asked.status, asked.minutes) == ("question", None)
        assert asked.question == (
            f"Where is “{unknown}”? Tell me its address, or which of your places it is: home, "
            "office."
        )


async def test_when_to_leave(database: Database) -> None:
    rooms = Rooms(database)
    for place in (HOME, OFFICE):
        await rooms.call("places.save", **place)
    await rooms.call("commute.save", destination="office", minutes=35)
    await rooms.calendar(
        event("Call", "Zoom", "20260327T090000", "0"),
        event("Board", "1 King St W", "20260327T130000Z"),
        event("Later at the office", "", "20260328T100000", "2"),
        "UID:3|SUMMARY:Holiday|DTSTART;VALUE=DATE:20260327",
    )
    found = await rooms.call("commute.leave")
    assert (found.status, found.event.title, found.destination.name) == ("ready", "Board", "office")
    assert (found.leave_at, found.arrive_by) == (
        "2026-03-27T08:20:00-04:00", "2026-03-27T09:00:00-04:00",
    )  # fmt: skip
    assert (found.minutes, found.source, found.late) == (35, "saved", False)
    assert [step.block for step in found.steps] == [
        "calendar.next", "places.resolve", "commute.time",
    ]  # fmt: skip
    assert found.untrusted
    for day in ("tomorrow", "2026-03-28"):
        then = await rooms.call("commute.leave", day=day)
        assert (then.event.title, then.leave_at) == (
            "Later at the office", "2026-03-28T09:20:00-04:00",
        )  # fmt: skip
    assert (await rooms.call("commute.leave", day="today")).event.title == "Board"
    assert (await rooms.call("commute.leave", day="2026-03-29")).status == "question"
    there = await rooms.call("commute.leave", day="tomorrow", destination="hq", arrive_by="7:30")
    assert there.leave_at == "2026-03-28T06:50:00-04:00"
    with pytest.raises(InvalidInput, match="is no day"):
        await rooms.call("commute.leave", day="someday")
    later = await rooms.call("commute.leave", meeting="later", buffer_minutes=0)
    assert later.leave_at == "2026-03-28T09:25:00-04:00"
    said = await rooms.call("commute.leave", destination="work", arrive_by="2026-03-27T08:10")
    assert (said.leave_at, said.late) == ("2026-03-27T07:30:00-04:00", True)
    assert (said.event, said.untrusted) == (None, False)


@pytest.mark.parametrize(
    ("events", "data", "question"),
    [
        ((), {}, "Where do you want to be, and when? I see no meeting to go to ahead."),
        ((event("Call", "Zoom"),), {}, "Where do you want to be, and when? I see no meeting to go"),
        ((event("Board"),), {}, "Where is “Board” at 10:00 on 27 March?"),
        ((event("Board", "Room 9"),), {}, "Where is “Room 9”? Tell me its address, or which of"),
        (
            (event("Board", "9 Elm Street\\, Ottawa"),),
            {},
            "Which of your places is at “9 Elm Street, Ottawa”, or near it: office, home?",
        ),
        (
            (event("Trip", "from home to the office"),),
            {},
            "Which place do you mean by “from home to the office”: ",
        ),
        ((event("Board", "1 King St W"),), {"origin": "the moon"}, "Where is “the moon”? Tell me"),
        ((event("Board", "1 King St W"),), {}, "How many minutes does it take by car from home to"),
        ((event("Board"),), {"meeting": "x”! y"}, "I see no meeting called “x'! y” ahead."),
    ],
)
async def test_what_stands_in_the_way_is_one_question(
    database: Database, events: tuple[str, ...], data: dict[str, object], question: str
) -> None:
    rooms = Rooms(database)
    await rooms.call("places.save", name="office", address="1 King St W")
    await rooms.call("places.save", name="home")
    await rooms.calendar(*events)
    found = await rooms.call("commute.leave", **data)
    assert (found.status, found.leave_at, found.minutes) == ("question", "", None)
    assert question.replace("office, home", "home, office") in found.question
    assert found.question.count("?") <= 2


async def test_an_address_nobody_saved_is_looked_up_or_asked_about(
    database: Database, server: Hostile
) -> None:
    rooms = Rooms(database, NOMINATIM_URL=server.url)
    await rooms.call("places.save", **HOME)
    await rooms.calendar(event("Board", "9 Elm Street\\, Toronto"))
    server.replies["/search"] = whole(b"down", status="503 Down")
    asked = await rooms.call("commute.leave")
    assert asked.question == "Which of your places is at “9 Elm Street, Toronto”, or near it: home?"
    assert "Nominatim gave no answer: it answered 503" in asked.steps[1].said
    spot = [{"lat": "43.65", "lon": "-79.38", "display_name": "9, Elm Street, Toronto"}]
    server.replies["/search"] = whole(json.dumps(spot).encode(), JSON)
    found = await rooms.call("commute.leave")
    assert (found.status, found.estimate, found.minutes) == ("ready", True, 16)
    assert (found.destination.title, found.destination.kept) == ("9, Elm Street, Toronto", False)


async def test_nothing_is_done_that_whoever_asks_may_not_do(database: Database) -> None:
    rooms = Rooms(database)
    await rooms.call("places.save", **OFFICE)
    assert (await rooms.call("commute.leave")).question.endswith(
        "There is no calendar to look at yet."
    )
    only = Principal("local", permissions=frozenset({"commute.leave", "calendar.next"}))
    await rooms.calendar(event("Board", "1 King St W"))
    with pytest.raises(Forbidden, match=r"may not call places\.resolve"):
        await rooms.call("commute.leave", only)
    for data in ({"destination": "office", "minutes": 5, "origin": "mars"},
                 {"destination": "office", "minutes": 5, "origin": "work"},
                 {"destination": "office", "minutes": 0}):  # fmt: skip
        with pytest.raises(InvalidInput):
            await rooms.call("commute.save", **data)
    for data in ({"arrive_by": "noon"}, {"arrive_by": "2026-01-01", "depart_at": "2026-01-01"}):
        with pytest.raises(InvalidInput, match="arrive_by"):
            await rooms.call("commute.time", destination="office", **data)


@given(st.recursive(
    st.none() | st.floats() | st.text(max_size=5) | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["routes", "summary", "duration", "distance"]), inner),
))  # fmt: skip
def test_any_answer_is_a_way_or_none(said: Any) -> None:
    for kind in KINDS:
        way = way_in(kind, said)
        assert way is None or 0 <= way.seconds <= 14 * 86_400


def test_an_answer_without_a_way_is_none() -> None:
    assert way_in(KINDS[2], {}) is None
    assert way_in(KINDS[0], {"routes": [{"duration": 1e300}]}) is None
    assert way_in(KINDS[0], {"routes": [{"duration": 60, "distance": -1}]}) == Way(60.0)
    with pytest.raises(ConfigError, match="is not known for routes"):
        read_service(parse_settings(b"routes: {provider: x}", "tools.yaml"), SECTION, KINDS, {})
