// The requests of the page. Whatever goes wrong becomes a Fault with a sentence to show.
import { settings } from "./page.js";

// The server answers within ten seconds; a proxy before it may never.
const PATIENCE = 30_000;
const OURS = "This is on our side (the console, Airflow or a proxy before it) and says nothing about the connection.";

export class Fault extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

/** The person at the page ended it. */
export class Stopped extends Fault {
  constructor() {
    super("Stopped.");
  }
}

/** Ask the server for what it knows; nothing leaves it. */
export async function get(path, query = {}) {
  return readJson(await send(`${path}?${new URLSearchParams(query)}`, {}));
}

/** Have the server do something. */
export async function post(path, body) {
  return readJson(await send(path, posted(body)));
}

/** Fetch a file: its name and text. */
export async function file(path, query) {
  const response = await send(`${path}?${new URLSearchParams(query)}`, {});
  const name = /filename="?([\w.-]+)/.exec(response.headers.get("Content-Disposition") ?? "");
  return { name: name?.[1] ?? "ai_endpoints.py", text: await response.text() };
}

/** Have the server do something that it tells of line by line; `leave` ends it. */
export async function* stream(path, body, leave) {
  const response = await send(path, posted(body), leave);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => Promise.reject(unreached(error)));
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) yield parsed(line);
  }
  if (rest.trim()) yield parsed(rest);
}

async function send(path, init, leave) {
  const signal = AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(leave ? [leave] : [])]);
  let response;
  try {
    response = await fetch(`${settings.root}/${path}`, { ...init, headers: headers(init), signal });
  } catch (error) {
    throw unreached(error);
  }
  if (!response.ok || response.redirected) throw await refusal(response);
  return response;
}

function posted(body) {
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
  return parsed(await response.text());
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Fault(`Airflow's server answered something that is no JSON. ${OURS}`);
  }
}

// A redirect leads to a page to log in: no route of ours redirects.
async function refusal(response) {
  if (response.redirected) return new Fault("Airflow sent this request to its page to log in.", 401);
  const { status } = response;
  const sentence = await response.json().then((body) => body.error, () => null);
  if (typeof sentence === "string" && sentence) return new Fault(status === 500 ? `${sentence} ${OURS}` : sentence, status);
  // A proxy in between may use the same status for a reason of its own.
  return new Fault(`Airflow's server answered ${status} without a reason. ${OURS}`, status < 500 ? status : 0);
}

function unreached({ name }) {
  if (name === "TimeoutError") return new Fault(`Airflow's server did not answer within ${PATIENCE / 1000} seconds. ${OURS}`);
  if (name === "AbortError") return new Stopped();
  return new Fault(`This browser could not reach Airflow's server. ${OURS}`);
}
