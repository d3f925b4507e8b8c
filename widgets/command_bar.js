// Where a client asks for something: by fields, or typed as "SET x 1". Below stands what became of it.

const OPERATIONS = ["set", "get", "delete", "append", "cas"];
const WITH_VALUE = new Set(["set", "append", "cas"]);

function makeFields() {
  const option = (name) => html("option", { value: name }, name);
  const text = (name) =>
    html("input", { type: "text", placeholder: name, "aria-label": name, "data-field": name, spellcheck: "false", autocomplete: "off" });
  return {
    client: html("select", { "aria-label": "client", "data-field": "client" }),
    op: html("select", { "aria-label": "operation", "data-field": "op" }, ...OPERATIONS.map(option)),
    key: text("key"),
    reads: html("select", { "aria-label": "how to read", "data-field": "mode" }),
    about: html("p", { class: "rl-about rl-soft", "aria-live": "polite" }),
    expected: text("expected"),
    value: text("value"),
    typed: put(text("text"), { placeholder: "SET x 1", "aria-label": "command", class: "rl-mono rl-typed", hidden: true }),
    mode: button("", { "data-do": "type", "aria-pressed": "false", title: "Type the command instead" }, icon("keyboard")),
    through: html("select", { "aria-label": "through", "data-field": "through" }, html("option", { value: "" }, "the leader it knows")),
  };
}

function labelled(words, node) {
  return html("label", { class: "rl-row" }, html("span", { class: "rl-soft" }, words), node);
}

function startCommandBar(root, send) {
  const fields = makeFields();
  const { client, op, key, expected, value, typed, mode, through, reads, about } = fields;
  const submit = html("button", { type: "submit", class: "rl-main", "data-do": "submit" }, "Submit");
  const inputs = [labelled("client", client), op, key, reads, expected, value, typed, mode, labelled("through", through), submit];
  const form = html("form", { class: "rl-row" }, ...inputs);
  const outcomes = html("div", { class: "rl-outcomes rl-mono", role: "log", "aria-label": "outcomes" });
  root.append(form, about, outcomes);

  listen(form, fields, send);
  fit(fields);

  function update(state) {
    offer(client, state.clients);
    offer(through, state.servers);
    offerReads(fields, state.reads);
    const lines = [...state.pending.map((line) => ({ ...line, pending: true })), ...state.outcomes];
    keep(
      outcomes,
      lines,
      (line) => `${line.pending ? line.client : ""} ${lines.indexOf(line)}`,
      (line) => makeOutcome(line, send),
      (node, line) => {
        put(node, { title: line.text, class: outcomeClass(line) });
        put(node.firstChild, { text: line.text });
      },
    );
  }

  return { update };
}

function listen(form, fields, send) {
  const { op, key, typed, mode } = fields;
  op.addEventListener("change", () => fit(fields));
  fields.reads.addEventListener("change", () => fit(fields));
  mode.addEventListener("click", () => {
    typed.hidden = !typed.hidden;
    fit(fields);
    (typed.hidden ? key : typed).focus();
  });
  // JupyterLab keeps Enter from submitting a form, so it is done by hand.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input")) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(submission(fields));
  });
}

// Only the fields that the operation needs.
function fit({ op, key, expected, value, typed, mode, reads, about }) {
  const typing = !typed.hidden;
  put(mode, { "aria-pressed": String(typing) });
  op.hidden = key.hidden = typing;
  reads.hidden = about.hidden = typing || op.value !== "get";
  put(about, { text: reads.selectedOptions[0]?.title ?? "" });
  value.hidden = typing || !WITH_VALUE.has(op.value);
  expected.hidden = typing || op.value !== "cas";
}

// Once: how the cluster is configured to read does not change.
function offerReads(fields, reads) {
  if (fields.reads.options.length) return;
  fields.reads.append(...reads.map(({ mode, label, about }) => html("option", { value: mode, title: about }, label)));
  fit(fields);
}

function submission({ client, op, key, expected, value, typed, through, reads }) {
  const who = { do: "submit", client: client.value, through: through.value || null };
  if (!typed.hidden) return { ...who, text: typed.value };
  return { ...who, op: op.value, key: key.value, value: value.value, expected: expected.value, mode: reads.value };
}

function makeOutcome(line, send) {
  if (!line.pending) return html("span", {}, html("span"));
  const ask = () => send({ do: "why", what: "operation", client: line.client });
  return html("span", {}, html("span"), button("Why?", { class: "rl-ask", "data-do": "why-operation", title: "What does it wait for?", onclick: ask }));
}

function outcomeClass(line) {
  if (line.pending) return "rl-pending";
  return line.ok ? "rl-ok" : "rl-not-ok";
}

export default part("command", startCommandBar);
