// Draws rows of intervals: what fills a pixel as a rectangle, what is narrower split in proportion.

/// A share of a pixel from which on it counts as filled.
const FILLED = 0.995;

/// The patterns of kinds that are known by more than their colour, as the bars have them.
const patternOf = (context, colours, key, ratio) => {
  if (!colours.line) return colours.fill;
  const size = Math.round(9 * ratio);
  const tile = new OffscreenCanvas(size, size);
  const on = tile.getContext("2d");
  on.fillStyle = colours.fill;
  on.fillRect(0, 0, size, size);
  on.strokeStyle = colours.line;
  on.lineWidth = 1.6 * ratio;
  const slant = key === "lock-wait" ? 1 : -1;
  on.beginPath();
  for (const shift of [-size, 0, size]) {
    on.moveTo(shift, slant > 0 ? size : 0);
    on.lineTo(shift + size, slant > 0 ? 0 : size);
  }
  on.stroke();
  return context.createPattern(tile, "repeat");
};

/// Collects rectangles by kind, so that each colour is set once.
class Rectangles {
  constructor(kindCount) {
    this.paths = Array.from({ length: kindCount }, () => null);
  }

  add(kind, x, y, width, height) {
    (this.paths[kind] ??= new Path2D()).rect(x, y, width, height);
  }

  fill(context, styleOf) {
    this.paths.forEach((path, kind) => {
      const style = path && styleOf(kind);
      if (!style) return;
      context.fillStyle = style;
      context.fill(path);
    });
  }
}

/// Adds what a row has between two moments to the rectangles, pixel by pixel. Returns how many steps that took.
const addRow = (intervals, [from, until], { left, width, top, height }, rectangles) => {
  const perPixel = (until - from) / width;
  const { kindCount } = intervals;
  let before = new Float64Array(kindCount);
  let after = new Float64Array(kindCount);
  intervals.until(from, before);
  let runKind = -1;
  let runFrom = 0;
  const end = (pixel) => {
    if (runKind >= 0) rectangles.add(runKind, left + runFrom, top, pixel - runFrom, height);
    runKind = -1;
  };
  for (let pixel = 0; pixel < width; pixel++) {
    intervals.until(from + (pixel + 1) * perPixel, after);
    let filled = -1;
    for (let kind = 0; kind < kindCount; kind++) if (after[kind] - before[kind] >= FILLED * perPixel) filled = kind;
    if (filled < 0 || filled !== runKind) {
      end(pixel);
      if (filled >= 0) [runKind, runFrom] = [filled, pixel];
    }
    if (filled < 0) {
      let bottom = top + height;
      for (let kind = 0; kind < kindCount; kind++) {
        const part = ((after[kind] - before[kind]) / perPixel) * height;
        if (part <= 0) continue;
        rectangles.add(kind, left + pixel, bottom - part, 1, part);
        bottom -= part;
      }
    }
    [before, after] = [after, before];
  }
  end(width);
};
