"""Scenes in a room: a kitchen or café, a wall of books, a parlour with a fire."""

from __future__ import annotations

from ideogram_pipeline.sandbox.drawing import furniture, tableware
from ideogram_pipeline.sandbox.drawing.canvas import Canvas
from ideogram_pipeline.sandbox.drawing.furniture import WOOD
from ideogram_pipeline.sandbox.drawing.paint import Colour, darker, lighter
from ideogram_pipeline.sandbox.drawing.story import Story

CREAM: Colour = (250, 240, 220)


def kitchen(canvas: Canvas, story: Story) -> None:
    """Tiles, a window, shelves with jars, lamps, and cupboards along the wall."""
    u, line = canvas.unit, canvas.horizon
    paper = furniture.wallpaper(canvas)
    furniture.tiling(canvas, line - u * 22, line, paper)
    side = canvas.dice("kitchen").pick((0.24, 0.76))
    furniture.window(canvas, story, canvas.width * side, line - u * 30, (u * 34, u * 36))
    for row in range(2 + int(line / (u * 120))):
        y = line - u * (24 + row * 17)
        tableware.jar_shelf(canvas, canvas.width * (1 - side), y, u * 40)
    furniture.frames(canvas, line - u * 76)
    furniture.lamps(canvas, story)
    furniture.floorboards(canvas, line, (206, 176, 150))
    canvas.box(0, line - u * 4, canvas.width, u * 5, (238, 230, 214))
    canvas.box(0, line + u, canvas.width, u * 24, darker(paper, 26))
    step = u * 21
    for door in range(int(canvas.width / step) + 1):
        x = door * step + u
        canvas.box(x, line + u * 3, step - u * 2, u * 20, darker(paper, 16), corner=u)
        canvas.disc(x + step - u * 5, line + u * 8, u * 0.9, (246, 226, 170))


def kitchen_front(canvas: Canvas, story: Story) -> None:
    """The counter that the figure works at, with cups, kettles and cakes beside it."""
    u = canvas.unit
    dice = canvas.dice("counter")
    top = canvas.height - u * 17
    canvas.box(0, top, canvas.width, u * 4, lighter(WOOD, 24))
    canvas.box(0, top + u * 3, canvas.width, u * 1.2, darker(WOOD, 10))
    canvas.box(0, top + u * 4.2, canvas.width, u * 20, WOOD)
    step = u * 12
    for plank in range(int(canvas.width / step) + 1):
        canvas.box(plank * step, top + u * 4.2, u * 0.5, u * 20, darker(WOOD, 18))
    things = (tableware.cups, tableware.cake, tableware.kettle, tableware.vase)
    left, _, right, _ = canvas.figure
    x = u * 8
    while x < canvas.width - u * 4:
        wide = u * dice.between(14, 26)
        thing, colour = dice.pick(things), dice.pick(story.accents)
        if not left - u * 6 < x < right + u * 6:
            thing(canvas.at(x, top, u), colour)
        x += wide


def library(canvas: Canvas, story: Story) -> None:
    """Books from wall to wall, with globes and plants between them, and a window."""
    u, line = canvas.unit, canvas.horizon
    timber: Colour = (136, 90, 66)
    canvas.box(0, 0, canvas.width, line, darker(timber, 30))
    height = u * 17
    for row in range(int(line / height) + 1):
        y = line - row * height - u * 1.2
        tableware.book_shelf(canvas, story, y)
        canvas.box(0, y, canvas.width, u * 1.6, timber)
    for post in range(int(canvas.width / (u * 48)) + 2):
        canvas.box(post * u * 48 - u, 0, u * 2, line, lighter(timber, 8))
    middle = canvas.width * canvas.dice("library").pick((0.26, 0.74))
    furniture.window(canvas, story, middle, line - u * 30, (u * 32, u * 40))
    furniture.floorboards(canvas, line, (160, 112, 82))
    furniture.rug(canvas, story)
    furniture.lamps(canvas, story)


def parlour(canvas: Canvas, story: Story) -> None:
    """Wallpaper, a fireplace, framed pictures, a plant and a rug."""
    u, line = canvas.unit, canvas.horizon
    paper = furniture.wallpaper(canvas)
    side = canvas.dice("parlour").pick((0.25, 0.75))
    furniture.window(canvas, story, canvas.width * (1 - side), line - u * 32, (u * 34, u * 42))
    furniture.floorboards(canvas, line, (186, 134, 96))
    canvas.box(0, line - u * 2.4, canvas.width, u * 3, lighter(paper, 60))
    furniture.fireplace(canvas, canvas.width * side, line + u * 2)
    furniture.frames(canvas, line - u * 72)
    furniture.plant(canvas, canvas.width * (0.07 if side > 0.5 else 0.93), line + u * 12)
    furniture.rug(canvas, story)


def parlour_front(canvas: Canvas, story: Story) -> None:
    """Balls and parcels on the floor."""
    dice = canvas.dice("toys")
    u = canvas.unit
    left, _, right, _ = canvas.figure
    for number in range(1 + canvas.detail):
        x = canvas.width * dice.between(0.08, 0.92)
        at = canvas.at(x, canvas.height - u * dice.between(1, 5), u * dice.between(5, 8))
        colour = dice.pick((*story.accents, (90, 140, 170), (236, 180, 90)))
        if left - u * 6 < x < right + u * 6:
            continue
        if number % 2:
            at.disc(0, -0.5, 0.5, colour)
            at.oval(-0.14, -0.64, 0.16, 0.12, lighter(colour, 50))
        else:
            at.box(-0.5, -0.8, 1, 0.8, colour)
            at.box(-0.07, -0.8, 0.14, 0.8, CREAM)
            for bow in (-0.13, 0.13):
                at.disc(bow, -0.86, 0.13, CREAM)
