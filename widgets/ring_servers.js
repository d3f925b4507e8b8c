// The servers. Role, crash and pause each have a shape or a letter besides the colour.

const PAUSE_MARK = "M-4 -5h2.6v10h-2.6zM1.4 -5h2.6v10h-2.6z";
const CROSS_MARK = "M-4.5 -4.5 4.5 4.5M4.5 -4.5-4.5 4.5";

function makeServer(server, ring, choose) {
  const { disc } = ring;
  const corner = { x: disc * 0.82, y: -disc * 0.88 };
  const dial = { r: disc + 5, pathLength: 100, transform: "rotate(-90)" };
  const node = svg(
    "g",
    { class: "server", tabindex: "0", role: "button", "data-server": server.id },
    svg("title"),
    svg("circle", { class: "halo", r: disc + 13 }),
    svg("circle", { class: "focus", r: disc + 10 }),
    svg("circle", { class: "timer-track", r: dial.r }),
    svg("circle", { class: "timer", ...dial }),
    svg("circle", { class: "disc", r: disc }),
    svg("text", { class: "name", y: -2 }, server.id),
    svg("text", { class: "term", y: 15 }),
    svg("g", { class: "votes" }),
    svg("g", { class: "badge role", transform: moveTo(corner) }, svg("circle", { r: 11 }), svg("text", { y: 4.2 })),
    svg("g", { class: "badge health", transform: moveTo({ x: -corner.x, y: corner.y }) }, svg("circle", { r: 11 }), svg("path")),
  );
  node.addEventListener("click", (event) => choose(server.id, event.shiftKey));
  onEnter(node, (event) => choose(server.id, event.shiftKey));
  leaveFocusToTheLab(node);
  return node;
}

function updateServer(node, server, ring, { chosen, leaders }) {
  const inner = (name) => node.querySelector(`.${name}`);
  const condition = server.alive ? (server.paused ? "paused" : "") : "crashed";
  const split = server.alive && server.role === "leader" && leaders > 1;
  const classes = [
    "server",
    server.alive ? server.role : "",
    condition,
    split ? "split" : "",
    chosen ? "chosen" : "",
    termClass(server.alive ? server.term : 0),
  ];
  const place = moveTo(ring.seats.get(server.id));
  put(node, {
    transform: place,
    class: classes.filter(Boolean).join(" "),
    "aria-label": serverWords(server),
    "aria-pressed": String(chosen),
  });
  put(node.firstChild, { text: serverWords(server) });
  put(inner("term"), { text: server.alive ? `term ${server.term}` : "crashed" });
  put(inner("timer-track"), { display: server.timer ? null : "none" });
  put(inner("timer"), { display: server.timer ? null : "none" });
  const letter = server.alive && server.role !== "follower" ? server.role[0].toUpperCase() : "";
  put(inner("role"), { display: letter ? null : "none" });
  put(inner("role").lastChild, { text: letter });
  put(inner("health"), { display: condition ? null : "none" });
  put(inner("health").lastChild, { d: condition === "paused" ? PAUSE_MARK : CROSS_MARK });
  updateVotes(inner("votes"), server, ring);
}

// One dot a peer, at the angle at which the peer stands.
function updateVotes(node, server, ring) {
  const make = () => svg("circle", { r: 4.5 });
  keep(
    node,
    server.votes,
    (vote) => vote.peer,
    make,
    (dot, vote) => {
      const { unit } = way(ring, server.id, vote.peer);
      put(dot, { class: vote.state, cx: round(unit.x * (ring.edge + 3)), cy: round(unit.y * (ring.edge + 3)) });
    },
  );
}

function serverWords(server) {
  if (!server.alive) return `${server.id}, crashed`;
  const held = server.votes.filter((vote) => vote.state === "held").map((vote) => vote.peer);
  const votes = server.role === "candidate" ? `, votes held: ${["its own", ...held].join(", ")}` : "";
  const follows = server.role === "follower" && server.leader ? `, follows ${server.leader}` : "";
  return `${server.id}, ${server.role}${follows}, term ${server.term}${votes}${server.paused ? ", paused" : ""}`;
}

// The arc is as long as what remains of the election timeout.
function windTimer(node, server, now) {
  if (!server.timer) return;
  const [set, end] = server.timer;
  const left = Math.max(0, Math.min(1, (end - now) / (end - set || 1)));
  put(node.querySelector(".timer"), { "stroke-dasharray": `${round(left * 100)} 200` });
}
