"""The drawing of a pipeline, as a browser lays it out: on a phone, light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from conduit.blocks import Pipeline, branch, parallel, retry, trace
from conduit.blocks.drawing import svg
from tests.blocks.drawing.pipelines import HOSTILE, Named, Number, fail, first, is_large

TEXTS_OUTSIDE_THEIR_BOX = """() => {
  const rects = [...document.querySelectorAll('.box, .frame')].map(r => r.getBoundingClientRect());
  const names = [...document.querySelectorAll('.name')];
  return names.filter(text => {
    const t = text.getBoundingClientRect();
    return !rects.some(r => r.left <= t.left && t.right <= r.right && r.top <= t.top
      && t.bottom <= r.bottom);
  }).map(text => text.textContent);
}"""


def drawings() -> str:
    one, two, three, four, *rest = (Named(name) for name in HOSTILE)
    side_by_side = one >> parallel(retry(two), three) >> first >> four
    failing = one >> retry(two) >> branch(is_large, three, four) >> Pipeline(rest) >> fail
    with trace() as seen, pytest.raises(ValueError, match="wrong"):
        failing(Number(1))
    return svg(side_by_side) + svg(failing, seen)


@pytest.mark.parametrize(
    ("scheme", "width", "page"),
    [("light", 375, "rgb(255, 255, 255)"), ("dark", 1280, "rgb(23, 23, 26)")],
)
def test_names_fit_their_boxes_at_every_width(
    browser: Browser, scheme: str, width: int, page: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    shown = context.new_page()
    shown.set_content(f'<body style="margin:0">{drawings()}')
    try:
        assert shown.evaluate(TEXTS_OUTSIDE_THEIR_BOX) == []
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        fill = "getComputedStyle(document.querySelector('.page')).fill"
        assert shown.evaluate(fill) == page
        assert shown.get_by_role("img", name="pipeline").count() == 2
    finally:
        context.close()
