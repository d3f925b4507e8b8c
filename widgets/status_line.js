// The line in words: the latest notice, which can be put away, why a key did nothing, and what matters about the cluster.

const REFUSAL_MS = 5000;

function makeQuestion(send) {
  const words = html("span");
  const yes = button("Fork and do it", { "data-do": "fork-and-do", class: "rl-main", onclick: () => send({ do: "fork" }) });
  const no = button("No", { "data-do": "leave-it", onclick: () => send({ do: "dismiss" }) });
  const node = html("div", { class: "rl-question", role: "alert", hidden: true }, words, yes, no);

  function ask(text) {
    put(words, { text });
    put(node, { hidden: text === "" });
  }

  return { node, ask };
}

function startStatusLine(root, send) {
  const noticeText = html("span");
  const dismiss = button(
    "",
    { "data-do": "dismiss", "aria-label": "Dismiss this message", title: "Dismiss", class: "rl-plain" },
    icon("close"),
  );
  const notice = html("div", { class: "rl-notice", role: "alert", hidden: true }, icon("warn"), noticeText, dismiss);
  const headline = html("b");
  const text = html("span");
  const line = html("div", { class: "rl-line", role: "status", "aria-live": "polite" }, headline, " ", text);
  const refusal = html("div", { class: "rl-refusal rl-soft", role: "status", "aria-live": "polite" });
  const question = makeQuestion(send);
  root.append(question.node, notice, refusal, line);
  let timer = 0;
  root.addEventListener("rl-refused", (event) => {
    clearTimeout(timer);
    put(refusal, { text: event.detail });
    timer = setTimeout(() => put(refusal, { text: "" }), REFUSAL_MS);
  });
  dismiss.addEventListener("click", () => {
    put(notice, { hidden: true });
    send({ do: "dismiss" });
  });
  let shown = "";

  function update(state) {
    if (state.notice !== shown) {
      shown = state.notice;
      put(noticeText, { text: shown });
      put(notice, { hidden: shown === "" });
    }
    question.ask(state.question);
    put(headline, { text: state.headline });
    put(text, { text: state.text });
    line.classList.toggle("rl-alarm", state.alarming);
  }

  return { update, stop: () => clearTimeout(timer) };
}

export default part("status", startStatusLine);
