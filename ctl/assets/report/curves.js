// Charts of curves: distributions in steps, laws as lines with a band, measured points with their intervals.

const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

const writers = {
  ns: { ticks: writtenTicksOfEach, one: writtenTime },
  share: { ticks: (ticks) => ticks.map((tick) => `${Math.round(tick * 100)} %`), one: (value) => `${(value * 100).toFixed(1)} %` },
  number: { ticks: (ticks) => ticks.map(writtenNumber), one: writtenNumber },
};

/// On a logarithmic axis every tick has the unit that fits it.
function writtenTicksOfEach(ticks) {
  return ticks.map((tick) => (tick == null ? "" : writtenTime(tick).replace(/\.0+ /, " ")));
}

function writtenNumber(value) {
  if (value == null) return "";
  return Math.abs(value) >= 100 || Number.isInteger(value) ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/// One digit and zeros: the ticks of a logarithmic axis are counted from such a number.
const magnitude = (value) => 10 ** Math.floor(Math.log10(value) + 1e-9);
const roundDown = (value) => Math.floor(value / magnitude(value)) * magnitude(value);
const roundUp = (value) => Math.ceil(value / magnitude(value)) * magnitude(value);
/// On a logarithmic axis only 1, 2 and 5 have a label.
const labelled = (tick) => ([1, 2, 5].includes(Math.round(tick / magnitude(tick))) ? tick : null);

const isSteps = (curve) => curve.shape === "steps";

class Curves {
  constructor(data, place) {
    this.data = data;
    this.place = place;
    place.textContent = "";
    const names = data.curves.map((curve) => curve.label).join("; ");
    this.box = make("div", { class: "chart", role: "img", "aria-label": `${data.y.label} by ${data.x.label}: ${names}` });
    place.append(this.box);
    this.draw();
    new ResizeObserver(() => this.resize()).observe(place);
    onThemeChange(() => this.draw());
  }

  draw() {
    this.chart?.destroy();
    this.chart = new uPlot(this.options(), this.joined(), this.box);
  }

  /// All curves over the moments of all of them.
  joined() {
    const tables = this.data.curves.map((curve) => [curve.x, curve.y]);
    return uPlot.join(tables, tables.map((table) => table.map(() => 2)));
  }

  options() {
    const colours = theme();
    const { x, y } = this.data;
    const axis = (of) => ({
      label: of.label,
      labelFont: "13px system-ui, sans-serif",
      font: "12px system-ui, sans-serif",
      stroke: colours.text,
      grid: { stroke: colours.grid, width: 1 },
      ticks: { stroke: colours.grid },
      values: (_, ticks) => writers[of.unit].ticks(ticks),
      filter: of.logarithmic ? (_, ticks) => ticks.map(labelled) : undefined,
    });
    const narrow = this.width() < 520;
    return {
      width: this.width(),
      height: narrow ? 260 : 340,
      padding: [10, 28, 0, 0],
      scales: {
        x: { time: false, distr: x.logarithmic ? 3 : 1, range: (_, min, max) => this.xRange(min, max) },
        y: { range: (_, min, max) => this.yRange(min, max) },
      },
      series: [
        { label: "at", value: (_, value) => (value == null ? "–" : writers[x.unit].one(value)) },
        ...this.data.curves.map((curve) => this.series(curve, colours, y)),
      ],
      axes: [{ ...axis(x), space: narrow ? 70 : 60 }, { ...axis(y), size: 62 }],
      cursor: { drag: { x: false, y: false } },
      hooks: { drawClear: [(chart) => this.drawBands(chart, colours)], draw: [(chart) => this.drawBars(chart, colours)] },
    };
  }

  series(curve, colours, y) {
    const points = curve.shape === "points";
    return {
      label: curve.label,
      stroke: colours.curve(curve.colour),
      width: points ? 0 : 2.2,
      dash: DASHES[Math.floor(curve.colour) % DASHES.length],
      spanGaps: true,
      paths: points ? () => null : isSteps(curve) ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear(),
      points: { show: points, size: 8, fill: colours.curve(curve.colour) },
      value: (_, value) => (value == null ? "–" : writers[y.unit].one(value)),
    };
  }

  width() {
    return Math.max(240, Math.floor(this.place.clientWidth));
  }

  xRange(min, max) {
    if (this.data.x.logarithmic) return [roundDown(min), roundUp(max)];
    const margin = Math.max((max - min) * 0.04, 0.2);
    return [min - margin, max + margin];
  }

  yRange(min, max) {
    if (this.data.y.unit === "share") return [0, 1.02];
    const highest = Math.max(max, ...this.data.curves.flatMap((curve) => curve.high.filter((it) => it != null)));
    return [0, highest * 1.06];
  }

  /// The interval of a law as a band behind it.
  drawBands(chart, colours) {
    for (const curve of this.data.curves.filter((it) => it.shape === "line" && it.low.length)) {
      const { ctx: context } = chart;
      context.save();
      context.globalAlpha = 0.18;
      context.fillStyle = colours.curve(curve.colour);
      context.beginPath();
      const along = (ends) => ends.map((end, at) => [chart.valToPos(curve.x[at], "x", true), chart.valToPos(end, "y", true)]);
      [...along(curve.high), ...along(curve.low).reverse()].forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.fill();
      context.restore();
    }
  }

  /// Intervals of measured points.
  drawBars(chart, colours) {
    for (const curve of this.data.curves.filter((it) => it.shape === "points")) {
      const { ctx: context } = chart;
      const cap = 4 * devicePixelRatio;
      context.save();
      context.strokeStyle = colours.curve(curve.colour);
      context.lineWidth = 1.5 * devicePixelRatio;
      context.beginPath();
      curve.x.forEach((value, at) => {
        if (curve.low[at] == null || curve.high[at] == null) return;
        const x = chart.valToPos(value, "x", true);
        const [low, high] = [chart.valToPos(curve.low[at], "y", true), chart.valToPos(curve.high[at], "y", true)];
        context.moveTo(x, low);
        context.lineTo(x, high);
        for (const end of [low, high]) {
          context.moveTo(x - cap, end);
          context.lineTo(x + cap, end);
        }
      });
      context.stroke();
      context.restore();
    }
  }

  resize() {
    if (this.width() !== this.chart.width) this.draw();
  }
}
