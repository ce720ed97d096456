"""The face detector's geometry, by hand; the network itself is another's."""

import numpy as np

from msa.extract.face_detector import anchors, decode, detector, letterbox, merge, overlap


def test_anchors_are_cells_centres_fine_ones_first():
    places = anchors()
    assert places.shape == (896, 2)
    assert np.array_equal(places[:2], np.full((2, 2), 1 / 32))
    assert np.array_equal(places[2], [3 / 32, 1 / 32])  # along a row
    assert np.array_equal(places[511], [31 / 32, 31 / 32])
    assert np.array_equal(places[512:518], np.full((6, 2), 1 / 16))
    assert np.array_equal(places[-1], [15 / 16, 15 / 16])


def test_a_wide_picture_gets_black_above_and_below():
    square, scale, offset = letterbox(np.full((128, 512, 3), 255, np.uint8))
    assert square.shape == (1, 256, 256, 3) and square.dtype == np.float32
    assert scale == 0.5 and offset.tolist() == [0, 96]
    assert np.all(square[0, 96:160] == 1)
    assert np.all(square[0, :96] == -1) and np.all(square[0, 160:] == -1)


def test_what_is_probable_is_counted_from_its_anchor():
    values = np.zeros((2, 16))
    values[:, :6] = [12.8, -12.8, 51.2, 25.6, 25.6, 0]
    boxes, points, scores = decode(values, np.array([np.log(3), -0.1]), np.full((2, 2), 0.5))
    assert np.allclose(scores, [0.75])
    assert np.allclose(boxes, [[0.45, 0.4, 0.65, 0.5]])  # centre 0.55, 0.45; 0.2 wide, 0.1 high
    assert points.shape == (1, 6, 2)
    assert np.allclose(points[0, :2], [[0.6, 0.5], [0.5, 0.5]])


def test_overlap_by_hand():
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 3, 3], [5, 5, 4, 4]], float)
    assert np.allclose(overlap(boxes[0], boxes), [1, 2 / 6, 0, 0])


def test_boxes_of_one_face_are_averaged_by_their_scores():
    rows = np.array([[0, 0, 10, 10, 1], [0, 0, 10, 14, 5], [50, 50, 60, 60, 7]], float)
    merged = merge(rows, np.array([0.6, 0.9, 0.7]))
    assert np.allclose(merged, [[0, 0, 10, (6 + 12.6) / 1.5, (0.6 + 4.5) / 1.5], rows[2]])


def test_boxes_that_hardly_overlap_are_two_faces():
    rows = np.array([[0, 0, 10, 10], [6, 0, 16, 10]], float)  # 4 of 16
    assert len(merge(rows, np.array([0.9, 0.8]))) == 2


def test_faces_are_in_pixels_of_the_picture_the_largest_first():
    values, logits = np.zeros((1, 896, 16), np.float32), np.full((1, 896, 1), -100, np.float32)
    values[0, 0, 2:8] = [16, 16, -4, 0, 4, 0]
    values[0, 511, 2:8] = [32, 16, -4, 0, 4, 0]
    logits[0, [0, 511]] = 3
    shapes = []

    def network(batch):
        shapes.append(batch.shape)
        return [values, logits]

    large, small = detector(network)(np.zeros((512, 256, 3), np.uint8))  # half, 64 black beside
    assert shapes == [(1, 256, 256, 3)]
    assert np.allclose(large.box, [2 * (248 - 16 - 64), 480, 2 * (248 + 16 - 64), 512])
    assert np.allclose(large.eyes, [[2 * (244 - 64), 496], [2 * (252 - 64), 496]])
    assert np.allclose(small.box, [2 * (0 - 64), 0, 2 * (16 - 64), 32])
    assert small.area == 32 * 32


def test_a_picture_without_faces():
    outputs = [np.zeros((1, 896, 16)), np.full((1, 896, 1), -1e9)]
    assert detector(lambda batch: outputs)(np.zeros((9, 9, 3), np.uint8)) == []
