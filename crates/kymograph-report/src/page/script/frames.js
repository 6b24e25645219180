// A figure a step behind a slider. Any figure that can be drawn can be a frame.

function framesView(host, data, tell) {
  const slider = element("input", { type: "range", min: 0, max: data.names.length - 1, step: 1, value: data.start, "aria-label": data.label });
  const name = element("output", { class: "at" });
  const button = (label, text) => element("button", { type: "button", "aria-label": label, title: label }, text);
  const before = button(`Previous ${data.label}`, "◂");
  const after = button(`Next ${data.label}`, "▸");
  const play = toggle("play", false, (on) => (on ? start() : stop()));
  const picture = element("div", { class: "frame" });
  host.append(element("div", { class: "slider" }, before, slider, after, name, ...(reducedMotion.matches ? [] : [play])), picture);
  const view = viewOf(data.charts[data.start].kind)(picture, data.charts[data.start], tell);
  let timer = 0;

  function show(index) {
    slider.value = index;
    const at = Number(slider.value);
    name.textContent = `${data.label} ${data.names[at]}`;
    slider.setAttribute("aria-valuetext", name.textContent);
    [before.disabled, after.disabled] = [at === 0, at === data.names.length - 1];
    view.set(data.charts[at]);
  }

  function start() {
    if (Number(slider.value) === data.names.length - 1) show(0);
    timer = setInterval(() => {
      if (Number(slider.value) === data.names.length - 1) stop();
      else show(Number(slider.value) + 1);
    }, 700);
  }

  function stop() {
    clearInterval(timer);
    play.setAttribute("aria-pressed", "false");
  }

  const take = (index) => { stop(); show(index); };
  slider.addEventListener("input", () => take(slider.value));
  before.addEventListener("click", () => take(Number(slider.value) - 1));
  after.addEventListener("click", () => take(Number(slider.value) + 1));
  let drawn = false;
  return {
    tools: view.tools, hint: view.hint, key: view.key,
    draw() { if (drawn) view.draw(); else show(data.start); drawn = true; },
    hush() { stop(); view.hush(); },
  };
}
