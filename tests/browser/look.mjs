// Opens a report in a real browser and prints, as JSON, what it saw. The test beside it (tests/tests/report.rs) judges.
//
//     node look.mjs REPORT CHROMIUM page,everybody,keyboard,mouse,effort,plain,paper [FOLDER]
//
// shoot needs the folder: it is for screenshots, and paper leaves its PDF there.
//
// The packages are looked for where NODE_PATH says.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { readFileSync } from "node:fs";

const require = createRequire(join(process.env.NODE_PATH ?? ".", "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [file, executablePath, what, screenshots] = process.argv.slice(2);
const url = pathToFileURL(file).href;
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

// The sandbox of the browser needs user namespaces, which containers seldom have; the only page is our own file.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });

/// Opens the report; notes every complaint and every request but the one for the file itself.
const open = async (options) => {
  const context = await browser.newContext({ viewport: DESKTOP, bypassCSP: false, ...options });
  const page = await context.newPage();
  const seen = { complaints: [], requests: [] };
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && seen.complaints.push(message.text()));
  page.on("pageerror", (error) => seen.complaints.push(String(error)));
  page.on("request", (request) => request.url() !== url && seen.requests.push(request.url()));
  await page.goto(url, { waitUntil: "load" });
  if (options.javaScriptEnabled !== false) await page.waitForSelector("html.drawn", { state: "attached", timeout: 30_000 });
  return { context, page, seen };
};

/// What stands in the tables: by case, the value and the text of every figure.
const figures = (page) =>
  page.evaluate(() => {
    const of = (selector) => {
      const cases = {};
      for (const row of document.querySelectorAll(selector)) {
        const figures = (cases[row.dataset.case] ??= {});
        for (const it of row.querySelectorAll("data[data-figure]")) {
          figures[it.dataset.figure] ??= { value: Number(it.value), text: it.textContent };
        }
      }
      return cases;
    };
    const bars = {};
    for (const rect of document.querySelectorAll("figure.case rect[data-share]")) {
      const figure = rect.closest("figure");
      const svg = rect.closest("svg");
      (bars[figure.dataset.case] ??= {})[rect.dataset.part] = {
        share: Number(rect.dataset.share),
        drawn: rect.getBoundingClientRect().width / svg.getBoundingClientRect().width,
      };
    }
    return {
      table: of("#figures tr[data-case]"),
      shares: of("table.shares tbody[data-case]"),
      counters: of("table.counters tbody[data-case]"),
      bars,
      toml: document.querySelector("code.toml")?.textContent ?? null,
      answer: document.querySelector("h1").textContent,
      text: document.body.innerText,
    };
  });

/// Serious and critical violations of what makes a page usable for everybody, and whether the page itself scrolls sideways.
const usable = async (options) => {
  const { context, page, seen } = await open(options);
  await page.evaluate(() => document.querySelectorAll("details").forEach((it) => (it.open = true)));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  // The page's own policy forbids foreign scripts, so axe comes by the debugger, which is none.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  const serious = violations.filter((it) => ["serious", "critical"].includes(it.impact));
  const found = serious.map((it) => `${it.id}: ${it.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} (${node.failureSummary})`).join("; ")}`);
  await context.close();
  return { wide, serious: found, complaints: seen.complaints };
};

/// What the keyboard does to the first timeline.
const keyboard = async () => {
  const { context, page } = await open({});
  const view = () => page.evaluate(() => gild.charts[0].view);
  await page.locator(".timeline .chart").first().focus();
  const steps = { first: await view() };
  for (const key of ["Home", "+", "+", "ArrowRight", "-", "Home"]) {
    await page.keyboard.press(key);
    (steps.pressed ??= []).push({ key, view: await view() });
  }
  steps.said = await page.locator(".timeline .shown").first().textContent();
  steps.focus_seen = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none");
  steps.range = await page.evaluate(() => gild.charts[0].data.range);
  await context.close();
  return steps;
};

/// The mouse: a stretch is dragged across, a double click shows everything, a pointer reads what is under it.
const mouse = async () => {
  const { context, page } = await open({});
  const over = page.locator(".timeline .u-over").first();
  await over.scrollIntoViewIfNeeded();
  const box = await over.boundingBox();
  const at = (share) => [box.x + box.width * share, box.y + box.height * 0.8];
  const view = () => page.evaluate(() => gild.charts[0].view);
  const steps = { first: await view() };
  await page.mouse.move(...at(0.25));
  steps.under = await page.locator(".timeline .under").first().textContent();
  await page.mouse.down();
  await page.mouse.move(...at(0.5), { steps: 5 });
  await page.mouse.up();
  steps.dragged = await view();
  await page.mouse.dblclick(...at(0.5));
  steps.all = await view();
  steps.range = await page.evaluate(() => gild.charts[0].data.range);
  await context.close();
  return steps;
};

/// How long one drawing takes, in milliseconds, of timelines that differ in nothing but their number of intervals: the median of
/// several, in sight as a whole and in a part.
const effort = async () => {
  const { context, page } = await open({});
  const times = await page.evaluate(async () => {
    const pack = (count, each) => {
      const bytes = [];
      const put = (number) => {
        for (; number >= 128; number = Math.floor(number / 128)) bytes.push((number % 128) + 128);
        bytes.push(number);
      };
      put(count);
      put(0);
      for (let i = 0; i < count; i++) {
        put(i === 0 ? 0 : each + ((i * 7919) % 13));
        bytes.push([8, 6, 1][i % 3]);
      }
      put(each);
      let text = "";
      for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.slice(i, i + 8192));
      return btoa(text);
    };
    const { constructor, data } = gild.charts[0];
    const rows = 4;
    const drawn = async (count) => {
      const place = document.body.appendChild(document.createElement("div"));
      place.style.width = "1000px";
      const span = 1e9;
      const packed = pack(count / rows, Math.floor((span * rows) / count) - 6);
      const range = [0, span];
      const made = Array.from({ length: rows }, (_, row) => ({ label: `worker ${row}`, lock: 0, packed }));
      const started = performance.now();
      const chart = new constructor({ ...data, rows: made, holding: [0], range, view: range }, place);
      const opened = performance.now() - started;
      const median = async ([from, until]) => {
        const times = [];
        for (let i = 0; i < 9; i++) {
          const started = performance.now();
          chart.chart.setScale("x", { min: from + i, max: until - i });
          // uPlot draws in a microtask, the canvas when it is asked what it looks like.
          await null;
          chart.chart.ctx.getImageData(0, 0, 1, 1);
          times.push(performance.now() - started);
        }
        return times.sort((a, b) => a - b)[4];
      };
      const result = { count, opened, whole: await median(range), part: await median([0.4 * span, 0.6 * span]) };
      chart.chart.destroy();
      place.remove();
      return result;
    };
    await drawn(10_000);
    return [await drawn(10_000), await drawn(1_000_000)];
  });
  await context.close();
  return times;
};

/// The colours that the first timeline has where its rows are: a canvas that stays empty is no timeline.
const painted = (page) =>
  page.evaluate(() =>
    gild.charts.map(({ chart }) => {
      const { ctx, bbox } = chart;
      const { data } = ctx.getImageData(bbox.left, bbox.top, bbox.width, bbox.height);
      const colours = new Set();
      let filled = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] === 0) continue;
        filled++;
        colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      }
      return { colours: colours.size, filled: (4 * filled) / data.length };
    }),
  );

/// Without scripts, and on paper.
const plain = async () => {
  const { context, page, seen } = await open({ javaScriptEnabled: false });
  const count = (selector) => page.locator(selector).count();
  const found = {
    tables: await count("table"), bars: await count("svg.stacked"), toml: await count("code.toml"),
    said: await page.locator(".script-needed").first().isVisible().catch(() => false),
    complaints: seen.complaints,
  };
  await context.close();
  return found;
};

const paper = async () => {
  const { context, page } = await open({ colorScheme: "dark" });
  const pdf = await page.pdf({ format: "A4", ...(screenshots ? { path: join(screenshots, "report.pdf") } : {}) });
  await page.emulateMedia({ media: "print" });
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await context.close();
  return { bytes: pdf.length, pages: pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0, ground };
};

const shoot = async () => {
  for (const [name, options] of [
    ["desktop-light", { colorScheme: "light" }], ["desktop-dark", { colorScheme: "dark" }],
    ["phone-light", { colorScheme: "light", viewport: PHONE, deviceScaleFactor: 2 }], ["phone-dark", { colorScheme: "dark", viewport: PHONE, deviceScaleFactor: 2 }],
  ]) {
    const { context, page } = await open(options);
    await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
    await context.close();
  }
};

/// What the page shows, and what it asks for and complains of meanwhile.
const page = async () => {
  const { context, page, seen } = await open({});
  const found = { figures: await figures(page), painted: await painted(page) };
  found.charts = await page.evaluate(() => ({ timelines: gild.data.timelines.length, all: gild.charts.length }));
  await context.close();
  return { ...found, complaints: seen.complaints, requests: seen.requests };
};

const everybody = async () => ({
  light: await usable({ colorScheme: "light" }),
  dark: await usable({ colorScheme: "dark" }),
  phone: await usable({ viewport: PHONE, hasTouch: true, isMobile: true }),
});

const looks = { page, everybody, keyboard, mouse, effort, plain, paper, shoot };
const found = {};
for (const look of what.split(",")) found[look] = (await looks[look]()) ?? null;
await browser.close();
console.log(JSON.stringify(found));
