// One trial in a dialog; its address can be passed on.
const dialog = $("trial");
function facts(title, pairs) {
  const body = node("tbody");
  for (const [name, entry] of pairs) body.append(node("tr", {}, node("th", { scope: "row" }, name), node("td", {}, entry)));
  return [node("h3", {}, title), node("div", { class: "wide" }, node("table", { class: "facts" }, body))];
}
function grid(title, heads, rows) {
  const head = node("tr", {}, ...heads.map((text, k) => node("th", { scope: "col", class: k ? "n" : "" }, text)));
  const body = node("tbody", {}, ...rows.map((cells) => node("tr", {}, node("th", { scope: "row" }, cells[0]),
    ...cells.slice(1).map((text) => node("td", { class: "n" }, text)))));
  return node("div", { class: "wide", tabindex: "0", role: "region", "aria-label": title }, node("table", {}, node("thead", {}, head), body));
}
// Fields of an architecture that hold a value for each of its branches, with their headings.
const BRANCHES = Object.keys(data.branch_fields);
function branchTable(row) {
  const kept = BRANCHES.filter((name) => data.arch[name] && of(data.arch[name], row) !== null);
  if (!kept.length) return [];
  const size = of(data.arch.input_size, row);
  const heads = ["branch", "feature map", ...kept.map((name) => data.branch_fields[name])];
  return [grid("Architecture by branch", heads, of(data.arch[kept[0]], row).map((_, branch) => [
    String(branch + 1), size.map((side) => side / 2 ** (branch + 2)).join("×"),
    ...kept.map((name) => String(of(data.arch[name], row)[branch]))]))];
}
function partTable(row) {
  const parts = of(data.cost_parts, row);
  const sum = (k) => parts.reduce((total, part) => total + part[k], 0);
  const share = (part, total) => (total ? Math.round(100 * part / total) + " %" : "–");
  return grid("Cost by part", ["part", "MMACs", "share", "parameters", "share"], [
    ...parts.map((part, k) => [data.parts[k], shown("mmacs", part[1] / 1e6), share(part[1], sum(1)), shown("params", part[0]), share(part[0], sum(0))]),
    ["whole network", shown("mmacs", sum(1) / 1e6), "", shown("params", sum(0)), ""]]);
}
function run(row) {
  const id = data.run[row];
  if (!id) return "none was recorded";
  const address = data.mlflow.link.replace("{run}", encodeURIComponent(id));
  const command = data.mlflow.command ? [" (open it with: ", node("code", {}, data.mlflow.command), ")"] : [];
  return node("span", {}, address ? node("a", { href: address, rel: "noreferrer" }, id) : node("code", {}, id), ...command);
}
function curveParts(row) {
  const metrics = Object.keys(data.curves).filter((name) => data.curves[name].values[row].length);
  if (!metrics.length) return [node("p", {}, "No epoch was recorded.")];
  const epochs = [...new Set(metrics.flatMap((name) => of(data.curves[name].epochs, row)))].sort((a, b) => a - b);
  const at = (name, epoch) => {
    const place = of(data.curves[name].epochs, row).indexOf(epoch);
    return place < 0 ? "–" : String(data.curves[name].values[row][place]);
  };
  const words = (name) => data.words[name] || name;
  return [
    node("div", { id: "curve", role: "img", "aria-label": "Learning curve; the table below has its values." }),
    node("details", {}, node("summary", {}, "The curve as a table"),
      grid("Learning curve", ["epoch", ...metrics.map(words)], epochs.map((epoch) => [String(epoch), ...metrics.map((name) => at(name, epoch))]))),
  ];
}
async function drawCurve(row) {
  const place = $("curve");
  if (!place) return;
  const metrics = Object.keys(data.curves).filter((name) => data.curves[name].values[row].length);
  const lines = ["#D55E00", "#0072B2"], dashes = ["solid", "dash"], symbols = ["circle", "square-open"];
  try {
    const Plotly = await plotly();
    if (!place.isConnected) return;
    await Plotly.newPlot(place, metrics.slice(0, 2).map((name, k) => ({
      type: "scatter", mode: "lines+markers", x: of(data.curves[name].epochs, row), y: data.curves[name].values[row],
      name: data.words[name] || name, yaxis: k ? "y2" : "y", line: { color: lines[k], dash: dashes[k] }, marker: { symbol: symbols[k], size: 6 },
    })), fitted({
      height: 260, margin: { l: 52, r: 52, t: 8, b: 40 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif" }, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      xaxis: { title: { text: "epoch" }, zeroline: false },
      yaxis: { title: { text: data.words[metrics[0]] || metrics[0] }, zeroline: false },
      yaxis2: { title: { text: data.words[metrics[1]] || metrics[1] || "" }, overlaying: "y", side: "right", zeroline: false, showgrid: false,
        automargin: true, tickformat: ".2~g", nticks: 5 },
    }), OPTIONS);
  } catch (error) {
    if (window.Plotly) throw error;
    instead(place);
  }
}
function open(number) {
  const row = rowOf.get(number);
  if (row === undefined) return;
  const close = node("button", { type: "button" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const name = node("h2", { id: "trial-name", tabindex: "-1" }, "Trial " + number);
  const reason = of(data.reason, row), origin = of(data.origin, row), sure = data.uncertainty[number];
  const place = front.includes(row) ? ", on the front" + (Object.keys(limits).length ? " of your budget" : "") : "";
  const whole = Object.keys(data.arch).filter((key) => !BRANCHES.includes(key));
  dialog.replaceChildren(
    node("div", { class: "top" }, name, close),
    ...facts("Result", [
      ["status", status(row) + place + (reason ? ": " + reason : "")],
      ...columns.map((key) => [data.words[key], cell(key, row)]),
      ...(sure ? [["uncertainty", sure]] : []),
      ["epochs", data.epochs[row] + (data.before[row] ? ", the first " + data.before[row] + " by the trial that this one continues" : "")],
      ...(data.seed[row] === null ? [] : [["seed of the training", String(data.seed[row])]]),
      ["time", duration(data.seconds[row])],
      ...(data.taken ? [["weights taken", percentage(data.taken[row])]] : []),
      ...(origin ? [["taken over from", origin]] : []),
      ["MLflow run", run(row)],
    ]),
    node("h3", {}, "Learning curve"), ...curveParts(row),
    node("h3", {}, "Architecture ", node("code", {}, data.arch_id[row])), ...branchTable(row),
    node("h3", {}, "What it costs, by part"), partTable(row),
    ...facts("The rest of the architecture", whole.map((key) => [key.replaceAll("_", " "), plain(of(data.arch[key], row))])),
    ...facts("Parameters that the search chose", Object.keys(data.parameters).map((key) => [key.replaceAll("_", " "), plain(of(data.parameters[key], row))])),
    node("p", { class: "soft" }, "To ship it: ", node("code", {}, "dite-search export STUDY --trial " + number)),
  );
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  name.focus();
  history.replaceState(null, "", "#trial-" + number);
  drawCurve(row);
}
dialog.addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
const asked = () => /^#trial-(\d+)$/.exec(location.hash);
document.addEventListener("click", (event) => {
  const found = event.target.closest && event.target.closest('a[href^="#trial-"]');
  if (!found) return;
  event.preventDefault();
  open(Number(found.getAttribute("href").slice("#trial-".length)));
});
window.addEventListener("hashchange", () => { if (asked()) open(Number(asked()[1])); });
