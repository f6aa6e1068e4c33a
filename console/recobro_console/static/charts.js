// Charts, drawn by uPlot from the rows of a table, in the colours of the theme.
//   data-chart="#rows"   the chart of this table; data-percent="yes" for shares between 0 and 1
//   tr data-value, data-label              a bar and its name
//   tr data-curve, data-at, data-value     a point of a curve
(() => {
  "use strict";
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const COLOURS = ["--accent", "--good", "--warn", "--bad", "--quiet"];
  const LOCALES = { es: "es-MX", pt: "pt-BR", en: "en" };
  const number = (text) => (text === "" || text === undefined ? null : Number(text));

  function bars(rows) {
    return {
      data: [rows.map((_, place) => place), rows.map((row) => number(row.value))],
      series: [{
        stroke: colour("--accent"), fill: colour("--accent"), points: { show: false },
        paths: uPlot.paths.bars({ size: [0.7, 60] }),
      }],
      name: (at) => rows[at]?.label ?? "",
      range: [-0.5, Math.max(rows.length, 4) - 0.5],
    };
  }

  function curves(rows) {
    const names = [...new Set(rows.map((row) => row.curve))];
    const at = [...new Set(rows.map((row) => Number(row.at)))].sort((a, b) => a - b);
    const value = (name, x) => number(rows.find((row) => row.curve === name && Number(row.at) === x)?.value);
    return {
      data: [at, ...names.map((name) => at.map((x) => value(name, x)))],
      series: names.map((label, place) => ({ label, stroke: colour(COLOURS[place % COLOURS.length]), width: 2 })),
      name: String,
      range: [at[0] - 0.5, at.at(-1) + 0.5],
    };
  }

  function draw(element) {
    const rows = [...document.querySelectorAll(`${element.dataset.chart} tbody tr`)].map(({ dataset }) => dataset);
    const { data, series, name, range } = rows[0].curve ? curves(rows) : bars(rows);
    const share = (value) => (value === null ? "" : `${Math.round(value * 1000) / 10} %`);
    const plain = (value) => (value === null ? "" : value.toLocaleString(LOCALES[document.documentElement.lang]));
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
    const cut = (text) => (text.length > 20 ? `${text.slice(0, 19)}…` : text);
    const label = (at) => name(at).split(" · ").map(cut).join("\n");
    const whole = (_, splits) => splits.map((at) => (Number.isInteger(at) ? label(at) : ""));
    const options = {
      width: element.clientWidth, height: 260, cursor: { drag: { x: false } },
      legend: { show: Boolean(rows[0].curve), live: false },
      scales: { x: { time: false, range }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(high, 0) * 1.05 || 1] } },
      axes: [
        { ...axis, values: whole, space: 110 },
        { ...axis, size: 95, values: (_, splits) => splits.map(element.dataset.percent ? share : plain) },
      ],
      series: [{}, ...series],
    };
    const chart = new uPlot(options, data, element);
    new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: 260 })).observe(element);
  }

  for (const element of document.querySelectorAll("[data-chart]")) draw(element);
})();
