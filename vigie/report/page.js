// Draws the charts of a report from the figures in the page. Everything it needs is in this one file.

const library = document.getElementById("library").textContent.trim();
const charts = JSON.parse(document.getElementById("charts").textContent);
const language = document.documentElement.lang;

/** Resolve a role of the tokens to a colour that a canvas takes. */
function colour(role) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${role})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const figure = new Intl.NumberFormat(language, { maximumSignificantDigits: 4 });
const PEERS = ["cat-2", "cat-4", "cat-5", "cat-6"];

/** Ours is the accent, the naive is a reference, a peer has the same category in every chart. */
function roleOf(series) {
  if (series.role === "ours") return "accent";
  return series.role === "plain" ? "ref" : PEERS[series.rank % PEERS.length];
}

function axes(font) {
  const line = colour("line");
  const text = { color: colour("ink-3"), fontSize: 11, fontFamily: font };
  return {
    label: text,
    value: { axisLabel: { ...text, formatter: (value) => figure.format(value) }, splitLine: { lineStyle: { color: line } }, axisLine: { show: false }, axisTick: { show: false } },
    category: { axisLabel: text, axisLine: { lineStyle: { color: colour("line-firm") } }, axisTick: { show: false } },
  };
}

function frame(a) {
  return {
    animation: false,
    textStyle: { fontFamily: a.label.fontFamily },
    grid: { left: 8, right: 16, top: 36, bottom: 8, containLabel: true },
    legend: { type: "scroll", top: 0, left: 0, icon: "roundRect", itemWidth: 14, itemHeight: 4, textStyle: { ...a.label, color: colour("ink-2") } },
    tooltip: {
      trigger: "axis", confine: true, backgroundColor: colour("raised"), borderColor: colour("line-firm"),
      textStyle: { color: colour("ink"), fontSize: 12 },
    },
  };
}

/** Quantiles as three bands around the median, what came in ink, the naive dashed. */
function fan(chart, a) {
  const { quantiles, truth, naive, times, words } = chart;
  const difference = (low, high) => quantiles[high].map((value, at) => (value === null ? null : value - quantiles[low][at]));
  const band = (name, data, role) => ({
    name, data, type: "line", stack: "fan", stackStrategy: "all", symbol: "none", silent: true, lineStyle: { width: 0 },
    areaStyle: role ? { color: colour(role), opacity: 1 } : { opacity: 0 }, itemStyle: { color: role ? colour(role) : "transparent" },
  });
  const option = frame(a);
  // A tick a day, at its first hour.
  const days = { ...a.label, interval: (at) => times[at].endsWith(" 00:00"), formatter: (time) => time.split(" ")[0] };
  return {
    ...option,
    legend: { ...option.legend, data: [words.measured, words.median, words.half, words.eighty, words.ninety, words.naive] },
    tooltip: {
      ...option.tooltip,
      formatter: ([{ dataIndex: at }]) => [
        `<b>${times[at]}</b>`,
        `${words.measured} ${truth[at] === null ? "–" : figure.format(truth[at])} ${chart.unit}`,
        `${words.median} ${quantiles[3][at] === null ? "–" : figure.format(quantiles[3][at])}`,
        `p10–p90 ${quantiles[1][at] === null ? "–" : `${figure.format(quantiles[1][at])} – ${figure.format(quantiles[5][at])}`}`,
      ].join("<br>"),
    },
    xAxis: { type: "category", data: times, boundaryGap: false, ...a.category, axisLabel: days },
    yAxis: { type: "value", scale: true, ...a.value },
    series: [
      band("", quantiles[0], null),
      band(words.ninety, difference(0, 1), "fan-faint"),
      band(words.eighty, difference(1, 2), "fan"),
      band(words.half, difference(2, 4), "seq-3"),
      band(" ", difference(4, 5), "fan"),
      band("  ", difference(5, 6), "fan-faint"),
      { name: words.naive, type: "line", data: naive, symbol: "none", lineStyle: { width: 1, type: "dashed", color: colour("ref") }, itemStyle: { color: colour("ref") }, z: 3 },
      { name: words.median, type: "line", data: quantiles[3], symbol: "none", lineStyle: { width: 1.5, color: colour("accent") }, itemStyle: { color: colour("accent") }, z: 4 },
      { name: words.measured, type: "line", data: truth, symbol: "none", lineStyle: { width: 1.5, color: colour("ink") }, itemStyle: { color: colour("ink") }, z: 5 },
    ],
  };
}

function reliability(chart, a) {
  const option = frame(a);
  const axis = { type: "value", min: 0, max: 1, ...a.value, axisLabel: { ...a.label, formatter: (value) => percent.format(value) } };
  return {
    ...option,
    tooltip: { ...option.tooltip, trigger: "item", formatter: ({ seriesName, data }) => `${seriesName}<br>${percent.format(data[0])} → ${percent.format(data[1])}` },
    xAxis: axis,
    yAxis: axis,
    series: [
      { name: chart.words.promise, type: "line", data: [[0, 0], [1, 1]], symbol: "none", lineStyle: { color: colour("line-firm"), width: 1 }, itemStyle: { color: colour("line-firm") } },
      ...chart.series.map((one) => ({
        name: one.name, type: "line", data: chart.levels.map((level, row) => [level, one.below[row]]), symbolSize: 6,
        lineStyle: { color: colour(roleOf(one)), width: one.role === "ours" ? 2 : 1, type: one.role === "plain" ? "dashed" : "solid" },
        itemStyle: { color: colour(roleOf(one)) }, z: one.role === "ours" ? 5 : 3,
      })),
    ],
  };
}

/** Gains side by side: a group of bars per category, zero in the middle where something loses. */
function gains(chart, a) {
  const option = frame(a);
  const across = chart.across;
  const value = { type: "value", ...a.value, axisLabel: { ...a.label, formatter: (share) => percent.format(share) } };
  const category = { type: "category", data: chart.categories, ...a.category, inverse: across };
  if (across) category.axisLabel = { ...a.label, width: 150, overflow: "truncate" };
  return {
    ...option,
    tooltip: { ...option.tooltip, axisPointer: { type: "shadow" }, valueFormatter: (share) => (share === null ? "–" : percent.format(share)) },
    xAxis: across ? value : category,
    yAxis: across ? category : value,
    series: chart.series.map((one) => ({
      name: one.name, type: "bar", data: one.values, barMaxWidth: chart.across ? 9 : 22, barGap: "10%", itemStyle: { color: colour(roleOf(one)) },
    })),
  };
}

const KINDS = { fan, reliability, gains };

async function draw() {
  // The library is a module: it becomes one of this page's own, without a network.
  const source = new Blob([atob(library)], { type: "text/javascript" });
  const echarts = await import(URL.createObjectURL(source));
  const a = axes(getComputedStyle(document.body).fontFamily);
  const drawn = [];
  for (const [id, chart] of Object.entries(charts)) {
    const place = document.getElementById(id);
    if (chart.across) place.style.height = `${chart.categories.length * (0.6 + 0.7 * chart.series.length) + 4}rem`;
    const one = echarts.init(place, null, { renderer: "svg" });
    one.setOption(KINDS[chart.kind](chart, a));
    drawn.push(one);
  }
  new ResizeObserver(() => drawn.forEach((one) => one.resize())).observe(document.querySelector("main"));
}

if (library) await draw();
else for (const place of document.querySelectorAll(".chart")) place.classList.add("is-empty");
