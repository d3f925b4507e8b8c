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
    svg("g", { class: "groups" }),
    svg("g", { class: "votes" }),
    svg("g", { class: "badge role", transform: moveTo(corner) }, svg("circle", { r: 11 }), svg("text", { y: 4.2 })),
    svg("g", { class: "badge health", transform: moveTo({ x: -corner.x, y: corner.y }) }, svg("circle", { r: 11 }), svg("path")),
  );
  node.addEventListener("click", (event) => choose(server.id, event.shiftKey));
  onEnter(node, (event) => choose(server.id, event.shiftKey));
  leaveFocusToTheLab(node);
  return node;
}

function updateServer(node, server, ring, { chosen, leaders, violated }) {
  const inner = (name) => node.querySelector(`.${name}`);
  const condition = server.alive ? (server.paused ? "paused" : "") : "crashed";
  const split = server.alive && server.role === "leader" && leaders > 1;
  const classes = [
    "server",
    server.alive ? server.role : "",
    server.asking ? "asking" : "",
    server.place,
    condition,
    split ? "split" : "",
    violated ? "violated" : "",
    chosen ? "chosen" : "",
    termClass(server.alive ? server.term : 0),
  ];
  const place = moveTo(ring.seats.get(server.id));
  put(node, {
    transform: place,
    class: classes.filter(Boolean).join(" "),
    "aria-label": `${serverWords(server)}${violated ? ", part of a violation" : ""}`,
    "aria-pressed": String(chosen),
  });
  put(node.firstChild, { text: serverWords(server) });
  put(inner("term"), { text: server.alive ? `term ${server.term}` : server.halted ? "halted" : "crashed" });
  const dial = { display: server.timer || server.lease ? null : "none" };
  put(inner("timer-track"), dial);
  put(inner("timer"), dial);
  const letter = letterOf(server);
  put(inner("role"), { display: letter ? null : "none" });
  put(inner("role").lastChild, { text: letter });
  put(inner("health"), { display: condition ? null : "none" });
  put(inner("health").lastChild, { d: condition === "paused" ? PAUSE_MARK : CROSS_MARK });
  updateVotes(inner("votes"), server, ring);
  updateGroups(inner("groups"), server, ring);
}

function letterOf(server) {
  if (server.asking) return "?";
  return server.alive && server.role !== "follower" ? server.role[0].toUpperCase() : "";
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
  const place = { voter: "", learner: ", learner", outsider: ", not a member" }[server.place];
  if (!server.alive) return server.halted ? `${server.id}, halted: ${server.halted}` : `${server.id}, crashed${place}`;
  const held = server.votes.filter((vote) => vote.state === "held").map((vote) => vote.peer);
  const own = `: ${["its own", ...held].join(", ")}`;
  const votes = server.asking ? `, asks whether it would win, promises held${own}` : server.role === "candidate" ? `, votes held${own}` : "";
  const follows = server.role === "follower" && server.leader ? `, follows ${server.leader}` : "";
  const trouble = [...clockNotes(server), ...diskNotes(server)].map((note) => `, ${note}`).join("");
  return `${server.id}, ${server.role}${follows}, term ${server.term}${place}${votes}${server.paused ? ", paused" : ""}${trouble}`;
}

// The arc is as long as what remains of the election timeout, or of a leader's lease on reads.
function windTimer(node, server, now) {
  const span = server.timer ?? server.lease;
  if (!span) return;
  const [set, end] = span;
  const left = Math.max(0, Math.min(1, (end - now) / (end - set || 1)));
  put(node.querySelector(".timer"), { "stroke-dasharray": `${round(left * 100)} 200` });
}
