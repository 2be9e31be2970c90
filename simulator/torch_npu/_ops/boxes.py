"""Boxes of detection: overlaps and encodings. Corners are (x1, y1, x2, y2), centres (x, y, w, h)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from torch_npu._ops._fused import fused, invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPS = 1e-9


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Areas of the intersections of boxes whose corners broadcast in the last dimension."""
    left = torch.maximum(a[..., :2], b[..., :2])
    right = torch.minimum(a[..., 2:], b[..., 2:])
    return (right - left).clamp(min=0).prod(-1)


def area(a: Tensor) -> Tensor:
    """Areas of boxes by their corners."""
    return (a[..., 2:] - a[..., :2]).clamp(min=0).prod(-1)


def _iou(bboxes: Tensor, gtboxes: Tensor, mode: int) -> Tensor:
    gt, boxes = gtboxes.float().unsqueeze(1), bboxes.float().unsqueeze(0)
    inter = overlap(gt, boxes)
    whole = area(gt).expand_as(inter) if mode == 1 else area(gt) + area(boxes) - inter
    return (inter / whole.clamp(min=_EPS)).to(bboxes.dtype)


@fused("Iou", "pool", differentiable=False)
def npu_iou(bboxes: Tensor, gtboxes: Tensor, mode: int = 0) -> Tensor:
    """Intersection over union (mode 0) or over the ground truth's area (mode 1) of each pair of boxes.

    Args:
        bboxes: (N, 4) corners.
        gtboxes: (M, 4) corners.
        mode: 0 or 1.

    Returns:
        (M, N).
    """
    return _iou(bboxes, gtboxes, mode)


@fused("PtIou", "pool", differentiable=False)
def npu_ptiou(bboxes: Tensor, gtboxes: Tensor, mode: int = 0) -> Tensor:
    """The same as `npu_iou`."""
    return _iou(bboxes, gtboxes, mode)


def _corners(boxes: Tensor, trans: bool) -> Tensor:
    """(4, N) boxes as (N, 4) corners in float32; with `trans` they come as centres."""
    boxes = boxes.float().t()
    if not trans:
        return boxes
    half = boxes[:, 2:] / 2
    return torch.cat([boxes[:, :2] - half, boxes[:, :2] + half], 1)


def _pairs(self: Tensor, gtboxes: Tensor, trans: bool, is_cross: bool) -> tuple[Tensor, Tensor]:
    """Corners of the boxes of each pair: (N, 4), or (M, N, 4) where each meets each."""
    a, b = _corners(self, trans), _corners(gtboxes, trans)
    return (a.unsqueeze(0), b.unsqueeze(1)) if is_cross else (a, b)


def _plain_iou(a: Tensor, b: Tensor, mode: int) -> tuple[Tensor, Tensor]:
    inter = overlap(a, b)
    union = area(a) + area(b) - inter
    return inter / (area(b) if mode == 1 else union).clamp(min=_EPS), union


def _enclosing(a: Tensor, b: Tensor) -> Tensor:
    """Width and height of the smallest box around two."""
    return torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])


def _distance(a: Tensor, b: Tensor) -> Tensor:
    """Squared distance of centres over the squared diagonal of the enclosing box."""
    apart = ((a[..., :2] + a[..., 2:]) - (b[..., :2] + b[..., 2:])) / 2
    return apart.square().sum(-1) / _enclosing(a, b).square().sum(-1).clamp(min=_EPS)


@fused("GIoU", "pool")
def npu_giou(
    self: Tensor, gtboxes: Tensor, trans: bool = False, is_cross: bool = False, mode: int = 0
) -> Tensor:
    """Generalized IoU of pairs: IoU minus the part of the enclosing box that neither covers.

    Args:
        self: (4, N) centres.
        gtboxes: (4, N) centres.
        trans: True; the device has nothing else.
        is_cross: False; as above.
        mode: 0; as above.

    Returns:
        (N, 1).

    Raises:
        RuntimeError: another setting, in the real words.
    """
    if not trans or is_cross or mode != 0:
        raise invalid(
            "giou backward only support trans==True, is_cross==False, mode==0('iou') current version "
            "if you need to back propagation, please ensure your parameter is correct!"
        )
    a, b = _pairs(self, gtboxes, trans, is_cross)
    iou, union = _plain_iou(a, b, mode)
    hull = _enclosing(a, b).prod(-1).clamp(min=_EPS)
    return (iou - (hull - union) / hull).unsqueeze(1).to(self.dtype)


@fused("DIoU", "pool")
def npu_diou(
    self: Tensor, gtboxes: Tensor, trans: bool = False, is_cross: bool = False, mode: int = 0
) -> Tensor:
    """Distance IoU: IoU minus the relative distance of the centres.

    Args:
        self: (4, N), centres with `trans`, else corners.
        gtboxes: (4, M); M is N without `is_cross`.
        trans: see above.
        is_cross: each with each.
        mode: 0 IoU, 1 over the ground truth's area.

    Returns:
        (1, N), or (M, N) with `is_cross`.
    """
    a, b = _pairs(self, gtboxes, trans, is_cross)
    found = _plain_iou(a, b, mode)[0] - _distance(a, b)
    return (found if is_cross else found.unsqueeze(0)).to(self.dtype)


@fused("CIoU", "pool")
def npu_ciou(
    self: Tensor,
    gtboxes: Tensor,
    trans: bool = False,
    is_cross: bool = True,
    mode: int = 0,
    atan_sub_flag: bool = False,
) -> Tensor:
    """Complete IoU: distance IoU minus a term for the aspect ratios; arguments as in `npu_diou`."""
    a, b = _pairs(self, gtboxes, trans, is_cross)
    iou = _plain_iou(a, b, mode)[0]
    sizes = [t[..., 2:] - t[..., :2] for t in (a, b)]
    angles = [torch.atan(s[..., 0] / s[..., 1].clamp(min=_EPS)) for s in sizes]
    aspect = (angles[1] - angles[0]).square() * 4 / math.pi**2
    with torch.no_grad():
        weight = aspect / (1 - iou + aspect).clamp(min=_EPS)
    found = iou - _distance(a, b) - weight * aspect
    return (found if is_cross else found.unsqueeze(0)).to(self.dtype)


def _centres(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Centres and sizes of boxes whose last corner counts (a box of one pixel has size 1)."""
    return (boxes[:, :2] + boxes[:, 2:]) * 0.5, boxes[:, 2:] - boxes[:, :2] + 1


@fused("BoundingBoxEncode", differentiable=False)
def npu_bounding_box_encode(
    anchor_box: Tensor,
    ground_truth_box: Tensor,
    means0: float,
    means1: float,
    means2: float,
    means3: float,
    stds0: float,
    stds1: float,
    stds2: float,
    stds3: float,
) -> Tensor:
    """What leads from anchors to ground truth, (N, 4): relative shifts, and logarithms of sizes."""
    (centre, size), (goal, goal_size) = _centres(anchor_box.float()), _centres(ground_truth_box.float())
    deltas = torch.cat([(goal - centre) / size, torch.log(goal_size / size)], 1)
    means, stds = torch.tensor([means0, means1, means2, means3]), torch.tensor([stds0, stds1, stds2, stds3])
    return ((deltas - means) / stds).to(anchor_box.dtype)


@fused("BoundingBoxDecode", differentiable=False)
def npu_bounding_box_decode(
    rois: Tensor,
    deltas: Tensor,
    means0: float,
    means1: float,
    means2: float,
    means3: float,
    stds0: float,
    stds1: float,
    stds2: float,
    stds3: float,
    max_shape: Sequence[int],
    wh_ratio_clip: float,
) -> Tensor:
    """Boxes (N, 4) from regions and what `npu_bounding_box_encode` gives, within (height, width)."""
    means, stds = torch.tensor([means0, means1, means2, means3]), torch.tensor([stds0, stds1, stds2, stds3])
    moves = deltas.float() * stds + means
    limit = abs(math.log(wh_ratio_clip))
    centre, size = _centres(rois.float())
    goal = centre + size * moves[:, :2]
    half = size * moves[:, 2:].clamp(-limit, limit).exp() * 0.5
    bound = torch.tensor([max_shape[1] - 1, max_shape[0] - 1] * 2)
    corners = torch.cat([goal - half + 0.5, goal + half - 0.5], 1)
    return torch.minimum(corners.clamp(min=0), bound).to(rois.dtype)


@fused("YoloBoxesEncode", differentiable=False)
def npu_yolo_boxes_encode(
    self: Tensor, gt_bboxes: Tensor, stride: Tensor, performance_mode: bool = False
) -> Tensor:
    """YOLO's targets of anchors (N, 4) for boxes (N, 4): shifts in cells, logarithms of sizes."""
    eps = 1e-6
    sizes = [b[:, 2:] - b[:, :2] for b in (self, gt_bboxes)]
    centres = [(b[:, :2] + b[:, 2:]) * 0.5 for b in (self, gt_bboxes)]
    shift = ((centres[1] - centres[0]) / stride.view(-1, 1) + 0.5).clamp(eps, 1 - eps)
    return torch.cat([shift, torch.log((sizes[1] / sizes[0]).clamp(min=eps))], 1).to(self.dtype)


@fused("AnchorResponseFlags", differentiable=False)
def npu_anchor_response_flags(
    self: Tensor, featmap_size: Sequence[int], stride: Sequence[int], num_base_anchors: int
) -> Tensor:
    """Which anchors of a map (height, width) hold the centre of a box (N, 4); uint8, one an anchor."""
    height, width = featmap_size
    x = torch.floor((self[:, 0] + self[:, 2]) * 0.5 / stride[0]).int().clamp(0, width - 1)
    y = torch.floor((self[:, 1] + self[:, 3]) * 0.5 / stride[1]).int().clamp(0, height - 1)
    grid = torch.zeros(height * width, dtype=torch.uint8)
    grid[(y * width + x).long()] = 1
    return grid.repeat_interleave(num_base_anchors)


def _polygon(box: Tensor, trans: bool) -> list[tuple[float, float]]:
    """The corners of a box (x, y, w, h, degrees), counted the same way round for all."""
    a, b, c, d, angle = box.tolist()
    x, y, w, h = ((a + c) / 2, (b + d) / 2, c - a, d - b) if trans else (a, b, c, d)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    signs = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    return [(x + i * w * cos - j * h * sin, y + i * w * sin + j * h * cos) for i, j in signs]


def _shoelace(points: list[tuple[float, float]]) -> float:
    turned = [*points[1:], *points[:1]]
    return abs(sum(p[0] * q[1] - q[0] * p[1] for p, q in zip(points, turned, strict=True))) / 2


def _clipped(
    points: list[tuple[float, float]], p: tuple[float, float], q: tuple[float, float]
) -> list[tuple[float, float]]:
    """What of a polygon lies to the left of the line from p to q."""

    def side(t: tuple[float, float]) -> float:
        return (q[0] - p[0]) * (t[1] - p[1]) - (q[1] - p[1]) * (t[0] - p[0])

    kept = []
    for one, two in zip(points, [*points[1:], *points[:1]], strict=True):
        here, there = side(one), side(two)
        if here >= 0:
            kept.append(one)
        if here * there < 0:
            part = here / (here - there)
            kept.append((one[0] + part * (two[0] - one[0]), one[1] + part * (two[1] - one[1])))
    return kept


def _rotated_overlaps(self: Tensor, query: Tensor, trans: bool) -> Tensor:
    """Areas of intersections of (B, 5, N) and (B, 5, K) boxes: (B, N, K)."""
    found = torch.zeros(self.shape[0], self.shape[2], query.shape[2])
    for n in range(self.shape[0]):
        ours = [_polygon(box, trans) for box in self[n].t().float()]
        theirs = [_polygon(box, trans) for box in query[n].t().float()]
        for i, mine in enumerate(ours):
            for j, other in enumerate(theirs):
                points = mine
                for p, q in zip(other, [*other[1:], *other[:1]], strict=True):
                    points = _clipped(points, p, q) if points else points
                found[n, i, j] = _shoelace(points) if points else 0.0
    return found


def _rotated_areas(boxes: Tensor, trans: bool) -> Tensor:
    if trans:
        return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return boxes[:, 2] * boxes[:, 3]


@fused("RotatedOverlaps", "pool", differentiable=False)
def npu_rotated_overlaps(self: Tensor, query_boxes: Tensor, trans: bool = False) -> Tensor:
    """Areas of intersections of rotated boxes.

    Args:
        self: (B, 5, N): x, y, w, h and degrees, or x1, y1, x2, y2 and degrees with `trans`.
        query_boxes: (B, 5, K).
        trans: see above.

    Returns:
        (B, N, K).
    """
    return _rotated_overlaps(self, query_boxes, trans)


@fused("RotatedIou", "pool", differentiable=False)
def npu_rotated_iou(
    self: Tensor,
    query_boxes: Tensor,
    trans: bool = False,
    mode: int = 0,
    is_cross: bool = True,
    v_threshold: float = 0.0,
    e_threshold: float = 0.0,
) -> Tensor:
    """IoU of rotated boxes, as `npu_rotated_overlaps` takes them; mode 1 divides by the first one's area.

    Returns:
        (B, N, K), or (B, N) without `is_cross`.
    """
    inter = _rotated_overlaps(self, query_boxes, trans)
    a = _rotated_areas(self.float(), trans).unsqueeze(2)
    b = _rotated_areas(query_boxes.float(), trans).unsqueeze(1)
    found = inter / (a.expand_as(inter) if mode == 1 else a + b - inter).clamp(min=_EPS)
    return found if is_cross else found.diagonal(dim1=1, dim2=2)


def _turned(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Centres (B, 2, N), sizes (B, 2, N) and tangents of the angles (B, N) of boxes (B, 5, N)."""
    wide = boxes.float()
    low, high = wide[:, :2], wide[:, 2:4]
    return (low + high) / 2, high - low, torch.tan(torch.deg2rad(wide[:, 4]))


@fused("RotatedBoxEncode", differentiable=False)
def npu_rotated_box_encode(self: Tensor, gt_bboxes: Tensor, weight: Tensor) -> Tensor:
    """What leads from rotated anchors to ground truth: shifts, logarithms of sizes, difference of tangents.

    Args:
        self: (B, 5, N): x1, y1, x2, y2 and degrees.
        gt_bboxes: the same of the ground truth.
        weight: (5,) factors.
    """
    (centre, size, tangent), (goal, goal_size, goal_tangent) = _turned(self), _turned(gt_bboxes)
    parts = [(goal - centre) / size, torch.log(goal_size / size), (goal_tangent - tangent).unsqueeze(1)]
    return (torch.cat(parts, 1) * weight.float().view(1, -1, 1)).to(self.dtype)


@fused("RotatedBoxDecode", differentiable=False)
def npu_rotated_box_decode(self: Tensor, deltas: Tensor, weight: Tensor) -> Tensor:
    """Rotated boxes (B, 5, N) from anchors and what `npu_rotated_box_encode` gives."""
    centre, size, tangent = _turned(self)
    moves = deltas.float() / weight.float().view(1, -1, 1)
    goal, half = centre + moves[:, :2] * size, size * moves[:, 2:4].exp() / 2
    angle = torch.rad2deg(torch.atan(moves[:, 4] + tangent)).unsqueeze(1)
    return torch.cat([goal - half, goal + half, angle], 1).to(self.dtype)


@fused("RotatedNMS", "pool", differentiable=False)
def npu_nms_rotated(
    self: Tensor,
    scores: Tensor,
    iou_threshold: float,
    scores_threshold: float = 0,
    max_output_size: int = -1,
    mode: int = 0,
) -> tuple[Tensor, Tensor]:
    """Rotated boxes that no better one overlaps too much, the best first.

    Args:
        self: (N, 5): x, y, w, h and degrees, or x1, y1, x2, y2 and degrees in mode 1.
        scores: (N,).
        iou_threshold: what overlaps a better one by more is left out.
        scores_threshold: what has no higher score is left out.
        max_output_size: boxes at most; -1 for no limit.
        mode: see above.

    Returns:
        The numbers of the boxes (M,) int32, and M as (1,) int32.
    """
    order = [i for i in scores.argsort(descending=True, stable=True).tolist() if scores[i] > scores_threshold]
    boxes = self.float().t().unsqueeze(0)
    areas = _rotated_areas(boxes, mode == 1)[0]
    kept: list[int] = []
    for i in order:
        if max_output_size >= 0 and len(kept) >= max_output_size:
            break
        inter = _rotated_overlaps(boxes[:, :, [i]], boxes[:, :, kept], mode == 1)[0, 0]
        iou = inter / (areas[i] + areas[kept] - inter).clamp(min=_EPS)
        if not bool((iou > iou_threshold).any()):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int32), torch.tensor([len(kept)], dtype=torch.int32)
