// Colours come from the styles, so that the charts follow light, dark and paper like everything else.

const theme = () => {
  const styles = getComputedStyle(document.documentElement);
  const read = (name) => styles.getPropertyValue(name).trim();
  return {
    text: read("--text"),
    grid: read("--grid"),
    handOver: read("--hand-over"),
    part: (key) => ({ fill: read(`--${key}`), line: read(`--${key}-line`), text: read(`--${key}-text`) }),
    curve: (number) => read(`--curve-${number % 12}`),
  };
};

/// Calls back whenever the colours have changed: another scheme, or paper.
const onThemeChange = (changed) => {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  matchMedia("print").addEventListener("change", changed);
};

/// Times as the tables write them: three digits and the unit that fits.
const writtenTime = (ns) => {
  const size = Math.abs(ns);
  const [unit, scale] = [["ns", 1], ["µs", 1e3], ["ms", 1e6]].find(([, scale]) => size / scale < 999.5) ?? ["s", 1e9];
  const value = size / scale;
  const decimals = unit === "ns" || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${ns < 0 ? "−" : ""}${value.toFixed(decimals)} ${unit}`;
};

/// The ticks of an axis of times: one unit for all, as many decimals as the distance between two of them needs.
const writtenTicks = (ticks, distance) => {
  const largest = Math.max(...ticks.map(Math.abs));
  const [unit, scale] = [["ns", 1], ["µs", 1e3], ["ms", 1e6]].find(([, scale]) => largest / scale < 1000) ?? ["s", 1e9];
  const decimals = Math.min(9, Math.max(0, Math.ceil(-Math.log10(distance / scale) - 1e-9)));
  return ticks.map((tick) => `${(tick / scale).toFixed(decimals)} ${unit}`);
};
