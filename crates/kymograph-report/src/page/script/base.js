// Elements, numbers and colours that every part of the script uses.

/** An element with attributes and children; text stays text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A button that can be on or off; `changed` learns which. */
function toggle(label, on, changed) {
  const button = element("button", { type: "button", "aria-pressed": String(on) }, label);
  button.addEventListener("click", () => {
    const now = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(now));
    changed(now);
  });
  return button;
}

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

function plain(text) {
  const [mantissa, power] = text.split("e");
  const shown = mantissa.replace("-", "−");
  return power === undefined ? shown : `${shown}×10${[...power.replace("+", "")].map((c) => SUPERSCRIPT[c]).join("")}`;
}

/** A number to `digits` significant digits, as the rest of the page writes it. */
function written(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "not measured";
  if (value === 0) return "0";
  const power = Number(value.toExponential(digits - 1).split("e")[1]);
  if (power < -3 || power >= 6) return plain(value.toExponential(digits - 1));
  if (Number.isInteger(value)) return plain(String(value));
  return plain(value.toFixed(Math.max(0, digits - 1 - power)));
}

function interval(ends) {
  return ends ? ` [${written(ends[0], 3)}, ${written(ends[1], 3)}]` : "";
}

/** A round number on an axis, without the noise of binary fractions. */
function tick(value) {
  const short = Number(value.toPrecision(9));
  if (Number.isInteger(short) && Math.abs(short) >= 10000 && Math.abs(short) < 1e7) {
    return plain(String(short).replace(/\B(?=(\d{3})+$)/g, "\u202f"));
  }
  return plain(Math.abs(short) < 1e-4 && short !== 0 ? short.toExponential() : String(short));
}

/** A custom property of the page's style. */
function styled(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function theme() {
  const names = ["ink", "soft", "line", "paper", "card", "faint", "grid", "axis", "null", "nullmean", "sans"];
  return Object.fromEntries(names.map((name) => [name, styled(`--${name}`)]));
}

/** A series' colour, lighter on a dark page. */
function shade(colour) {
  return styled(`--on-${colour.slice(1)}`) || colour;
}

/** The colour that a scale gives a value. */
function scaled(colours, value) {
  const last = colours.stops.length - 1;
  const along = Math.min(1, Math.max(0, (value - colours.low) / (colours.high - colours.low))) * last;
  const [from, to] = [colours.stops[Math.floor(along)], colours.stops[Math.ceil(along)]];
  const channel = (stop, i) => parseInt(stop.slice(1 + 2 * i, 3 + 2 * i), 16);
  const mixed = [0, 1, 2].map((i) => {
    const [a, b] = [channel(from, i), channel(to, i)];
    return Math.round(a + (b - a) * (along - Math.floor(along)));
  });
  return `rgb(${mixed.join(",")})`;
}

/** Black or white, whichever reads better on a colour (WCAG contrast). */
function onColour(rgb) {
  const parts = rgb.match(/\d+/g).map((c) => {
    const share = Number(c) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 ? "#ffffff" : "#111111";
}

const measuring = document.createElement("canvas").getContext("2d");

/** Width of a text in the page's sans-serif face. */
function textWidth(text, size = 11) {
  measuring.font = `${size}px ${styled("--sans")}`;
  return measuring.measureText(text).width;
}

/** How many small multiples stand abreast, as in the printed figure but never narrower than `least` pixels. */
function abreast(panels, width, least) {
  const printed = panels <= 1 ? 1 : panels === 2 || panels === 4 ? 2 : [3, 5, 6, 9].includes(panels) ? 3 : 4;
  return Math.max(1, Math.min(printed, Math.floor(width / least)));
}

/** What a tooltip shows: a heading and lines of name and value, as elements. */
function readout(heading, lines) {
  const box = element("div", { class: "readout" }, element("b", {}, heading));
  for (const { name, value, colour } of lines) {
    const swatch = element("i", { style: `background:${colour || "transparent"}` });
    box.append(element("div", {}, swatch, element("span", {}, name), element("span", { class: "value" }, value)));
  }
  return box;
}

/** Tooltip of every chart. */
function tooltip(look, trigger, formatter) {
  return {
    trigger,
    formatter,
    confine: true,
    transitionDuration: 0,
    backgroundColor: look.card,
    borderColor: look.line,
    padding: [6, 9],
    textStyle: { color: look.ink, fontSize: 12, fontFamily: look.sans },
    axisPointer: { type: "line", lineStyle: { color: look.axis, type: "dotted" }, label: { show: false } },
  };
}

/** The pen of an emptied canvas of this size, as sharp as the screen. */
function cleared(canvas, { width, height }) {
  const dense = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.ceil(width * dense), Math.ceil(height * dense)];
  canvas.style.width = `${width}px`;
  const pen = canvas.getContext("2d");
  pen.scale(dense, dense);
  return pen;
}

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
