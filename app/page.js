// What Streamlit has no element for. It runs once; the page's elements come and go.

(() => {
  if (window.vitrine) return;
  window.vitrine = true;

  // A picture that is dropped or pasted anywhere on the page is handed to the uploader.
  const hasFile = (transfer) => [...(transfer?.types ?? [])].includes("Files");

  const upload = (files) => {
    const input = document.querySelector(".st-key-uploader input[type=file]");
    if (!input || !files.length) return false;
    const transfer = new DataTransfer();
    transfer.items.add(files[0]);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };

  const drag = (event) => {
    if (!hasFile(event.dataTransfer)) return;
    event.preventDefault();
    const leaves = event.type === "dragleave" && !event.relatedTarget;
    document.body.classList.toggle("dropping", event.type !== "drop" && !leaves);
    if (event.type === "drop") {
      event.stopPropagation();
      upload(event.dataTransfer.files);
    }
  };
  for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, drag, true);

  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (upload(files.filter((file) => file.type.startsWith("image/")))) event.preventDefault();
  });

  // A server that was started again has a session that has run nothing, in which the address would
  // replace what the visitor does first. So the page runs at once, as after a step of the history.
  // A run that was interrupted is run again by Streamlit itself.
  const CONNECTION = "data-test-connection-state";
  const RUN = "data-test-script-state";
  let dropped = false;
  let interrupted = false;
  new MutationObserver(() => {
    const app = document.querySelector(`[${CONNECTION}]`);
    if (!app) return;
    const connected = app.getAttribute(CONNECTION) === "CONNECTED";
    if (connected && dropped && !interrupted) window.dispatchEvent(new PopStateEvent("popstate"));
    if (connected) interrupted = app.getAttribute(RUN) !== "notRunning";
    dropped = !connected;
  }).observe(document.body, {
    subtree: true,
    attributes: true,
    attributeFilter: [CONNECTION, RUN],
  });

  const EXPAND = "button[data-testid=stExpandSidebarButton], [data-testid=stExpandSidebarButton] button";

  // On a phone, the button above the results opens the side bar.
  document.addEventListener(
    "click",
    (event) => {
      if (!event.target.closest?.(".st-key-open-filters button")) return;
      event.stopPropagation();
      document.querySelector(EXPAND)?.click();
    },
    true,
  );

  // Roles and names of elements that Streamlit makes of plain boxes.
  const ROLES = [
    [".stGrid:has([class*=card-])", { role: "list" }],
    [".stGrid:has([class*=card-]) > .stGridCell", { role: "listitem" }],
    ["[class*=card-] .stPageLink", { role: "heading", "aria-level": "3" }],
    [".st-key-count", { role: "heading", "aria-level": "2" }],
  ];

  const announcer = document.createElement("div");
  announcer.className = "heard";
  announcer.setAttribute("role", "status");
  document.body.append(announcer);

  // Streamlit's links are relative to the address of the first page, on the others, too; opened in
  // another tab, they would lead elsewhere. Where its script is, the first page is two folders above.
  const ROOT = new URL("../../", document.querySelector("script[src*='/static/js/']").src).pathname;

  const placeLinks = () => {
    for (const link of document.querySelectorAll(".stPageLink a[href]")) {
      const address = link.getAttribute("href");
      if (!/^([a-z]+:|[/#])/i.test(address)) link.setAttribute("href", ROOT + address);
    }
  };

  const describe = () => {
    placeLinks();
    for (const [selector, attributes] of ROLES) {
      for (const element of document.querySelectorAll(selector)) {
        for (const [name, value] of Object.entries(attributes)) {
          if (element.getAttribute(name) !== value) element.setAttribute(name, value);
        }
      }
    }
    for (const link of document.querySelectorAll(".st-key-chosen a")) {
      const label = link.querySelector("p")?.textContent ?? "";
      const removes = link.querySelector("[data-testid=stIconMaterial]")?.textContent === "close";
      const name = removes ? `Remove the filter ${label}` : label;
      if (link.getAttribute("aria-label") !== name) link.setAttribute("aria-label", name);
    }
    // "Open" and "Clear all" of what.
    for (const button of document.querySelectorAll(
      ":is(.stMultiSelect, .stSelectbox, .stNumberInput) button[aria-label]",
    )) {
      const label = button.closest(".stElementContainer").querySelector("label")?.textContent;
      const name = button.getAttribute("aria-label");
      if (label && !name.endsWith(label)) button.setAttribute("aria-label", `${name}: ${label}`);
    }
    const running = document.querySelector("[data-test-script-state=running]");
    const found = document.querySelector(".st-key-count")?.textContent ?? "";
    if (!running && announcer.textContent !== found) announcer.textContent = found;
  };

  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      describe();
    });
  }).observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["data-test-script-state"],
  });
})();
