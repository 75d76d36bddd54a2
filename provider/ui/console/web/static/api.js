// The requests of the page. Every error becomes a Fault with a message to show.
import { settings } from "./page.js";

// The server responds within ten seconds; a proxy in front of it may never respond.
const TIMEOUT_MS = 30_000;
const OURS = "This is on our side (the console, Airflow or a proxy before it) and says nothing about the connection.";

export class Fault extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** The user stopped the request. */
export class Stopped extends Fault {
  constructor() {
    super("Stopped.");
  }
}

/** Send a GET, for which the server sends no request to any service. */
export async function get(path, query = {}) {
  return readJson(await send(`${path}?${new URLSearchParams(query)}`, {}));
}

/** Send a POST. */
export async function post(path, body) {
  return readJson(await send(path, postOptions(body)));
}

/** Fetch a file: its name and text. */
export async function file(path, query) {
  const response = await send(`${path}?${new URLSearchParams(query)}`, {});
  const name = /filename="?([\w.-]+)/.exec(response.headers.get("Content-Disposition") ?? "");
  return { name: name?.[1] ?? "ai_endpoints.py", text: await response.text() };
}

/** Send a POST and yield the JSON lines of its response; the signal `leave` stops it. */
export async function* stream(path, body, leave) {
  const response = await send(path, postOptions(body), leave);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => Promise.reject(toFault(error)));
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) yield parseJson(line);
  }
  if (rest.trim()) yield parseJson(rest);
}

async function send(path, init, leave) {
  const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(leave ? [leave] : [])]);
  let response;
  try {
    response = await fetch(`${settings.root}/${path}`, { ...init, headers: headers(init), signal });
  } catch (error) {
    throw toFault(error);
  }
  if (!response.ok || response.redirected) throw await readFault(response);
  return response;
}

function postOptions(body) {
  return { method: "POST", body: JSON.stringify(body) };
}

function headers({ method }) {
  const set = {};
  if (method === "POST") Object.assign(set, { "Content-Type": "application/json", "X-OVHcloud-AI": "1" });
  if (method === "POST" && settings.csrf) set["X-CSRFToken"] = settings.csrf;
  // Later releases have a cookie, and an old entry here would end the session that it opens.
  const token = settings.framed === "no" && storedToken();
  if (token) set.Authorization = `Bearer ${token}`;
  return set;
}

// Airflow 3.0 keeps its session here and sets no cookie.
function storedToken() {
  try {
    return localStorage.getItem("token");
  } catch {
    return null;
  }
}

async function readJson(response) {
  return parseJson(await response.text());
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Fault(`Airflow's server answered something that is no JSON. ${OURS}`);
  }
}

// Only the login page is behind a redirect: no route of this page redirects.
async function readFault(response) {
  if (response.redirected) return new Fault("Airflow sent this request to its page to log in.", 401);
  const { status } = response;
  const message = await response.json().then((body) => body.error, () => null);
  if (typeof message === "string" && message) return new Fault(status === 500 ? `${message} ${OURS}` : message, status);
  // A proxy in between may use the same status for a reason of its own.
  return new Fault(`Airflow's server answered ${status} without a reason. ${OURS}`, status < 500 ? status : 0);
}

function toFault({ name }) {
  if (name === "TimeoutError") return new Fault(`Airflow's server did not answer within ${TIMEOUT_MS / 1000} seconds. ${OURS}`);
  if (name === "AbortError") return new Stopped();
  return new Fault(`This browser could not reach Airflow's server. ${OURS}`);
}
