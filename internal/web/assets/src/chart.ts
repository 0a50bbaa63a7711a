// The picture of findings over time, drawn again by uPlot so that it can be
// pointed at. Its figures are the ones of the table beside it.
import uPlot from "uplot";

function draw(figure: HTMLElement): void {
  const svg = figure.querySelector("svg");
  const rows = [...figure.querySelectorAll("tbody tr")];
  if (!svg || rows.length < 2 || figure.querySelector(".uplot")) return;
  const number = (row: Element, i: number) => Number((row.children[i]?.textContent ?? "0").replaceAll(",", ""));
  const times = rows.map((r) => Date.parse(r.querySelector("time")?.dateTime ?? "") / 1000);
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const bars = uPlot.paths.bars?.({ size: [0.8, 40] });
  const box = document.createElement("div");
  box.className = "pc-uplot";
  svg.before(box);
  const axis = { stroke: colour("--pc-muted"), grid: { stroke: colour("--pc-line"), width: 1 }, ticks: { stroke: colour("--pc-line"), width: 1 }, font: "12px system-ui, sans-serif" };
  const plot = new uPlot({
    width: box.clientWidth, height: 190,
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max(4, max)] }, rest: { range: (_u, _min, max) => [0, Math.max(4, max * 3)] } },
    axes: [axis, { ...axis, size: 36 }],
    series: [
      { value: (_u, v) => v == null ? "–" : new Date(v * 1000).toISOString().slice(0, 10) },
      { label: "Targeted", scale: "y", stroke: colour("--pc-accent"), fill: colour("--pc-accent"), paths: bars, points: { show: false } },
      { label: "Ordinary", scale: "rest", stroke: colour("--pc-muted"), width: 1.5, points: { show: false } },
    ],
  }, [times, rows.map((r) => number(r, 1)), rows.map((r) => number(r, 2))], box);
  svg.setAttribute("hidden", "");
  figure.querySelector(".pc-ends")?.setAttribute("hidden", "");
  figure.querySelector(".pc-legend")?.setAttribute("hidden", "");
  new ResizeObserver(() => { if (box.clientWidth > 0) plot.setSize({ width: box.clientWidth, height: 190 }); }).observe(box);
}

function all(): void { document.querySelectorAll<HTMLElement>("figure[data-chart]").forEach(draw); }

all();
document.addEventListener("desk:updated", all);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.querySelectorAll(".pc-uplot").forEach((e) => e.remove());
  all();
});
