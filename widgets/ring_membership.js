// Who belongs to the cluster: marks at the servers, an arrow for a transfer of leadership, and a line that says whose majority counts.

const GROUP_NAMES = { voters: "", old: "C_old", new: "C_new" };
const NOTE_PX = 13;
const SHORT = 12;

// Under a disc: what is special about a server. How the leader sends to it is said where that is not the rule, or where the leader is chosen.
function notesOf(server, asked) {
  const notes = { voter: [], learner: ["learner"], outsider: ["not a member"] }[server.place];
  const sending = server.followed && (asked || server.followed.state !== "replicate");
  return [
    ...notes,
    ...(server.asking ? [`term ${server.term + 1}?`] : []),
    ...(server.transfer ? [`hands over to ${server.transfer}`] : []),
    ...(sending ? [`${server.followed.state} → ${server.followed.next}`] : []),
    ...clockNotes(server),
    ...diskNotes(server),
  ];
}

function clockNotes(server) {
  return server.clock_rate === 1 ? [] : [`clock ${server.clock_rate}×`];
}

function diskNotes(server) {
  return server.disk.said.map((fault) => `disk ${fault}`);
}

// Above all discs. Among many servers each has one short line, on its outer side, or it would hide a neighbour's name; the line under
// the ring says all.
function updateAllNotes(layer, servers, asked, ring) {
  keep(
    layer,
    servers,
    (server) => server.id,
    (server) => svg("text", { "data-notes": server.id }),
    (node, server) => {
      put(node, { transform: moveTo(ring.seats.get(server.id)) });
      const notes = notesOf(server, asked);
      if (servers.length > ROOMY) updateNotes(node, inShort(notes), outerSide(ring, server));
      else updateNotes(node, notes, { x: 0, y: ring.edge + 14, anchor: "middle" });
    },
  );
}

function inShort(notes) {
  if (notes.length > 1) return [`${notes.length} notes`];
  return notes.map((note) => (note.length > SHORT ? `${note.slice(0, SHORT - 1)}…` : note));
}

function outerSide(ring, server) {
  const { angle } = ring.seats.get(server.id);
  const right = Math.cos(angle);
  if (Math.abs(right) > 0.5) return { x: Math.sign(right) * (ring.edge + 7), y: 4, anchor: right > 0 ? "start" : "end" };
  return { x: 0, y: Math.sin(angle) > 0 ? ring.edge + 14 : -ring.edge - 6, anchor: "middle" };
}

function updateNotes(node, notes, { x, y, anchor }) {
  keep(
    node,
    notes,
    (note) => note,
    (note) => svg("tspan", {}, note),
    (line, note) => put(line, { x: round(x), y: round(y) + NOTE_PX * notes.indexOf(note), style: `text-anchor: ${anchor}` }),
  );
}

// While a change is joint, each server wears an arc for each configuration in which it votes, on its outer side.
function updateGroups(node, server, ring) {
  const { angle } = ring.seats.get(server.id);
  keep(
    node,
    server.groups,
    (group) => group,
    (group) => svg("path", { class: group }),
    (arc, group) => put(arc, { d: arcPath(ring.disc + (group === "old" ? 15 : 21), angle, 0.85) }),
  );
}

function arcPath(radius, middle, half) {
  const at = (angle) => `${round(radius * Math.cos(angle))} ${round(radius * Math.sin(angle))}`;
  return `M${at(middle - half)}A${radius} ${radius} 0 0 1 ${at(middle + half)}`;
}

function updateTransfers(layer, leaders, ring) {
  const make = (leader) =>
    svg("g", { class: "transfer", "data-transfer": leader.id }, svg("line"), svg("path", { d: "M-9 -6 2 0 -9 6" }));
  keep(
    layer,
    leaders.filter((leader) => ring.seats.has(leader.transfer)),
    (leader) => leader.id,
    make,
    (node, leader) => {
      const path = way(ring, leader.id, leader.transfer);
      const [from, to] = [pointOn(path, 0, -ASIDE - 7), pointOn(path, 1, -ASIDE - 7)];
      const turn = (Math.atan2(path.unit.y, path.unit.x) * 180) / Math.PI;
      put(node.firstChild, { x1: round(from.x), y1: round(from.y), x2: round(to.x), y2: round(to.y) });
      put(node.lastChild, { transform: `${moveTo(to)} rotate(${round(turn)})` });
    },
  );
}

// One line for each group of voters of which a majority is needed: who counts, and whether they are enough.
function updateQuorums(node, membership) {
  const make = (group) =>
    html(
      "div",
      { class: `rl-quorum rl-${group.name}`, "data-group": group.name },
      html("b", {}, GROUP_NAMES[group.name]),
      html("span", { class: "rl-chips" }),
      html("span"),
    );
  keep(
    node,
    membership.groups,
    (group) => group.name,
    make,
    (line, group) => updateQuorum(line, group, membership.counting),
  );
}

function updateQuorum(line, group, counting) {
  const [, chips, words] = line.children;
  keep(
    chips,
    group.servers,
    (server) => server.id,
    (server) => html("span", {}, server.id),
    (chip, server) => put(chip, { class: server.counts ? "rl-counts" : null }),
  );
  const verdict = group.enough ? "a majority" : `a majority is ${group.need}`;
  put(words, { text: `${group.have} of ${group.servers.length} ${counting}: ${verdict}` });
  put(line, { class: `rl-quorum rl-${group.name}${group.enough ? "" : " rl-too-few"}` });
}

// The chosen server in words; of a leader also how it sends to each follower, and how long its lease still lasts.
function detailWords(server, now) {
  const states = ["replicate", "probe", "snapshot"];
  const named = (state) => server.followers.filter((follower) => follower.state === state).map((follower) => follower.id);
  const sending = states.filter((state) => named(state).length).map((state) => `, ${state} ${named(state).join(" ")}`);
  const left = server.lease ? Math.max(0, Math.round(server.lease[1] - now)) : 0;
  const lease = server.lease ? (left ? `, lease ${left} ms` : ", lease over") : "";
  return `${serverWords(server)}${sending.join("")}${lease}`;
}
