"""Wishes: what is asked for is what is heard, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.rhythm import Role, Session, Style, play
from conduit.rhythm.check import check_config
from conduit.rhythm.groove import GrooveRequest, complete, config_of, file_name, groove_id

requests = st.builds(
    GrooveRequest,
    style=st.sampled_from(Style),
    bpm=st.none() | st.floats(20, 300) | st.integers(20, 300),
    bars=st.integers(1, 20),
    seed=st.integers(0, 2**53 - 1),
    density=st.none() | st.floats(0, 1),
    swing=st.none() | st.floats(50, 75) | st.just(56),
    ghost=st.none() | st.floats(0, 1),
    rotation=st.integers(-64, 64),
    mute=st.sampled_from([(), ("hat",), ("kick", "open_hat"), ("closed hat",)]),
    title=st.sampled_from(["", "Tresor / 5 a.m."]),
)


def heard(request: GrooveRequest) -> Session:
    return play(config_of(request))


def count(session: Session, *roles: Role) -> int:
    wanted = [n for n, layer in enumerate(session.config.layers) if layer.role in roles]
    return sum(int((session.notes["layer"] == n).sum()) for n in wanted)


@given(requests)
def test_every_wish_gives_a_legal_config(request_: GrooveRequest) -> None:
    config = config_of(request_)
    check_config(config)
    assert config.bars == request_.bars


@given(requests)
def test_a_completed_wish_is_the_same_wish(request_: GrooveRequest) -> None:
    whole = complete(request_)
    assert None not in (whole.bpm, whole.density, whole.swing, whole.ghost)
    assert whole.title
    assert complete(whole) == whole
    assert config_of(whole) == config_of(request_)
    assert groove_id(whole) == groove_id(request_)


def test_names_depend_on_what_is_played() -> None:
    request = GrooveRequest(Style.DUB)
    names = {
        groove_id(other)
        for other in (
            request,
            replace(request, seed=1),
            replace(request, bpm=121),
            replace(request, ghost=0.5),
            replace(request, title="other"),
        )
    }
    assert len(names) == 5
    assert groove_id(replace(request, bpm=121)) == groove_id(replace(request, bpm=121.0))


def test_sparse_ghost_kicks_at_140() -> None:
    session = heard(GrooveRequest(Style.INDUSTRIAL, bpm=140, bars=4, ghost=0.15))
    kicks = session.notes[session.notes["pitch"] == 36]
    ghosts = kicks[kicks["velocity"] < 50]
    assert session.bpm == 140
    assert session.ticks == 4 * 7680
    assert (len(kicks) - len(ghosts)) == 16
    assert 1 <= len(ghosts) <= 8


def test_ghosts_follow_their_probability() -> None:
    numbers = []
    for probability in (0.0, 0.2, 0.5, 1.0):
        notes = heard(GrooveRequest(Style.INDUSTRIAL, ghost=probability)).notes
        numbers.append(int(((notes["pitch"] == 36) & (notes["velocity"] < 50)).sum()))
    assert numbers[0] == 0
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("style", Style)
def test_density_thins_and_fills_ornaments_and_spares_the_skeleton(style: Style) -> None:
    ornaments, skeletons = [], []
    for density in (0.0, 0.25, 0.5, 0.75, 1.0):
        session = heard(GrooveRequest(style, bars=7, density=density))
        ornaments.append(count(session, Role.HAT, Role.PERCUSSION, Role.OPEN_HAT))
        skeletons.append(count(session, Role.KICK, Role.SNARE))
    assert ornaments[0] == 0
    assert ornaments[0] < ornaments[1] < ornaments[2] < ornaments[4]
    assert ornaments[2] <= ornaments[3] <= ornaments[4]
    assert len(set(skeletons)) == 1


def test_the_busiest_percussion_leaves_room() -> None:
    session = heard(GrooveRequest(Style.HYPNOTIC, bars=16, density=1.0))
    low_block = session.notes["layer"] == session.layers.index("low block")
    assert low_block.sum() == pytest.approx(0.6 * 16 * 16, abs=4)


def test_swing_moves_off_beats_and_keeps_layers_apart() -> None:
    straight = heard(GrooveRequest(Style.WAREHOUSE, swing=50))
    swung = heard(GrooveRequest(Style.WAREHOUSE, swing=62))
    orders = [np.lexsort((each.steps, each.notes["layer"])) for each in (straight, swung)]
    before, after = (
        each.notes[order] for each, order in zip((straight, swung), orders, strict=True)
    )
    assert (before["layer"] == after["layer"]).all()
    odd = straight.steps[orders[0]] % 2 == 1
    moved = after["tick"] - before["tick"]
    rumble = before["layer"] == straight.layers.index("rumble")
    assert (moved[odd & ~rumble] == 115).all()
    assert (moved[odd & rumble] == 77).all()
    assert (moved[~odd] == 0).all()


def test_rotation_moves_hats_and_percussion_only() -> None:
    still = heard(GrooveRequest(Style.ELECTRO, bars=1, mute=("open_hat",)))
    moved = heard(GrooveRequest(Style.ELECTRO, bars=1, rotation=-1, mute=("open_hat",)))
    for before, after in zip(still.grid(), moved.grid(), strict=True):
        if before.name in ("kick", "snare", "clap"):
            assert before == after
        elif before.name == "cowbell":
            assert after.bars[0][:11] == before.bars[0][1:12]


def test_mute_by_name_or_kind() -> None:
    session = heard(GrooveRequest(Style.ACID, mute=("Hat", "open_hat", "cowbell", "Snare")))
    assert session.layers == ("kick", "high tom")


@pytest.mark.parametrize(
    "mute", [("theremin",), ("kick", "snare", "hat", "open_hat", "percussion"), ("",)]
)
def test_mutes_that_cannot_be(mute: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as caught:
        config_of(GrooveRequest(Style.ACID, mute=mute))
    assert caught.value.where == "mute"
    assert caught.value.hint


def test_file_names_are_tame() -> None:
    assert file_name(GrooveRequest(Style.DUB)) == "dub-122-bpm-8-bars.mid"
    assert (
        file_name(GrooveRequest(Style.DUB, seed=7, title="../../x\\y: ü"))
        == "x-y-8-bars-seed-7.mid"
    )
    assert file_name(GrooveRequest(Style.DUB, title="é")) == "dub-8-bars.mid"
