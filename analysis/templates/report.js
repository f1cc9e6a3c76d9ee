(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const count = data.numbers.length;
  const rowOf = new Map(data.numbers.map((number, row) => [number, row]));
  const score = data.objectives.find((name) => data.directions[name] === "maximize");
  const columns = [...new Set([...data.objectives, ...data.costs])];
  const ROWS = 50;
  const COLORS = { front: "#D55E00", other: "#8A8F98" };

  // Words and digits, as analysis/words.py has them.
  function shown(name, value) {
    if (value === null || value === undefined) return "–";
    if (name === "params") return value >= 1e6 ? (value / 1e6).toFixed(3) + " M" : (value / 1e3).toFixed(1) + " k";
    if (["mmacs", "mmacs_paper", "latency_ms"].includes(name)) return value.toFixed(value >= 10 ? 1 : 2);
    return value.toFixed(3);
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
    const measured = data.scores.includes(name) || name === "latency_ms";
    return status(row) !== "complete" && measured && text !== "–" ? "(" + text + ")" : text;
  };
  const plain = (entry) => (Array.isArray(entry) ? entry.join("-") : entry === null ? "–" : String(entry));
  const varied = Object.keys(data.parameters).filter((name) => data.parameters[name].values.filter((v) => v !== null).length > 1);
  // groups_branch3 and groups_branch4 become one part, as in analysis/words.py.
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

  // The front within the budget.
  const limits = { ...data.limits };
  let inside = [], front = [];
  function within(row) {
    return Object.entries(limits).every(([name, limit]) => value(name, row) !== null && value(name, row) <= limit);
  }
  function nonDominated(rows) {
    const signed = (name, row) => (data.directions[name] === "maximize" ? -1 : 1) * value(name, row);
    const points = rows.map((row) => ({ row, at: data.objectives.map((name) => signed(name, row)) }));
    points.sort((a, b) => {
      for (let k = 0; k < a.at.length; k++) if (a.at[k] !== b.at[k]) return a.at[k] - b.at[k];
      return data.numbers[a.row] - data.numbers[b.row];
    });
    const kept = [];
    for (const point of points) {
      const beaten = kept.some((other) => other.at.every((v, k) => v <= point.at[k]) && other.at.some((v, k) => v < point.at[k]));
      if (!beaten) kept.push(point);
    }
    const cost = data.objectives.find((name) => data.directions[name] === "minimize") || data.objectives[0];
    return kept.map((point) => point.row).sort((a, b) => signed(cost, a) - signed(cost, b) || data.numbers[a] - data.numbers[b]);
  }
  const comparable = [];
  for (let row = 0; row < count; row++) {
    if (status(row) === "complete" && data.objectives.every((name) => value(name, row) !== null)) comparable.push(row);
  }
  function update() {
    inside = comparable.filter(within);
    front = nonDominated(inside);
  }
  const least = (rows, name) => rows.reduce((best, row) => (value(name, row) < value(name, best) ? row : best));
  const most = (rows, name) => rows.reduce((best, row) => (value(name, row) > value(name, best) ? row : best));

  // What speaks for a network: the rules of analysis/summary.py.
  function reasons() {
    const found = new Map();
    const add = (row, words) => found.set(row, found.has(row) ? found.get(row) + ", " + words : words);
    if (!front.length) return found;
    const costs = data.objectives.filter((name) => data.directions[name] === "minimize");
    if (score) add(most(front, score), "most accurate");
    const words = { params: "fewest parameters", latency_ms: "fastest" };
    if (front.length > 1) for (const name of costs) add(least(front, name), words[name] || "fewest " + data.words[name]);
    if (score && costs.length && front.length > 2) {
      const range = (name) => {
        const all = front.map((row) => value(name, row));
        return [Math.min(...all), Math.max(...all)];
      };
      const [x0, x1] = range(costs[0]), [y0, y1] = range(score);
      if (x1 > x0 && y1 > y0) {
        const above = (row) => (value(score, row) - y0) / (y1 - y0) - (value(costs[0], row) - x0) / (x1 - x0);
        const knee = front.reduce((best, row) => (above(row) > above(best) ? row : best));
        if (above(knee) > 0 && !found.has(knee)) found.set(knee, "best balance");
      }
    }
    return found;
  }
  const joined = (name, row) => plain(of(data.arch[name], row));
  function architecture(row) {
    const blocks = of(data.arch.blocks_per_module, row);
    return "widths " + joined("widths", row) + "; G " + joined("groups", row) + "; N " + joined("kernels", row) + "; modules "
      + joined("modules", row) + " of " + blocks + (blocks === 1 ? " block" : " blocks");
  }
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
  function sayWithin() {
    const names = Object.keys(limits);
    const words = names.map((name) => data.words[name] + " at most " + shown(name, limits[name])).join(" and ");
    let text = "No budget: every complete trial may be recommended; " + front.length + " are on the front.";
    if (names.length) {
      text = "Within the budget (" + words + ") lie " + inside.length + " of " + comparable.length + " complete trials; "
        + front.length + " of them are on the front.";
      if (!inside.length) {
        text = "No complete trial is within the budget (" + words + "): " + names.map((name) => {
          const known = comparable.filter((row) => value(name, row) !== null);
          if (!known.length) return data.short[name] + " was measured in none";
          const row = least(known, name);
          return "the least " + data.short[name] + " is " + shown(name, value(name, row)) + " (trial " + data.numbers[row] + ")";
        }).join(", ") + ".";
      }
    }
    $("within").textContent = text;
  }

  // Figures are drawn when they come near the screen.
  const drawn = new Map();
  let library = null;
  function plotly() {
    if (library) return library;
    library = (async () => {
      const packed = $("plotly");
      if (!packed || !("DecompressionStream" in window)) throw new Error("no DecompressionStream");
      const bytes = Uint8Array.from(atob(packed.textContent), (sign) => sign.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      const code = document.createElement("script");
      code.textContent = await new Response(stream).text();
      document.head.append(code);
      packed.remove();
      return window.Plotly;
    })();
    return library;
  }
  const coarse = window.matchMedia("(pointer: coarse)");
  const narrow = window.matchMedia("(max-width: 600px)");
  function fitted(layout) {
    const made = structuredClone(layout);
    made.font = { ...made.font, size: narrow.matches ? 11 : 13 };
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
        const Plotly = await plotly();
        if (place.id === "front-plot") await drawFront(Plotly);
        else {
          const figure = JSON.parse(document.querySelector('script[data-plot="' + place.id + '"]').textContent);
          await Plotly.newPlot(place, figure.data, fitted(figure.layout), OPTIONS);
        }
        place.classList.add("done");
      } catch (error) {
        if (window.Plotly) throw error;
        instead(place);
      }
    })();
    drawn.set(place, work);
    return work;
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
    for (const row of [...front].sort((a, b) => value(axis, a) - value(axis, b) || value(score, b) - value(score, a))) {
      const last = steps.y[steps.y.length - 1], x = value(axis, row), y = value(score, row);
      if (x === null || (last !== undefined && y <= last)) continue;
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
      $("limits").append(node("label", {}, "at most … " + unitWords(name), field), " ");
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
  function readBudget() {
    for (const name of Object.keys(limits)) delete limits[name];
    for (const field of $("budget").querySelectorAll("input")) {
      const limit = Number(field.value);
      if (field.value !== "" && Number.isFinite(limit) && limit > 0) limits[field.name] = limit * unit(field.name);
    }
    update();
    sayWithin();
    showCards();
    showFrontTable();
    showAll();
    if (drawn.has($("front-plot")) && window.Plotly) drawFront(window.Plotly);
  }

  // All trials: sorted, searched, in pages.
  const table = $("all");
  const MARKS = { complete: "●", stopped: "▽", failed: "✕", running: "…", waiting: "‖" };
  let order = null, sorting = { key: 0, down: false }, page = 0;
  const keys = [
    (row) => data.numbers[row], (row) => status(row) + " " + of(data.reason, row), ...columns.map((name) => (row) => value(name, row)),
    (row) => data.epochs[row], (row) => data.seconds[row], (row) => data.arch_id[row], (row) => parameters(row),
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
        node("td", { class: "status" }, node("span", { "aria-hidden": "true" }, onFront.has(row) ? "◆" : MARKS[status(row)]),
          " " + status(row) + (onFront.has(row) ? ", on the front" : ""), reason ? node("br") : null,
          reason ? node("span", { class: "soft" }, reason) : null),
        ...columns.map((name) => node("td", { class: "n" }, cell(name, row))),
        node("td", { class: "n" }, String(data.epochs[row])),
        node("td", { class: "n" }, duration(data.seconds[row])),
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
  const BRANCHES = ["widths", "groups", "kernels", "context_reductions"];
  const HEADS = { widths: "width", groups: "G (groups)", kernels: "N (kernels)", context_reductions: "context reduction" };
  function branchTable(row) {
    const kept = BRANCHES.filter((name) => data.arch[name]);
    const size = of(data.arch.input_size, row);
    return grid("Architecture by branch", ["branch", "feature map", ...kept.map((name) => HEADS[name])], [0, 1, 2, 3].map((branch) => [
      String(branch + 1), size.map((side) => side / 2 ** (branch + 2)).join("×"),
      ...kept.map((name) => String(of(data.arch[name], row)[branch]))]));
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
    if (data.mlflow.link) return node("a", { href: data.mlflow.link + id, rel: "noreferrer" }, id);
    const command = data.mlflow.uri ? " (open it with: mlflow ui --backend-store-uri " + data.mlflow.uri + ")" : "";
    return node("span", {}, node("code", {}, id), command);
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
        ["time", duration(data.seconds[row])],
        ...(origin ? [["taken over from", origin]] : []),
        ["MLflow run", run(row)],
      ]),
      node("h3", {}, "Learning curve"), ...curveParts(row),
      node("h3", {}, "Architecture ", node("code", {}, data.arch_id[row])), branchTable(row),
      node("h3", {}, "What it costs, by part"), partTable(row),
      ...facts("The rest of the architecture", whole.map((key) => [key.replaceAll("_", " "), joined(key, row)])),
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

  update();
  if (axes.size) {
    buildBudget();
    for (const field of document.querySelectorAll('input[name="axis"]')) {
      field.addEventListener("change", () => { axis = field.value; if (window.Plotly) drawFront(window.Plotly); });
    }
    $("axis").hidden = axes.size < 2;
  }
  buildTable();
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "300px" });
  // The page is painted before 5 MB of script are unpacked for it.
  requestAnimationFrame(() => setTimeout(() => {
    document.querySelectorAll(".plot").forEach((place) => near.observe(place));
    if (asked()) open(Number(asked()[1]));
  }));
  window.addEventListener("beforeprint", () => document.querySelectorAll(".plot").forEach((place) => { if (!drawn.has(place)) draw(place); }));
})();
