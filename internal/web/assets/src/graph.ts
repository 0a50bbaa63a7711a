// The whole graph of a campaign, when it is more than the page's drawing shows.
// It is fetched when asked for; the drawing and the table stay as they are.
import cytoscape from "cytoscape";

interface Answer {
  nodes: { id: string; kind: string; label: string; weight: number; href?: string }[];
  edges: { from: string; to: string; label: string }[];
}

const shapes: Record<string, cytoscape.Css.NodeShape> = { person: "ellipse", mail: "rectangle", "sign-in": "rectangle", dns: "rectangle", campaign: "rectangle" };

async function open(figure: HTMLElement, button: HTMLButtonElement): Promise<void> {
  button.disabled = true;
  const answer = await fetch(figure.dataset.graph ?? "");
  if (!answer.ok) { button.textContent = "The graph could not be loaded"; return; }
  draw(figure, await answer.json() as Answer);
  button.remove();
}

function draw(figure: HTMLElement, data: Answer): void {
  // Cytoscape adds a style element of its own unless one of this name is there; the policy would refuse it.
  const placeholder = document.createElement("span");
  placeholder.id = "__________cytoscape_stylesheet";
  placeholder.hidden = true;
  document.body.append(placeholder);
  const box = document.createElement("div");
  box.className = "pc-graph";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "The whole graph. Arrow keys move it, plus and minus zoom. The table below says the same.");
  figure.querySelector(".pc-scroll")?.before(box);
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const known = new Set(data.nodes.map((n) => n.id));
  const cy = cytoscape({
    container: box,
    elements: [
      ...data.nodes.map((n) => ({ data: { ...n, size: 10 + 5 * Math.min(n.weight, 5), shape: shapes[n.kind] ?? "diamond", show: n.kind === "mail" ? "" : n.label } })),
      ...data.edges.filter((e) => known.has(e.from) && known.has(e.to)).map((e, i) => ({ data: { id: "edge" + i, source: e.from, target: e.to } })),
    ],
    style: [
      { selector: "node", style: { width: "data(size)", height: "data(size)", shape: "data(shape)" as never, "background-color": colour("--pc-accent"), label: "data(show)", "font-size": 9, color: colour("--pc-ink"), "min-zoomed-font-size": 7 } },
      { selector: "node[kind='person']", style: { "background-color": colour("--pc-person") } },
      { selector: "node[shape='rectangle']", style: { "background-color": colour("--pc-muted") } },
      { selector: "edge", style: { width: 1, "line-color": colour("--pc-line-strong"), "curve-style": "haystack" } },
      { selector: "node:selected", style: { "border-width": 3, "border-color": colour("--pc-ink"), label: "data(label)" } },
    ],
    layout: { name: "cose", animate: false, randomize: false, nodeDimensionsIncludeLabels: false, idealEdgeLength: () => 50 } as cytoscape.LayoutOptions,
    wheelSensitivity: 0.3, maxZoom: 4, minZoom: 0.1,
  });
  cy.on("dblclick", "node", (event) => {
    const href = event.target.data("href") as string | undefined;
    if (href?.startsWith("/")) location.assign(href);
  });
  figure.querySelector<HTMLElement>(".pc-scroll")?.setAttribute("hidden", "");
  box.focus();
  box.addEventListener("keydown", (event) => {
    const pan: Record<string, [number, number]> = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    const by = pan[event.key];
    if (by) cy.panBy({ x: by[0], y: by[1] });
    else if (event.key === "+" || event.key === "-") cy.zoom({ level: cy.zoom() * (event.key === "+" ? 1.25 : 0.8), renderedPosition: { x: box.clientWidth / 2, y: box.clientHeight / 2 } });
    else return;
    event.preventDefault();
  });
}

for (const figure of document.querySelectorAll<HTMLElement>("figure[data-graph]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "govuk-button govuk-button--secondary";
  button.textContent = "Open the whole graph";
  button.addEventListener("click", () => { void open(figure, button); });
  figure.querySelector("figcaption")?.after(button);
}
