// Starts the overview or the page of a connection, depending on the address.
import { board } from "./board.js";
import { connectionPage } from "./connection.js";
import { el, link, put } from "./dom.js";
import { inFrame, overviewAddress, settings } from "./page.js";

const main = document.querySelector("#main");
const isConnectionPage = location.pathname.endsWith("/connection");

put(
  document.querySelector("#top"),
  el("nav", { "aria-label": "Breadcrumb" }, "OVHcloud AI Endpoints", isConnectionPage && [" / ", link(overviewAddress(), "Connections")]),
  // Airflow's own navigation is around the frame.
  (settings.framed === "no" || !inFrame) && link(settings.home, "Back to Airflow", { class: "home" }),
);

await (isConnectionPage ? connectionPage(main) : board(main));
