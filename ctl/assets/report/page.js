// Draws what the data of the page say, each in its place.

function make(name, attributes, text) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text != null) element.textContent = text;
  return element;
}

const data = JSON.parse(document.getElementById("gild-data").textContent);
const charts = [
  ...data.timelines.map((it) => new Timeline(it, document.getElementById(it.place))),
  ...data.curves.map((it) => new Curves(it, document.getElementById(it.place))),
];
// For whoever wants to look closer, by the browser's console.
window.gild = { data, charts };
document.documentElement.classList.add("drawn");

// Paper has no folds.
addEventListener("beforeprint", () => {
  document.querySelectorAll("details:not([open])").forEach((it) => {
    it.open = true;
    it.dataset.opened = "";
  });
});
addEventListener("afterprint", () => {
  document.querySelectorAll("details[data-opened]").forEach((it) => {
    it.open = false;
    delete it.dataset.opened;
  });
});
