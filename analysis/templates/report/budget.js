// The budget form.
const unit = (name) => (name === "params" ? (data.million ? 1e6 : 1e3) : 1);
const unitWords = (name) => (name === "params" ? (data.million ? "parameters (millions)" : "parameters (thousands)") : data.words[name]);
function buildBudget() {
  for (const name of new Set([...data.costs, ...Object.keys(data.limits)])) {
    const field = node("input", { type: "number", min: "0", step: "any", inputmode: "decimal", name, id: "limit-" + name });
    const known = comparable.map((row) => value(name, row)).filter((v) => v !== null);
    if (known.length) {
      const ends = [Math.min(...known), Math.max(...known)].map((v) => Number((v / unit(name)).toPrecision(3)));
      field.placeholder = ends[0] + " to " + ends[1];
    }
    if (limits[name]) { field.value = limits[name] / unit(name); field.defaultValue = field.value; }
    $("limits").append(node("label", {}, bound(name) + " … " + unitWords(name), field), " ");
  }
  let waiting = 0;
  $("budget").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(readBudget, 120); });
  $("budget").addEventListener("submit", (event) => { event.preventDefault(); readBudget(); });
  $("budget").addEventListener("reset", (event) => {
    event.preventDefault();
    for (const field of $("budget").querySelectorAll("input")) field.value = "";
    readBudget();
  });
  $("budget").hidden = false;
}
function sameLimits() {
  const names = Object.keys({ ...limits, ...data.limits });
  return names.every((name) => Math.abs(limits[name] - data.limits[name]) <= 1e-9 * data.limits[name]);
}
function readBudget() {
  for (const name of Object.keys(limits)) delete limits[name];
  for (const field of $("budget").querySelectorAll("input")) {
    const limit = Number(field.value);
    if (field.value !== "" && Number.isFinite(limit) && limit > 0) limits[field.name] = limit * unit(field.name);
  }
  // What was said of the front was said of the budget that the report was made with.
  $("said").hidden = !sameLimits();
  update();
  sayWithin();
  showCards();
  showFrontTable();
  showAll();
  if (drawn.has($("front-plot")) && window.Plotly) drawFront(window.Plotly);
}
