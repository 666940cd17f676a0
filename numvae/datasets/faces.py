"""Small gray faces drawn by the program: 28 x 20 pictures of one person, from known factors.

The pictures are in the spirit of the "Frey faces": one face that turns its head and changes its
expression. Here both are chosen by us, so what a model finds in the pixels can be compared with
what was put there. A face is painted layer by layer, from the background to the mouth, in shapes
with soft edges, so that the pixels change smoothly with every factor.

Lengths are in pixels; x grows to the right and y downwards, both from the middle of the head.
Gray levels go from 0 (black) to 1 (white).
"""

import numpy as np

FACTORS = ("pose", "expression", "light", "shift_x", "shift_y")

HEIGHT, WIDTH = 28, 20
BLOCK = 256  # faces painted at a time, which bounds the memory
MAX_YAW = 0.36  # radians the head turns at pose 1
HEAD_RADIUS = 7.0

HAIR, SKIN, SHADE, DARK, WHITE = 0.16, 0.78, 0.55, 0.10, 0.97


def draw_faces(pose, expression, light=0.0, shift_x=0.0, shift_y=0.0):
    """Draw faces from their factors, each a number or an array (N,).

    pose              -1 (turned to the left of the picture) .. 1 (to the right)
    expression        -1 (frown) .. 0 (calm) .. 1 (wide smile)
    light             -1 (brighter on the left) .. 1 (brighter on the right)
    shift_x, shift_y  how far the whole person is moved, in pixels

    Returns images (N, 28, 20), float32, in the 256 gray levels 0, 1/255, ..., 1.
    """
    factors = np.broadcast_arrays(*np.atleast_1d(pose, expression, light, shift_x, shift_y))
    factors = np.stack(factors).astype(np.float32)[:, :, None, None]  # (5, N, 1, 1)
    starts = range(0, factors.shape[1], BLOCK)
    images = np.concatenate([_paint_faces(*factors[:, i : i + BLOCK]) for i in starts])
    return np.rint(255 * np.clip(images, 0, 1)) / np.float32(255)


def faces(n=2000, seed=0):
    """Draw n random faces: images (n, 28, 20) and factors (n, 5), columns named by FACTORS.

    The factors are independent and uniform. Light and shifts are kept small, so that pose and
    expression explain most of what differs between the pictures.
    """
    limits = np.array([1, 1, 1, 0.3, 0.3])
    factors = np.random.default_rng(seed).uniform(-limits, limits, (n, 5)).astype(np.float32)
    return draw_faces(*factors.T), factors


def _paint_faces(pose, expression, light, shift_x, shift_y):
    """Paint one block of faces: factors (N, 1, 1) -> images (N, 28, 20)."""
    x = np.arange(WIDTH, dtype=np.float32) - (WIDTH - 1) / 2 - shift_x  # (N, 1, 20)
    y = np.arange(HEIGHT, dtype=np.float32)[:, None] - HEIGHT / 2 - shift_y  # (N, 28, 1)
    yaw = MAX_YAW * pose
    lifted = y + 0.8 * expression  # a smile raises the upper face, a frown lowers it
    canvas = 0.42 + 0.006 * y + 0 * x  # the zero only spreads it to (N, 28, 20)
    _paint_body(canvas, x, y)
    _paint_head(canvas, x, y, yaw, expression)
    _paint_hair(canvas, x, lifted, yaw)
    for side in (-1, 1):
        _paint_cheek(canvas, x, y, yaw, expression, side)
        _paint_eye(canvas, x, lifted, yaw, expression, side)
    _paint_nose(canvas, x, lifted, yaw)
    _paint_mouth(canvas, x, y, yaw, expression)
    return canvas * (1 + 0.01 * light * x)


def _paint_body(canvas, x, y):
    _paint(canvas, 0.26, _ellipse(x, y, 0, 15.5, 10, 5))  # shoulders
    _paint(canvas, SHADE, _ellipse(x, y, 0, 9.5, 3, 4))  # neck


def _paint_head(canvas, x, y, yaw, expression):
    # The back of the head moves against the face, and the face covers the ear turned away.
    _paint(canvas, HAIR, _ellipse(x, y, -1.5 * yaw, -3.5, 8.2, 9.5))
    for side in (-1, 1):
        _paint(canvas, SHADE + 0.1, _ellipse(x, y, 7.2 * side - 2 * yaw, 0.5, 1.4, 2.2))
    middle, chin = 2 * yaw, 0.5 * expression  # a wide smile lowers the chin
    roundness = ((x - middle) / 7) ** 2 + ((y - 0.6) / 9.6) ** 2
    skin = SKIN + 0.05 + 0.05 * expression - 0.16 * roundness
    _paint(canvas, skin, _ellipse(x, y, middle, 0.6 + chin, 7.1, 9.6 + chin))


def _paint_hair(canvas, x, y, yaw):
    fringe = -7.4 + 0.06 * (x - 5 * yaw + 2.5) ** 2
    _paint(canvas, HAIR, _ellipse(x, y, -yaw, -4.2, 8, 9) * _inside(y - fringe))
    _paint(canvas, HAIR + 0.2, 0.7 * _ellipse(x, y, 2 + 4 * yaw, -10, 3, 0.8, 0.8))  # shine


def _paint_cheek(canvas, x, y, yaw, expression, side):
    middle, narrow = _turn(yaw, 0.62 * side)
    glow = _ellipse(x, y, middle, 2.8 - 0.6 * expression, 2 * narrow, 1.6, 1.2)
    _paint(canvas, SKIN + 0.14 * expression, 0.6 * glow)


def _paint_eye(canvas, x, y, yaw, expression, side):
    middle, narrow = _turn(yaw, 0.46 * side)
    height = 1.45 - 0.45 * expression  # a smile makes the eyes squint
    _paint(canvas, WHITE, _ellipse(x, y, middle, -1.4, 1.9 * narrow, height))
    _paint(canvas, DARK, _ellipse(x, y, middle + yaw, -1.4, 1.05 * narrow, height))
    u = (x - middle) / (2.2 * narrow)  # -1 .. 1 along the brow
    tilt = side * (0.9 * expression - 0.15)  # a frown pulls the inner ends down
    brow = -4.2 + tilt * u + 0.6 * u**2
    _paint(canvas, HAIR, 0.9 * _span(u, 2.2 * narrow) * _inside(np.abs(y - brow) - 0.5))


def _paint_nose(canvas, x, y, yaw):
    tip = 9 * yaw  # the nose stands out of the face, so it moves the most
    _paint(canvas, WHITE, 0.5 * _ellipse(x, y, 0.9 * tip, 0, 0.7, 2.2, 0.6))
    _paint(canvas, SHADE - 0.15, 0.8 * _ellipse(x, y, tip, 2, 1.3, 0.5))


def _paint_mouth(canvas, x, y, yaw, expression):
    middle, narrow = _turn(yaw, 0)
    half = (3.3 + 0.7 * expression) * narrow
    u = (x - middle) / half  # -1 .. 1 from corner to corner
    opening = 1 / (1 + np.exp(-6 * (expression - 0.3)))  # 0 closed .. 1 open
    upper = 5.2 - (1.6 * expression + 0.2) * (u**2 - 0.35)
    lower = upper + 3.5 * opening * (1 - u**2)
    lips = _inside(upper - 0.5 - y) * _inside(y - lower - 0.5)
    teeth = _inside(upper - y, 0.3) * _inside(y - upper - 1.9 * (1 - u**2), 0.3)
    _paint(canvas, DARK + 0.08, _span(u, half) * lips)
    _paint(canvas, WHITE, _span(u, half) * teeth * opening)


def _turn(yaw, angle):
    """Where a point at an angle from the middle of the face is seen, and how narrow it looks."""
    return HEAD_RADIUS * np.sin(yaw + angle), np.cos(yaw + angle)


def _inside(distance, soft=0.5):
    """A mask from a distance to an edge: 1 well inside (negative), 0 well outside."""
    return 0.5 - 0.5 * np.tanh(distance / soft)


def _span(u, half):
    """The mask of -1 < u < 1, where u grows by 1 over `half` pixels."""
    return _inside((np.abs(u) - 1) * half)


def _ellipse(x, y, centre_x, centre_y, radius_x, radius_y, soft=0.5):
    """The mask of an ellipse, (N, 28, 20)."""
    u, v = (x - centre_x) / radius_x, (y - centre_y) / radius_y
    level = np.sqrt(u**2 + v**2 + 1e-6)  # 1 on the edge; the 1e-6 avoids 0 / 0 in the centre
    slope = np.sqrt((u / radius_x) ** 2 + (v / radius_y) ** 2 + 1e-6) / level
    return _inside((level - 1) / slope, soft)  # level over its slope is a distance in pixels


def _paint(canvas, colour, mask):
    """Cover the canvas with a colour where the mask is 1, in place."""
    canvas += mask * (colour - canvas)
