// A view is hidden until all of it is there, so that nothing on it moves (`first_view.css`).

(() => {
  const LONGEST = 3000; // ms after the end of the script: then what is there is shown
  const root = document.documentElement;
  let shown = null; // the id of the product of the view, "" of results
  let timeout;
  let drawn; // whether a frame was drawn since the view was hidden

  const one = (selector) => document.querySelector(selector);
  const wanted = () =>
    one("[data-begins]")?.dataset.begins ?? new URLSearchParams(location.search).get("product") ?? "";

  // For one frame at least: where all of a view came at once, what both views have would be moved.
  const hide = (view) => {
    if (!root.dataset.waiting) {
      drawn = false;
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          drawn = true;
          follow();
        }),
      );
    }
    root.dataset.waiting = view ? "product" : "results";
  };
  const show = (view) => {
    shown = view;
    delete root.dataset.waiting;
  };
  // Before the first run, no script runs either.
  const isIdle = () => one("[data-test-script-state=notRunning] .stElementContainer");
  const isLoading = () => one(":not(.st-key-waiting *)[data-testid=stSkeleton]");
  // A search that waits for its model, which takes long, is seen.
  const isComplete = (view) =>
    !isLoading() && (one(".st-key-waiting") || (isIdle() && one("[data-ends]")?.dataset.ends === view));

  const follow = () => {
    const view = wanted();
    if (shown !== null && view !== shown) hide(view);
    if (!root.dataset.waiting) return;
    clearTimeout(timeout);
    if (isComplete(view) && drawn) show(view);
    else if (isIdle()) timeout = setTimeout(() => show(view), LONGEST);
  };

  hide(wanted());
  // Called before anything that has changed is drawn.
  new MutationObserver(follow).observe(document.body, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["data-test-script-state", "data-begins", "data-ends"],
  });
})();
