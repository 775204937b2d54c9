// A timeline: a row for each worker, and above those who share a lock a row that says who has it.

/// Height of a row in CSS pixels, by how many there are.
const rowHeight = (rows) => (rows <= 16 ? 22 : rows <= 32 ? 14 : 9);
/// Hand-overs in sight from which on they are not drawn one by one.
const HAND_OVERS_MAX = 150;
/// The shortest time that can fill the width, in nanoseconds.
const SPAN_MIN = 1000;

class Timeline {
  constructor(data, place) {
    this.data = data;
    this.place = place;
    this.rows = rowsOf(data);
    this.height = rowHeight(this.rows.length);
    place.textContent = "";
    this.buttons = this.makeButtons();
    this.box = make("div", { class: "chart", tabindex: "0", role: "group" });
    this.box.setAttribute("aria-label", `Timeline of ${data.label}: plus and minus zoom, arrows move, Home shows all of it`);
    this.shown = make("p", { class: "shown", "aria-live": "polite" });
    this.under = make("p", { class: "under", "aria-hidden": "true" });
    place.append(this.buttons, this.box, this.under, this.shown);
    this.chart = new uPlot(this.options(), [this.data.range, [null, null]], this.box);
    this.listen();
    this.show(...data.view);
  }

  options() {
    const colours = theme();
    const labels = this.rows.map((row) => row.label);
    const widest = Math.max(...labels.map((label) => label.length));
    const axis = { stroke: colours.text, grid: { show: false }, ticks: { stroke: colours.grid }, font: "12px system-ui, sans-serif" };
    return {
      width: this.width(),
      height: this.rows.length * this.height + 44,
      padding: [6, 26, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false, range: (_, from, until) => this.within(from, until) },
        y: { range: [0, this.rows.length], dir: -1 },
      },
      series: [{}, { show: true, points: { show: false } }],
      axes: [
        { ...axis, grid: { show: true, stroke: colours.grid, width: 1 }, values: (_, ticks, axis, space, distance) => writtenTicks(ticks, distance), space: 80, size: 38 },
        {
          ...axis,
          size: Math.min(120, 16 + widest * 6.6),
          splits: () => this.rows.map((_, at) => at + 0.5),
          values: () => (this.height >= 12 ? labels : labels.map((label, at) => (at % 2 ? "" : label))),
          ticks: { show: false },
          gap: 4,
        },
      ],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: true, dist: 4 } },
      hooks: {
        draw: [(chart) => this.draw(chart)],
        setCursor: [(chart) => this.read(chart)],
        setScale: [(chart, key) => key === "x" && this.say(chart)],
      },
    };
  }

  width() {
    return Math.max(240, Math.floor(this.place.clientWidth));
  }

  /// A stretch of time that there is something of.
  within(from, until) {
    const [first, last] = this.data.range;
    if (from == null || until == null) return [first, last];
    const span = Math.min(Math.max(until - from, SPAN_MIN), last - first);
    const start = Math.min(Math.max(from, first), last - span);
    return [start, start + span];
  }

  show(from, until) {
    const [min, max] = this.within(from, until);
    this.chart.setScale("x", { min, max });
  }

  get view() {
    const { min, max } = this.chart.scales.x;
    return [min, max];
  }

  /// Makes the stretch in sight shorter (below 1) or longer, keeping a moment where it is.
  zoom(factor, moment) {
    const [from, until] = this.view;
    const fixed = moment ?? (from + until) / 2;
    this.show(fixed - (fixed - from) * factor, fixed + (until - fixed) * factor);
  }

  /// Moves by a share of what is in sight.
  move(share) {
    const [from, until] = this.view;
    const step = (until - from) * share;
    this.show(from + step, until + step);
  }

  draw(chart) {
    const { ctx: context } = chart;
    const { left, top, width, height } = chart.bbox;
    const colours = theme();
    const [from, until] = this.view;
    const each = height / this.rows.length;
    const gap = Math.max(1, each * 0.14);
    const area = (at) => ({ left: Math.round(left), width: Math.round(width), top: top + at * each + gap / 2, height: each - gap });
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    const phases = new Rectangles(this.data.kinds.length);
    this.rows.forEach((row, at) => {
      if (row.owners) drawOwners(context, row, [from, until], area(at), colours);
      else addRow(row.intervals, [from, until], area(at), phases);
    });
    const parts = this.data.kinds.map((kind) => colours.part(kind.key));
    phases.fill(context, (kind) => patternOf(context, parts[kind], this.data.kinds[kind].key, devicePixelRatio));
    this.rows.filter((row) => row.owners).forEach((row) => this.drawHandOvers(context, row, [from, until], area, colours));
    context.restore();
  }

  /// A thin line from who gave the lock away to who got it.
  drawHandOvers(context, row, [from, until], area, colours) {
    const owners = row.intervals;
    const [first, last] = [Math.max(0, owners.at(from)), Math.min(owners.count - 1, owners.at(until))];
    if (last - first > HAND_OVERS_MAX * 2) return;
    context.strokeStyle = colours.handOver;
    context.lineWidth = devicePixelRatio;
    context.beginPath();
    let giver = -1;
    for (let i = first; i <= last; i++) {
      const owner = owners.slots[i];
      if (owner >= row.owners.length) continue;
      if (giver >= 0 && giver !== owner && owners.starts[i] >= from) {
        const { left, width } = area(0);
        const x = left + ((owners.starts[i] - from) / (until - from)) * width;
        const [one, other] = [area(row.owners[giver]), area(row.owners[owner])];
        const down = other.top > one.top;
        context.moveTo(x, down ? one.top + one.height : one.top);
        context.lineTo(x, down ? other.top : other.top + other.height);
      }
      giver = owner;
    }
    context.stroke();
  }

  /// What is under the pointer.
  read(chart) {
    const { left, top } = chart.cursor;
    if (left == null || left < 0) {
      this.under.textContent = "";
      return;
    }
    const moment = chart.posToVal(left, "x");
    const row = this.rows[Math.min(this.rows.length - 1, Math.max(0, Math.floor((top / chart.over.clientHeight) * this.rows.length)))];
    this.under.textContent = `${row.label}, ${described(this.data, row, moment, this.rows)}`;
  }

  /// What is in sight, for those who do not see it, too.
  say() {
    const [from, until] = this.view;
    const [first, last] = this.data.range;
    const whole = until - from >= (last - first) * 0.9999;
    const part = `${writtenTime(until - from)} of ${writtenTime(last - first)}, from ${writtenTime(from)} on`;
    this.shown.textContent = whole ? `Showing all of it, ${writtenTime(last - first)}.` : `Showing ${part}.`;
  }

  makeButtons() {
    const actions = [
      ["+", "Zoom in", () => this.zoom(0.5)],
      ["−", "Zoom out", () => this.zoom(2)],
      ["←", "Earlier", () => this.move(-0.5)],
      ["→", "Later", () => this.move(0.5)],
      ["all", "Show all of it", () => this.show(...this.data.range)],
      ["back", "Go back to what was in sight at first", () => this.show(...this.data.view)],
    ];
    const bar = make("div", { class: "buttons", role: "group", "aria-label": `Zoom and move the timeline of ${this.data.label}` });
    for (const [face, label, act] of actions) {
      const button = make("button", { type: "button", "aria-label": label, title: label }, face);
      button.addEventListener("click", act);
      bar.append(button);
    }
    return bar;
  }

  listen() {
    const keys = {
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), "_": () => this.zoom(2),
      ArrowLeft: () => this.move(-0.2), ArrowRight: () => this.move(0.2),
      PageUp: () => this.move(-1), PageDown: () => this.move(1), Home: () => this.show(...this.data.range),
    };
    this.box.addEventListener("keydown", (event) => {
      const act = !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    const { over } = this.chart;
    over.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return;
      event.preventDefault();
      if (event.shiftKey) return this.move(Math.sign(event.deltaY || event.deltaX) * 0.1);
      this.zoom(Math.exp(event.deltaY * 0.002), this.momentAt(event.clientX));
    }, { passive: false });
    over.addEventListener("dblclick", () => this.show(...this.data.range));
    touch(over, this);
    new ResizeObserver(() => this.resize()).observe(this.place);
    onThemeChange(() => this.renew());
  }

  momentAt(clientX) {
    return this.chart.posToVal(clientX - this.chart.over.getBoundingClientRect().left, "x");
  }

  resize() {
    const width = this.width();
    if (width !== this.chart.width) this.chart.setSize({ width, height: this.chart.height });
  }

  /// Draws with the colours of now.
  renew() {
    const colours = theme();
    for (const axis of this.chart.axes) {
      axis.stroke = () => colours.text;
      axis.grid.stroke = () => colours.grid;
    }
    this.chart.redraw(false, true);
  }
}

/// The rows from above: each lock, then those who share it; then those who share none.
const rowsOf = (data) => {
  const kindOf = Uint8Array.from(data.kind_of);
  const workers = data.rows.map((row) => {
    const { starts, slots } = unpack(row.packed);
    const kinds = slots.map((slot) => kindOf[slot] ?? 0);
    return { label: row.label, lock: row.lock, intervals: new Intervals(starts, slots, kinds, data.kinds.length) };
  });
  const locks = [...new Set(workers.map((row) => row.lock).filter((lock) => lock != null))];
  const rows = [];
  for (const lock of locks) {
    const sharers = workers.filter((row) => row.lock === lock);
    const intervals = lockRow(sharers.map((row) => row.intervals), data.holding);
    const above = intervals ? rows.push({ label: locks.length > 1 ? `lock ${lock}` : "has the lock", intervals, owners: [], sharers }) : 0;
    sharers.forEach((row, at) => {
      if (above) rows[above - 1].owners[at] = rows.length;
      rows.push(row);
    });
  }
  return rows.concat(workers.filter((row) => row.lock == null));
};

/// The row of a lock: blocks with the number of who has it.
const drawOwners = (context, row, [from, until], area, colours) => {
  const held = colours.part("compute");
  const intervals = row.intervals;
  const perPixel = (until - from) / area.width;
  const [first, last] = [Math.max(0, intervals.at(from)), Math.min(intervals.count - 1, intervals.at(until))];
  context.fillStyle = held.fill;
  if (last - first > area.width) {
    // More hand-overs than pixels: how much of each pixel somebody had it.
    const rectangles = new Rectangles(intervals.kindCount);
    addRow(intervals, [from, until], area, rectangles);
    return rectangles.fill(context, (kind) => (kind < row.owners.length ? held.fill : null));
  }
  context.font = `${Math.round(11 * devicePixelRatio)}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let i = first; i <= last; i++) {
    if (intervals.slots[i] >= row.owners.length) continue;
    const left = area.left + (Math.max(from, intervals.starts[i]) - from) / perPixel;
    const right = area.left + (Math.min(until, intervals.starts[i + 1]) - from) / perPixel;
    const width = right - left;
    context.fillStyle = held.fill;
    context.fillRect(left, area.top, width > 3 ? width - devicePixelRatio : Math.max(width, 0.5), area.height);
    const name = shortName(row.sharers[intervals.slots[i]].label);
    if (width > (name.length * 7 + 4) * devicePixelRatio) {
      context.fillStyle = held.text;
      context.fillText(name, (left + right) / 2, area.top + area.height / 2);
    }
  }
};

const shortName = (label) => label.replace(/^worker /, "");

/// `waiting for the lock (switch-wait), 12.3 ms from 1.20 s on`
const described = (data, row, moment) => {
  const { intervals } = row;
  const at = intervals.at(moment);
  if (at < 0 || at >= intervals.count) return `nothing at ${writtenTime(moment)}`;
  const [from, until] = [intervals.starts[at], intervals.starts[at + 1]];
  const when = `${writtenTime(until - from)} from ${writtenTime(from)} on`;
  if (row.owners) {
    const owner = row.sharers[intervals.slots[at]];
    return `${owner ? owner.label : "nobody"}: ${when}`;
  }
  const slot = intervals.slots[at];
  return `${data.kinds[data.kind_of[slot]].words} (${data.names[slot]}): ${when}`;
};

/// One finger moves, two zoom; up and down still scroll the page.
const touch = (over, timeline) => {
  const fingers = new Map();
  const spread = () => {
    const [one, other] = [...fingers.values()];
    return { middle: (one + other) / 2, distance: Math.max(8, Math.abs(one - other)) };
  };
  over.addEventListener("pointerdown", (event) => event.pointerType === "touch" && fingers.set(event.pointerId, event.clientX));
  over.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = fingers.size === 2 ? spread() : null;
    const moved = event.clientX - fingers.get(event.pointerId);
    fingers.set(event.pointerId, event.clientX);
    if (before) timeline.zoom(before.distance / spread().distance, timeline.momentAt(spread().middle));
    else if (fingers.size === 1) timeline.move(-moved / over.clientWidth);
  });
  for (const end of ["pointerup", "pointercancel"]) over.addEventListener(end, (event) => fingers.delete(event.pointerId));
};
