// The intervals of a worker in arrays of numbers, and how much of each kind lies between two moments.
//
// Sums are kept for every 64th interval, so that the answer for a pixel takes a search and at most 64 steps, whatever the number
// of intervals: drawing costs as much as there are pixels, not as there are intervals.

const STRIDE = 64;

/// Reads variable-length numbers (LEB128), as gild-model's Timeline::pack writes them: the number of intervals, the first
/// start (zigzag), then of each interval the time since the one before and its slot, then the time to the end of the last.
const unpack = (base64) => {
  const text = atob(base64);
  let at = 0;
  const number = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = text.charCodeAt(at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const count = number();
  const coded = number();
  let moment = coded % 2 ? -(coded + 1) / 2 : coded / 2;
  const starts = new Float64Array(count + 1);
  const slots = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    moment += number();
    slots[i] = text.charCodeAt(at++);
    starts[i] = moment;
  }
  starts[count] = moment + number();
  return { starts, slots };
};

class Intervals {
  /// `starts` has one more than there are intervals: the end of the last. `kinds` are numbers below `kindCount`.
  constructor(starts, slots, kinds, kindCount) {
    this.starts = starts;
    this.slots = slots;
    this.kinds = kinds;
    this.kindCount = kindCount;
    this.count = slots.length;
    const blocks = Math.floor(this.count / STRIDE) + 1;
    this.sums = new Float64Array(blocks * kindCount);
    const sum = new Float64Array(kindCount);
    for (let i = 0; i < this.count; i++) {
      if (i % STRIDE === 0) this.sums.set(sum, (i / STRIDE) * kindCount);
      sum[kinds[i]] += starts[i + 1] - starts[i];
    }
    if (this.count % STRIDE === 0) this.sums.set(sum, (this.count / STRIDE) * kindCount);
  }

  /// The interval that a moment is in; -1 before the first, `count` after the last.
  at(moment) {
    if (!(moment >= this.starts[0])) return -1;
    if (moment >= this.starts[this.count]) return this.count;
    let low = 0;
    let high = this.count;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= moment) low = middle;
      else high = middle;
    }
    return low;
  }

  /// Fills `sums` with the time in each kind from the beginning to a moment.
  until(moment, sums) {
    const index = this.at(moment);
    if (index < 0) return sums.fill(0);
    const block = Math.floor(index / STRIDE);
    for (let kind = 0; kind < this.kindCount; kind++) sums[kind] = this.sums[block * this.kindCount + kind];
    for (let i = block * STRIDE; i < index; i++) sums[this.kinds[i]] += this.starts[i + 1] - this.starts[i];
    if (index < this.count) sums[this.kinds[index]] += moment - this.starts[index];
    return sums;
  }
}

/// Who had a lock when: one row made of the rows of those who share it. Kinds are the places of these rows.
const lockRow = (rows, holding) => {
  const holds = rows.map((row) => Uint8Array.from(row.kinds, (kind) => (holding.includes(kind) ? 1 : 0)));
  const next = rows.map(() => 0);
  const starts = [];
  const owners = [];
  const FREE = rows.length;
  let end = -Infinity;
  for (;;) {
    // The holding interval that begins first, of all rows.
    let first = -1;
    for (let r = 0; r < rows.length; r++) {
      while (next[r] < rows[r].count && !holds[r][next[r]]) next[r]++;
      if (next[r] < rows[r].count && (first < 0 || rows[r].starts[next[r]] < rows[first].starts[next[first]])) first = r;
    }
    if (first < 0) break;
    const from = rows[first].starts[next[first]];
    const goesOn = owners.length > 0 && owners[owners.length - 1] === first && from <= end;
    if (from > end && owners.length > 0) {
      starts.push(end);
      owners.push(FREE);
    }
    if (!goesOn) {
      starts.push(from);
      owners.push(first);
    }
    end = rows[first].starts[next[first] + 1];
    next[first]++;
  }
  if (owners.length === 0) return null;
  starts.push(end);
  return new Intervals(Float64Array.from(starts), Uint8Array.from(owners), Uint8Array.from(owners), FREE + 1);
};
