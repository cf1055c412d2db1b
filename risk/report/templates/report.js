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

  const draw = () => Promise.all(charts.map(({ at, spec }) => {
    const rows = spec.layout.yaxis?.ticktext?.length;
    if (rows && spec.layout.yaxis.autorange === "reversed") {
      const side = spec.layout.barmode === "group" ? spec.data.length : 1;
      at.style.height = `${Math.max(8, 4.5 + rows * (0.75 + 0.8 * side))}rem`;
    }
    return Plotly.react(at, resolved(spec.data), themed(resolved(spec.layout)), config);
  }));

  draw().then(() => { root.dataset.charts = String(charts.length); });
  dark.addEventListener("change", draw);
  addEventListener("beforeprint", () => { root.dataset.theme = "light"; draw(); });
  addEventListener("afterprint", () => { delete root.dataset.theme; draw(); });

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
  }));
})();
