// Charts, drawn by uPlot from the rows of a table, in the colours of the theme.
//   data-chart="#rows"   the chart of this table; data-percent="yes" for shares between 0 and 1
//   data-name, data-height   what its rows are, and what its bars or curves show
//   tr data-value, data-label              a bar and its name
//   tr data-curve, data-at, data-value     a point of a curve
// The line below the chart says what is at the pointer. Of many curves only the last ones have a colour and a name.
(() => {
  "use strict";
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const COLOURS = ["--accent", "--good", "--warn", "--bad", "--ink"];
  const LOCALES = { es: "es-MX", pt: "pt-BR", en: "en" };
  const HEIGHT = 260;
  const number = (text) => (text === "" || text === undefined ? null : Number(text));

  function bars(rows, write, height) {
    return {
      data: [rows.map((_, place) => place), rows.map((row) => number(row.value))],
      series: [{
        label: height, stroke: colour("--accent"), fill: colour("--accent"), points: { show: false },
        value: (_, value) => (value === null || value === undefined ? "–" : write(value)),
        paths: uPlot.paths.bars({ size: [0.7, 60] }),
      }],
      name: (at) => rows[at]?.label ?? "",
      range: [-0.5, Math.max(rows.length, 4) - 0.5],
    };
  }

  function curves(rows, write) {
    const names = [...new Set(rows.map((row) => row.curve))];
    const at = [...new Set(rows.map((row) => Number(row.at)))].sort((a, b) => a - b);
    const known = new Map(rows.map((row) => [`${row.curve} ${Number(row.at)}`, number(row.value)]));
    const first = Math.max(names.length - COLOURS.length, 0);
    const series = names.map((label, place) => place < first
      ? { label, stroke: colour("--strong-line"), width: 0.5, class: "unnamed", points: { show: false } }
      : { label, stroke: colour(COLOURS[place - first]), width: 2, value: (_, value) => (value === null || value === undefined ? "–" : write(value)) });
    return {
      data: [at, ...names.map((name) => at.map((x) => known.get(`${name} ${x}`) ?? null))],
      series,
      name: String,
      range: [at[0] - 0.5, at.at(-1) + 0.5],
    };
  }

  function draw(element) {
    const rows = [...document.querySelectorAll(`${element.dataset.chart} tbody tr`)].map(({ dataset }) => dataset);
    element.hidden = rows.every((row) => number(row.value) === null);
    if (element.hidden) return;
    const share = (value) => `${(Math.round(value * 1000) / 10).toLocaleString(LOCALES[document.documentElement.lang])} %`;
    const plain = (value) => value.toLocaleString(LOCALES[document.documentElement.lang], { minimumFractionDigits: Number.isInteger(value) ? 0 : 2 });
    const write = element.dataset.percent ? share : plain;
    const { data, series, name, range } = (rows[0].curve ? curves : bars)(rows, write, element.dataset.height);
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
    const cut = (text) => (text.length > 20 ? `${text.slice(0, 19)}…` : text);
    const label = (at) => name(at).split(" · ").map(cut).join("\n");
    const whole = (_, splits) => splits.map((at) => (Number.isInteger(at) ? label(at) : ""));
    const options = {
      width: element.clientWidth, height: HEIGHT, cursor: { drag: { x: false } },
      scales: { x: { time: false, range }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(high, 0) * 1.05 || 1] } },
      axes: [
        { ...axis, values: whole, space: 110 },
        { ...axis, size: 95, values: (_, splits) => splits.map((value) => (value === null ? "" : write(value))) },
      ],
      series: [{ label: element.dataset.name, value: (_, at) => (at === null || at === undefined ? "–" : name(at)) }, ...series],
    };
    const chart = new uPlot(options, data, element);
    new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);
  }

  for (const element of document.querySelectorAll("[data-chart]")) draw(element);
})();
