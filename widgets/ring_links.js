// The links. A line has two halves: the one at a server is the direction that leaves it, with its own state.

const HEALTHY = { up: true, loss: 0, duplication: 0, reordering: 0, said: [] };
const GAP = 9;

function linkName(source, target) {
  return `${source}-${target}`;
}

// The pairs of servers, each with both its directions.
function pairsOf(state) {
  const changed = new Map(state.links.map((link) => [linkName(link.source, link.target), link]));
  const direction = (source, target) =>
    changed.get(linkName(source, target)) ?? { ...HEALTHY, source, target, delay_ms: state.healthy_delay_ms };
  return state.servers.flatMap((one, place) =>
    state.servers
      .slice(place + 1)
      .map((other) => ({ name: linkName(one.id, other.id), there: direction(one.id, other.id), back: direction(other.id, one.id) })),
  );
}

function makeLine() {
  const half = () => svg("g", {}, svg("line"), svg("path", { class: "arrow", d: "M-5 -5 4 0 -5 5" }));
  return svg("g", { class: "link" }, half(), half(), svg("text", { class: "fault" }), svg("text", { class: "fault" }));
}

function updateLine(node, pair, ring, chosen) {
  const [there, back, thereText, backText] = node.children;
  const oneWay = pair.there.up !== pair.back.up;
  put(node, { class: chosen ? "link chosen" : "link" });
  updateHalf(there, pair.there, oneWay, ring);
  updateHalf(back, pair.back, oneWay, ring);
  const alike = String(pair.there.said) === String(pair.back.said);
  updateFaults(thereText, pair.there.said, pair.there, ring, alike);
  updateFaults(backText, alike ? [] : pair.back.said, pair.back, ring, alike);
}

function updateHalf(node, link, oneWay, ring) {
  const [line, arrow] = node.children;
  const path = way(ring, link.source, link.target);
  const gap = link.up ? 0 : GAP / (path.end - path.start);
  const [from, to] = [pointOn(path, 0), pointOn(path, 0.5 - gap)];
  put(node, { class: link.up ? "half" : "half cut" });
  put(line, { x1: round(from.x), y1: round(from.y), x2: round(to.x), y2: round(to.y) });
  // On a link that is open in one direction only, the open half ends in an arrow.
  const turn = (Math.atan2(path.unit.y, path.unit.x) * 180) / Math.PI;
  put(arrow, { display: oneWay && link.up ? null : "none", transform: `${moveTo(pointOn(path, 0.5))} rotate(${round(turn)})` });
}

// One line a fault: amid the link if both directions have the same, else beside the half that it is about.
function updateFaults(node, said, link, ring, alike) {
  const path = way(ring, link.source, link.target);
  const length = path.end - path.start;
  const point = alike ? pointOn(path, 0.5) : pointOn(path, Math.min(42 / length, 0.36), 10);
  keep(
    node,
    said,
    (fault) => fault,
    (fault) => svg("tspan", {}, fault),
    (line, fault) => {
      put(line, { x: round(point.x), y: round(point.y + 4 + 14 * (said.indexOf(fault) - (said.length - 1) / 2)) });
    },
  );
}

// What can be clicked is much wider than what is seen.
function makeLinkTarget(pair, choose) {
  const node = svg("line", { class: "link-target", tabindex: "0", role: "button", "data-link": pair.name }, svg("title"));
  node.addEventListener("click", () => choose(pair.name));
  onEnter(node, () => choose(pair.name));
  return node;
}

function updateLinkTarget(node, pair, ring) {
  const path = way(ring, pair.there.source, pair.there.target);
  const [from, to] = [pointOn(path, 0.04), pointOn(path, 0.96)];
  put(node, { x1: round(from.x), y1: round(from.y), x2: round(to.x), y2: round(to.y), "aria-label": linkWords(pair) });
  put(node.firstChild, { text: linkWords(pair) });
}

function linkWords(pair) {
  const words = (link) => [...(link.up ? [] : ["cut"]), ...link.said].join(", ") || "healthy";
  const { source, target } = pair.there;
  const [there, back] = [words(pair.there), words(pair.back)];
  if (there === back) return `link ${source} – ${target}: ${there}`;
  return `link ${source} → ${target}: ${there}; ${target} → ${source}: ${back}`;
}

// With the mouse, the keys stay the lab's: a focused disc would take the space bar for itself.
function leaveFocusToTheLab(node) {
  node.addEventListener("mousedown", (event) => {
    event.preventDefault();
    node.closest(".rl-part").focus({ preventScroll: true });
  });
}

function onEnter(node, act) {
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act(event);
  });
}
