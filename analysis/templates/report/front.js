// The front within the budget.
const limits = { ...data.limits };
let inside = [], front = [];
function within(row) {
  return Object.entries(limits).every(([name, limit]) => value(name, row) !== null && signed(name, value(name, row)) <= signed(name, limit));
}
function nonDominated(rows) {
  const points = rows.map((row) => ({ row, at: data.objectives.map((name) => -gain(name, row)) }));
  points.sort((a, b) => {
    for (let k = 0; k < a.at.length; k++) if (a.at[k] !== b.at[k]) return a.at[k] - b.at[k];
    return data.numbers[a.row] - data.numbers[b.row];
  });
  const kept = [];
  for (const point of points) {
    const beaten = kept.some((other) => other.at.every((v, k) => v <= point.at[k]) && other.at.some((v, k) => v < point.at[k]));
    if (!beaten) kept.push(point);
  }
  const cost = data.objectives.find((name) => !data.scores.includes(name)) || data.objectives[0];
  return kept.map((point) => point.row).sort((a, b) => gain(cost, b) - gain(cost, a) || data.numbers[a] - data.numbers[b]);
}
const comparable = [];
for (let row = 0; row < count; row++) {
  if (status(row) === "complete" && data.objectives.every((name) => value(name, row) !== null)) comparable.push(row);
}
function update() {
  inside = comparable.filter(within);
  front = nonDominated(inside);
}
// Smaller is better of a signed figure, larger of a gain.
const signed = (name, figure) => (data.directions[name] === "maximize" ? -1 : 1) * figure;
const gain = (name, row) => -signed(name, value(name, row));
const best = (rows, name) => rows.reduce((first, row) => (gain(name, row) > gain(name, first) ? row : first));

const hasLearned = (row) => !score || data.useless[score] === undefined
  || gain(score, row) >= -signed(score, data.useless[score]);

// What speaks for a network: the rules of analysis/pareto/recommendations.py.
function reasons() {
  const found = new Map();
  const add = (row, words) => found.set(row, found.has(row) ? found.get(row) + ", " + words : words);
  const notable = front.filter(hasLearned);
  if (!notable.length) return found;
  const costs = data.objectives.filter((name) => !data.scores.includes(name));
  if (score) add(best(notable, score), "most accurate");
  if (notable.length > 1) for (const name of costs) add(best(notable, name), data.least[name] || "fewest " + data.words[name]);
  if (score && costs.length && notable.length > 2) {
    const range = (name) => {
      const all = notable.map((row) => name === score ? gain(name, row) : -gain(name, row));
      return [Math.min(...all), Math.max(...all)];
    };
    const [x0, x1] = range(costs[0]), [y0, y1] = range(score);
    if (x1 > x0 && y1 > y0) {
      const above = (row) => (gain(score, row) - y0) / (y1 - y0) - (-gain(costs[0], row) - x0) / (x1 - x0);
      const knee = notable.reduce((best, row) => (above(row) > above(best) ? row : best));
      if (above(knee) > 0 && !found.has(knee)) found.set(knee, "best balance");
    }
  }
  return found;
}
const architecture = (row) => of(data.outline, row);
function showCards() {
  const found = reasons();
  $("cards").replaceChildren(...front.filter((row) => found.has(row)).map((row) => {
    const facts = node("dl");
    for (const name of columns) facts.append(node("dt", {}, data.words[name]), node("dd", {}, shown(name, value(name, row))));
    const sure = data.uncertainty[data.numbers[row]] || data.unknown;
    const why = found.get(row);
    return node("li", {},
      node("h3", {}, node("span", { class: "mark" }, why[0].toUpperCase() + why.slice(1) + ":"), " ", link(row, "trial " + data.numbers[row])),
      facts,
      node("p", {}, sure),
      node("p", {}, architecture(row)),
      node("p", { class: "soft" }, "varied: " + (parameters(row) || "nothing")));
  }));
}
function showFrontTable() {
  $("front-table").tBodies[0].replaceChildren(...front.map((row) => node("tr", {},
    node("th", { scope: "row" }, link(row)),
    ...columns.map((name) => node("td", { class: "n" }, cell(name, row))),
    node("td", {}, data.uncertainty[data.numbers[row]] || "–"),
    node("td", {}, node("code", {}, data.arch_id[row])),
    node("td", { class: "words" }, parameters(row) || "nothing"))));
}
const bound = (name) => (data.directions[name] === "maximize" ? "at least" : "at most");
function sayWithin() {
  const names = Object.keys(limits);
  const words = names.map((name) => data.words[name] + " " + bound(name) + " " + shown(name, limits[name])).join(" and ");
  let text = "No budget: every complete trial may be recommended; " + front.length + " are on the front.";
  if (front.length && !front.some(hasLearned)) text = "No budget: no complete trial has learned anything.";
  if (names.length) {
    text = "Within the budget (" + words + ") lie " + inside.length + " of " + comparable.length + " complete trials; "
      + front.length + " of them are on the front.";
    if (!inside.length) {
      text = "No complete trial is within the budget (" + words + "): " + names.map((name) => {
        const known = comparable.filter((row) => value(name, row) !== null);
        if (!known.length) return data.short[name] + " was measured in none";
        const row = best(known, name);
        return (bound(name) === "at least" ? "the highest " : "the least ") + data.short[name] + " is " + shown(name, value(name, row)) + " (trial " + data.numbers[row] + ")";
      }).join(", ") + ".";
    }
  }
  $("within").textContent = text;
}
