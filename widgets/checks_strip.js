// The laws: a few by name, the others behind a button; then what was broken, with its evidence; then the answer to a question.

const NAMED = 4;
const SIGNS = { holds: "✓", broken: "✗", ahead: "→", unknown: "?", waits: "○" };
const SPOKEN = { holds: "holds", broken: "is broken", unknown: "is not decided", waits: "is judged at each pause" };
const inMs = (at_ms) => `${Math.floor(at_ms).toLocaleString("en")} ms`; // as the clock says it

class ChecksStrip {
  constructor(root, send) {
    this.send = send;
    this.state = null;
    this.all = false;
    this.laws = html("ul", { class: "rl-row", "aria-label": "laws" });
    this.more = button("", { "data-do": "more-laws", onclick: () => this.toggle() });
    this.history = makeLaw();
    const history = html("ul", { class: "rl-row", "aria-label": "what clients saw" }, this.history);
    this.broken = html("div", { role: "group", "aria-label": "what is broken" }); // the status line speaks of it
    this.unjudged = html("div", { role: "group", "aria-label": "what is not judged" });
    this.asked = null; // what is answered
    this.question = html("b");
    this.answer = html("span");
    const away = () => send({ do: "why", what: null });
    const close = button("", { class: "rl-plain", "data-do": "why-away", "aria-label": "Put the answer away", title: "Put away", onclick: away }, icon("close"));
    this.why = html("div", { class: "rl-why", role: "status", hidden: true }, html("p", {}, this.question, " ", this.answer), close);
    root.append(html("div", { class: "rl-row rl-laws" }, this.laws, this.more, html("span", { class: "rl-grow" }), history), this.broken, this.unjudged, this.why);
  }

  toggle() {
    this.all = !this.all;
    this.show();
  }

  show() {
    const { laws, broken, unjudged } = this.state;
    const shown = laws.filter((law, place) => this.all || place < NAMED || law.state === "broken" || law.state === "ahead");
    keep(this.laws, shown, (law) => law.name, makeLaw, updateLaw);
    const hidden = laws.length - shown.length;
    put(this.more, { text: this.all ? "fewer" : `+ ${hidden} more`, hidden: laws.length <= NAMED || (!this.all && hidden === 0), "aria-expanded": String(this.all) });
    keep(
      this.broken,
      broken,
      (it) => `${it.property} ${it.at_ms}`,
      (it) => this.makeBroken(it),
      () => {},
    );
    keep(
      this.unjudged,
      unjudged ? [unjudged] : [],
      (it) => `${it.title} ${it.sentence}`,
      (it) => this.makeUnjudged(it),
      () => {},
    );
  }

  makeBroken(it) {
    return html("div", { class: "rl-violation", "data-property": it.property }, icon("warn"), html("p", {}, html("b", {}, `${it.property}, at ${inMs(it.at_ms)}:`), ` ${it.sentence}`), this.makeEvidence(it));
  }

  makeUnjudged(it) {
    const evidence = it.events.length ? [this.makeEvidence(it)] : [];
    return html("div", { class: "rl-unjudged" }, html("p", {}, html("b", {}, `${it.title}:`), ` ${it.sentence}`), ...evidence);
  }

  makeEvidence(it) {
    const places = it.events.map(({ position, at_ms, text }) => {
      return button(inMs(at_ms), { "data-position": position, title: `Go there: ${text}`, onclick: () => this.send({ do: "go", position }) });
    });
    return html("span", { class: "rl-row rl-evidence" }, html("span", { class: "rl-soft" }, "see"), ...places);
  }

  update(state) {
    this.state = state;
    updateLaw(this.history, state.history);
    this.show();
    put(this.why, { hidden: state.why === null });
    const asked = state.why?.question ?? null;
    const isNew = asked !== this.asked;
    this.asked = asked;
    if (asked === null) return;
    put(this.question, { text: asked });
    put(this.answer, { text: state.why.answer });
    if (isNew) this.why.scrollIntoView({ block: "nearest" }); // it may have been asked far above
  }
}

function makeLaw() {
  return html("li", {}, html("i", { "aria-hidden": "true" }), html("span"));
}

function updateLaw(node, law) {
  const ahead = law.state === "ahead" ? `is broken at ${inMs(law.at_ms)}` : "";
  put(node, { "data-law": law.name, class: `rl-law rl-${law.state}`, title: law.about, "aria-label": `${law.name} ${ahead || SPOKEN[law.state]}` });
  put(node.firstChild, { text: SIGNS[law.state] });
  put(node.lastChild, { text: ahead ? `${law.name} ${ahead}` : law.name });
}

export default part("checks", (root, send) => new ChecksStrip(root, send));
