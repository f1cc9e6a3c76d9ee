(async function () {
"use strict";
const $ = (id) => document.getElementById(id);
const place = $("front-plot"), links = JSON.parse($("links").textContent);
const figures = new Map([...document.querySelectorAll("script[data-axis]")].map((s) => [s.dataset.axis, JSON.parse(s.textContent)]));
async function library() {
  const packed = Uint8Array.from(atob($("plotly").textContent), (sign) => sign.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const code = document.createElement("script");
  code.textContent = await new Response(stream).text();
  document.head.append(code);
  $("plotly").remove();
  return window.Plotly;
}
function choose(point) {
  const number = point.customdata, address = links[number];
  if (number === undefined) return;
  $("chosen").hidden = false;
  const shown = document.createElement("b");
  shown.textContent = "Trial " + number;
  const parts = [shown];
  if (address) {
    // A viewer that opens no window still shows the address.
    const link = Object.assign(document.createElement("a"), { href: address, target: "_blank", rel: "noopener" });
    link.textContent = address;
    parts.push(": ", link);
  }
  $("chosen").replaceChildren(...parts);
}
async function draw(Plotly, cost) {
  const figure = figures.get(cost);
  await Plotly.react(place, figure.data, figure.layout, { responsive: true, displaylogo: false, displayModeBar: false });
}
if (!("DecompressionStream" in window)) {
  place.textContent = "The figure needs a browser of 2023 or later; the table holds the front.";
  return;
}
const Plotly = await library();
await draw(Plotly, figures.keys().next().value);
place.on("plotly_click", (event) => choose(event.points[0]));
for (const input of document.querySelectorAll("input[name=axis]")) {
  input.addEventListener("change", () => draw(Plotly, input.value));
}
})();
