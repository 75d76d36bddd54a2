// Filter and order of the models table; its state is stored in the address.

export const KINDS = ["chat", "vision", "embedding", "speech", "image", "guard"];
export const COLUMNS = {
  id: "Model",
  kind: "Kind",
  context: "Context",
  price_in: "Price in",
  price_out: "Price out",
  owner: "Owner",
};

const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Read the state of the table from an address. */
export function fromAddress(search) {
  const query = new URLSearchParams(search);
  const sort = query.get("sort");
  return {
    q: query.get("q") ?? "",
    kind: query.get("kind") ?? "",
    sort: Object.hasOwn(COLUMNS, sort ?? "") ? sort : "id",
    desc: query.get("desc") === "1",
  };
}

/** Write the state of the table for an address, without default values. */
export function toAddress(id, { q, kind, sort, desc }) {
  const query = new URLSearchParams({ id });
  if (q) query.set("q", q);
  if (kind) query.set("kind", kind);
  if (sort !== "id") query.set("sort", sort);
  if (desc) query.set("desc", "1");
  return query;
}

/** The models to show, in order. */
export function select(models, { q, kind, sort, desc }) {
  const text = q.trim().toLowerCase();
  const rows = models.filter((model) => hasKind(model, kind) && matches(model, text));
  return rows.sort((a, b) => compare(a, b, sort, desc));
}

function hasKind(model, kind) {
  return !kind || (model.kind ?? "unknown") === kind;
}

function matches({ id, owner }, text) {
  return !text || id.toLowerCase().includes(text) || (owner ?? "").toLowerCase().includes(text);
}

// Unknown values come last in both directions; equal ones are sorted by id.
function compare(a, b, sort, desc) {
  const [left, right] = [a[sort], b[sort]];
  const unknown = (left === null) - (right === null);
  if (unknown) return unknown;
  const result = left === null ? 0 : compareValues(left, right);
  return (desc ? -result : result) || order.compare(a.id, b.id);
}

function compareValues(left, right) {
  return typeof left === "number" ? left - right : order.compare(left, right);
}
