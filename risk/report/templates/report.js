"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const charts = [...document.querySelectorAll("script[data-chart]")].map((node) => ({
    at: document.getElementById(node.dataset.chart),
    spec: JSON.parse(node.textContent),
  }));

  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();

  // Colours in a chart are tokens such as "$c1", so that one file serves light and dark.
  const resolved = (value) => {
    if (typeof value === "string" && /^\$[a-z]+[0-9]?$/.test(value)) return colour(value.slice(1));
    if (Array.isArray(value)) return value.map(resolved);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item)]));
    }
    return value;
  };

  const themed = (layout) => {
    const ink = colour("ink"), muted = colour("muted"), line = colour("line"), paper = colour("paper");
    const axis = (own) => ({
      gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true, fixedrange: false, ...own,
      tickfont: { color: muted, size: 12 }, title: { font: { color: muted, size: 12 }, standoff: 8, ...own?.title },
    });
    return {
      ...layout,
      autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink },
      margin: { l: 8, r: 12, t: 8, b: 8 }, bargap: 0.28,
      xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis),
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: ink, size: 12 } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: ink },
      hoverlabel: { bgcolor: paper, bordercolor: line, font: { color: ink } },
    };
  };

  const config = {
    displaylogo: false, responsive: true, displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };

  // The system's scheme, unless the reader chose one.
  const toggle = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const named = () => { toggle.textContent = isDark() ? "Light theme" : "Dark theme"; };

  const draw = () => Promise.all(charts.map(({ at, spec }) => {
    const rows = spec.layout.yaxis?.ticktext?.length;
    if (rows && spec.layout.yaxis.autorange === "reversed") {
      const side = spec.layout.barmode === "group" ? spec.data.length : 1;
      at.style.height = `${Math.max(8, 4.5 + rows * (0.75 + 0.8 * side))}rem`;
    }
    return Plotly.react(at, resolved(spec.data), themed(resolved(spec.layout)), config);
  }));

  draw().then(() => { root.dataset.charts = String(charts.length); });
  named();
  toggle.hidden = false;
  toggle.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; named(); draw(); });
  dark.addEventListener("change", () => { named(); draw(); });
  let chosen;
  addEventListener("beforeprint", () => { chosen = root.dataset.theme; root.dataset.theme = "light"; draw(); });
  addEventListener("afterprint", () => {
    if (chosen) root.dataset.theme = chosen; else delete root.dataset.theme;
    draw();
  });

  // A link to a table inside a closed part opens it.
  const unfold = () => {
    const at = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = at && at.closest("details:not([open])");
    if (folded) { folded.open = true; at.scrollIntoView(); }
  };
  addEventListener("hashchange", unfold);
  unfold();

  const compare = (a, b, numeric) => {
    if (!numeric) return a.localeCompare(b, "en");
    if (a === "" || b === "") return (a === "") - (b === "");
    return Number(a) - Number(b);
  };

  document.querySelectorAll("th button").forEach((button) => button.addEventListener("click", () => {
    const head = button.closest("th"), body = head.closest("table").tBodies[0];
    const k = head.cellIndex, numeric = head.classList.contains("num");
    const first = numeric ? "descending" : "ascending";
    const second = numeric ? "ascending" : "descending";
    const order = head.ariaSort === first ? second : first;
    head.parentNode.querySelectorAll("th").forEach((other) => { other.ariaSort = "none"; });
    head.ariaSort = order;
    const key = (row) => numeric ? row.cells[k].dataset.v : row.cells[k].textContent;
    const rows = [...body.rows].sort((a, b) => {
      const empty = numeric && (key(a) === "" || key(b) === "");
      return (order === "descending" && !empty ? -1 : 1) * compare(key(a), key(b), numeric);
    });
    body.append(...rows);
  }));

  document.querySelectorAll(".searchable input").forEach((input) => input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of input.closest(".table").querySelectorAll("tbody tr")) {
      const words = [...row.cells].map((c) => `${c.textContent} ${c.title}`).join(" ").toLowerCase();
      row.hidden = !words.includes(wanted);
    }
    const rows = [...input.closest(".table").querySelectorAll("tbody tr")];
    const left = rows.filter((row) => !row.hidden).length;
    input.closest(".table").querySelector(".count").textContent = wanted ? `${left} of ${rows.length}` : "";
  }));
})();
