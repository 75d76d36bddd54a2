// The models of a connection, listed on request, then searched, sorted and filtered without any request.
import { post } from "./api.js";
import { actionButton } from "./button.js";
import { el, put, messageText } from "./dom.js";
import { milliseconds, number, plural } from "./format.js";
import { announce } from "./announcer.js";
import { keep, recall } from "./session_cache.js";
import { COLUMNS, KINDS, fromAddress, select, toAddress } from "./modelquery.js";
import { modelRow } from "./modelrow.js";
import { faultNotice } from "./notice.js";
import { replaceQuery } from "./page.js";
import { age } from "./time.js";

// Rows that are added at a time: ten thousand at once would block the browser for seconds.
const MAX_NEW_ROWS = 100;

/** Make the section; `trial` receives the models and the one to try. */
export function modelsSection({ connection, user }, trial) {
  const body = el("div", {}, el("p", { class: "hint" }, "Listing asks the service, and the public catalogue for prices."));
  const button = actionButton("List models", "Listing…", () => list(connection, user, body, trial), { class: "button list" });
  const cached = recall("models", user, [connection.id, connection.base_url]);
  if (cached) show(cached, connection, body, trial);
  return el(
    "section",
    { "aria-labelledby": "models-title" },
    el("div", { class: "title" }, el("h2", { id: "models-title" }, "Models"), el("div", { class: "actions" }, button)),
    body,
  );
}

async function list(connection, user, body, trial) {
  try {
    const data = await post("api/models", { connection: connection.id });
    keep("models", user, [connection.id, connection.base_url], data);
    show(data, connection, body, trial);
    announce(`${plural(data.models.length, "model")} listed.`);
  } catch (fault) {
    put(body, faultNotice(fault));
    announce(`No models: ${fault.message}`);
  }
}

function show(data, connection, body, trial) {
  trial.offer(data.models);
  const state = fromAddress(location.search);
  const table = modelTable(data.models, state, (model) => modelRow(model, connection, trial));
  const changed = () => {
    replaceQuery(toAddress(connection.id, state));
    table.refresh();
  };
  table.onSort = changed;
  put(
    body,
    el("div", { class: "controls" }, search(state, changed), kinds(state, changed), table.count),
    table.nodes,
    el(
      "p",
      { class: "hint" },
      "Listed ",
      age(data.at),
      ` in ${milliseconds(data.milliseconds)}. `,
      data.price_note && ["Prices: ", messageText(data.price_note), "."],
    ),
  );
}

function search(state, changed) {
  const input = el("input", {
    type: "search",
    id: "model-search",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "id or owner",
    oninput: () => {
      state.q = input.value;
      changed();
    },
  });
  input.value = state.q;
  return el("div", { class: "field" }, el("label", { for: "model-search" }, "Search"), input);
}

function kinds(state, changed) {
  const chosen = () => {
    state.kind = choice.value;
    changed();
  };
  const options = [["", "All kinds"], ...KINDS.map((kind) => [kind, kind]), ["unknown", "unknown (-)"]];
  const choice = el(
    "select",
    { id: "model-kind", onchange: chosen },
    options.map(([value, text]) => el("option", { value, selected: value === state.kind }, text)),
  );
  return el("div", { class: "field" }, el("label", { for: "model-kind" }, "Kind"), choice);
}

function modelTable(models, state, makeRow) {
  const rows = el("tbody");
  const heads = Object.keys(COLUMNS).map((name) => head(name, state, () => table.onSort()));
  const more = el("button", { type: "button", class: "button", onclick: () => grow()?.querySelector("button, a")?.focus() }, "Show more");
  const foot = el("div", { class: "more" }, more);
  let selection = [];
  const grow = () => {
    const slice = selection.slice(rows.children.length, rows.children.length + MAX_NEW_ROWS).map(makeRow);
    rows.append(...slice);
    foot.hidden = rows.children.length >= selection.length;
    more.textContent = `Show more (${number(selection.length - rows.children.length)} left)`;
    return slice[0];
  };
  const table = {
    count: el("p", { class: "count", role: "status" }),
    nodes: [tableNode(heads, rows), foot],
    refresh() {
      selection = select(models, state);
      put(rows);
      grow();
      for (const each of heads) markSorted(each, state);
      table.count.textContent = `${number(selection.length)} of ${plural(models.length, "model")}`;
      if (!selection.length) put(rows, noneFound(models));
    },
  };
  table.refresh();
  return table;
}

function tableNode(heads, rows) {
  return el(
    "table",
    { class: "models" },
    el("caption", { class: "hidden" }, "Models, prices for a million tokens"),
    el("thead", {}, el("tr", {}, heads, el("th", { scope: "col" }, "Use"))),
    rows,
  );
}

function head(name, state, sorted) {
  const press = () => {
    state.desc = state.sort === name && !state.desc;
    state.sort = name;
    sorted();
  };
  const unit = name.startsWith("price") && el("span", { class: "unit" }, "per million tokens");
  const button = el("button", { type: "button", class: "sort", onclick: press }, el("span", { class: "by" }, COLUMNS[name]), unit);
  return el("th", { scope: "col", class: name, "data-name": name }, button);
}

function markSorted(node, { sort, desc }) {
  node.setAttribute("aria-sort", node.dataset.name !== sort ? "none" : desc ? "descending" : "ascending");
}

function noneFound(models) {
  const text = models.length ? "No model matches this search." : "The service lists no models for this connection.";
  return el("tr", {}, el("td", { colspan: Object.keys(COLUMNS).length + 1, class: "none" }, text));
}
