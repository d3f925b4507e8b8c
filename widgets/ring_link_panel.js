// The panel of the chosen link, and the table of all directed links for who prefers a table.

const FIELDS = [
  { name: "loss", label: "% lost", share: true },
  { name: "shortest", label: "ms, shortest", place: 0 },
  { name: "longest", label: "ms, longest", place: 1 },
  { name: "duplication", label: "% doubled", share: true },
  { name: "reordering", label: "% reordered", share: true },
];

function makeLinkPanel(send, close) {
  let pair = null;
  const title = html("b");
  const both = (up) => () => [pair.there, pair.back].forEach((link) => send({ do: "link", source: link.source, target: link.target, up }));
  const cut = button("Cut both ways", { "data-do": "cut", onclick: both(false) });
  const mend = button("Mend both ways", { "data-do": "mend", onclick: both(true) });
  const shut = button(
    "",
    { class: "rl-plain", "data-do": "close-link", "aria-label": "Close", title: "Close", onclick: close },
    icon("close"),
  );
  const rows = [makeDirection(send), makeDirection(send)];
  const heads = FIELDS.map((field) => html("th", { scope: "col" }, field.label));
  const table = html(
    "table",
    {},
    html("thead", {}, html("tr", {}, html("td"), html("td"), ...heads)),
    html("tbody", {}, ...rows.map((row) => row.node)),
  );
  const node = html(
    "div",
    { class: "rl-link-panel", hidden: true },
    html("div", { class: "rl-row" }, title, cut, mend, shut),
    html("div", { class: "rl-scroll" }, table),
  );

  function update(next) {
    pair = next;
    put(node, { hidden: !pair });
    if (!pair) return;
    put(title, { text: `Link ${pair.there.source} – ${pair.there.target}` });
    allow(cut, pair.there.up || pair.back.up ? "" : "already cut both ways", "Nothing passes any more");
    allow(mend, pair.there.up && pair.back.up ? "already up both ways" : "", "Let messages pass again");
    rows[0].update(pair.there);
    rows[1].update(pair.back);
  }

  return { node, update };
}

function makeDirection(send) {
  let link = null;
  const change = (what) => send({ do: "link", source: link.source, target: link.target, ...what });
  const name = html("th", { scope: "row" });
  const toggle = button("Cut", { onclick: () => change({ up: !link.up }) });
  const inputs = FIELDS.map((field) => {
    const input = html("input", { type: "number", min: 0, max: field.share ? 100 : null, step: "any", "data-field": field.name });
    input.addEventListener(
      "change",
      () => input.reportValidity() && input.value !== "" && change(changed(link, field, input.valueAsNumber)),
    );
    return input;
  });

  function update(next) {
    link = next;
    const way = `${link.source} → ${link.target}`;
    put(name, { text: way });
    put(toggle, {
      text: link.up ? "Cut" : "Mend",
      "data-direction": linkName(link.source, link.target),
      "aria-label": `${link.up ? "Cut" : "Mend"} ${way}`,
    });
    inputs.forEach((input, place) => {
      const field = FIELDS[place];
      put(input, { "aria-label": `${way}, ${field.label}` });
      const value = field.share ? round(link[field.name] * 100) : link.delay_ms[field.place];
      if (document.activeElement !== input) input.value = value;
    });
  }

  return { node: html("tr", {}, name, html("td", {}, toggle), ...inputs.map((input, place) => html("td", { "data-label": FIELDS[place].label }, input))), update };
}

// A range stays a range: who raises the shortest delay above the longest moves both.
function changed(link, field, value) {
  if (field.share) return { [field.name]: value / 100 };
  const [shortest, longest] = link.delay_ms;
  return { delay_ms: field.place === 0 ? [value, Math.max(value, longest)] : [Math.min(shortest, value), value] };
}

function makeMatrix(send) {
  const node = html("div", { class: "rl-matrix rl-scroll", hidden: true });
  const head = html("tr");
  const body = html("tbody");
  node.append(html("table", {}, html("thead", {}, head), body));

  function update(state, shown) {
    put(node, { hidden: !shown });
    if (!shown) return;
    const ids = state.servers.map((server) => server.id);
    const links = new Map(
      pairsOf(state).flatMap((pair) => [pair.there, pair.back].map((link) => [linkName(link.source, link.target), link])),
    );
    keep(
      head,
      ["from \\ to", ...ids],
      (id) => id,
      (id) => html("th", { scope: "col" }, id),
      () => {},
    );
    keep(
      body,
      ids,
      (id) => id,
      (id) => html("tr", {}, html("th", { scope: "row" }, id)),
      (row, source) => {
        ids.forEach((target, place) => updateMatrixCell(row, place, links.get(linkName(source, target)), send));
      },
    );
  }

  return { node, update };
}

function updateMatrixCell(row, place, link, send) {
  const cell = row.children[place + 1] ?? row.appendChild(html("td"));
  if (!link) return;
  const toggle = cell.firstChild ?? cell.appendChild(button("", { "data-matrix": linkName(link.source, link.target) }));
  toggle.onclick = () => send({ do: "link", source: link.source, target: link.target, up: !link.up });
  const said = link.said.join(", ");
  const text = link.up ? said || "up" : "cut";
  put(toggle, {
    text,
    class: link.up ? (said ? "rl-faulty" : "rl-up") : "rl-cut",
    "aria-label": `${link.source} to ${link.target}: ${text}`,
    title: link.up ? "Cut this direction" : "Mend this direction",
  });
}
