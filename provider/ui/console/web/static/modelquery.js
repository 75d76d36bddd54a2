// Which models the table shows and in what order; its state lives in the address.

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

/** Write the state of the table for an address; what is as usual is left out. */
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
  const wanted = q.trim().toLowerCase();
  const found = models.filter((model) => isOfKind(model, kind) && holds(model, wanted));
  return found.sort((a, b) => compare(a, b, sort, desc));
}

function isOfKind(model, kind) {
  return !kind || (model.kind ?? "unknown") === kind;
}

function holds({ id, owner }, wanted) {
  return !wanted || id.toLowerCase().includes(wanted) || (owner ?? "").toLowerCase().includes(wanted);
}

// What is not known comes last in both directions; equals go by their id.
function compare(a, b, sort, desc) {
  const [left, right] = [a[sort], b[sort]];
  const unknown = (left === null) - (right === null);
  if (unknown) return unknown;
  const known = left === null ? 0 : ordered(left, right);
  return (desc ? -known : known) || order.compare(a.id, b.id);
}

function ordered(left, right) {
  return typeof left === "number" ? left - right : order.compare(left, right);
}
