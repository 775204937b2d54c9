// What the report's scripts compute of intervals, held against the plainest way to compute the same. Needs node alone.
//
//     node intervals.test.mjs ctl/assets/report/intervals.js

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const source = readFileSync(process.argv[2], "utf8");
const { unpack, Intervals, lockRow } = new Function(`${source}; return { unpack, Intervals, lockRow };`)();

/// Numbers that look random and are the same every time.
let state = 12345;
const random = (below) => {
  state = (state * 1103515245 + 12345) % 2147483648;
  return state % below;
};

const made = (count, kindCount) => {
  const starts = new Float64Array(count + 1);
  for (let i = 1; i <= count; i++) starts[i] = starts[i - 1] + 1 + random(50);
  const kinds = Uint8Array.from({ length: count }, () => random(kindCount));
  return new Intervals(starts, kinds, kinds, kindCount);
};

/// The time in each kind before a moment, interval by interval.
const plainly = ({ starts, kinds, count, kindCount }, moment) => {
  const sums = new Float64Array(kindCount);
  for (let i = 0; i < count; i++) sums[kinds[i]] += Math.max(0, Math.min(moment, starts[i + 1]) - starts[i]);
  return sums;
};

for (const count of [1, 2, 63, 64, 65, 128, 1000]) {
  const intervals = made(count, 4);
  const end = intervals.starts[count];
  const sums = new Float64Array(4);
  for (const moment of [-5, 0, 1, end / 3, end / 2, end - 0.5, end, end + 7, ...intervals.starts.slice(0, 200)]) {
    assert.deepEqual([...intervals.until(moment, sums)], [...plainly(intervals, moment)], `${count} intervals, until ${moment}`);
  }
}

// Packed by gild-model's Timeline::pack: intervals at −3 (startup), 5 (lock-wait) and 1000 (compute), until 300 000.
const packed = Buffer.from([3, 5, 0, 0, 8, 6, 0xe3, 0x07, 8, 0xf8, 0x9f, 0x12]).toString("base64");
const { starts, slots } = unpack(packed);
assert.deepEqual([[...starts], [...slots]], [[-3, 5, 1000, 300_000], [0, 6, 8]]);

// Three turns of two workers with a moment in between when nobody has the lock; 0 holds, 1 waits.
const row = (starts, kinds) => new Intervals(Float64Array.from(starts), Uint8Array.from(kinds), Uint8Array.from(kinds), 2);
const lock = lockRow([row([0, 10, 30, 40], [0, 1, 0]), row([0, 10, 20, 40], [1, 0, 1])], [0]);
assert.deepEqual([[...lock.starts], [...lock.slots]], [[0, 10, 20, 30, 40], [0, 1, 2, 0]]);
assert.equal(lockRow([row([0, 10], [1])], [0]), null);
console.log("ok");
