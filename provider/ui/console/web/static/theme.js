// Light or dark: as the Airflow around this page, else as Airflow's setting in this browser, else as the system.
(() => {
  const root = document.documentElement;

  function airflow() {
    try {
      return window.parent === window ? null : window.parent.document.documentElement;
    } catch {
      return null; // a frame of another origin
    }
  }

  function saved() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage switched off
    }
  }

  function apply(theme) {
    if (theme === "dark" || theme === "light") root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  const outer = airflow();
  if (outer === null) {
    apply(saved());
    return;
  }
  const follow = () => apply(["dark", "light"].find((theme) => outer.classList.contains(theme)));
  follow();
  new MutationObserver(follow).observe(outer, { attributes: true, attributeFilter: ["class"] });
})();
