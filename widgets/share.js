// What a person can make of the moment that is shown: a fork of the run, and the run as code, as a test, or as a file.

const FORK_TITLE = "Make a second run that goes on from this moment; this one stays as it is";

class Share {
  constructor(send) {
    this.send = send;
    this.open = button("Share", { "data-do": "share", "aria-expanded": "false", title: "Copy the run as code or as a test, or save it", onclick: () => this.toggle() });
    this.buttons = [button("Fork here", { "data-do": "fork", title: FORK_TITLE, onclick: () => send({ do: "fork" }) }), this.open];
    this.text = html("textarea", { class: "rl-mono", readonly: true, rows: "9", "aria-label": "the run, to be copied", hidden: true });
    this.said = html("span", { class: "rl-soft", role: "status" });
    const ways = [
      ["Copy as code", "code", "Python that repeats the run up to this moment"],
      ["Copy as test", "test", "A function for pytest that also asserts what is true at this moment"],
    ];
    const copies = ways.map(([label, what, title]) => button(label, { "data-do": `copy-${what}`, title, onclick: () => send({ do: "copy", what }) }));
    const save = button("Save", { "data-do": "save", title: "Write the run into files beside this notebook", onclick: () => send({ do: "save" }) });
    this.panel = html("div", { class: "rl-share", hidden: true }, html("div", { class: "rl-row" }, ...copies, save, this.said), this.text);
    this.shown = "";
  }

  toggle() {
    put(this.panel, { hidden: !this.panel.hidden });
    put(this.open, { "aria-expanded": String(!this.panel.hidden), "aria-pressed": String(!this.panel.hidden) });
  }

  // The text comes from the kernel. A browser may refuse to copy it, so it is there to be copied by hand too.
  update({ text, number }) {
    if (number === this.shown) return;
    this.shown = number;
    put(this.text, { hidden: text === "" });
    this.text.value = text;
    if (text && !this.panel.hidden) this.copy(text);
  }

  async copy(text) {
    this.text.select();
    try {
      await navigator.clipboard.writeText(text);
      put(this.said, { text: "Copied. In a new cell it repeats the run." });
    } catch {
      put(this.said, { text: "The browser does not let the lab copy: press Ctrl+C." });
    }
  }
}
