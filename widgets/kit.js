// What every part of the lab shares: making nodes, keys, icons, and the life of a part.
// The rule here: what a person typed reaches the page only as text or as an attribute, never as markup.

const BEAT_LIMIT_MS = 6000;
const LAB_KEYS = new Set([" ", "ArrowLeft", "ArrowRight", "c", "r", "p", "t", "i", "h", "a", "l", "s", "m", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  // JupyterLab acts on single keys (x cuts the cell) unless the focused node itself says this.
  if (node.matches("button, input, select, summary, [tabindex]")) node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.append(...children);
  return node;
}

function html(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

// Touches the page only where something differs: ten pictures a second are mostly the same.
function put(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") {
      if (node.textContent !== value) node.textContent = value;
    } else if (value === null || value === false) {
      if (node.hasAttribute(name)) node.removeAttribute(name);
    } else if (node.getAttribute(name) !== String(value === true ? "" : value)) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  return node;
}

// One child for each item, kept across pictures, so that focus and hover stay where they are.
function keep(parent, items, keyOf, make, update) {
  const kept = (parent.keptChildren ??= new Map());
  const wanted = new Set(items.map((item) => String(keyOf(item))));
  for (const [key, node] of kept) {
    if (!wanted.has(key)) {
      node.remove();
      kept.delete(key);
    }
  }
  items.forEach((item, place) => {
    const key = String(keyOf(item));
    if (!kept.has(key)) kept.set(key, make(item));
    const node = kept.get(key);
    if (parent.children[place] !== node) parent.insertBefore(node, parent.children[place] ?? null);
    update(node, item);
  });
}

// Terms 1, 2, 3 … take the colours of kit.css in turn; term 0 is a quiet grey.
function termClass(term) {
  return `rl-t${term > 0 ? ((term - 1) % 7) + 1 : 0}`;
}

const ICONS = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z",
  step: "M3 2.5v11l7.5-5.5zM11 2.5h2v11h-2z",
  stepback: "M13 2.5v11L5.5 8zM5 2.5H3v11h2z",
  back: "M10.5 3 5 8l5.5 5 1-1.1L7.3 8l4.2-3.9z",
  on: "M5.5 3 11 8l-5.5 5-1-1.1L8.7 8 4.5 4.1z",
  end: "M3.5 3 9 8l-5.5 5-1-1.1L6.7 8 2.5 4.1zM11 3h1.8v10H11z",
  close: "M4.2 3 8 6.8 11.8 3 13 4.2 9.2 8l3.8 3.8-1.2 1.2L8 9.2 4.2 13 3 11.8 6.8 8 3 4.2z",
  keyboard: "M1.5 3.5h13v9h-13zM3 5v6h10V5zM4 6h1.4v1.4H4zM6.3 6h1.4v1.4H6.3zM8.6 6H10v1.4H8.6zM10.9 6h1.4v1.4h-1.4zM5 8.8h6v1.4H5z",
  warn: "M8 1.5 15 14H1zM7.2 6v4.2h1.6V6zM7.2 11.3v1.5h1.6v-1.5z",
};

function icon(name) {
  return svg(
    "svg",
    { class: "rl-icon", viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: ICONS[name], "fill-rule": "evenodd" }),
  );
}

function button(label, attributes, ...children) {
  return html("button", { type: "button", ...attributes }, ...(children.length ? children : [label]));
}

// More options, behind those that a select has already.
function offer(select, names) {
  const known = new Set([...select.options].map((option) => option.value));
  select.append(...names.filter((name) => !known.has(name)).map((name) => html("option", { value: name }, name)));
}

// What is hidden takes no keyboard with it: the lab keeps hearing its keys.
function hide(node, hidden) {
  if (hidden && node.contains(document.activeElement)) keepKeys(node);
  put(node, { hidden });
}

function keepKeys(node) {
  const part = node.closest(".rl-part");
  const home = part.hidden || part === node ? node.closest(".rl-lab")?.querySelector(".rl-player") : part;
  home?.focus({ preventScroll: true });
}

// A button that does not fit the state is disabled and says why.
function allow(node, why, otherwise) {
  if (why !== "" && node === document.activeElement) keepKeys(node);
  put(node, { disabled: why !== "", title: why || otherwise });
}

// A key whose button is disabled answers with what the button's title says; a lab has a line for that.
function refuseKey(button) {
  const line = button.closest(".rl-lab")?.querySelector(".rl-status");
  line?.dispatchEvent(new CustomEvent("rl-refused", { detail: button.title }));
}

// What a part does with a key is up to it; the parts of one lab are asked in turn until one takes it.
function shareKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!LAB_KEYS.has(event.key) || takesKeysItself(event.target, event.key)) return;
    const lab = root.closest(".rl-lab") ?? root;
    const parts = [root, ...lab.querySelectorAll(".rl-part")];
    const taken = parts.some((part) => !part.dispatchEvent(new CustomEvent("rl-key", { detail: event.key, cancelable: true })));
    if (taken) event.preventDefault();
  });
}

function takesKeysItself(node, key) {
  if (node.matches("input:not([type=checkbox]), select, textarea")) return true;
  return key === " " && node.matches("button, summary, input, [role=button]");
}

// A lab that ended says why, and leaves its last picture behind. So does a kernel that died; without its beat the part says it itself.
function watchBeat(model, root) {
  if (model.get("beat") === undefined) return () => {}; // a recorded page has no kernel that could die
  const words = html("span");
  root.append(html("div", { class: "rl-veil", role: "status" }, words));
  let last = performance.now();
  const show = (stopped) => {
    const ended = model.get("ended") || (stopped ? "The kernel has stopped. This is the last picture." : "");
    root.classList.toggle("rl-stopped", ended !== "");
    put(words, { text: ended });
  };
  const beat = () => {
    last = performance.now();
    show(false);
  };
  const look = () => {
    if (document.hidden) last = performance.now();
    if (performance.now() - last > BEAT_LIMIT_MS) show(true);
  };
  model.on("change:beat", beat);
  model.on("change:ended", beat);
  beat();
  const timer = setInterval(look, 1000);
  return () => {
    model.off("change:beat", beat);
    model.off("change:ended", beat);
    clearInterval(timer);
  };
}

// A part: `start(root, send)` makes its nodes once and returns { update(state), key(name), stop() }, the last two only if it needs them.
// `key` says whether it took the key.
function part(name, start) {
  return {
    render({ model, el }) {
      const root = html("div", { class: `rl-part rl-${name}`, tabindex: "-1" });
      el.append(root);
      const view = start(root, (intent) => model.send(intent));
      const change = () => {
        const state = model.get("state");
        if (Object.keys(state).length) view.update(state);
      };
      root.addEventListener("rl-key", (event) => {
        if (view.key?.(event.detail)) event.preventDefault();
      });
      shareKeys(root);
      model.on("change:state", change);
      change();
      const stopWatching = watchBeat(model, root);
      model.send({ do: "open_view" });
      return () => {
        model.send({ do: "close_view" });
        model.off("change:state", change);
        stopWatching();
        view.stop?.();
      };
    },
  };
}
