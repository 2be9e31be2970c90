"""The edge board's application: the world, the detector's numbers, the driver, and the pipelines."""

from __future__ import annotations

import io
import json
import re

import acl
import npusim
import numpy as np
import onnx
import pytest
from acl import _state
from atc.cli import main as atc
from edge_board import board, drive, pipelines, road, sight, video
from explorables.drive import drive_player
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from .conftest import ROOT

PAGE = ROOT / "book" / "part3" / "edge-board.md"
TINY = road.Camera(sight.WIDE, sight.HIGH)
DESIGNS = (
    pipelines.one_thread,
    pipelines.double_buffering,
    pipelines.batches,
    pipelines.streams_with_callbacks,
)


# --- the world ------------------------------------------------------------------------------------


@pytest.mark.parametrize("aside", [-0.3, 0.0, 0.2])
@pytest.mark.parametrize("along", [0.0, 7.5, 23.0])
def test_a_pose_beside_the_middle_is_that_far_from_it(along, aside):
    """Placing a car and measuring where it is agree to the centimetre, all around the road."""
    assert road.offset(road.pose_on_road(along, aside, 0.3)) == pytest.approx(aside, abs=0.01)


@pytest.mark.parametrize("place", [(0.5, 0.0), (1.0, 0.3), (2.5, -0.8)])
def test_pixels_and_ground_are_each_others_inverse(place):
    """A point on the ground, seen and looked up again, is where it was."""
    assert TINY.to_ground(*TINY.to_pixel(*place)) == pytest.approx(place)


def test_nothing_on_the_ground_is_above_the_horizon():
    """A pixel of the sky lies on no place of the ground."""
    forward, _ = TINY.to_ground(80.0, 0.0)
    assert np.isinf(forward)


def test_the_same_frame_is_drawn_each_time():
    """Frames are a function of the pose alone: byte for byte the same."""
    pose, cones = road.pose_on_road(3.0), road.cones_on_road()
    assert road.jpeg(road.render(pose, cones, TINY)) == road.jpeg(road.render(pose, cones, TINY))


def test_a_cone_is_seen_where_the_geometry_says():
    """The foot of a cone a metre ahead is orange, and without the cone it is not."""
    pose = road.pose_on_road(5.0)
    cone = np.array([road.pose_on_road(6.0)[:2]])
    column, row = road.Camera().to_pixel(*pose.sees(cone)[0])
    at = (round(column), round(row) - 2)
    assert road.render(pose, cone, road.Camera()).getpixel(at) == road.CONE
    assert road.render(pose, np.empty((0, 2)), road.Camera()).getpixel(at) != road.CONE


def test_a_car_that_left_the_world_sees_grass():
    """Ground beyond the drawing is grass, not an IndexError."""
    picture = road.render(road.Pose(-50.0, 90.0, 1.0), np.empty((0, 2)), TINY)
    assert picture.getpixel((80, 90)) == road.GRASS


@pytest.mark.parametrize("size", [(0, 96), (160, -1), (8, 8)])
def test_a_camera_without_pixels_is_refused(size):
    """The error names the size and the smallest one."""
    with pytest.raises(road.FrameError, match=f"{size[0]} x {size[1]} was asked for; make both at least 16"):
        road.Camera(*size)


# --- what the numbers mean ------------------------------------------------------------------------


def cells(*found):
    """Outputs of the cone head with feet at these places of the ground; less sure in the cell beside."""
    cones = np.full((3, sight.ROWS, sight.COLUMNS), -5.0, np.float32)
    for place in found:
        column, row = (value / sight.CELL for value in TINY.to_pixel(*place))
        cones[:, int(row), int(column)] = 4.0, column % 1, row % 1
        cones[0, int(row), int(column) + 1] = 1.0
    return cones


def test_cones_are_read_as_places_nearest_first():
    """A cell and its place in it become metres; a weaker neighbour is the same cone."""
    seen = sight.read(np.array([0.1, 0.2], np.float32), cells((2.0, -0.4), (0.8, 0.2)))
    assert seen.lane == pytest.approx((0.1, 0.2))
    assert np.array(seen.cones) == pytest.approx(np.array([(0.8, 0.2), (2.0, -0.4)]), abs=1e-3)


def test_a_cone_in_the_sky_is_none():
    """What the network believes to see above the horizon stands nowhere."""
    cones = np.full((3, sight.ROWS, sight.COLUMNS), -5.0, np.float32)
    cones[:, 0, 4] = 9.0, 0.5, 0.5
    assert sight.read(np.zeros(2, np.float32), cones).cones == ()


# --- the driver -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lane", "cones", "sign"),
    [
        ((0.2, 0.3), (), 1),
        ((-0.2, -0.3), (), -1),
        ((0.0, 0.0), ((1.0, 0.1),), -1),
        ((0.0, 0.0), ((1.0, -0.1),), 1),
        ((0.0, 0.0), ((1.0, 0.9),), 0),
        ((0.0, 0.0), ((2.4, 0.1),), 0),
    ],
)
def test_the_driver_turns_to_the_middle_and_away_from_cones(lane, cones, sign):
    """Left is positive; a cone beside the road, or far ahead, changes nothing."""
    assert np.sign(drive.Driver().turn(sight.Sight(lane, cones))) == sign


def test_the_driver_stays_beside_a_cone_that_left_the_picture():
    """Only after 0.8 m does it aim at the middle again."""
    driver = drive.Driver()
    driver.turn(sight.Sight((0.0, 0.0), ((0.5, 0.2),)))
    turns = [driver.turn(sight.Sight((0.0, 0.0), ())) for _ in range(9)]
    assert [turn < 0 for turn in turns] == [True] * 7 + [False] * 2


def test_no_turn_is_sharper_than_the_car_can():
    """Nonsense from the network is bounded."""
    assert drive.Driver().turn(sight.Sight((9.0, 9.0), ())) == drive.SHARPEST


def test_a_driver_who_sees_the_truth_stays_on_the_road(monkeypatch):
    """With a perfect detector the rule keeps a lap on the road and clear of every cone."""
    monkeypatch.setattr(road, "jpeg", lambda _: b"")
    monkeypatch.setattr(road, "render", lambda pose, *_: poses.append(pose))
    poses, cones = [], road.cones_on_road()

    def see(_):
        pose = poses[-1]
        near = [(float(x), float(y)) for x, y in pose.sees(cones) if 0.3 < x < 2.5 and abs(y) < x]
        lane = tuple(road.middle_ahead(pose, distance) for distance in sight.AHEAD)
        return sight.Sight(lane, tuple(sorted(near)))

    lap = list(drive.drive(see, 236, TINY))
    check_lap(lap)


def check_lap(lap):
    """On the road, clear of cones, and around."""
    aside = [abs(road.offset(moment.pose)) for moment in lap]
    gaps = [np.hypot(*(road.cones_on_road() - moment.pose[:2]).T).min() for moment in lap]
    assert max(aside) < road.LANE / 2 - 0.1
    assert min(gaps) > road.CONE_RADIUS + 0.1
    assert np.hypot(*np.subtract(lap[-1].pose[:2], lap[0].pose[:2])) < 1.0


# --- the player -----------------------------------------------------------------------------------


def test_the_player_shows_each_chosen_moment_in_words_and_on_the_map():
    """Every second moment has a picture that opens, its place, and what the driver decided."""
    lap = list(drive.drive(lambda _: sight.Sight((0.1, 0.2), ((0.9, 0.1),)), 5, TINY))
    text = drive_player(lap, every=2).text
    found = re.search(r'<script type="application/json">(.*?)</script>', text, flags=re.DOTALL)
    packed = json.loads(found[1])
    assert len(packed) == 3
    assert packed[1]["x"] == round(lap[2].pose.x * 40)
    assert "the middle is 0.10 m to the left at 0.7 m, a cone 0.9 m ahead" in packed[0]["words"]
    assert 'max="2"' in text


def test_a_player_without_moments_is_refused():
    """The error says how many there were."""
    with pytest.raises(ValueError, match="0 moments, every 4: give at least one of each"):
        drive_player([])


# --- the board ------------------------------------------------------------------------------------


def stand_in(path):
    """A detector's ONNX file with the right shapes and no training."""
    kernel = np.full((3, 3, 8, 8), 0.01, np.float32)
    lane = np.array([[0.1, 0.2], [0.3, -0.1], [0.0, 0.5]], np.float32)
    nodes = [
        helper.make_node("Conv", ["picture", "k"], ["cones"], strides=[8, 8]),
        helper.make_node("GlobalAveragePool", ["picture"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["lane"]),
    ]
    values = [("picture", ["n", 3, 96, 160]), ("lane", ["n", 2]), ("cones", ["n", 3, 12, 20])]
    ins, *outs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values]
    weights = [numpy_helper.from_array(kernel, "k"), numpy_helper.from_array(lane, "w")]
    graph = helper.make_graph(nodes, "detector", [ins], outs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def settings():
    """The AIPP settings that the page writes."""
    return re.search(r"%%writefile aipp.cfg\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)[1]


def converted(folder, source, soc, batch):
    """An `.om` file of a detector."""
    (folder / "aipp.cfg").write_text(settings(), encoding="utf-8")
    made = folder / f"{soc}-{batch}"
    arguments = {
        "model": source,
        "framework": 5,
        "output": made,
        "soc_version": soc,
        "input_shape": f"picture:{batch},3,96,160",
        "insert_op_conf": folder / "aipp.cfg",
    }
    atc([f"--{name}={value}" for name, value in arguments.items()], standalone_mode=False)
    return f"{made}.om"


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """A function that opens a board with the stand-in for 1 and 4 pictures, and closes it after the test."""

    def start(soc="Ascend310B4", source=None):
        monkeypatch.setenv("NPUSIM_SOC", soc)
        monkeypatch.chdir(tmp_path)
        npusim.reset()
        if source is None:
            source = tmp_path / "detector.onnx"
            stand_in(source)
        made = board.Board().open()
        return made, *(made.load(converted(tmp_path, source, soc, batch)) for batch in (1, 4))

    yield start
    if _state.State.initialised:
        acl.finalize()
    npusim.reset()


def frames_of(count, camera=None):
    """JPEG frames along the road."""
    lens = camera or road.Camera()
    return [road.jpeg(road.render(road.pose_on_road(0.4 * i), np.empty((0, 2)), lens)) for i in range(count)]


@pytest.mark.parametrize("soc", ["Ascend310B4", "Ascend310P3"])
def test_designs_see_the_same_and_differ_in_time_as_the_chapter_says(opened, soc):
    """One thread is the slowest, streams with callbacks the fastest by far, batches wait the longest."""
    made, single, four = opened(soc)
    jpegs = frames_of(8, road.Camera(480, 288))
    shape = made.probe(jpegs[0])
    models = [four if design is pipelines.batches else single for design in DESIGNS]
    runs = [design(made, one, shape, jpegs) for design, one in zip(DESIGNS, models, strict=True)]
    one, double, batched, streams = (run.rate for run in runs)
    assert min(double, batched) > 1.15 * one
    assert streams > 1.3 * max(double, batched)
    assert runs[2].age > 2 * max(runs[0].age, runs[1].age, runs[3].age)
    for run in runs:
        assert len(run.sights) == len(jpegs)
        assert np.array([s.lane for s in run.sights]) == pytest.approx(
            np.array([s.lane for s in runs[0].sights]), abs=1e-3
        )
    lanes = [s.lane[0] for s in runs[0].sights]
    assert len({round(lane, 4) for lane in lanes}) > 3  # frames differ, so a mixed-up order would show


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("count", [1, 5])
def test_designs_take_any_number_of_frames_and_give_all_memory_back(opened, design, count):
    """Fewer frames than slots, or a last batch that is not full: each frame is seen once, nothing is kept."""
    made, single, four = opened()
    jpegs = frames_of(count, road.Camera(192, 128))
    shape = made.probe(jpegs[0])
    free = acl.rt.get_mem_info(1)[0]
    run = design(made, four if design is pipelines.batches else single, shape, jpegs)
    assert len(run.sights) == len(run.done) == count
    assert acl.rt.get_mem_info(1)[0] == free


def test_what_the_board_sees_is_what_onnx_runtime_sees(opened):
    """Decoder, resizer, AIPP and model give the lane of the same picture computed on the host, to 1 %."""
    made, single, _ = opened()
    jpeg = frames_of(1)[0]
    (seen,) = pipelines.one_thread(made, single, made.probe(jpeg), [jpeg]).sights
    picture = np.asarray(Image.open(io.BytesIO(jpeg)).resize((160, 96))) / 255
    expected = picture.mean(axis=(0, 1)) @ np.array([[0.1, 0.2], [0.3, -0.1], [0.0, 0.5]])
    assert seen.lane == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("soc", ["Ascend310B4", "Ascend310P3"])
def test_frames_of_odd_sides_are_seen(opened, soc):
    """The decoder drops the last row and column, and the frame goes all its way."""
    made, single, _ = opened(soc)
    jpeg = frames_of(1, road.Camera(321, 193))[0]
    shape = made.probe(jpeg)
    assert shape[:2] == (320, 192)
    (seen,) = pipelines.one_thread(made, single, shape, [jpeg]).sights
    assert np.isfinite(seen.lane).all()


def test_frames_that_are_none_are_refused_with_their_code(opened):
    """Half a header, a PNG and a progressive JPEG: 148052, and the board works on."""
    made, single, _ = opened()
    picture = road.render(road.pose_on_road(0), np.empty((0, 2)), TINY)
    for keywords in ({"format": "PNG"}, {"format": "JPEG", "progressive": True}):
        file = io.BytesIO()
        picture.save(file, **keywords)
        with pytest.raises(board.BoardError, match="read the frame's header: 148052"):
            made.probe(file.getvalue())
    with pytest.raises(board.BoardError, match="148052"):
        made.probe(b"\xff\xd8\xff")
    good = road.jpeg(picture)
    assert len(pipelines.one_thread(made, single, made.probe(good), [good]).sights) == 1


def test_too_many_frames_or_too_large_ones_are_refused(opened):
    """A slot says how many frames it takes, and how large they are."""
    made, single, _ = opened()
    small = frames_of(1, TINY)[0]
    slot = board.Slot(made, single, made.probe(small))
    with pytest.raises(board.BoardError, match="2 frames for a model of 1"):
        slot.copy([small, small], made.stream)
    with pytest.raises(board.BoardError, match="a frame of 99999 bytes; the camera's are under 23040 bytes"):
        slot.copy([b"x" * 99999], made.stream)
    slot.free()


def test_a_model_that_is_no_detector_is_refused(opened, tmp_path):
    """Its sizes are named, and what to convert."""
    made, _, _ = opened()
    kernel = numpy_helper.from_array(np.ones((3, 3, 8, 8), np.float32), "k")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("picture", ["n", 3, 96, 160]), ("y", ["n", 3, 12, 20]))
    ]
    node = helper.make_node("Conv", ["picture", "k"], ["y"], strides=[8, 8])
    graph = helper.make_graph([node], "other", ends[:1], ends[1:], [kernel])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "other.onnx",
    )
    path = converted(tmp_path, tmp_path / "other.onnx", "Ascend310B4", 1)
    with pytest.raises(board.BoardError, match=r"gives .*; convert the detector, with AIPP"):
        made.load(path)


# --- trained --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_trained_detector_drives_the_car_around(opened, tmp_path):
    """Trained as on the page: lane within 4 cm, 9 of 10 cones found; through the board, a lap on the road."""
    from edge_board import detector

    net = detector.train()
    judged = detector.score(net, detector.samples(200, seed=5))
    assert judged.lane_error < 0.04
    assert judged.recall > 0.9
    assert judged.precision > 0.8
    detector.export(net, tmp_path / "edge.onnx")
    made, single, _ = opened(source=tmp_path / "edge.onnx")
    camera = road.Camera(320, 192)
    slot = board.Slot(made, single, made.probe(frames_of(1, camera)[0]))

    def see(jpeg):
        slot.copy([jpeg], made.stream)
        for step in (slot.decode, slot.resize, slot.run, slot.fetch):
            step(made.stream)
        made.wait(made.stream)
        return slot.read()[0]

    check_lap(list(drive.drive(see, 236, camera)))


@pytest.mark.slow
def test_training_on_nothing_is_refused():
    """The error names the numbers."""
    from edge_board import detector

    with pytest.raises(ValueError, match="0 frames, 10 epochs: give at least one of each"):
        detector.train(count=0)


# --- the camera that sends H.264 --------------------------------------------------------------------------


def film_of(count, camera):
    """Pieces of H.264 along the road."""
    drawn = [road.render(road.pose_on_road(0.4 * i), np.empty((0, 2)), camera) for i in range(count)]
    return video.film(drawn)


@pytest.mark.parametrize("soc", ["Ascend310B4", "Ascend310P3"])
def test_a_film_shows_what_its_frames_show(opened, soc):
    """Through VDEC the detector sees what it sees through JPEGD, in the same order, frame by frame."""
    made, single, _ = opened(soc)
    camera = road.Camera(480, 288)
    jpegs, pieces = frames_of(6, camera), film_of(6, camera)
    frames = made.probe(jpegs[0])
    shown = []
    runs = [
        pipelines.one_thread(made, single, frames, jpegs),
        video.video(made, single, frames, pieces, lambda number, sight: shown.append((number, sight))),
    ]
    assert [number for number, _ in shown] == list(range(6))
    assert [sight for _, sight in shown] == runs[1].sights
    lanes = [[sight.lane for sight in run.sights] for run in runs]
    assert np.abs(np.subtract(*lanes)).max() < 0.1
    again = video.video(made, single, frames, pieces)
    assert again.done == pytest.approx(runs[1].done)
    assert max(runs[1].done) >= 6 * 480 * 288 / 1920 / 1080 * vdec_ms(soc)
    made.close()


def vdec_ms(soc):
    """What VDEC needs for a picture of 1920 x 1080."""
    return npusim.media.media_ns(npusim.find_chip(soc), "VDEC", 1920 * 1080) / 1e6


def test_a_film_without_its_beginning_is_refused(opened):
    """Differences to a picture that never came: an error that names the frame; all is given back."""
    made, single, _ = opened()
    camera = road.Camera(480, 288)
    frames = made.probe(frames_of(1, camera)[0])
    free = acl.rt.get_mem_info(1)[0]
    with pytest.raises(board.BoardError, match="frame 0 cannot be decoded"):
        video.video(made, single, frames, film_of(5, camera)[1:])
    assert acl.rt.get_mem_info(1)[0] == free
    made.close()
