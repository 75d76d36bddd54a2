// Where the page is: its addresses, and the frame around it.

/** What the server wrote into the head. */
export const settings = Object.fromEntries(
  ["root", "home", "framed", "csrf"].map((name) => [name, document.querySelector(`meta[name=console-${name}]`).content]),
);

// Browsers refuse a page that changes its address at each key: Safari a hundred times in 30 seconds.
const TYPING = 250;
let soon;

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
  clearTimeout(soon);
  soon = setTimeout(() => {
    history.replaceState(null, "", `${location.pathname}?${query}`);
    tellAirflow();
  }, TYPING);
}

/** An address that may be offered as a link, or null: a server may have written `javascript:`. */
export function safeAddress(address) {
  try {
    const { protocol, href } = new URL(address);
    return protocol === "https:" || protocol === "http:" ? href : null;
  } catch {
    return null;
  }
}

// Airflow 3.3.2 copies the frame's address into its own on each load, and only then.
function tellAirflow() {
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
