// All trials: sorted, searched, in pages.
const table = $("all");
let order = null, sorting = { key: 0, down: false }, page = 0;
const keys = [
  (row) => data.numbers[row], (row) => status(row) + " " + of(data.reason, row), ...columns.map((name) => (row) => value(name, row)),
  (row) => data.epochs[row], (row) => data.seconds[row], ...(data.taken ? [(row) => data.taken[row]] : []),
  (row) => data.arch_id[row], (row) => parameters(row),
];
const searched = new Map();
function text(row) {
  if (!searched.has(row)) {
    searched.set(row, [data.numbers[row], status(row), of(data.reason, row), of(data.origin, row), data.arch_id[row], parameters(row),
      architecture(row)].join(" ").toLowerCase());
  }
  return searched.get(row);
}
function chosen() {
  const words = $("text").value.toLowerCase().split(/\s+/).filter(Boolean), wanted = $("status").value;
  let rows = data.numbers.map((_, row) => row);
  if (wanted) rows = rows.filter((row) => status(row) === wanted);
  if (words.length) rows = rows.filter((row) => words.every((word) => text(row).includes(word)));
  const key = keys[sorting.key], cached = new Map(rows.map((row) => [row, key(row)]));
  const sign = sorting.down ? -1 : 1;
  return rows.sort((a, b) => {
    const x = cached.get(a), y = cached.get(b);
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return (x < y ? -sign : x > y ? sign : 0) || a - b;
  });
}
function showAll(again) {
  if (again || !order) { order = chosen(); page = 0; }
  const onFront = new Set(front);
  const rows = order.slice(page * ROWS, (page + 1) * ROWS);
  table.tBodies[0].replaceChildren(...rows.map((row) => {
    const reason = of(data.reason, row);
    return node("tr", { id: "trial-" + data.numbers[row] },
      node("th", { scope: "row" }, link(row)),
      node("td", { class: "status" }, node("span", { "aria-hidden": "true" }, onFront.has(row) ? "◆" : data.marks[data.status[row]]),
        " " + status(row) + (onFront.has(row) ? ", on the front" : ""), reason ? node("br") : null,
        reason ? node("span", { class: "soft" }, reason) : null),
      ...columns.map((name) => node("td", { class: "n" }, cell(name, row))),
      node("td", { class: "n" }, String(data.epochs[row])),
      node("td", { class: "n" }, duration(data.seconds[row])),
      ...(data.taken ? [node("td", { class: "n" }, percentage(data.taken[row]))] : []),
      node("td", {}, node("code", {}, data.arch_id[row])),
      node("td", { class: "words" }, parameters(row)));
  }));
  const first = order.length ? page * ROWS + 1 : 0;
  $("found").textContent = "Rows " + first + " to " + (page * ROWS + rows.length) + " of " + order.length
    + (order.length < count ? " found among " + count + " trials." : " trials.");
  $("earlier").disabled = page === 0;
  $("later").disabled = (page + 1) * ROWS >= order.length;
  $("pager").hidden = order.length <= ROWS;
}
function buildTable() {
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    const button = node("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      sorting = { key: place, down: sorting.key === place ? !sorting.down : columns[place - 2] === score };
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
      showAll(true);
    });
  });
  table.tHead.rows[0].cells[0].setAttribute("aria-sort", "ascending");
  for (const name of new Set(data.numbers.map((_, row) => status(row)))) $("status").append(node("option", { value: name }, name));
  let waiting = 0;
  $("find").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => showAll(true), 150); });
  $("find").addEventListener("submit", (event) => event.preventDefault());
  for (const [id, step] of [["earlier", -1], ["later", 1]]) {
    $(id).addEventListener("click", () => { page += step; showAll(); $("found").scrollIntoView({ block: "nearest" }); });
  }
  $("find").hidden = false;
  showAll(true);
}
