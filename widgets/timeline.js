// Where the timeline's figure stands, and the moment that a person clicks on in it.

const CLICK_PX = 4;
const DOUBLE_MS = 280;

const mended = new WeakSet();

function mend(figure) {
  if (mended.has(figure)) return;
  mended.add(figure);
  const on = figure.on.bind(figure);
  figure.on = (name, callback, context) => {
    if (!`${name}`.startsWith("change:_py2js")) return on(name, callback, context);
    return on(name, (...args) => {
      try { callback(...args); } catch (error) { console.debug("a timeline that is not shown any more:", error); }
    }, context);
  };
}

async function viewOf(model, name) {
  const figure = await model.widget_manager.get_model(name.slice("IPY_MODEL_".length));
  mend(figure);
  return model.widget_manager.create_view(figure);
}

// A click anywhere between the axes is a moment; on a mark, which stands for one event, it is that event's.
function momentOf(plot, event) {
  const area = plot.querySelector(".nsewdrag")?.getBoundingClientRect();
  if (!area || event.clientX < area.left || event.clientX > area.right || event.clientY < area.top || event.clientY > area.bottom) return null;
  const mark = (plot._hoverdata ?? []).find((point) => point.data.type === "scatter" && `${point.data.mode}`.includes("markers"));
  const at = mark ? mark.x : plot._fullLayout.xaxis.p2d(event.clientX - area.left);
  return Math.max(0, Number(at));
}

// plotly's own events tell only of clicks on bars and lines. A drag zooms, a double click undoes that; neither goes anywhere.
function listen(el, go) {
  let pressed = null;
  let timer = 0;
  const press = (event) => (pressed = [event.clientX, event.clientY]);
  const release = (event) => {
    clearTimeout(timer);
    const plot = el.querySelector(".js-plotly-plot");
    const still = pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) < CLICK_PX;
    const again = event.detail > 1;
    pressed = null;
    const at = plot && still && !again ? momentOf(plot, event) : null;
    if (at !== null) timer = setTimeout(() => go(at), DOUBLE_MS);
  };
  el.addEventListener("mousedown", press, true);
  window.addEventListener("mouseup", release, true);
  return () => {
    clearTimeout(timer);
    window.removeEventListener("mouseup", release, true);
  };
}

// A frame may have several views; one that is in sight is enough.
function watchSight(model, el) {
  const seen = (model.viewsInSight ??= new Set());
  const tell = (inSight) => {
    seen[inSight ? "add" : "delete"](el);
    if (model.get("in_sight") === seen.size > 0) return;
    model.set("in_sight", seen.size > 0);
    model.save_changes();
  };
  const watch = new IntersectionObserver((entries) => tell(entries.at(-1).isIntersecting));
  watch.observe(el);
  return () => {
    watch.disconnect();
    tell(false);
  };
}

function render({ model, el }) {
  const words = document.createElement("div");
  words.className = "raft-timeline-loading";
  let wanted = null;
  let view = null;
  const take = (made) => {
    view?.remove();
    view = made;
    el.replaceChildren(view ? view.el : words);
  };
  const change = async () => {
    words.textContent = model.get("words");
    const name = (wanted = model.get("figure"));
    if (!name) return take(null);
    const made = await viewOf(model, name);
    if (wanted === name) take(made);
    else made.remove();  // it was taken away, or this frame left the screen, while the view was being made
  };
  model.on("change:figure change:words", change);
  change();
  const watch = new ResizeObserver(() => window.dispatchEvent(new Event("resize")));
  watch.observe(el);
  const forgetSight = watchSight(model, el);
  const deafen = listen(el, (at) => model.send({ do: "go", at_ms: at }));
  return () => {
    deafen();
    watch.disconnect();
    forgetSight();
    model.off("change:figure change:words", change);
    wanted = null;
    take(null);
  };
}

export default { render };
