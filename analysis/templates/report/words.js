// What the page knows, and its words and digits.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const count = data.numbers.length;
const rowOf = new Map(data.numbers.map((number, row) => [number, row]));
const score = data.objectives.find((name) => data.scores.includes(name));
const columns = [...new Set([...data.objectives, ...data.costs])];
const ROWS = 50;
const COLORS = { front: "#D55E00", other: "#8A8F98" };

// Words and digits, as search_spaces/common/objectives.py has them.
function shown(name, value) {
  if (value === null || value === undefined) return "–";
  const form = data.forms[name];
  if (!form) return value.toFixed(3);
  if (form.scaled) return value >= 1e6 ? (value / 1e6).toFixed(3) + " M" : (value / 1e3).toFixed(1) + " k";
  return value.toFixed(form.digits + (form.significant && value < 10 ? 1 : 0));
}
function percentage(part) {
  return part === null ? "–" : (100 * part).toFixed(1) + "%";
}
function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds < 60) return seconds.toFixed(1) + " s";
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? (seconds / 60).toFixed(1) + " min" : Math.floor(minutes / 60) + " h " + (minutes % 60) + " min";
}
const of = (column, row) => column.values[column.rows[row]];
const status = (row) => data.statuses[data.status[row]];
const value = (name, row) => (data.values[name] ? data.values[name][row] : null);
const cell = (name, row) => {
  const text = shown(name, value(name, row));
  const measured = data.scores.includes(name) || data.measured.includes(name);
  return status(row) !== "complete" && measured && text !== "–" ? "(" + text + ")" : text;
};
const plain = (entry) => (Array.isArray(entry) ? entry.join("-") : entry === null ? "–" : String(entry));
const varied = Object.keys(data.parameters).filter((name) => data.parameters[name].values.filter((v) => v !== null).length > 1);
// groups_branch3 and groups_branch4 become one part, as in analysis/study/labels.py.
function parameters(row) {
  const groups = new Map();
  for (const name of varied) {
    const entry = of(data.parameters[name], row);
    if (entry === null) continue;
    const match = /^(.+?)_(branch|stage)_?(\d+)$/.exec(name);
    const stem = match ? match[1] : name;
    if (!groups.has(stem)) groups.set(stem, { kind: match ? match[2] : "", places: [], values: [] });
    if (match) groups.get(stem).places.push(match[3]);
    groups.get(stem).values.push(plain(entry));
  }
  return [...groups].map(([stem, group]) => {
    const many = group.kind === "branch" ? "branches" : "stages";
    const kind = group.places.length > 1 ? many : group.kind;
    const where = group.kind ? " (" + kind + " " + group.places.join(", ") + ")" : "";
    return stem.replaceAll("_", " ") + " " + group.values.join(", ") + where;
  }).join("; ");
}

function node(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, text] of Object.entries(attributes || {})) made.setAttribute(name, text);
  made.append(...children.filter((child) => child !== null));
  return made;
}
const link = (row, text) => node("a", { href: "#trial-" + data.numbers[row] }, text === undefined ? String(data.numbers[row]) : text);
