"""Where the browser's focus and scroll position go when another view is shown."""

import json

import streamlit as st

# Elements of one run arrive one after another, so the one that is wanted may not be there yet.
SCRIPT = """<script>
(() => {
  const selector = %s, atTop = %s, ends = performance.now() + 10000;
  const step = () => {
    const found = document.querySelector(selector);
    const hidden = document.documentElement.dataset.waiting;  // until all of the view is there
    if (!found || hidden) return performance.now() < ends && requestAnimationFrame(step);
    if (!found.matches("a")) found.tabIndex = -1;
    found.focus({preventScroll: true});
    if (document.activeElement !== found && performance.now() < ends)  // not shown yet
      return requestAnimationFrame(step);
    if (atTop) document.querySelector("[data-testid=stMain]").scrollTo(0, 0);
    else found.scrollIntoView({block: "center"});
  };
  requestAnimationFrame(step);  // `first_view.js` hides a view that is new only after this script
})();
// %d
</script>"""


def move_focus(selector: str, *, at_top: bool) -> None:
    """Focus an element of the page once.

    Args:
        selector: CSS, of nothing untrusted.
        at_top: scroll to the top of the page; else to the element.
    """
    session = st.session_state
    session.focused = session.get("focused", 0) + 1  # an equal script would not run again
    st.html(
        SCRIPT % (json.dumps(selector), json.dumps(at_top), session.focused),
        unsafe_allow_javascript=True,
    )
