// A browser with a page open in it, that notes every request and every error.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const places = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
let browser;

export async function start() {
  const executablePath = places.find((place) => place && existsSync(place));
  if (!executablePath) throw new Error("no Chromium was found; name one in the variable CHROMIUM");
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

export const stop = () => browser.close();

/** Opens a report in a context of its own, hands its page to `use`, and fails if anything was fetched or went wrong. */
export async function opened(file, options, use) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  const address = pathToFileURL(file).href;
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) wrong.push(`console: ${message.text()}`); });
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("request", (request) => {
    const to = request.url();
    if (to.split("#")[0] !== address && !to.startsWith("data:") && !to.startsWith("blob:")) wrong.push(`request: ${to}`);
  });
  try {
    await page.goto(address);
    await use(page, context);
    if (wrong.length) throw new Error(wrong.join("\n"));
  } finally {
    await context.close();
  }
}

/** Brings a figure into view and waits until the script has drawn it. */
export async function figure(page, id) {
  const found = page.locator(`figure#${id}`);
  await found.scrollIntoViewIfNeeded();
  await page.waitForSelector(`figure#${id}.enlivened`);
  return found;
}

/** What every live chart of the page shows, by the id of its figure. */
export const charts = async (page) => Object.fromEntries(await page.$$eval("figure", (figures) => figures
  .filter((f) => f.querySelector("script.chart")).map((f) => [f.id, JSON.parse(f.querySelector("script.chart").textContent)])));

/** The first figure with a live chart of a kind, of those that suit. */
export async function ofKind(page, kind, suits = () => true) {
  const found = Object.entries(await charts(page)).find(([, data]) => data.kind === kind && suits(data));
  if (!found) throw new Error(`no such figure of kind ${kind} on the page`);
  return figure(page, found[0]);
}

/** Moves the mouse over a chart until its tooltip says something. */
export async function pointed(page, chart) {
  const box = await chart.locator(".host").boundingBox();
  for (let y = 30; y < box.height - 20; y += 9) {
    for (let x = 30; x < Math.min(box.width, 440); x += 9) {
      await page.mouse.move(box.x + x, box.y + y);
      if (await tip(chart).isVisible()) return tip(chart).innerText();
    }
  }
  throw new Error("nothing under the mouse says anything");
}

/** A fingerprint of what a chart shows. */
export const picture = async (chart) => createHash("sha256").update(await chart.locator(".host").screenshot()).digest("hex");

/** What the tooltips say. */
export const tip = (chart) => chart.locator(".readout").first();
