// The addresses of the page, and the frame around it.

/** Settings from the server, in the page's head. */
export const settings = Object.fromEntries(
  ["root", "home", "framed", "csrf"].map((name) => [name, document.querySelector(`meta[name=console-${name}]`).content]),
);

// Browsers limit how often a page may change its address: Safari to a hundred times in 30 seconds.
const ADDRESS_DELAY_MS = 250;
let timer;

export const inFrame = window.parent !== window;

/** Whether the frame lets files be saved: Airflow before 3.3.2 does not. */
export const mayDownload = !inFrame || frameAllows("allow-downloads");

export function overviewAddress() {
  return `${settings.root}/`;
}

export function connectionAddress(id) {
  return `${settings.root}/connection?${new URLSearchParams({ id })}`;
}

/** The id in the address of a connection's page. */
export function connectionId() {
  return new URLSearchParams(location.search).get("id") ?? "";
}

/** Keep the state of the page in its address, so that a reload and a colleague see the same. */
export function replaceQuery(query) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    history.replaceState(null, "", `${location.pathname}?${query}`);
    notifyAirflow();
  }, ADDRESS_DELAY_MS);
}

/** An address that is safe as a link, or null: a service may have sent `javascript:`. */
export function safeAddress(address) {
  try {
    const { protocol, href } = new URL(address);
    return protocol === "https:" || protocol === "http:" ? href : null;
  } catch {
    return null;
  }
}

// Airflow 3.3.2 copies the frame's address into its own on each load, and only then.
function notifyAirflow() {
  try {
    window.frameElement?.dispatchEvent(new Event("load"));
  } catch {
    // A frame of another origin has no address to keep.
  }
}

function frameAllows(permission) {
  try {
    return !window.frameElement?.hasAttribute("sandbox") || window.frameElement.sandbox.contains(permission);
  } catch {
    return false;
  }
}
