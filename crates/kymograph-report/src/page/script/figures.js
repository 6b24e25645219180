// Puts a live chart in the place of each printed figure as it comes near the window. Print and readers without a script
// keep the printed one.

function viewOf(kind) {
  return { curves: curvesView, heat_map: heatMapView, image_grid: imageGridView, scatter: scatterView, frames: framesView }[kind];
}

const live = [];

function enliven(figure) {
  const data = JSON.parse(figure.querySelector("script.chart").textContent);
  const printed = figure.querySelector(".drawing");
  const words = printed.getAttribute("aria-label");
  const host = element("div", { class: "host" });
  const spoken = element("output", { class: "unseen", "aria-live": "polite" });
  const canvas = element("div", { class: "canvas", tabindex: 0, role: "group", "aria-label": words }, host);
  const box = element("div", { class: "live" }, element("p", { class: "title" }, data.title), canvas, spoken);
  printed.after(box);
  figure.classList.add("enlivened");
  const view = viewOf(data.kind)(host, data, (text) => { spoken.textContent = text; });
  const hint = element("p", { class: "hint unseen", id: `hint-${figure.id}` }, view.hint);
  canvas.setAttribute("aria-describedby", hint.id);
  box.append(element("p", { class: "remark" }, data.note), hint);
  const asPrinted = toggle("as printed", false, (on) => { figure.classList.toggle("enlivened", !on); if (!on) view.draw(); });
  box.before(element("div", { class: "tools", role: "group", "aria-label": `Options of ${figure.id}` }, ...view.tools, asPrinted));
  asPrinted.classList.add("as-printed");
  view.draw();
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") view.hush();
    // The slider and buttons inside keep their own keys.
    else if (event.target === canvas && view.key(event.key)) event.preventDefault();
  });
  let width = host.clientWidth;
  new ResizeObserver(() => {
    if (host.clientWidth && host.clientWidth !== width) { width = host.clientWidth; view.draw(); }
  }).observe(canvas);
  live.push(view);
}

if (window.echarts && window.IntersectionObserver) {
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      try {
        enliven(target);
      } catch (error) {
        // The printed figure stays.
        target.classList.remove("enlivened");
        target.querySelectorAll(".live, .tools").forEach((part) => part.remove());
        console.error(`${target.id}: ${error.message}`);
      }
    }
  }, { rootMargin: "600px" });
  document.querySelectorAll("figure").forEach((figure) => { if (figure.querySelector("script.chart")) near.observe(figure); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => live.forEach((view) => view.draw()));
}
