// Figures are drawn when they come near the screen.
const drawn = new Map();
let library = null;
function plotly() {
  if (library) return library;
  library = (async () => {
    if (!$("plotly") || !("DecompressionStream" in window)) throw new Error("no DecompressionStream");
    const stream = new Blob([packedBytes()]).stream().pipeThrough(new DecompressionStream("gzip"));
    return loaded(await new Response(stream).text());
  })();
  return library;
}
function plotlyAtOnce() {
  return window.Plotly || loaded(new TextDecoder().decode(gunzipped(packedBytes())));
}
function packedBytes() {
  return Uint8Array.from(atob($("plotly").textContent), (sign) => sign.charCodeAt(0));
}
function loaded(text) {
  // It may have been loaded for paper meanwhile.
  if (window.Plotly) return window.Plotly;
  const code = document.createElement("script");
  code.textContent = text;
  document.head.append(code);
  $("plotly").remove();
  if (!window.Plotly) throw new Error("the packed library is damaged");
  return window.Plotly;
}
const coarse = window.matchMedia("(pointer: coarse)");
const narrow = window.matchMedia("(max-width: 600px)");
function fitted(layout) {
  const made = structuredClone(layout);
  made.font = { ...made.font, size: narrow.matches ? 11 : 13 };
  if (narrow.matches && made.height > 400 && made.height < 440) made.height = 340;
  made.dragmode = coarse.matches || narrow.matches ? false : "zoom";
  return made;
}
const OPTIONS = { responsive: true, displaylogo: false, displayModeBar: false };
function instead(place) {
  if (place.textContent) return;
  place.classList.add("done");
  place.append(node("p", { class: "soft" }, "The figures need a browser of 2023 or later; the tables hold what they show."));
}
async function draw(place) {
  if (drawn.has(place)) return drawn.get(place);
  const work = (async () => {
    try {
      await drawWith(await plotly(), place);
    } catch (error) {
      if (window.Plotly) throw error;
      instead(place);
    }
  })();
  drawn.set(place, work);
  return work;
}

async function drawWith(Plotly, place) {
  if (place.id === "front-plot") await drawFront(Plotly);
  else {
    const figure = JSON.parse(document.querySelector('script[data-plot="' + place.id + '"]').textContent);
    await Plotly.newPlot(place, figure.data, fitted(figure.layout), OPTIONS);
  }
  place.classList.add("done");
}

// The front: dominated trials first, so that the front lies above them.
const axes = new Map([...document.querySelectorAll("script[data-axis]")].map((s) => [s.dataset.axis, JSON.parse(s.textContent)]));
let axis = axes.size ? [...axes.keys()][0] : null;
function hover(row) {
  const lines = ["<b>trial " + data.numbers[row] + "</b> (" + status(row) + ")"];
  for (const name of columns) lines.push(data.words[name] + ": " + shown(name, value(name, row)));
  lines.push("click for its architecture and curve");
  return lines.join("<br>");
}
function points(rows, rest) {
  const known = rows.filter((row) => value(axis, row) !== null && value(score, row) !== null);
  return { type: "scatter", mode: "markers", x: known.map((row) => value(axis, row)), y: known.map((row) => value(score, row)),
    text: known.map(hover), customdata: known.map((row) => data.numbers[row]), hovertemplate: "%{text}<extra></extra>", ...rest };
}
function frontFigure() {
  const onFront = new Set(front), allowed = new Set(inside);
  const stopped = [];
  for (let row = 0; row < count; row++) if (status(row) === "stopped") stopped.push(row);
  const steps = { x: [], y: [] };
  for (const row of [...front].sort((a, b) => gain(axis, b) - gain(axis, a) || gain(score, b) - gain(score, a))) {
    const last = steps.y[steps.y.length - 1], x = value(axis, row), y = value(score, row);
    const further = data.directions[score] === "maximize" ? y > last : y < last;
    if (x === null || (last !== undefined && !further)) continue;
    if (last !== undefined) { steps.x.push(x); steps.y.push(last); }
    steps.x.push(x); steps.y.push(y);
  }
  const numbered = front.length <= 15;
  const source = axes.get(axis);
  const traces = [
    points(stopped, { name: "stopped early (scored after fewer epochs)", visible: "legendonly",
      marker: { symbol: "triangle-down-open", color: COLORS.other, size: 8 } }),
    points(comparable.filter((row) => !allowed.has(row)), { name: "beyond the budget", opacity: 0.5,
      marker: { symbol: "x-thin-open", color: COLORS.other, size: 6, line: { width: 1 } } }),
    points(inside.filter((row) => !onFront.has(row)), { name: "dominated", opacity: count > 1000 ? 0.45 : 0.75,
      marker: { symbol: "circle-open", color: COLORS.other, size: count > 1000 ? 6 : 8, line: { width: 1.5 } } }),
    { type: "scatter", ...steps, mode: "lines", line: { color: COLORS.front, width: 1.5 }, hoverinfo: "skip", showlegend: false },
    points(front, { name: "on the front" + (numbered ? " (with trial numbers)" : ""), mode: numbered ? "markers+text" : "markers",
      texttemplate: numbered ? "%{customdata}" : undefined, textposition: "top left",
      marker: { symbol: "circle", color: COLORS.front, size: numbered ? 12 : 9 } }),
  ].filter((trace) => trace.x.length);
  const layout = fitted(source.layout);
  if (limits[axis]) {
    layout.shapes = [{ type: "line", x0: limits[axis], x1: limits[axis], yref: "paper", y0: 0, y1: 1,
      line: { color: COLORS.other, width: 1.5, dash: "dash" } }];
  }
  return { data: [...traces, ...source.data], layout };
}
async function drawFront(Plotly) {
  const place = $("front-plot"), figure = frontFigure();
  place.setAttribute("aria-label", data.words[score] + " against " + data.words[axis] + " of " + comparable.length
    + " trials, " + front.length + " of them on the front; the table below has them, cheapest first.");
  if (place.data) { await Plotly.react(place, figure.data, figure.layout, OPTIONS); return; }
  await Plotly.newPlot(place, figure.data, figure.layout, OPTIONS);
  place.on("plotly_click", (event) => {
    const number = event.points[0].customdata;
    if (rowOf.has(number)) open(number);
  });
}
