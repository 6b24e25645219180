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

/** The first figure with a live chart of a kind. */
export async function ofKind(page, kind) {
  const ids = await page.$$eval("figure", (figures, wanted) => figures
    .filter((f) => JSON.parse(f.querySelector("script.chart")?.textContent || "{}").kind === wanted).map((f) => f.id), kind);
  if (!ids.length) throw new Error(`no figure of kind ${kind} on the page`);
  return figure(page, ids[0]);
}

/** A fingerprint of what a chart shows. */
export const picture = async (chart) => createHash("sha256").update(await chart.locator(".host").screenshot()).digest("hex");

/** What the tooltips say. */
export const tip = (chart) => chart.locator(".readout").first();
